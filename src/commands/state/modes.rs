//! How a session wants its requests to be treated, beyond the ordinary: CLIENT REPLY, CLIENT TRACKING and CLIENT CACHING.

use super::client::Client;
use super::host::Host;
use super::marks::Mark;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Which replies a client gets (CLIENT REPLY).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::commands) enum Replies {
    /// All.
    #[default]
    All,
    /// None.
    None,
    /// All but that of the present request and the next one.
    SkipNext,
    /// All but that of the present request.
    Skip,
}

/// What a client tracks (CLIENT TRACKING).
#[derive(Debug, Default)]
pub(in crate::commands) struct TrackedReads {
    /// Whether reads are noted: the client tracks, and not in the broadcast mode.
    notes_reads: bool,
    /// Whether only those reads are noted that CLIENT CACHING YES stands before.
    opt_in: bool,
    /// Whether those reads are not noted that CLIENT CACHING NO stands before.
    opt_out: bool,
    /// CLIENT CACHING stands before the present request.
    caching_given: bool,
    /// The prefixes of the broadcast mode.
    pub(in crate::commands) prefixes: BTreeSet<Box<[u8]>>,
}

/// What CLIENT TRACKING ON asks for.
#[derive(Debug, Default)]
pub(in crate::commands) struct TrackingWish {
    /// The client that gets the invalidations; 0 for the client itself.
    pub(in crate::commands) redirect: u64,
    pub(in crate::commands) broadcast: bool,
    pub(in crate::commands) opt_in: bool,
    pub(in crate::commands) opt_out: bool,
    pub(in crate::commands) no_loop: bool,
    pub(in crate::commands) prefixes: Vec<Box<[u8]>>,
}

/// The modes of a session.
#[derive(Debug, Default)]
pub(in crate::commands) struct Modes {
    pub(in crate::commands) replies: Replies,
    pub(in crate::commands) tracked: TrackedReads,
    /// The request that waits will not be answered.
    pub(in crate::commands) waits_silently: bool,
}

impl Modes {
    /// Whether something is to be done after each request.
    pub(in crate::commands) fn are_temporary(&self) -> bool {
        self.replies != Replies::All || self.tracked.caching_given
    }

    /// A request has been answered. Returns whether its reply is dropped. `is_over` says whether CLIENT CACHING, if it was
    /// given before this request, has had its effect.
    pub(in crate::commands) fn settle(&mut self, is_over: bool) -> bool {
        if is_over {
            self.tracked.caching_given = false;
        }
        let is_dropped = self.replies != Replies::All;
        self.replies = match self.replies {
            Replies::SkipNext => Replies::Skip,
            Replies::Skip => Replies::All,
            stays => stays,
        };
        is_dropped
    }
}

impl TrackedReads {
    /// Whether reads are noted, if the present request is not excepted.
    pub(in crate::commands) fn notes_reads(&self) -> bool {
        self.notes_reads
    }

    /// Whether the reads of the present request are noted.
    pub(in crate::commands) fn notes_this(&self) -> bool {
        self.notes_reads
            && if self.opt_in { self.caching_given } else { !(self.opt_out && self.caching_given) }
    }

    /// CLIENT CACHING stands before the next request.
    pub(in crate::commands) fn give_caching(&mut self) {
        self.caching_given = true;
    }

    /// Whether CLIENT CACHING stands before the next request.
    pub(in crate::commands) fn is_caching_given(&self) -> bool {
        self.caching_given
    }

    /// Begins to track, or changes how.
    pub(in crate::commands) fn begin(&mut self, client: &Arc<Client>, host: &Host, wish: TrackingWish) {
        let marks = &client.marks;
        client.redirect.store(wish.redirect, Ordering::Relaxed);
        marks.set(Mark::Broadcast, wish.broadcast);
        marks.set(Mark::OptIn, wish.opt_in);
        marks.set(Mark::OptOut, wish.opt_out);
        marks.set(Mark::NoLoop, wish.no_loop);
        marks.set(Mark::BrokenRedirect, false);
        if !marks.has(Mark::Tracks) {
            marks.set(Mark::Tracks, true);
            host.tracking.begin(&host.store);
        }
        let mut prefixes = wish.prefixes;
        if wish.broadcast && prefixes.is_empty() {
            prefixes.push(Box::default());
        }
        for prefix in prefixes {
            host.tracking.want_prefix(client, &prefix, true);
            if !self.prefixes.contains(&prefix) {
                client.keep_name(&prefix);
                self.prefixes.insert(prefix);
            }
        }
        (self.notes_reads, self.opt_in, self.opt_out) = (!wish.broadcast, wish.opt_in, wish.opt_out);
    }

    /// Stops tracking, if the client tracks.
    pub(in crate::commands) fn end(&mut self, client: &Client, host: &Host) {
        for prefix in &std::mem::take(self).prefixes {
            client.drop_name(prefix);
            host.tracking.want_prefix(client, prefix, false);
        }
        if client.marks.has(Mark::Tracks) {
            Mark::TRACKING.iter().for_each(|mark| client.marks.set(*mark, false));
            host.tracking.end(&host.store);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_drops_its_own_reply_and_the_next() {
        let mut modes = Modes { replies: Replies::SkipNext, ..Modes::default() };
        assert!(modes.are_temporary());
        assert_eq!([modes.settle(true), modes.settle(true), modes.settle(true)], [true, true, false]);
        modes.replies = Replies::None;
        assert_eq!([modes.settle(true), modes.settle(true)], [true, true]);
    }

    #[test]
    fn caching_is_for_the_next_request_that_is_not_about_the_client() {
        let mut tracked = TrackedReads { notes_reads: true, opt_in: true, ..TrackedReads::default() };
        assert!(!tracked.notes_this());
        tracked.give_caching();
        assert!(tracked.notes_this());
        let mut modes = Modes { tracked, ..Modes::default() };
        modes.settle(false);
        assert!(modes.tracked.notes_this());
        modes.settle(true);
        assert!(!modes.tracked.notes_this());
        modes.tracked.opt_in = false;
        modes.tracked.opt_out = true;
        assert!(modes.tracked.notes_this());
        modes.tracked.give_caching();
        assert!(!modes.tracked.notes_this());
    }
}
