//! One connection's requests and replies, without its socket: which bytes to send, which replies are missing, and how
//! long they took.

use super::replies::{MalformedReply, ReplyReader};
use super::schedule::{DueRequests, Pace, Schedule};
use super::template::Template;
use crate::machine::chance::Chance;
use hdrhistogram::Histogram;
use std::collections::VecDeque;

/// No further request is written while this many bytes wait for the socket.
const UNSENT_BYTES: usize = 64 * 1024;

/// Highest latency of the histogram, in nanoseconds: one hour.
const MOST_LATENCY_NS: u64 = 3_600_000_000_000;

/// The results of a run, or of one thread of it.
#[derive(Clone, Debug)]
pub(super) struct Measurements {
    /// Nanoseconds from the time when a request was due to its reply, to three digits.
    pub(super) latency_ns: Histogram<u64>,
    /// Number of replies, including errors.
    pub(super) answered: u64,
    /// When the last reply arrived, in nanoseconds after the start.
    pub(super) last_reply_ns: u64,
    /// Requests without a reply when the run was aborted or interrupted. The histogram includes them with the time that
    /// they had waited: without them it would hide the worst cases.
    pub(super) unanswered: u64,
    /// Number of error replies.
    pub(super) errors: u64,
    /// The text of one error reply.
    pub(super) first_error: Option<String>,
}

impl Default for Measurements {
    fn default() -> Self {
        let latency_ns = Histogram::new_with_bounds(1000, MOST_LATENCY_NS, 3).expect("bounds that are right");
        Self { latency_ns, answered: 0, last_reply_ns: 0, unanswered: 0, errors: 0, first_error: None }
    }
}

impl Measurements {
    /// Adds the results of another thread.
    pub(super) fn add(&mut self, other: &Self) {
        self.latency_ns += &other.latency_ns;
        self.answered += other.answered;
        self.last_reply_ns = self.last_reply_ns.max(other.last_reply_ns);
        self.unanswered += other.unanswered;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or_else(|| other.first_error.clone());
    }
}

/// A connection's state. Times are nanoseconds after the start of the run.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    templates: &'a [(u64, Template)],
    schedule: Schedule,
    chance: Chance,
    out: Vec<u8>,
    sent: usize,
    /// The requests that were written to `out` and are not answered, in the groups in which they were due.
    waiting: VecDeque<DueRequests>,
    replies: ReplyReader,
}

impl<'a> Exchange<'a> {
    /// A connection that sends the requests of `templates`, each with its share in percent.
    pub(super) fn new(templates: &'a [(u64, Template)], schedule: Schedule, chance: Chance) -> Self {
        let (out, waiting, replies) = (Vec::new(), VecDeque::new(), ReplyReader::default());
        Self { templates, schedule, chance, out, sent: 0, waiting, replies }
    }

    /// Writes the requests that are due.
    pub(super) fn fill(&mut self, now_ns: u64) {
        let is_closed = matches!(self.schedule.pace, Pace::Closed { .. });
        while self.unsent().len() < UNSENT_BYTES && (!is_closed || self.waiting.is_empty()) {
            let Some(batch) = self.schedule.take(now_ns) else { return };
            for index in batch.first..batch.first + batch.requests {
                let mut drawn = if self.templates.len() > 1 { self.chance.below(100) } else { 0 };
                let mut chosen = self.templates.iter();
                let template = loop {
                    let (share, template) = chosen.next().expect("shares of a hundred");
                    if drawn < *share {
                        break template;
                    }
                    drawn -= share;
                };
                template.write(index, &mut self.chance, &mut self.out);
            }
            self.waiting.push_back(batch);
        }
    }

