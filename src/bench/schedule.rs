//! When a connection's requests are due.
//!
//! The requests of a pipeline are due together, as one batch. The batches of a run are numbered, and connection i of n has
//! the batches i, i + n, i + 2n, so connections share nothing. In a closed loop a batch is due when the one before has been
//! answered. In an open loop the times are fixed in advance, and no reply moves them: a request that a stalled server
//! delays has waited since it was due, not since it could be sent (Gil Tene, "How NOT to Measure Latency").

/// What decides when requests are due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// A connection sends when it has been answered, until `end_ns` after the start.
    Closed {
        /// `u64::MAX`: until all requests have been sent.
        end_ns: u64,
    },
    /// A fixed rate of requests over all connections.
    Open {
        /// The rate, above 0.
        per_second: f64,
    },
}

/// Requests that are sent together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DueRequests {
    /// The number of the first request within the run.
    pub(super) first: u64,
    /// The number of requests.
    pub(super) requests: u64,
    /// When they are due, in nanoseconds after the start.
    pub(super) due_ns: u64,
}

/// One connection's batches.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub(super) pace: Pace,
    /// Requests of the whole run, all connections.
    pub(super) total: u64,
    /// Requests of one batch.
    pub(super) pipeline: u64,
    /// The number of the next batch.
    pub(super) next: u64,
    /// From one batch of this connection to its next one: the number of connections.
    pub(super) step: u64,
}

impl Schedule {
    /// The next batch, if it is due at `now_ns`.
    pub(super) fn take(&mut self, now_ns: u64) -> Option<DueRequests> {
        let due_ns = self.next_due_ns(now_ns).filter(|due_ns| *due_ns <= now_ns)?;
        let first = self.next * self.pipeline;
        self.next += self.step;
        Some(DueRequests { first, requests: self.pipeline.min(self.total - first), due_ns })
    }

    /// When the next batch is due, as seen at `now_ns`; `None` if there is none.
    pub(super) fn next_due_ns(&self, now_ns: u64) -> Option<u64> {
        let first = self.next.saturating_mul(self.pipeline);
        match self.pace {
            _ if first >= self.total => None,
            Pace::Closed { end_ns } => (now_ns < end_ns).then_some(now_ns),
            Pace::Open { per_second } => Some((first as f64 * 1e9 / per_second) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_times_of_an_open_loop_do_not_depend_on_replies() {
        let pace = Pace::Open { per_second: 1000.0 };
        let mut schedule = Schedule { pace, total: 9, pipeline: 2, next: 1, step: 2 };
        assert_eq!(schedule.take(1_999_999), None);
        assert_eq!(schedule.take(2_000_000), Some(DueRequests { first: 2, requests: 2, due_ns: 2_000_000 }));
        assert_eq!(schedule.next_due_ns(0), Some(6_000_000));
        assert_eq!(schedule.take(60_000_000), Some(DueRequests { first: 6, requests: 2, due_ns: 6_000_000 }));
        assert_eq!((schedule.take(u64::MAX), schedule.next_due_ns(0)), (None, None));
        let mut last = Schedule { next: 4, ..schedule };
        assert_eq!(last.take(8_000_000), Some(DueRequests { first: 8, requests: 1, due_ns: 8_000_000 }));
    }

    #[test]
    fn a_closed_loop_ends_by_number_or_by_time() {
        let closed =
            |end_ns, total| Schedule { pace: Pace::Closed { end_ns }, total, pipeline: 4, next: 0, step: 1 };
        let mut numbered = closed(u64::MAX, 6);
        assert_eq!(numbered.take(5), Some(DueRequests { first: 0, requests: 4, due_ns: 5 }));
        assert_eq!(numbered.take(9), Some(DueRequests { first: 4, requests: 2, due_ns: 9 }));
        assert_eq!(numbered.take(10), None);
        let mut timed = closed(100, u64::MAX);
        assert!(timed.take(99).is_some());
        assert_eq!(timed.take(100), None);
    }
}
