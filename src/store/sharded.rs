//! The store: all keys of all databases, in shards.

use super::access::hold::Hold;
use super::access::slot;
use super::change::DatabaseNumbering;
use super::change::basis::Basis;
use super::change::buffer::ChangeBuffer;
use super::change::feed::Feed;
use super::change::position::FollowedPosition;
use super::change::readers::RecordReaders;
use super::change::seq::Seq;
use super::change::sink::ChangeSink;
use super::damage::Damage;
use super::event::{EventSink, KeyEvent, StaleKey, StaleKeySink};
use super::eviction::Evictor;
use super::keys::cursor::{self, CursorCode};
use super::keys::interest::Ticket;
use super::keys::table;
use super::keys::uses::{SharedUsesKept, UseClock, UsesKept};
use super::libraries::FunctionLibraries;
use super::numbers::{DatabaseIndex, ShardIndex};
use super::reclaim::Reclaimer;
use super::shard::{LockedShard, Shard, ShardLock};
use super::values::board::policy::BoardTemplates;
use crate::config::{EventClasses, SetBounds};
use crate::machine::clock::Clock;
use foldhash::quality::FixedState;
use parking_lot::Mutex;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// A shard's number must fit into a cursor, and each shard must have a slot.
const MOST_SHARDS: usize = 1 << (cursor::BITS - table::CURSOR_BITS);

const _: () = assert!(MOST_SHARDS <= slot::SLOTS as usize);

/// All keys of all databases.
pub struct Store {
    pub(in crate::store) shards: Box<[ShardLock]>,
    pub(in crate::store) databases: DatabaseIndex,
    /// The seed of every hash.
    seed: u64,
    hasher: FixedState,
    cursors: CursorCode,
    pub(in crate::store) clock: Clock,
    sink: OnceLock<Arc<dyn ChangeSink>>,
    /// Who reads records, if the sink says so.
    record_readers: OnceLock<Arc<RecordReaders>>,
    event_sink: OnceLock<Arc<dyn EventSink>>,
    stale_key_sink: OnceLock<Arc<dyn StaleKeySink>>,
    /// The [`EventClasses`] that are published.
    event_classes: AtomicU32,
    pub(in crate::store) uses_kept: SharedUsesKept,
    pub(in crate::store) evictor: Evictor,
    /// The fields of the [`SetBounds`].
    set_bounds: [AtomicUsize; 3],
    pub(in crate::store) reclaimer: Reclaimer,
    pub(in crate::store) damage: Damage,
    pub(in crate::store) libraries: FunctionLibraries,
    expired_keys: AtomicU64,
    expired_fields: AtomicU64,
    flushes: AtomicU64,
    /// The number of [`Snapshot`](super::Snapshot)s.
    pub(in crate::store) snapshots: AtomicUsize,
    last_ticket: AtomicU64,
    /// How many holds are being extended just now.
    pub(in crate::store) extending: AtomicUsize,
    pub(in crate::store) templates: BoardTemplates,
    /// See [`Store::position`].
    pub(in crate::store) position: Mutex<Option<FollowedPosition>>,
    /// See [`Store::leave_removal_to_master`].
    pub(in crate::store) leaves_removal: AtomicBool,
    /// See [`Store::refuse_clients`].
    pub(in crate::store) refuses_clients: AtomicBool,
    /// See [`Store::is_abandoned`].
    pub(in crate::store) is_abandoned: AtomicBool,
}

impl Store {
    /// A store of `shards` shards (a power of two) and `databases` databases. `seed` keys its hashes.
    ///
    /// # Panics
    /// If `shards` is not a power of two or `databases` is 0. Both are checked when the configuration is read.
    #[must_use]
    pub fn new(shards: usize, databases: DatabaseIndex, seed: u64, clock: Clock) -> Self {
        assert!(shards.is_power_of_two() && shards <= MOST_SHARDS && databases > 0);
        // What is read at a start counts as used then.
        let first_mark = UseClock::at(UsesKept::LastUse, clock.now_ms()).first_mark();
        let shard = || ShardLock::new(LockedShard::new(Shard::new(databases, seed, first_mark)));
        Self {
            shards: std::iter::repeat_with(shard).take(shards).collect(),
            databases,
            seed,
            hasher: FixedState::with_seed(seed),
            cursors: CursorCode::new(),
            clock,
            sink: OnceLock::new(),
            record_readers: OnceLock::new(),
            event_sink: OnceLock::new(),
            stale_key_sink: OnceLock::new(),
            event_classes: AtomicU32::new(0),
            uses_kept: SharedUsesKept::new(),
            evictor: Evictor::default(),
            set_bounds: parts_of(SetBounds::DEFAULT).map(AtomicUsize::new),
            reclaimer: Reclaimer::start(),
            damage: Damage::default(),
            libraries: FunctionLibraries::default(),
            expired_keys: AtomicU64::new(0),
            expired_fields: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            snapshots: AtomicUsize::new(0),
            last_ticket: AtomicU64::new(0),
            extending: AtomicUsize::new(0),
            templates: BoardTemplates::default(),
            position: Mutex::new(None),
            leaves_removal: AtomicBool::new(false),
            refuses_clients: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
        }
    }

