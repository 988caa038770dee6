//! The request that a client waits with: it is looked at again when the permissions of its user change.

use super::stats::Stats;
use crate::resp::queue::RequestQueue;
use crate::resp::request::Arguments;

/// A copy of a request.
#[derive(Debug)]
pub struct WaitingRequest {
    /// Its command's place in the table.
    pub(in crate::commands) place: usize,
    words: RequestQueue,
}

impl WaitingRequest {
    /// A copy of the words of a request. O(its bytes).
    pub(in crate::commands) fn of(place: usize, words: Arguments<'_>) -> Self {
        let mut copy = RequestQueue::default();
        copy.push(words);
        Self { place, words: copy }
    }

    /// Counts that the command has failed: its wait has ended with an error.
    pub fn count_failure(&self, stats: &Stats) {
        stats.by_command[self.place].failed.add(1);
    }

    /// The words, from the name of the command or subcommand on.
    pub(in crate::commands) fn words(&self) -> Arguments<'_> {
        self.words.iter().next().expect("one request is in it")
    }
}
