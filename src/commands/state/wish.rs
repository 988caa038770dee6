//! What a blocking command wants.

use crate::commands::call::error::CommandError;
use crate::resp::reply::Reply;
use crate::store::{Kind, Reader, Writer};
use std::time::Duration;

/// Takes what is wanted from one key and replies with it. Returns whether the key had it; if not, nothing was changed and
/// nothing replied.
pub type TakeFrom =
    Box<dyn Fn(&mut Writer<'_, '_>, &[u8], &mut Reply<'_>) -> Result<bool, CommandError> + Send + Sync>;

/// As [`TakeFrom`], from several keys at once.
pub type TakeFromAll =
    Box<dyn Fn(&mut Writer<'_, '_>, &[&[u8]], &mut Reply<'_>) -> Result<bool, CommandError> + Send + Sync>;

/// How what is wanted is taken.
pub enum Attempt {
    /// From the first key that has it.
    First(TakeFrom),
    /// From each key that has it.
    Each(TakeFromAll),
}

/// What a blocking command wants.
pub struct Wish {
    /// The keys it may come from.
    pub keys: Vec<Box<[u8]>>,
    /// The type of value that it is taken from.
    pub kind: Kind,
    /// A key to which what is taken goes, beside the reply.
    pub destination: Option<Box<[u8]>>,
    /// Whether the wait ends with an error when a key has no such value any more. A client that waits for what a key will
    /// have goes on waiting.
    pub needs_value: bool,
    /// How long the client waits for it.
    pub patience: Patience,
    /// The function that takes it.
    pub attempt: Attempt,
    /// How many elements it would take at once, if those can be many.
    pub elements: Option<CountElements>,
}

/// How many elements are taken from keys as they are.
pub type CountElements = Box<dyn Fn(Reader<'_>) -> usize + Send + Sync>;

/// How long a client waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It does not wait.
    None,
    /// At most so long.
    For(Duration),
    /// For ever.
    Endless,
}

impl Wish {
    /// Takes it from those of `keys` that have it. Returns whether one had.
    ///
    /// # Errors
    /// That of the first key from which it cannot be taken.
    pub(in crate::commands) fn take(
        &self,
        writer: &mut Writer<'_, '_>,
        reply: &mut Reply<'_>,
    ) -> Result<bool, CommandError> {
        match &self.attempt {
            Attempt::First(take) => {
                for key in &self.keys {
                    if take(writer, key, reply)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Attempt::Each(take) => {
                let keys: Vec<&[u8]> = self.keys.iter().map(|key| &**key).collect();
                take(writer, &keys, reply)
            }
        }
    }

    /// Replies that there is nothing and that it is not waited for: in a transaction no client waits.
    pub(in crate::commands) fn reply_none(&self, reply: &mut Reply<'_>) {
        // What moves an element replies with it alone, not with an array.
        if self.destination.is_some() { reply.null() } else { reply.null_array() }
    }
}