    /// Attaches the journal: every later record goes to `sink`, and keys expire. Called once, after recovery; later
    /// calls have no effect. The recovered keys rest on the last record that the sink has at this moment.
    pub fn attach(&self, sink: Arc<dyn ChangeSink>) {
        let last_seq = sink.last_seq();
        for shard in &self.shards {
            let mut shard = shard.write();
            shard.last_seq = last_seq;
            shard.recount_sizes();
        }
        if let Some(readers) = sink.readers() {
            let _ = self.record_readers.set(readers);
        }
        let _ = self.sink.set(sink);
    }

    /// Whether the records of a hold that begins now will be read.
    pub(in crate::store) fn records_are_read(&self) -> bool {
        self.record_readers.get().is_none_or(|readers| readers.are_there())
    }

    /// Waits until every hold of other owners that has locks now has ended. `held` are the locks that the caller holds.
    pub fn await_holds(&self, held: Option<&Hold<'_>>) {
        let is_held = |index: usize| held.is_some_and(|hold| hold.shard(index).is_some());
        for (_, shard) in self.shards.iter().enumerate().filter(|(index, _)| !is_held(*index)) {
            drop(shard.read());
        }
    }

    /// Sends all later events to `sink`. Called once; later calls have no effect.
    pub fn attach_events(&self, sink: Arc<dyn EventSink>) {
        let _ = self.event_sink.set(sink);
    }

