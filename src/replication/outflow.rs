//! The stream of this server: its history, its backlog, and the replicas that read it.
//!
//! On a master the bytes are the records of its own store, spelled as commands, and PINGs
//! and messages between them. On a replica they are the bytes of its master, appended as they are applied. Whoever appends
//! appends whole commands, and never waits for a replica: a replica that is too slow is given up.

use super::backlog::{Backlog, BacklogFacts};
use super::flow::{Flow, OutflowBounds, ReplicaEnd, StreamForm, StreamSource};
use super::history::History;
use super::id::ReplicationId;
use super::link::{ReplicaLink, ReplicaPhase};
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

/// Is told when replicas have acknowledged something, or have come or gone.
pub trait ProgressWatcher: Send + Sync {
    /// Something has changed. Called without a lock.
    fn progressed(&self);
}

/// The stream.
pub struct Outflow {
    pub(super) clock: Clock,
    pub(super) flow: Mutex<Flow>,
    watcher: OnceLock<Arc<dyn ProgressWatcher>>,
}

impl Outflow {
    /// A stream that has just begun, with a random identifier.
    #[must_use]
    pub fn new(clock: Clock, bounds: OutflowBounds) -> Arc<Self> {
        let history = History::begun(ReplicationId::random(&mut Chance::from_system()));
        let alone_since_ms = clock.now_ms();
        let flow = Flow {
            history,
            source: StreamSource::Own,
            backlog: None,
            bounds,
            links: Vec::new(),
            readers: Vec::new(),
            last_reader: 0,
            open_from: 0,
            whole_at: 0,
            is_exact: false,
            rounded_until: 0,
            before_restart: None,
            staged: Vec::new(),
            alone_since_ms,
            blanked: Vec::new(),
        };
        Arc::new(Self { clock, flow: Mutex::new(flow), watcher: OnceLock::new() })
    }

    /// Tells `watcher` of all progress from now on. The first call decides.
    pub fn watch(&self, watcher: Arc<dyn ProgressWatcher>) {
        let _ = self.watcher.set(watcher);
    }

    /// Tells the watcher that something has changed.
    pub fn tell_progress(&self) {
        if let Some(watcher) = self.watcher.get() {
            watcher.progressed();
        }
    }

    /// The identifiers and the offset.
    #[must_use]
    pub fn history(&self) -> History {
        self.flow.lock().history
    }

    /// Where the bytes come from.
    #[must_use]
    pub fn source(&self) -> StreamSource {
        self.flow.lock().source
    }

    /// Takes changed bounds.
    pub fn set_bounds(&self, bounds: OutflowBounds) {
        let mut flow = self.flow.lock();
        flow.bounds = bounds;
        flow.settle(self.clock.now_ms());
    }

    /// What INFO says of the backlog.
    #[must_use]
    pub fn backlog_facts(&self) -> BacklogFacts {
        let flow = self.flow.lock();
        let size_bytes = flow.bounds.backlog_bytes;
        match &flow.backlog {
            None => BacklogFacts { size_bytes, ..BacklogFacts::default() },
            Some(backlog) => BacklogFacts {
                is_active: true,
                size_bytes,
                first_byte: backlog.start() + 1,
                len_bytes: backlog.end() - backlog.start(),
            },
        }
    }

