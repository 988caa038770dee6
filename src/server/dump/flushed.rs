//! FLUSHALL with save points: as in Redis, the file becomes an empty one at once, so that a start does not bring back what was
//! removed.

use super::{ALREADY_RUNNING, Dump};

impl Dump {
    /// Writes the file as it is without the keys that were removed. A background save that is running is called off: it began
    /// with them. The thread must hold no shard.
    pub(in crate::server) fn save_flushed(&self) {
        loop {
            self.close();
            match self.save() {
                // A SAVE that has given its locks back puts its file in place.
                Err(why) if why == ALREADY_RUNNING => std::thread::yield_now(),
                // The log reports a failure.
                _ => return,
            }
        }
    }
}