    /// Sets the classes of events that are published from the next hold on.
    pub fn set_event_classes(&self, classes: EventClasses) {
        let heard = if classes.is_silent() { EventClasses::default() } else { classes };
        let keep =
            |bits| Some(EventClasses::from_bits(bits & EventClasses::CACHED_KEYS.bits()).with(heard).bits());
        let _ = self.event_classes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, keep);
    }

    /// Sends the keys that change from the next hold on to `sink`, if `are_wanted`. The first call names the sink for good.
    pub fn watch_all_keys(&self, sink: &Arc<impl StaleKeySink + 'static>, are_wanted: bool) {
        self.stale_key_sink.get_or_init(|| Arc::clone(sink) as Arc<dyn StaleKeySink>);
        let bit = EventClasses::CACHED_KEYS.bits();
        if are_wanted {
            self.event_classes.fetch_or(bit, Ordering::Relaxed);
        } else {
            self.event_classes.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    pub(in crate::store) fn invalidate(&self, stale: Vec<StaleKey>, by: u64, basis: &Basis) {
        if let Some(sink) = self.stale_key_sink.get() {
            sink.invalidate(stale, by, basis);
        }
    }

    pub(in crate::store) fn event_classes(&self) -> EventClasses {
        EventClasses::from_bits(self.event_classes.load(Ordering::Relaxed))
    }

    /// Sets the bounds by which a set takes its form when Changes are applied: at a start, and from a dump file. Commands bring
    /// theirs along.
    pub fn set_set_bounds(&self, bounds: SetBounds) {
        for (stored, part) in self.set_bounds.iter().zip(parts_of(bounds)) {
            stored.store(part, Ordering::Relaxed);
        }
    }

    pub(in crate::store) fn set_bounds(&self) -> SetBounds {
        let [intset_entries, listpack_entries, listpack_value_bytes] =
            self.set_bounds.each_ref().map(|part| part.load(Ordering::Relaxed));
        SetBounds { intset_entries, listpack_entries, listpack_value_bytes }
    }

    pub(in crate::store) fn publish(&self, events: &[KeyEvent], basis: &Basis) {
        if let Some(sink) = self.event_sink.get() {
            sink.publish(self.event_classes(), events, basis);
        }
    }

    /// A ticket behind all that were given before.
    pub fn ticket(&self) -> Ticket {
        self.last_ticket.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The number of the last record; 0 before a sink is attached.
    #[must_use]
    pub fn last_seq(&self) -> Seq {
        self.sink.get().map_or(Seq(0), |sink| sink.last_seq())
    }

    /// Opens a feed of all later records, which holds up to `bound_bytes` bytes of them. Also returns the number of the
    /// last record before them. `None` before a sink is attached.
    #[must_use]
    pub fn open_feed(&self, bound_bytes: usize) -> Option<(Feed, Seq)> {
        self.with_readers(None, |sink| sink.open_feed(bound_bytes))
    }

    /// Calls `open` when the records of all holds but `held` are written for readers.
    fn with_readers<R>(&self, held: Option<&Hold<'_>>, open: impl FnOnce(&dyn ChangeSink) -> R) -> Option<R> {
        let sink = self.sink.get()?;
        let _reader = self.record_readers.get().map(RecordReaders::register);
        self.await_holds(held);
        Some(open(&**sink))
    }

    /// As [`Store::open_feed`], and returns the keyspace of each database as of that record. `held` are the locks that the
    /// caller holds.
    #[must_use]
    pub fn open_numbered_feed(
        &self,
        bound_bytes: usize,
        held: Option<&Hold<'_>>,
    ) -> Option<(Feed, Seq, DatabaseNumbering)> {
        self.with_readers(held, |sink| {
            // An exchange of databases takes the locks of all shards.
            let open = |shard: &Shard| {
                let (feed, after) = sink.open_feed(bound_bytes);
                (feed, after, shard.numbering())
            };
            match held.and_then(|hold| hold.shard(0)) {
                Some(shard) => open(shard),
                None => open(&self.shards[0].read()),
            }
        })
    }

    /// An empty store with the same shards, databases and hashes, without a sink. No key expires in it.
    #[must_use]
    pub fn sibling(&self) -> Self {
        let sibling = Self::new(self.shards.len(), self.databases, self.seed, self.clock.clone());
        sibling.set_set_bounds(self.set_bounds());
        sibling
    }

    /// The templates of boards.
    #[must_use]
    pub fn templates(&self) -> &BoardTemplates {
        &self.templates
    }

    /// The libraries of functions.
    #[must_use]
    pub fn libraries(&self) -> &FunctionLibraries {
        &self.libraries
    }

    /// The number of databases.
    #[must_use]
    pub fn databases(&self) -> DatabaseIndex {
        self.databases
    }

    /// The keyspace of each database. Locks one shard.
    #[must_use]
    pub fn numbering(&self) -> DatabaseNumbering {
        self.shards[0].read().numbering()
    }

    /// The number of shards.
    #[must_use]
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// The code of the cursors that clients see.
    #[must_use]
    pub fn cursors(&self) -> &CursorCode {
        &self.cursors
    }

    /// The clock that decides which keys have expired.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The number of expired keys that were removed since the start.
    #[must_use]
    pub fn expired_keys(&self) -> u64 {
        self.expired_keys.load(Ordering::Relaxed)
    }

    /// Fields of hashes removed because their time had come, since start.
    #[must_use]
    pub fn expired_fields(&self) -> u64 {
        self.expired_fields.load(Ordering::Relaxed)
    }

    /// Sets the counts of expired keys and fields to 0.
    pub(in crate::store) fn reset_expired(&self) {
        self.expired_keys.store(0, Ordering::Relaxed);
        self.expired_fields.store(0, Ordering::Relaxed);
    }

    /// Counts fields that were removed because their time had come.
    pub(in crate::store) fn count_expired_fields(&self, fields: usize) {
        self.expired_fields.fetch_add(fields as u64, Ordering::Relaxed);
    }

    /// How often a database, or all, was flushed, or two were exchanged. It is counted under all locks: a thread that sees
    /// the result also sees a higher number than before.
    #[must_use]
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// Counts an expired key that was removed.
    pub(in crate::store) fn count_expired(&self) {
        self.expired_keys.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a flush, or an exchange of two databases.
    pub(in crate::store) fn count_flush(&self) {
        self.flushes.fetch_add(1, Ordering::Release);
    }

    /// The seed of every hash.
    pub(in crate::store) fn seed(&self) -> u64 {
        self.seed
    }

    /// The hash of `key` in every keyspace. O(key length).
    pub(in crate::store) fn hash_of(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The time up to which keys have expired at `now_ms`. Before a sink is attached no key expires: a later Change of
    /// the journal may renew a key that the clock has passed, and a removal would be in no record.
    pub(in crate::store) fn expired_by_ms(&self, now_ms: u64) -> u64 {
        if self.sink.get().is_some() { now_ms } else { 0 }
    }

    /// Hands records to the sink. Those of an abandoned store are lost.
    pub(in crate::store) fn append(&self, records: &ChangeBuffer, now_ms: u64) -> Seq {
        let sink = self.sink.get().filter(|_| !self.is_abandoned());
        sink.map_or(Seq(0), |sink| sink.append(now_ms, records))
    }

    /// Counts records that nobody reads, in place of handing them to the sink. `shard` is one that the caller has for writing.
    /// Returns the number that their replies rest on, or `None` if the sink must have them.
    #[inline]
    pub(in crate::store) fn count_unread(&self, records: &ChangeBuffer, shard: ShardIndex) -> Option<Seq> {
        let readers = self.record_readers.get()?;
        if records.have_readers() || readers.are_there() || self.is_abandoned() {
            return None;
        }
        self.shards[shard].count_unread(records.record_count() as u64);
        Some(readers.basis_of_unread())
    }

    /// How many records nobody read: the sink has not seen them. O(shards).
    #[must_use]
    pub fn unread_records(&self) -> u64 {
        self.shards.iter().map(|shard| shard.unread()).sum()
    }
}

fn parts_of(bounds: SetBounds) -> [usize; 3] {
    let SetBounds { intset_entries, listpack_entries, listpack_value_bytes } = bounds;
    [intset_entries, listpack_entries, listpack_value_bytes]
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("shards", &self.shards.len())
            .field("databases", &self.databases)
            .finish()
    }
}
