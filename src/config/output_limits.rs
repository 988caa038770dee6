//! `client-output-buffer-limit`: how much may wait to be sent to a client, for each class of clients.

use super::value;

/// How much may wait to be sent to a client. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// A client for which more bytes wait is disconnected at once.
    pub hard_bytes: usize,
    /// A client for which more bytes wait is disconnected if that lasts.
    pub soft_bytes: usize,
    /// How long it may last, in seconds.
    pub soft_s: u64,
}

/// The limits of all classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Clients that are not subscribed to a channel.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Clients that are subscribed to a channel.
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// The limit of a client.
    #[must_use]
    pub fn of(&self, is_subscribed: bool) -> &OutputLimit {
        if is_subscribed { &self.pubsub } else { &self.normal }
    }

    /// Reads classes, for each a hard limit, a soft one and its seconds. Classes that are not named keep theirs.
    pub(super) fn read(self, text: &str) -> Result<Self, String> {
        let mut limits = self;
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (given, []) = words.as_chunks::<4>() else {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        };
        for [class, hard, soft, seconds] in given {
            let class = match class.to_ascii_lowercase().as_str() {
                "normal" => &mut limits.normal,
                "slave" | "replica" => &mut limits.replica,
                "pubsub" => &mut limits.pubsub,
                _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
            };
            let wrong =
                |_| "Error in hard, soft or soft_seconds setting in buffer limit configuration.".to_owned();
            let bytes = |text: &str| value::bytes(text).map(|bytes| bytes as usize).map_err(wrong);
            let soft_s = value::number(seconds, 0, i32::MAX as u64).map_err(wrong)?;
            *class = OutputLimit { hard_bytes: bytes(hard)?, soft_bytes: bytes(soft)?, soft_s };
        }
        Ok(limits)
    }
}

impl std::fmt::Display for OutputLimits {
    /// As CONFIG GET prints them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let classes = [("normal", &self.normal), ("slave", &self.replica), ("pubsub", &self.pubsub)];
        for (index, (name, OutputLimit { hard_bytes, soft_bytes, soft_s })) in classes.into_iter().enumerate()
        {
            let space = if index > 0 { " " } else { "" };
            write!(f, "{space}{name} {hard_bytes} {soft_bytes} {soft_s}")?;
        }
        Ok(())
    }
}