    /// The bytes to send.
    pub(super) fn unsent(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    /// Notes that this many bytes have been sent.
    pub(super) fn mark_sent(&mut self, bytes: usize) {
        self.sent += bytes;
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
        } else if self.sent > UNSENT_BYTES {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Takes bytes that were received at `now_ns`.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        now_ns: u64,
        measured: &mut Measurements,
    ) -> Result<(), String> {
        let malformed = |MalformedReply| "a reply is not RESP".to_owned();
        let mut replies = self.replies.read(bytes).map_err(malformed)?;
        measured.answered += replies;
        while replies > 0 {
            let batch = self.waiting.front_mut().ok_or("a reply without a request")?;
            let answered = replies.min(batch.requests);
            measured.latency_ns.saturating_record_n(now_ns - batch.due_ns, answered);
            measured.last_reply_ns = now_ns;
            batch.requests -= answered;
            replies -= answered;
            if batch.requests == 0 {
                self.waiting.pop_front();
            }
        }
        Ok(())
    }

    /// When the oldest unanswered request was due.
    pub(super) fn oldest_due_ns(&self) -> Option<u64> {
        self.waiting.front().map(|batch| batch.due_ns)
    }

    /// When requests are due next, unless they wait for a reply.
    pub(super) fn next_due_ns(&self, now_ns: u64) -> Option<u64> {
        match self.schedule.pace {
            Pace::Closed { .. } if !self.waiting.is_empty() => None,
            _ => self.schedule.next_due_ns(now_ns),
        }
    }

    /// Whether everything has been sent and answered.
    pub(super) fn is_done(&self, now_ns: u64) -> bool {
        self.waiting.is_empty() && self.schedule.next_due_ns(now_ns).is_none()
    }

    /// Ends the run: counts the unanswered requests, those that were due but could not be sent, and the errors.
    pub(super) fn end(mut self, now_ns: u64, measured: &mut Measurements) {
        while matches!(self.schedule.pace, Pace::Open { .. })
            && let Some(batch) = self.schedule.take(now_ns)
        {
            self.waiting.push_back(batch);
        }
        for batch in self.waiting {
            measured.unanswered += batch.requests;
            measured.latency_ns.saturating_record_n(now_ns.saturating_sub(batch.due_ns), batch.requests);
        }
        measured.errors += self.replies.errors;
        if measured.first_error.is_none() {
            measured.first_error = self.replies.first_error;
        }
    }

    /// The first error reply so far.
    pub(super) fn first_error(&self) -> Option<&str> {
        self.replies.first_error.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::template::Populations;
    use crate::machine::clock::Clock;
    use std::time::Duration;

    const MS: u64 = 1_000_000;

    fn exchange(templates: &[(u64, Template)], pace: Pace, total: u64, pipeline: u64) -> Exchange<'_> {
        let schedule = Schedule { pace, total, pipeline, next: 0, step: 1 };
        Exchange::new(templates, schedule, Chance::seeded(1))
    }

    fn templates(text: &str) -> Vec<(u64, Template)> {
        vec![(100, Template::new(text, &Populations { prefix: "p:".to_owned(), members: 10 }))]
    }

    /// A server that answers nothing for 100 ms gets a request every 10 ms. Ten requests wait for it, the first 100 ms and
    /// the last 10 ms. Counted from the sending, or from the reply before, all but one would look fast.
    #[test]
    fn a_stall_counts_from_when_requests_were_due() {
        let clock = Clock::manual(0);
        let templates = templates("PING");
        let mut exchange = exchange(&templates, Pace::Open { per_second: 100.0 }, 10, 1);
        let mut measured = Measurements::default();
        for _ in 0..10 {
            exchange.fill(clock.monotonic_ns());
            clock.advance(Duration::from_millis(10));
        }
        assert_eq!(exchange.unsent().len(), 10 * b"*1\r\n$4\r\nPING\r\n".len());
        assert!(!exchange.is_done(clock.monotonic_ns()));
        let replies = b"+PONG\r\n".repeat(10);
        let (some, rest) = replies.split_at(40);
        for piece in [some, rest] {
            exchange.receive(piece, clock.monotonic_ns(), &mut measured).unwrap();
        }
        assert!(exchange.is_done(clock.monotonic_ns()));
        assert_eq!((measured.answered, measured.last_reply_ns), (10, 100 * MS));
        for (quantile, expected_ms) in [(0.05, 10), (0.5, 50), (0.9, 90), (1.0, 100)] {
            let found = measured.latency_ns.value_at_quantile(quantile);
            let expected = expected_ms * MS;
            assert!(measured.latency_ns.equivalent(found, expected), "{quantile}: {found} is not {expected}");
        }
    }

    /// Requests that are unanswered at the end count with the time that they have waited.
    #[test]
    fn unanswered_requests_are_not_left_out() {
        let templates = templates("SET <key> xxxxxxxxxxxxxxxx");
        let mut exchange = exchange(&templates, Pace::Open { per_second: 1_000_000.0 }, 10_000, 1);
        let mut measured = Measurements::default();
        exchange.fill(0);
        exchange.receive(b"+OK\r\n", 5, &mut measured).unwrap();
        // Nothing is sent, so only a limited number of requests is written.
        exchange.fill(10 * MS);
        assert!(exchange.unsent().len() < 2 * UNSENT_BYTES);
        exchange.end(10 * MS, &mut measured);
        assert_eq!((measured.answered, measured.unanswered, measured.latency_ns.len()), (1, 9999, 10_000));
        assert!(measured.latency_ns.value_at_quantile(0.5) > 4 * MS);
    }

    #[test]
    fn a_closed_loop_waits_for_a_batch() {
        let templates = templates("PING");
        let mut exchange = exchange(&templates, Pace::Closed { end_ns: u64::MAX }, 5, 3);
        let mut measured = Measurements::default();
        exchange.fill(10);
        exchange.mark_sent(exchange.unsent().len());
        exchange.receive(b"+PONG\r\n-ERR no\r\n", 20, &mut measured).unwrap();
        exchange.fill(20);
        assert!(exchange.unsent().is_empty() && exchange.next_due_ns(20).is_none());
        exchange.receive(b"+PONG\r\n", 30, &mut measured).unwrap();
        exchange.fill(30);
        assert_eq!(exchange.waiting, [DueRequests { first: 3, requests: 2, due_ns: 30 }]);
        exchange.receive(b"+PONG\r\n+PONG\r\n", 40, &mut measured).unwrap();
        assert!(exchange.is_done(40));
        assert_eq!(
            exchange.receive(b"+PONG\r\n", 50, &mut measured),
            Err("a reply without a request".to_owned())
        );
        exchange.end(50, &mut measured);
        assert_eq!(
            (measured.answered, measured.errors, measured.first_error.as_deref()),
            (6, 1, Some("ERR no"))
        );
    }

    #[test]
    fn shares_are_kept() {
        let populations = Populations { prefix: "p:".to_owned(), members: 10 };
        let templates =
            [(60, Template::new("PING", &populations)), (40, Template::new("ECHO <board>", &populations))];
        let mut exchange = exchange(&templates, Pace::Closed { end_ns: u64::MAX }, 10_000, 10_000);
        exchange.fill(0);
        let pings = exchange.unsent().windows(4).filter(|bytes| bytes == b"PING").count();
        assert!((5500..6500).contains(&pings), "{pings}");
    }
}
