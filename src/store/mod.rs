//! Where is it? Key to hash slot to shard to value; the only locks; expiry.
//!
//! A [`Store`] is a power of two of shards, each one lock over the keys of its slots in every database. Whoever wants
//! a key takes a [`Hold`] on its shard: a read hold answers questions, a write hold also changes things, and it is
//! the only way to. Each change leaves a [`change`] behind, and when the hold ends its records go to the journal
//! before the lock is given back: the journal's order is the order of application, key by key.
//!
//! | folder or file | its subject |
//! |---|---|
//! | `access` | the ways to a key: from its name to its shard, under a lock, to read and to change it |
//! | `keys` | one database's keys in one shard: the table of entries, what expires when, who waits for what |
//! | `values` | what a key holds |
//! | `change` | what became true, on its way to the journal and to further readers ([`change::feed`]), and back |
//! | `walk` | walks over everything: a checkpoint's, a dump file's, and a start's way back in bulk |
//! | `event`, `reclaim`, `damage` | keyspace events, large values being freed, values that a panic has damaged |
//!
//! Knows nothing of requests, replies, files or threads but the one that frees large values (`reclaim`).

mod access;
pub mod change;
mod damage;
pub mod event;
pub mod keys;
mod reclaim;
mod values;
mod walk;

pub use access::hold::{Hold, Lookups, Reader};
pub use access::located::Located;
pub use access::shards::{Looking, Shards};
pub use access::slot::{SLOTS, Slot};
pub use access::writer::{Missing, RankingEdit, SetEdit, Writer};
pub use change::DatabaseIndex;
pub use change::basis::{Basis, OpenRecord};
pub use change::replay::UnknownDatabase;
pub use change::sink::Seq;
pub use keys::cursor::CursorCode;
pub use keys::small_bytes::SmallBytes;
pub use values::members::Members;
pub use values::value::{Kind, Value, WrongType};
pub use walk::checkpoint::Snapshot;
pub use walk::export::{Census, Export, ExportVisitor, Frozen, KeyHead, Length};
pub use walk::loading::{Loader, LoaderSizes};

use crate::config::EventClasses;
use crate::limits;
use crate::machine::clock::Clock;
use change::ChangeBuffer;
use change::feed::Feed;
use change::sink::ChangeSink;
use damage::Damage;
use event::{EventSink, KeyEvent};
use foldhash::quality::FixedState;
use keys::interest::Ticket;
use keys::keyspace::{Entry, Keyspace};
use parking_lot::RwLock;
use reclaim::Reclaimer;
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// One lock's worth of keys: its slots' keys in each database.
struct Shard {
    keyspaces: Box<[Keyspace]>,
    /// The last record that changed one of the keys. Whoever is told of them is told no more than up to here.
    last_seq: Seq,
}

impl Shard {
    fn keyspace(&self, database: DatabaseIndex) -> &Keyspace {
        &self.keyspaces[database as usize]
    }

    fn keyspace_mut(&mut self, database: DatabaseIndex) -> &mut Keyspace {
        &mut self.keyspaces[database as usize]
    }
}

/// What a hold may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look, beside other readers.
    Read,
    /// Change, alone.
    Write,
}

/// So many that a shard's number fits into a cursor, and has a slot at least.
const MOST_SHARDS: usize = 1 << (keys::cursor::BITS - keys::table::CURSOR_BITS);

const _: () = assert!(MOST_SHARDS <= SLOTS as usize);

/// Number of a shard, below [`Store::shard_count`].
pub type ShardIndex = usize;

/// Shards of a server's store: enough that two threads seldom want the same one, few enough that DBSIZE can visit all.
pub const SHARDS: usize = 64;

/// The keys of one database in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseSize {
    /// Keys, those included that have expired and are not yet removed.
    pub keys: usize,
    /// Keys that expire.
    pub expiring_keys: usize,
    /// The sum of the times at which they do, in unix milliseconds.
    pub expiry_sum_ms: u128,
}

impl DatabaseSize {
    fn add(&mut self, keyspace: &Keyspace) {
        self.keys += keyspace.len();
        self.expiring_keys += keyspace.expiring_len();
        self.expiry_sum_ms += keyspace.expiry_sum_ms();
    }
}

/// All keys of all databases.
pub struct Store {
    shards: Box<[RwLock<Shard>]>,
    databases: DatabaseIndex,
    /// Keys every hash.
    seed: u64,
    hasher: FixedState,
    cursors: CursorCode,
    clock: Clock,
    sink: OnceLock<Arc<dyn ChangeSink>>,
    event_sink: OnceLock<Arc<dyn EventSink>>,
    /// [`EventClasses`] that are published.
    event_classes: AtomicU32,
    reclaimer: Reclaimer,
    damage: Damage,
    expired_keys: AtomicU64,
    flushes: AtomicU64,
    last_ticket: AtomicU64,
}

impl Store {
    /// A store of `shards` shards (a power of two) and `databases` databases; `seed` keys its hashes.
    ///
    /// # Panics
    /// If `shards` is not a power of two or `databases` is 0: both are checked when the configuration is read.
    #[must_use]
    pub fn new(shards: usize, databases: DatabaseIndex, seed: u64, clock: Clock) -> Self {
        assert!(shards.is_power_of_two() && shards <= MOST_SHARDS && databases > 0);
        let shard = || {
            let keyspaces = (0..databases).map(|_| Keyspace::with_seed(seed)).collect();
            RwLock::new(Shard { keyspaces, last_seq: Seq::default() })
        };
        Self {
            shards: std::iter::repeat_with(shard).take(shards).collect(),
            databases,
            seed,
            hasher: FixedState::with_seed(seed),
            cursors: CursorCode::new(),
            clock,
            sink: OnceLock::new(),
            event_sink: OnceLock::new(),
            event_classes: AtomicU32::new(0),
            reclaimer: Reclaimer::start(),
            damage: Damage::default(),
            expired_keys: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            last_ticket: AtomicU64::new(0),
        }
    }

