//! Clients that wait until replicas have what they wrote (WAIT, WAITAOF).

use super::waiting::BlockedClient;
use crate::resp::reply::Reply;
use crate::store::Seq;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

/// How far replicas and the disk have come, as the process knows it.
pub trait ReplicaProgress {
    /// An offset at which the stream to replicas has all records up to `seq`, once it has.
    fn stream_offset(&self, seq: Seq) -> Option<u64>;

    /// How many replicas have applied the stream up to `offset`, or have it on their disks.
    fn replicas_with(&self, offset: u64, on_disk: bool) -> usize;

    /// Asks the replicas to acknowledge what they have now.
    fn request_acknowledgements(&self);

    /// Whether sentinels decide who leads.
    fn is_watched(&self) -> bool;

    /// The time of [`ReplicaProgress::led_at`], in nanoseconds.
    fn now_ns(&self) -> u64;

    /// Whether this server certainly was the master at `at_ns`.
    fn led_at(&self, at_ns: u64) -> bool;

    /// Has the sentinels asked whether this server is the master.
    fn want_lease(&self);

    /// Whether the record `seq` is on the disk of this server, safe from a power failure.
    fn is_synced(&self, seq: Seq) -> bool;

    /// Whether this server writes records to its disk.
    fn has_journal(&self) -> bool;
}

/// What a client waits for. Clones are the same wish.
#[derive(Clone, Debug)]
pub struct ReplicaWish {
    /// The last record that it wrote.
    written: Seq,
    /// The offset at which the stream has this record, once it is known.
    offset: Option<u64>,
    /// How many replicas shall have it.
    replicas: usize,
    /// Whether it shall be on disks: on this server's (`None`: WAIT, which asks for no disk), and on those of the replicas.
    on_disk: Option<LocalDisk>,
    /// How many replicas had it when that was seen to be more than before, and when that was. Where sentinels decide who leads.
    seen: (usize, u64),
    /// How many of them count, because this server was the master then.
    confirmed: Arc<AtomicUsize>,
}

/// The error of WAITAOF for a local disk without a journal.
pub const NO_JOURNAL: &str = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// Whether a record shall be on the disk of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalDisk {
    /// It need not be.
    Any,
    /// It shall be.
    Synced,
}

/// What has become of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WishProgress {
    is_local: bool,
    replicas: usize,
    is_fulfilled: bool,
}

impl ReplicaWish {
    /// `replicas` shall have the record `written`, `on_disk` if that is given, and so shall this server's disk.
    #[must_use]
    pub fn new(written: Seq, replicas: usize, on_disk: Option<LocalDisk>) -> Self {
        let offset = (written == Seq(0)).then_some(0);
        Self { written, offset, replicas, on_disk, seen: (0, 0), confirmed: Arc::default() }
    }

    /// How far it is fulfilled.
    pub fn progress(&mut self, process: &dyn ReplicaProgress) -> WishProgress {
        self.offset = self.offset.or_else(|| process.stream_offset(self.written));
        let replicas = self.offset.map_or(0, |offset| process.replicas_with(offset, self.on_disk.is_some()));
        let replicas = if process.is_watched() { self.confirm(replicas, process) } else { replicas };
        let is_local = self.on_disk.is_some() && process.is_synced(self.written);
        let wants_local = self.on_disk == Some(LocalDisk::Synced);
        WishProgress {
            is_local,
            replicas,
            is_fulfilled: replicas >= self.replicas && (is_local || !wants_local),
        }
    }

    /// Of the `replicas` that have it, how many had it when this server certainly was the master. Otherwise another one may lead,
    /// which does not have what they have. Once they count they count for ever.
    fn confirm(&mut self, replicas: usize, process: &dyn ReplicaProgress) -> usize {
        if replicas > self.seen.0 {
            // The clock behind the count.
            self.seen = (replicas, process.now_ns());
        }
        let (seen, at_ns) = self.seen;
        if seen > self.confirmed.load(Ordering::Relaxed) && process.led_at(at_ns) {
            self.confirmed.fetch_max(seen, Ordering::Relaxed);
        }
        self.confirmed.load(Ordering::Relaxed)
    }

    /// Whether replicas have it of which it is not known whether they count.
    fn awaits_word(&self) -> bool {
        self.seen.0 > self.confirmed.load(Ordering::Relaxed)
    }

    /// The reply of its command.
    pub fn reply(&self, progress: WishProgress, reply: &mut Reply<'_>) {
        if self.on_disk.is_some() {
            reply.array(2);
            reply.integer(i64::from(progress.is_local));
        }
        reply.count(progress.replicas);
    }
}

impl WishProgress {
    /// Whether there is nothing to wait for.
    #[must_use]
    pub fn is_fulfilled(self) -> bool {
        self.is_fulfilled
    }
}

/// The clients that wait.
#[derive(Debug, Default)]
pub struct ReplicaWaits(Mutex<Vec<(ReplicaWish, Weak<BlockedClient>)>>);

impl ReplicaWaits {
    /// The client waits from now on.
    pub fn add(&self, wish: ReplicaWish, client: &Arc<BlockedClient>) {
        self.0.lock().push((wish, Arc::downgrade(client)));
    }

    /// Ends the waits that are over. Called when replicas have acknowledged something, or records have been synced, or this
    /// server is certain to have been the master until now.
    pub fn look(&self, process: &dyn ReplicaProgress) {
        let mut awaits_word = false;
        let mut waits = self.0.lock();
        waits.retain_mut(|(wish, client)| {
            let Some(client) = client.upgrade() else { return false };
            let was_unknown = wish.offset.is_none();
            if wish.on_disk == Some(LocalDisk::Synced) && !process.has_journal() {
                // It was turned off meanwhile.
                client.end(|reply| reply.error(NO_JOURNAL));
                return false;
            }
            let progress = wish.progress(process);
            if progress.is_fulfilled {
                client.end(|reply| wish.reply(progress, reply));
                return false;
            }
            if was_unknown && wish.offset.is_some() {
                process.request_acknowledgements();
            }
            awaits_word |= wish.awaits_word();
            true
        });
        if awaits_word {
            process.want_lease();
        }
    }

    /// Whether a client waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}
