//! Clients that wait until replicas have what they wrote (WAIT, WAITAOF).

use super::waiting::BlockedClient;
use crate::resp::reply::Reply;
use crate::store::Seq;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// How far replicas and the disk have come, as the process knows it.
pub trait ReplicaProgress {
    /// An offset at which the stream to replicas has all records up to `seq`, once it has.
    fn stream_offset(&self, seq: Seq) -> Option<u64>;

    /// How many replicas have applied the stream up to `offset`, or have it on their disks.
    fn replicas_with(&self, offset: u64, on_disk: bool) -> usize;

    /// Asks the replicas to acknowledge what they have now.
    fn request_acknowledgements(&self);

    /// Whether the record `seq` is on the disk of this server, safe from a power failure.
    fn is_synced(&self, seq: Seq) -> bool;

    /// Whether this server writes records to its disk.
    fn has_journal(&self) -> bool;
}

/// What a client waits for.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaWish {
    /// The last record that it wrote.
    pub written: Seq,
    /// The offset at which the stream has this record, once it is known.
    pub offset: Option<u64>,
    /// How many replicas shall have it.
    pub replicas: usize,
    /// Whether it shall be on disks: on this server's (`None`: WAIT, which asks for no disk), and on those of the replicas.
    pub on_disk: Option<LocalDisk>,
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
    /// How far it is fulfilled.
    pub fn progress(&mut self, process: &dyn ReplicaProgress) -> WishProgress {
        if self.offset.is_none() && self.written == Seq(0) {
            self.offset = Some(0);
        }
        self.offset = self.offset.or_else(|| process.stream_offset(self.written));
        let replicas = self.offset.map_or(0, |offset| process.replicas_with(offset, self.on_disk.is_some()));
        let is_local = self.on_disk.is_some() && process.is_synced(self.written);
        let wants_local = self.on_disk == Some(LocalDisk::Synced);
        WishProgress {
            is_local,
            replicas,
            is_fulfilled: replicas >= self.replicas && (is_local || !wants_local),
        }
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

    /// Ends the waits that are over. Called when replicas have acknowledged something, or records have been synced.
    pub fn look(&self, process: &dyn ReplicaProgress) {
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
            true
        });
    }

    /// Whether a client waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}
