//! A connection's requests and all that running them needs, in one piece that can be lent to another thread.

use crate::commands::engine::execute::run_batch;
use crate::commands::state::host::Host;
use crate::commands::state::session::{Next, Session};
use crate::commands::state::stats::Stats;
use crate::resp::reply::Reply;
use crate::resp::request::RequestBatch;
use bytes::BytesMut;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a connection needs to run its requests.
pub(in crate::server) struct Work {
    pub(in crate::server) session: Session,
    /// Bytes that have been received and not consumed yet.
    pub(in crate::server) input: BytesMut,
    /// The complete requests among them.
    pub(in crate::server) batch: RequestBatch,
    /// How many of the requests have been run.
    pub(in crate::server) done: usize,
    /// Replies that wait to be sent.
    pub(in crate::server) out: Vec<u8>,
}

impl Work {
    pub(in crate::server) fn new(session: Session) -> Self {
        Self { session, input: BytesMut::new(), batch: RequestBatch::default(), done: 0, out: Vec::new() }
    }

    /// Whether there are requests that the session is ready to run.
    pub(in crate::server) fn has_requests(&self) -> bool {
        self.done < self.batch.len()
    }

    /// Where the next reply goes.
    pub(in crate::server) fn reply(&mut self) -> Reply<'_> {
        Reply::new(&mut self.out, self.session.protocol)
    }

    /// Runs up to `most` requests (see [`run_batch`]) and returns how many were run. `stats` are the counters of the
    /// thread that runs them.
    pub(in crate::server) fn run(&mut self, host: &Host, stats: &Arc<Stats>, most: usize) -> usize {
        if !Arc::ptr_eq(&self.session.stats, stats) {
            self.session.stats = Arc::clone(stats);
        }
        let requests = self.batch.requests(&self.input).skip(self.done).take(most);
        // The engine guards each command. A panic outside of a command must not end the other connections of this
        // thread.
        let ran =
            catch_unwind(AssertUnwindSafe(|| run_batch(host, &mut self.session, requests, &mut self.out)));
        let ran = ran.unwrap_or_else(|_| {
            tracing::error!(peer = %self.session.client.address, "a batch panicked, disconnecting; please report this");
            stats.panics.add(1);
            self.session.next = Next::Drop;
            0
        });
        self.done += ran;
        ran
    }
}

/// A connection's work. The connection has it except while another thread runs it.
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
