//! The configuration of a running server, as one reader of many follows its changes.

use super::fields::Config;
use super::settings::Settings;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The configuration as one reader of [`Settings`] sees it. The reader takes neither a lock nor a reference until it is
/// changed: threads that do so for each batch keep taking a line of the cache from each other.
#[derive(Debug)]
pub struct Followed {
    config: Arc<Config>,
    changes: u64,
}

impl Followed {
    /// The configuration of `settings` as it is now.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        // The number before the configuration: a change in between is then seen the next time.
        let changes = settings.changes.load(Ordering::Acquire);
        Self { config: settings.current(), changes }
    }

    /// The configuration of `settings`, the same as in [`Followed::new`], as it is now. O(1).
    pub fn latest(&mut self, settings: &Settings) -> &Config {
        if settings.changes.load(Ordering::Acquire) != self.changes {
            *self = Self::new(settings);
        }
        &self.config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_sees_each_change() {
        let settings = Settings::new(Config::default());
        let mut followed = Followed::new(&settings);
        for timeout in ["7", "0", "9"] {
            settings.set(&[("timeout", timeout)], |_| Ok(())).unwrap();
            assert_eq!(followed.latest(&settings).timeout_s.to_string(), timeout);
        }
    }
}