    /// Whether bytes that are appended are kept: there is a backlog.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.flow.lock().backlog.is_some()
    }

    /// Goes on with a history of an earlier run, whose data this server has. It serves replicas that have all of it.
    pub fn resume(&self, history: History, source: StreamSource) {
        let mut flow = self.flow.lock();
        flow.history = history;
        flow.source = source;
        let earlier = history.earlier.filter(|_| source == StreamSource::Own);
        flow.before_restart = earlier.map(|earlier| (earlier.id, earlier.end - 1));
        flow.begin_backlog();
        flow.alone_since_ms = self.clock.now_ms();
    }

    /// The history and the offset with which this server, a master until now, asks another for what follows. While it has added no
    /// byte since a restart, others can only know the identifier from before. `None` if its data belong to no stream.
    #[must_use]
    pub fn own_place(&self) -> Option<(ReplicationId, u64)> {
        let flow = self.flow.lock();
        let History { id, offset, .. } = flow.history;
        let before = flow.before_restart.filter(|(_, end)| *end == offset);
        flow.backlog.as_ref().map(|_| before.unwrap_or((id, offset)))
    }

    /// Begins to keep bytes, if it does not yet.
    pub fn activate(&self) {
        self.flow.lock().begin_backlog();
    }

    /// Whether no replica has been connected for `ttl_s` seconds (0: never so).
    #[must_use]
    pub fn is_alone_for(&self, ttl_s: u64) -> bool {
        let flow = self.flow.lock();
        let since_ms = self.clock.now_ms().saturating_sub(flow.alone_since_ms);
        ttl_s > 0 && flow.links.is_empty() && since_ms / 1000 >= ttl_s
    }

    /// Ends the backlog of a master. The history ends with it, because later changes are not counted.
    pub fn retire(&self) {
        let mut flow = self.flow.lock();
        if flow.source == StreamSource::Own && flow.links.is_empty() {
            flow.backlog = None;
            flow.is_exact = false;
            let (id, offset) = (ReplicationId::random(&mut Chance::from_system()), flow.history.offset);
            flow.history.replace(id, offset);
        }
    }

    /// Whether a replica is connected.
    #[must_use]
    pub fn has_replicas(&self) -> bool {
        !self.flow.lock().links.is_empty()
    }

    /// From the next bytes on the stream has commands for rankd.
    pub fn become_exact(&self) {
        self.flow.lock().is_exact = true;
    }

    /// Whether the stream has commands for rankd from the next bytes on: a replica has asked for them.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.flow.lock().is_exact
    }

    /// Whether a replica is connected that is no rankd.
    #[must_use]
    pub fn has_plain_replicas(&self) -> bool {
        self.flow.lock().links.iter().any(|link| !link.introduction().is_rankd)
    }

    /// Appends commands of this server, if it is a master. `has_rounded` says whether something of boards with a policy is in them
    /// without commands for rankd.
    pub fn append_own(&self, commands: &[u8], has_rounded: bool) {
        let mut flow = self.flow.lock();
        if flow.source == StreamSource::Own {
            let now_ms = if flow.readers.is_empty() { 0 } else { self.clock.now_ms() };
            flow.append(commands, now_ms);
            if has_rounded {
                flow.note_rounded();
            }
        }
    }

    /// From here on the stream continues with nothing before it: bytes were lost. Replicas have to begin anew.
    pub fn break_off(&self) {
        let mut flow = self.flow.lock();
        let (id, offset) = (ReplicationId::random(&mut Chance::from_system()), flow.history.offset);
        flow.history.replace(id, offset);
        flow.backlog = flow.backlog.take().map(|_| Backlog::at(offset));
        flow.interrupt();
    }

    /// Disconnects all replicas.
    pub fn interrupt_replicas(&self) {
        self.flow.lock().interrupt();
    }

    /// Lists a replica.
    pub fn list(&self, link: Arc<ReplicaLink>) {
        let mut flow = self.flow.lock();
        flow.links.push(link);
        flow.before_restart = None;
        drop(flow);
        self.tell_progress();
    }

    /// Takes a replica from the list.
    pub fn unlist(&self, client: u64) {
        {
            let mut flow = self.flow.lock();
            flow.links.retain(|link| link.client != client);
            if flow.links.is_empty() {
                flow.alone_since_ms = self.clock.now_ms();
            }
        }
        self.tell_progress();
    }

    /// The replicas, in the order in which they came.
    #[must_use]
    pub fn links(&self) -> Vec<Arc<ReplicaLink>> {
        self.flow.lock().links.clone()
    }

    /// Counts the replicas that are online and for which `counts` holds.
    pub fn count_online(&self, counts: impl Fn(&ReplicaLink) -> bool) -> usize {
        let flow = self.flow.lock();
        let is_online = |link: &&Arc<ReplicaLink>| {
            link.phase() == ReplicaPhase::Online && !link.introduction().wants_only_file
        };
        flow.links.iter().filter(is_online).filter(|link| counts(link)).count()
    }

    /// Begins to read behind the byte that is before the byte number `next` of the history `id`, if the backlog has what follows.
    /// Returns the identifier that the stream has now.
    #[must_use]
    pub(super) fn begin_to_continue(
        &self,
        id: ReplicationId,
        next: u64,
        form: StreamForm,
    ) -> Option<(u64, ReplicationId)> {
        let mut flow = self.flow.lock();
        let goes_on = flow.has_all_from(next, form) && flow.history.continues(id, next);
        goes_on.then(|| (flow.read_from(next - 1, form), flow.history.id))
    }

    /// A replica gets the stream from `from` on without some commands up to `to`, because its file has what they did. Where it
    /// leaves off between the two, it must not go on from the backlog.
    pub(super) fn note_blanks(&self, from: u64, to: u64) {
        self.flow.lock().note_blanks(from, to);
    }

    /// Begins to read behind `offset`, from which another reader keeps the bytes, or at the end. Returns the reader's number.
    pub(super) fn begin_reading(&self, offset: u64, form: StreamForm) -> u64 {
        self.flow.lock().read_from(offset, form)
    }

    /// The reader needs nothing more.
    pub(super) fn stop_reading(&self, reader: u64) {
        let mut flow = self.flow.lock();
        flow.readers.retain(|other| other.number != reader);
        flow.settle(self.clock.now_ms());
    }

    /// Appends up to `most` bytes that the reader has not got yet to `out`. Returns the offset in front of them. If there are
    /// none, wakes the task when there are.
    pub(super) fn poll_bytes(
        &self,
        reader: u64,
        most: usize,
        out: &mut Vec<u8>,
        context: &Context<'_>,
    ) -> Poll<Result<u64, ReplicaEnd>> {
        let mut flow = self.flow.lock();
        let flow = &mut *flow;
        let Some(reader) = flow.readers.iter_mut().find(|other| other.number == reader) else {
            return Poll::Ready(Err(ReplicaEnd::Interrupted));
        };
        if let Some(end) = reader.end {
            return Poll::Ready(Err(end));
        }
        let (position, before) = (reader.position, out.len());
        if let Some(backlog) = &flow.backlog {
            backlog.copy_into(position, most, out);
        }
        if out.len() == before {
            reader.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        reader.position += (out.len() - before) as u64;
        Poll::Ready(Ok(position))
    }

    /// Why the reader gets nothing more, if so.
    pub(super) fn end_of(&self, reader: u64) -> Option<ReplicaEnd> {
        let flow = self.flow.lock();
        flow.readers
            .iter()
            .find(|other| other.number == reader)
            .map_or(Some(ReplicaEnd::Interrupted), |other| other.end)
    }

    /// As [`Outflow::end_of`], and wakes the task when it comes.
    pub(super) fn poll_end(&self, reader: u64, context: &Context<'_>) -> Poll<ReplicaEnd> {
        let mut flow = self.flow.lock();
        let Some(reader) = flow.readers.iter_mut().find(|other| other.number == reader) else {
            return Poll::Ready(ReplicaEnd::Interrupted);
        };
        reader.waker = Some(context.waker().clone());
        reader.end.map_or(Poll::Pending, Poll::Ready)
    }

    /// Bytes that wait for the reader.
    pub(super) fn waiting_bytes(&self, reader: u64) -> usize {
        let flow = self.flow.lock();
        let reader = flow.readers.iter().find(|other| other.number == reader);
        reader.map_or(0, |reader| flow.history.offset.saturating_sub(reader.position) as usize)
    }
}

impl std::fmt::Debug for Outflow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outflow").field("history", &self.history()).finish_non_exhaustive()
    }
}
