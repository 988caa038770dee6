//! A connection's requests and all that running them needs, in one piece that another thread can run.

use crate::commands::engine::{Ran, Terms, run_batch};
use crate::commands::state::host::Host;
use crate::commands::state::session::{NextStep, Session};
use crate::config::Followed;
use crate::limits;
use crate::resp::reply::Reply;
use crate::resp::request::RequestBatch;
use crate::store::ShardIndex;
use bytes::BytesMut;
use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// As long as most replies are: a number, or a string of some bytes.
const SHORT_REPLY_BYTES: usize = 32;

/// Buffers up to this size are kept while a connection waits.
const IDLE_BUFFER_BYTES: usize = 1024;

thread_local! {
    /// The empty buffers of the connection of this thread that began to wait last. The next one that needs them takes them.
    static SPARE_INPUT: Cell<BytesMut> = Cell::default();
    static SPARE_OUTPUT: Cell<Vec<u8>> = Cell::default();
}

/// The work of a connection.
pub(in crate::server) struct Work {
    pub(in crate::server) session: Session,
    pub(in crate::server) config: Followed,
    /// Bytes that have come and that are still needed.
    pub(in crate::server) input: BytesMut,
    /// The complete requests among them.
    pub(in crate::server) batch: RequestBatch,
    /// How many of the requests have been run.
    pub(in crate::server) done: usize,
    /// Replies that wait to be sent.
    pub(in crate::server) out: Vec<u8>,
    /// The shard whose turn the next batch takes, if the batches before had to wait for its lock.
    pub(in crate::server) contended: Option<ShardIndex>,
}

impl Work {
    pub(in crate::server) fn new(session: Session, config: Followed) -> Self {
        let (input, out) = (BytesMut::new(), Vec::new());
        Self { session, config, input, batch: RequestBatch::default(), done: 0, out, contended: None }
    }

    /// Whether there are requests that have not been run.
    pub(in crate::server) fn has_requests(&self) -> bool {
        self.done < self.batch.len()
    }

    /// Where the next reply goes.
    pub(in crate::server) fn reply(&mut self) -> Reply<'_> {
        Reply::new(&mut self.out, self.session.protocol)
    }

    /// The shard whose turn the next requests take, if there are enough of them for that.
    pub(in crate::server) fn turn(&self) -> Option<ShardIndex> {
        self.contended.filter(|_| self.batch.len() - self.done > 1)
    }

    /// The input buffer, for more bytes.
    pub(in crate::server) fn input(&mut self) -> &mut BytesMut {
        if self.input.capacity() == 0 {
            SPARE_INPUT.with(|spare| spare.swap(Cell::from_mut(&mut self.input)));
        }
        &mut self.input
    }

    /// All requests have run and all replies are sent: gives back the memory of empty buffers. Returns a buffer that is so large
    /// that to free it takes long.
    pub(in crate::server) fn rest(&mut self) -> Option<BytesMut> {
        self.batch.clear();
        if self.out.capacity() > IDLE_BUFFER_BYTES {
            SPARE_OUTPUT.with(|spare| spare.set(std::mem::take(&mut self.out)));
        }
        if !self.input.is_empty() || self.input.capacity() <= IDLE_BUFFER_BYTES {
            return None;
        }
        let empty = std::mem::take(&mut self.input);
        if empty.capacity() <= limits::READ_CHUNK_BYTES {
            SPARE_INPUT.with(|spare| spare.set(empty));
            return None;
        }
        Some(empty).filter(|empty| empty.capacity() > limits::PENDING_REPLY_BYTES * 2)
    }

    /// Runs up to `most` requests, see [`run_batch`].
    pub(in crate::server) fn run(&mut self, host: &Host, terms: Terms<'_>, most: usize) -> Ran {
        if self.out.capacity() == 0 {
            self.out = SPARE_OUTPUT.take();
            // Short replies then fit without the buffer growing from one to the next.
            let replies = (self.batch.len() - self.done).min(most);
            self.out.reserve((replies * SHORT_REPLY_BYTES).min(limits::SENT_AT_ONCE_BYTES));
        }
        let requests = self.batch.requests_behind(self.done, most, &self.input);
        // Commands are guarded one by one. A panic between them must not end other connections with this one.
        let ran = catch_unwind(AssertUnwindSafe(|| {
            run_batch(
                host,
                self.config.latest(&host.settings),
                &mut self.session,
                requests,
                &mut self.out,
                terms,
            )
        }));
        let ran = ran.unwrap_or_else(|_| {
            tracing::error!(peer = %self.session.client.peer.address, "a batch panicked, disconnecting; please report this");
            terms.stats.panics.add(1);
            Ran { next: NextStep::Drop, ..Ran::default() }
        });
        self.done += ran.count;
        self.contended = ran.contention.shard(self.contended);
        ran
    }
}

/// A connection's work, which the connection has unless another thread runs it.
pub(in crate::server) struct Lendable(Option<Box<Work>>);

impl Lendable {
    pub(in crate::server) fn new(work: Work) -> Self {
        Self(Some(Box::new(work)))
    }

    /// Lends the work. It must be given back before it is used again.
    pub(in crate::server) fn lend(&mut self) -> Box<Work> {
        self.0.take().expect(LENT)
    }

    pub(in crate::server) fn give_back(&mut self, work: Box<Work>) {
        self.0 = Some(work);
    }

    /// The work, unless the thread that had it lost it in a panic.
    pub(in crate::server) fn get_mut(&mut self) -> Option<&mut Work> {
        self.0.as_deref_mut()
    }
}

const LENT: &str = "a connection does nothing while its work is lent";

impl Deref for Lendable {
    type Target = Work;

    fn deref(&self) -> &Work {
        self.0.as_deref().expect(LENT)
    }
}

impl DerefMut for Lendable {
    fn deref_mut(&mut self) -> &mut Work {
        self.0.as_deref_mut().expect(LENT)
    }
}