    /// From now on every record goes to `sink`, and keys expire. Called once, after everything has been read; later calls
    /// change nothing. What has been read rests on the last record that the sink knows of by then.
    pub fn attach(&self, sink: Arc<dyn ChangeSink>) {
        let last_seq = sink.last_seq();
        for shard in &self.shards {
            shard.write().last_seq = last_seq;
        }
        let _ = self.sink.set(sink);
    }

    /// From now on events go to `sink`. Called once; later calls change nothing.
    pub fn attach_events(&self, sink: Arc<dyn EventSink>) {
        let _ = self.event_sink.set(sink);
    }

    /// Publishes events of `classes` from the next hold on.
    pub fn set_event_classes(&self, classes: EventClasses) {
        let heard = if classes.is_silent() { EventClasses::default() } else { classes };
        self.event_classes.store(heard.bits(), Ordering::Relaxed);
    }

    fn event_classes(&self) -> EventClasses {
        EventClasses::from_bits(self.event_classes.load(Ordering::Relaxed))
    }

    fn publish(&self, events: &[KeyEvent], basis: &Basis) {
        if let Some(sink) = self.event_sink.get() {
            sink.publish(self.event_classes(), events, basis);
        }
    }

    /// A place in queues behind all that were given before.
    pub fn ticket(&self) -> Ticket {
        self.last_ticket.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The last record that was made, 0 before a sink is attached.
    #[must_use]
    pub fn last_seq(&self) -> Seq {
        self.sink.get().map_or(Seq(0), |sink| sink.last_seq())
    }

    /// Opens a feed of every record from the next one on; it holds up to `bound_bytes` bytes of them. Returns the number of
    /// the record before too. `None` before a sink is attached.
    #[must_use]
    pub fn open_feed(&self, bound_bytes: usize) -> Option<(Feed, Seq)> {
        self.sink.get().map(|sink| sink.open_feed(bound_bytes))
    }

    /// An empty store of the same shape, with the same hashes, without a sink: nothing expires in it.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self::new(self.shards.len(), self.databases, self.seed, self.clock.clone())
    }

    /// The number of databases, numbered from 0.
    #[must_use]
    pub fn databases(&self) -> DatabaseIndex {
        self.databases
    }

    /// The number of shards.
    #[must_use]
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// What clients' cursors mean.
    #[must_use]
    pub fn cursors(&self) -> &CursorCode {
        &self.cursors
    }

    /// Starts loading what stands at `keys`, a few dozen at most, so that a batch waits for memory once and not once a
    /// key. Waits for no lock: keys of a shard that is being written are left out.
    pub fn load_ahead<'k>(&self, database: DatabaseIndex, keys: impl Iterator<Item = Located<'k>>) {
        // All locks before all look-ups: a locked instruction between two loads would make one wait for the other.
        let held: SmallVec<[_; 16]> =
            keys.filter_map(|at| Some((at.hash, self.shards[at.shard].try_read()?))).collect();
        let entries: SmallVec<[_; 16]> =
            held.iter().filter_map(|(hash, shard)| shard.keyspace(database).load_entry(*hash)).collect();
        entries.into_iter().for_each(Entry::load_content);
    }

    /// The clock by which keys expire.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Keys removed because their time had come, since start.
    #[must_use]
    pub fn expired_keys(&self) -> u64 {
        self.expired_keys.load(Ordering::Relaxed)
    }

    /// How often a database was emptied, or all. Counted under all locks: whoever sees what a flush has left also sees
    /// another number than those who looked before it.
    #[must_use]
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    fn flush_shard(&self, shard: &mut Shard, database: Option<DatabaseIndex>) {
        for (index, keyspace) in shard.keyspaces.iter_mut().enumerate() {
            if database.is_none_or(|wanted| wanted as usize == index) && keyspace.len() > 0 {
                keyspace.note_flush();
                self.reclaimer.free_keyspace(keyspace.take());
            }
        }
    }

    /// Removes keys of one shard whose time has come, at most [`limits::EXPIRED_PER_STEP`] of them. Returns whether
    /// there may be more.
    pub fn remove_expired(&self, shard: ShardIndex) -> bool {
        let expired_by_ms = self.expired_by_ms(self.clock.now_ms());
        let due =
            |keyspace: &Keyspace| keyspace.first_expiry_ms().is_some_and(|at_ms| at_ms <= expired_by_ms);
        if !self.shards[shard].read().keyspaces.iter().any(due) {
            return false;
        }
        let mut hold = Hold::on(self, &[shard], Access::Write, ChangeBuffer::default());
        let mut left = limits::EXPIRED_PER_STEP;
        for database in 0..self.databases {
            while left > 0 && hold.writer(database).remove_one_expired(shard) {
                left -= 1;
            }
        }
        left == 0
    }

    /// Keys that expire up to this moment count as missing at `now_ms`. Until a sink is attached none does: a key that is
    /// past by the clock may be renewed by what is still to be read, and its removal would be in no record.
    fn expired_by_ms(&self, now_ms: u64) -> u64 {
        if self.sink.get().is_some() { now_ms } else { 0 }
    }

    fn append(&self, records: &ChangeBuffer, now_ms: u64) -> Seq {
        self.sink.get().map_or(Seq(0), |sink| sink.append(now_ms, records))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("shards", &self.shards.len())
            .field("databases", &self.databases)
            .finish()
    }
}
