//! The store: all keys of all databases, in shards.

use super::access::slot;
use super::change::basis::Basis;
use super::change::buffer::ChangeBuffer;
use super::change::feed::Feed;
use super::change::seq::Seq;
use super::change::sink::ChangeSink;
use super::damage::Damage;
use super::event::{EventSink, KeyEvent};
use super::keys::cursor::{self, CursorCode};
use super::keys::interest::Ticket;
use super::keys::table;
use super::numbers::DatabaseIndex;
use super::reclaim::Reclaimer;
use super::shard::Shard;
use crate::config::EventClasses;
use crate::machine::clock::Clock;
use foldhash::quality::FixedState;
use parking_lot::RwLock;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// So many that a shard's number fits into a cursor, and has a slot at least.
const MOST_SHARDS: usize = 1 << (cursor::BITS - table::CURSOR_BITS);

const _: () = assert!(MOST_SHARDS <= slot::SLOTS as usize);

/// All keys of all databases.
pub struct Store {
    pub(in crate::store) shards: Box<[RwLock<Shard>]>,
    pub(in crate::store) databases: DatabaseIndex,
    /// Keys every hash.
    seed: u64,
    hasher: FixedState,
    cursors: CursorCode,
    pub(in crate::store) clock: Clock,
    sink: OnceLock<Arc<dyn ChangeSink>>,
    event_sink: OnceLock<Arc<dyn EventSink>>,
    /// [`EventClasses`] that are published.
    event_classes: AtomicU32,
    pub(in crate::store) reclaimer: Reclaimer,
    pub(in crate::store) damage: Damage,
    expired_keys: AtomicU64,
    expired_fields: AtomicU64,
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
        let shard = || RwLock::new(Shard::new(databases, seed));
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
            expired_fields: AtomicU64::new(0),
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

    pub(in crate::store) fn event_classes(&self) -> EventClasses {
        EventClasses::from_bits(self.event_classes.load(Ordering::Relaxed))
    }

    pub(in crate::store) fn publish(&self, events: &[KeyEvent], basis: &Basis) {
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

    /// Fields of hashes removed because their time had come, since start.
    #[must_use]
    pub fn expired_fields(&self) -> u64 {
        self.expired_fields.load(Ordering::Relaxed)
    }

    /// Counts fields that were removed because their time had come.
    pub(in crate::store) fn count_expired_fields(&self, fields: usize) {
        self.expired_fields.fetch_add(fields as u64, Ordering::Relaxed);
    }

    /// How often a database was emptied, or all. Counted under all locks: whoever sees what a flush has left also sees
    /// another number than those who looked before it.
    #[must_use]
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// Removes every key of `database` in `shard`, or of all databases if `None`.
    pub(in crate::store) fn flush_shard(&self, shard: &mut Shard, database: Option<DatabaseIndex>) {
        shard.flush(database, |keyspace| self.reclaimer.free_keyspace(keyspace));
    }

    /// Counts a key that was removed because its time had come.
    pub(in crate::store) fn count_expired(&self) {
        self.expired_keys.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an emptying of a database, or of all.
    pub(in crate::store) fn count_flush(&self) {
        self.flushes.fetch_add(1, Ordering::Release);
    }

    /// Keys every hash.
    pub(in crate::store) fn seed(&self) -> u64 {
        self.seed
    }

    /// The hash of `key` in every keyspace. O(key length).
    pub(in crate::store) fn hash_of(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Keys that expire up to this moment count as missing at `now_ms`. Until a sink is attached none does: a key that is
    /// past by the clock may be renewed by what is still to be read, and its removal would be in no record.
    pub(in crate::store) fn expired_by_ms(&self, now_ms: u64) -> u64 {
        if self.sink.get().is_some() { now_ms } else { 0 }
    }

    pub(in crate::store) fn append(&self, records: &ChangeBuffer, now_ms: u64) -> Seq {
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
