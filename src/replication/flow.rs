//! The parts of the stream under its lock: the backlog and who reads it.

use super::backlog::Backlog;
use super::history::History;
use super::id::ReplicationId;
use super::link::ReplicaLink;
use crate::config::OutputLimit;
use std::sync::Arc;
use std::task::Waker;

/// Bytes of the buffer of staged bytes that is kept.
const STAGED_BYTES: usize = 64 * 1024;

/// Where the bytes of the stream come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamSource {
    /// This server is a master.
    Own,
    /// This server is a replica.
    Upstream,
}

/// Why a replica is disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaEnd {
    /// More waits for it than `client-output-buffer-limit replica` allows.
    TooSlow,
    /// The stream does not continue the one that it reads: it has to begin anew.
    Interrupted,
}

/// The bounds of the stream, from the configuration.
#[derive(Clone, Copy, Debug)]
pub struct OutflowBounds {
    /// `repl-backlog-size`.
    pub backlog_bytes: u64,
    /// `client-output-buffer-limit replica`.
    pub output: OutputLimit,
}

/// What a replica makes of boards with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamForm {
    /// Sorted sets with the nearest doubles.
    Plain,
    /// What they are: the stream has to have the commands for rankd.
    Exact,
}

/// The stream, locked.
pub(super) struct Flow {
    pub(super) history: History,
    pub(super) source: StreamSource,
    /// `None` until the first replica comes, and when there has been none for `repl-backlog-ttl` seconds.
    pub(super) backlog: Option<Backlog>,
    /// From the first offset of a pair to the one before the second, nobody may go on: a full sync has given its replica the
    /// stream without some commands there, and the backlog has all.
    pub(super) blanked: Vec<(u64, u64)>,
    pub(super) bounds: OutflowBounds,
    pub(super) links: Vec<Arc<ReplicaLink>>,
    pub(super) readers: Vec<StreamReader>,
    pub(super) last_reader: u64,
    /// The offset from which on any other server may go on: before it are bytes that were only for this server.
    pub(super) open_from: u64,
    /// The offset of the master's stream before which the data are not of one moment: its file was written beside writers.
    pub(super) whole_at: u64,
    /// Whether the stream has commands for rankd, from the next bytes on.
    pub(super) is_exact: bool,
    /// The offset up to which the stream has something of boards with a policy without them.
    pub(super) rounded_until: u64,
    /// The identifier that this server's own bytes had before a restart, and their end.
    pub(super) before_restart: Option<(ReplicationId, u64)>,
    /// The next bytes of the master's stream, while they are being applied.
    pub(super) staged: Vec<u8>,
    /// Since when no replica is connected.
    pub(super) alone_since_ms: u64,
}

/// A place in the stream. What follows it is kept.
pub(super) struct StreamReader {
    pub(super) number: u64,
    pub(super) position: u64,
    pub(super) form: StreamForm,
    pub(super) over_soft_since_ms: Option<u64>,
    pub(super) waker: Option<Waker>,
    pub(super) end: Option<ReplicaEnd>,
}

impl Flow {
    pub(super) fn begin_backlog(&mut self) {
        let offset = self.history.offset;
        self.backlog.get_or_insert_with(|| Backlog::at(offset));
    }

    /// Adds bytes of the stream.
    pub(super) fn append(&mut self, bytes: &[u8], now_ms: u64) {
        self.history.offset += bytes.len() as u64;
        if let Some(backlog) = &mut self.backlog {
            backlog.append(bytes);
            self.settle(now_ms);
        }
    }

    /// Adds those of the staged bytes that are before the offset `applied`, and forgets the others.
    pub(super) fn settle_staged(&mut self, applied: u64, now_ms: u64) {
        let mut staged = std::mem::take(&mut self.staged);
        staged.truncate(applied.saturating_sub(self.history.offset) as usize);
        self.append(&staged, now_ms);
        staged.clear();
        staged.shrink_to(STAGED_BYTES);
        self.staged = staged;
    }

    /// Whether the backlog has what a replica of this form needs that has all before the byte number `next`.
    pub(super) fn has_all_from(&self, next: u64, form: StreamForm) -> bool {
        let Some(backlog) = &self.backlog else { return false };
        let has_bytes = next > backlog.start().max(self.open_from) && next <= backlog.end() + 1;
        let is_lost = form == StreamForm::Exact && next <= self.rounded_until;
        let is_blanked = |(from, to): &(u64, u64)| (*from..*to).contains(&(next - 1));
        has_bytes && !is_lost && !self.blanked.iter().any(is_blanked)
    }

    /// See [`Outflow::note_blanks`](super::Outflow::note_blanks).
    pub(super) fn note_blanks(&mut self, from: u64, to: u64) {
        let start = self.backlog.as_ref().map_or(0, Backlog::start);
        self.blanked.retain(|(_, to)| *to > start);
        if from < to {
            self.blanked.push((from, to));
        }
    }

    /// A reader from `position` on. If it wants the exact form and the bytes from there on do not have it, it has ended.
    pub(super) fn read_from(&mut self, position: u64, form: StreamForm) -> u64 {
        self.is_exact |= form == StreamForm::Exact;
        let is_lost = form == StreamForm::Exact && position < self.rounded_until;
        self.last_reader += 1;
        let number = self.last_reader;
        self.readers.push(StreamReader {
            number,
            position,
            form,
            over_soft_since_ms: None,
            waker: None,
            end: is_lost.then_some(ReplicaEnd::Interrupted),
        });
        number
    }

    /// The bytes up to here have something of boards with a policy without commands for rankd: who needs those begins anew.
    pub(super) fn note_rounded(&mut self) {
        self.rounded_until = self.history.offset;
        for reader in self.readers.iter_mut().filter(|reader| reader.form == StreamForm::Exact) {
            reader.finish(ReplicaEnd::Interrupted);
        }
    }

    /// Ends all readers.
    pub(super) fn interrupt(&mut self) {
        for reader in &mut self.readers {
            reader.finish(ReplicaEnd::Interrupted);
        }
    }

    /// Gives up readers that are too slow, wakes the others, and forgets what nobody needs.
    pub(super) fn settle(&mut self, now_ms: u64) {
        let (end, limit) = (self.history.offset, self.bounds.output);
        // As in Redis, the limit is at least the size of the backlog: what is there for all costs nothing more.
        let hard_bytes = (limit.hard_bytes as u64).max(self.bounds.backlog_bytes);
        for reader in self.readers.iter_mut().filter(|reader| reader.end.is_none()) {
            let waiting = end.saturating_sub(reader.position);
            if limit.soft_bytes > 0 && waiting > limit.soft_bytes as u64 {
                let since_ms = *reader.over_soft_since_ms.get_or_insert(now_ms);
                if now_ms.saturating_sub(since_ms) > limit.soft_s * 1000 {
                    reader.finish(ReplicaEnd::TooSlow);
                }
            } else {
                reader.over_soft_since_ms = None;
            }
            if limit.hard_bytes > 0 && waiting > hard_bytes {
                reader.finish(ReplicaEnd::TooSlow);
            }
            if waiting > 0
                && let Some(waker) = reader.waker.take()
            {
                waker.wake();
            }
        }
        let needed =
            self.readers.iter().filter(|reader| reader.end.is_none()).map(|reader| reader.position).min();
        if let Some(backlog) = &mut self.backlog {
            backlog.trim(self.bounds.backlog_bytes, needed);
        }
    }
}

impl StreamReader {
    fn finish(&mut self, end: ReplicaEnd) {
        self.end.get_or_insert(end);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
