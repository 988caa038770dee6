//! Clients that wait for a key to hold something: the one mechanism behind every blocking command.
//!
//! A blocking command says what it wants as a [`Wish`]. If no key has it, the client stands in the queue of each
//! ([`crate::store::interest`]), and whoever changes a key serves the clients in its queue, first come, first served,
//! before giving the key's lock back. The connection sleeps meanwhile and is woken with its reply.

use super::call::Call;
use super::error::CommandError;
use crate::resp::Protocol;
use crate::resp::double;
use crate::resp::reply::Reply;
use crate::store::change::ChangeBuffer;
use crate::store::interest::{ReadyKey, Served, Ticket, Waiter};
use crate::store::{Access, DatabaseIndex, Hold, Kind, Seq, Store, Writer};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Takes what is wanted from a key and replies with it. Returns whether the key had it; if not, nothing was changed
/// and nothing replied.
pub type Attempt =
    Box<dyn Fn(&mut Writer<'_, '_>, &[u8], &mut Reply<'_>) -> Result<bool, CommandError> + Send + Sync>;

/// What a blocking command wants.
pub struct Wish {
    /// Where it may come from; the first key that has it will do.
    pub keys: Vec<Box<[u8]>>,
    /// The type of value that it comes from.
    pub kind: Kind,
    /// For how long it is waited for; `None` for ever.
    pub timeout: Option<Duration>,
    /// How it is taken.
    pub attempt: Attempt,
}

/// A client that waits.
pub struct Waiting {
    timeout: Option<Duration>,
    kind: Kind,
    attempt: Attempt,
    /// The keys, each once, and where in the request they stood first.
    keys: BTreeMap<Box<[u8]>, usize>,
    ticket: Ticket,
    database: DatabaseIndex,
    protocol: Protocol,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    phase: Phase,
    reply: Vec<u8>,
    seq: Option<Seq>,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Waiting,
    /// There is a reply, but the journal does not have yet what it speaks of.
    Served,
    Over,
}

/// What a wait came to.
#[derive(Debug)]
pub struct Ending {
    /// The reply.
    pub reply: Vec<u8>,
    /// The record that the reply rests on; `None` if nothing was taken.
    pub seq: Option<Seq>,
}

impl Waiting {
    pub(super) fn new(wish: Wish, ticket: Ticket, database: DatabaseIndex, protocol: Protocol) -> Self {
        let Wish { keys, kind, timeout, attempt } = wish;
        let mut places = BTreeMap::new();
        for (place, key) in keys.into_iter().enumerate() {
            places.entry(key).or_insert(place);
        }
        Self { timeout, kind, attempt, keys: places, ticket, database, protocol, progress: Mutex::default() }
    }

    /// For how long it waits at most.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The keys that it waits for, each once.
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.keys().map(|key| &**key)
    }

    /// Whether the wait has come to an end, and to which. Wakes the task if not yet.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<Ending> {
        let mut progress = self.progress.lock();
        if progress.phase == Phase::Over {
            return Poll::Ready(Ending { reply: std::mem::take(&mut progress.reply), seq: progress.seq });
        }
        progress.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Its time is over, unless it was served just before: the reply is null, as every blocking command's is then.
    pub fn time_out(&self) {
        self.end(|reply| reply.null_array());
    }

    /// Nobody will read a reply any more.
    pub fn give_up(&self) {
        self.end(|_| ());
    }

    /// Ends the wait with the reply that `write` writes, unless it has been served. Returns whether it did.
    pub(super) fn end(&self, write: impl FnOnce(&mut Reply<'_>)) -> bool {
        let mut progress = self.progress.lock();
        let is_waiting = progress.phase == Phase::Waiting;
        if is_waiting {
            write(&mut Reply::new(&mut progress.reply, self.protocol));
            progress.finish();
        }
        is_waiting
    }

    /// Takes the client out of the queues it stands in. Locks one shard after the other.
    pub fn leave(&self, store: &Store) {
        for key in self.keys() {
            let mut hold = Hold::on(store, &[store.shard_of(key)], Access::Write, ChangeBuffer::default());
            hold.writer(self.database).stop_waiting(key, self);
        }
    }
}

impl Progress {
    fn finish(&mut self) {
        self.phase = Phase::Over;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Waiter for Waiting {
    fn ticket(&self) -> Ticket {
        self.ticket
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn serve(&self, keys: &mut Writer<'_, '_>, ready: &[ReadyKey]) -> Served {
        let mut progress = self.progress.lock();
        if progress.phase != Phase::Waiting {
            return Served::Gone;
        }
        // A transaction may have filled several of its keys: as in Redis, their order is the client's.
        let in_database = ready.iter().filter(|(database, _)| *database == self.database);
        let mut wanted: Vec<(usize, &[u8])> =
            in_database.filter_map(|(_, key)| Some((*self.keys.get(key)?, &**key))).collect();
        wanted.sort_unstable();
        for (_, key) in wanted {
            let mut reply = Reply::new(&mut progress.reply, self.protocol);
            // A key of another type is passed over: the client goes on waiting for it.
            if (self.attempt)(keys, key, &mut reply) == Ok(true) {
                progress.phase = Phase::Served;
                return Served::Yes;
            }
        }
        Served::NotYet
    }

    fn deliver(&self, seq: Seq) {
        let mut progress = self.progress.lock();
        progress.seq = Some(seq);
        progress.finish();
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("progress", &self.progress).finish_non_exhaustive()
    }
}

/// More unix milliseconds than any clock will show.
const MOST_UNIX_MS: f64 = 1e13;

/// Reads the argument at `position` as a time-out: seconds and fractions of a second, 0 for ever.
///
/// # Errors
/// As of Redis 8.2: no number, negative, or beyond what 63 bits of milliseconds hold.
pub(super) fn parse_timeout(call: &Call<'_>, position: usize) -> Result<Option<Duration>, CommandError> {
    let text = call.argument(position);
    // Redis reads it as a long double, whose range is wider.
    let seconds = double::parse(text).or_else(|| double::parse_bound(text).filter(|_| !text.is_empty()));
    let not_a_float = CommandError::text("ERR timeout is not a float or out of range");
    let ms = (seconds.ok_or(not_a_float)? * 1000.0).ceil();
    if ms < 0.0 {
        return Err(CommandError::text("ERR timeout is negative"));
    }
    // The deadline in unix milliseconds must fit as well.
    if ms >= i64::MAX as f64 - MOST_UNIX_MS {
        return Err(CommandError::text("ERR timeout is out of range"));
    }
    Ok(Some(Duration::from_millis(ms as u64)).filter(|timeout| !timeout.is_zero()))
}
