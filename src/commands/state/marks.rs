//! What a client is set to, as other threads see it: one bit each in an atomic number.

use std::sync::atomic::{AtomicU32, Ordering};

/// A mark of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Mark {
    /// It gets a line for each command of any client (MONITOR).
    Monitors = 1 << 0,
    /// It is not disconnected to free memory (CLIENT NO-EVICT).
    NoEvict = 1 << 1,
    /// Its commands do not count as uses of keys (CLIENT NO-TOUCH).
    NoTouch = 1 << 2,
    /// Its next request waits until CLIENT PAUSE ends.
    Postponed = 1 << 3,
    /// It is told when keys change that it has read (CLIENT TRACKING).
    Tracks = 1 << 4,
    /// It is told when any key changes that begins with one of its prefixes.
    Broadcast = 1 << 5,
    /// Only reads behind CLIENT CACHING YES are tracked.
    OptIn = 1 << 6,
    /// Reads behind CLIENT CACHING NO are not tracked.
    OptOut = 1 << 7,
    /// It is not told of its own changes.
    NoLoop = 1 << 8,
    /// The client that should get its invalidations is gone.
    BrokenRedirect = 1 << 9,
    /// It is a replica, and gets the stream.
    Replica = 1 << 10,
    /// Its commands are those of the master that the server follows.
    Master = 1 << 11,
}

impl Mark {
    /// The marks that CLIENT TRACKING sets.
    pub(in crate::commands) const TRACKING: [Self; 6] =
        [Self::Tracks, Self::Broadcast, Self::OptIn, Self::OptOut, Self::NoLoop, Self::BrokenRedirect];
}

/// The marks of a client.
#[derive(Debug, Default)]
pub struct Marks(AtomicU32);

impl Marks {
    /// Whether it has the mark.
    #[must_use]
    pub fn has(&self, mark: Mark) -> bool {
        self.0.load(Ordering::Relaxed) & mark as u32 != 0
    }

    /// Gives it the mark, or takes it away.
    pub fn set(&self, mark: Mark, is_set: bool) {
        if is_set {
            self.0.fetch_or(mark as u32, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!(mark as u32), Ordering::Relaxed);
        }
    }
}
