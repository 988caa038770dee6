//! Walks over all keys. A [`Walk`] visits each key with its elements. Checkpoints, dump files, full syncs and tools are
//! visitors. `loading` does the reverse at a start.
//!
//! A walk in steps takes one shard's lock at a time, so it does not show one moment. It promises this: a key is visited
//! at most once, and exactly once if it exists during the whole walk. A small value is as it was at one moment. The
//! elements of a value that takes several steps depend on the order ([`WalkOrder`]):
//!
//! - `EachOnce`: each element is visited at most once, with a score that it had during the walk, and exactly once if it
//!   is in the value during the whole walk. This is for a file that is not corrected afterwards.
//! - `InOrder`: in the order of the value; an element that moves may be missed or visited twice. This is for a
//!   checkpoint: the journal after it has every Change made since the walk began, and Changes are absolute, so
//!   replaying them over the walk's result gives the correct state. A start builds faster from elements in order.
//!
//! On a [`Frozen`] store a walk shows one moment. As in Redis, an expired key that is not removed yet is visited: the
//! reader of the file decides whether to load it.

pub(super) mod census;
pub(super) mod checkpoint;
pub(super) mod loading;
pub(super) mod summing;

use super::change::DatabaseNumbering;
use super::change::seq::Seq;
use super::keys::keyspace::Entry;
use super::keys::uses::{Use, UseClock};
use super::libraries::FunctionLibraries;
use super::numbers::{DatabaseIndex, KeyspaceIndex};
use super::shard::{DatabaseSize, Shard};
use super::sharded::Store;
use super::values::board::BoardRules;
use super::values::board::policy::BoardTemplates;
use super::values::kinds::{Element, Kind, Value};
use super::values::stored::{Position, WalkOrder};
use crate::limits;
use parking_lot::{RwLockReadGuard, RwLockWriteGuard};
use std::collections::VecDeque;

/// Keys in one step. Those of more than [`SMALL_ELEMENTS`] elements take steps of their own.
const KEYS_PER_STEP: usize = 16;

/// Most elements of a value that shares a step with other keys.
const SMALL_ELEMENTS: usize = limits::MEMBERS_PER_LOCK / KEYS_PER_STEP;

/// Most elements of a value that is visited in one step.
const WHOLE_ELEMENTS: usize = limits::MEMBERS_PER_LOCK;

/// Elements in one step of a larger value. In the order of hashes there are fewer, because each one waits for memory.
fn elements_per_step(order: WalkOrder) -> usize {
    match order {
        WalkOrder::InOrder => limits::MEMBERS_PER_LOCK,
        WalkOrder::EachOnce => limits::MEMBERS_PER_LOCK / 4,
    }
}

/// A key and when it expires, in unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct KeyHead<'a> {
    /// The key's name.
    pub key: &'a [u8],
    /// `None`: never.
    pub expire_at_ms: Option<u64>,
    /// Whether some of its elements expire.
    pub has_dated_elements: bool,
    /// What is known of its uses, if files say so ([`Store::write_uses`]).
    pub last_use: Option<Use>,
    /// What a sorted set with a policy has beside its members.
    pub rules: Option<&'a BoardRules>,
    /// The last record whose changes the value can contain, when the walk begins with it.
    pub as_of: Seq,
}

/// The number of elements of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Exactly this number of elements follows, all in this step.
    Exactly(usize),
    /// The elements follow in several steps. This is their present number.
    About(usize),
}

/// Receives the keys and elements of a [`Walk`]. It is called under a shard's lock, so no method may block.
pub trait Visitor {
    /// Begins `database`, which has this size at this moment.
    fn database(&mut self, database: DatabaseIndex, size: DatabaseSize);
    /// Begins a value of type `kind` that is not empty, unless it has rules. Its elements follow, then its end.
    fn begin(&mut self, head: KeyHead<'_>, kind: Kind, length: Length);
    /// An element of the present value.
    fn element(&mut self, head: KeyHead<'_>, element: Element<'_>);
    /// Ends the present value.
    fn end(&mut self, head: KeyHead<'_>, kind: Kind);
}

/// A store with all its locks taken: no other thread reads or writes a key until this is dropped.
pub struct Frozen<'s> {
    store: &'s Store,
    shards: Vec<RwLockWriteGuard<'s, Shard>>,
}

/// A walk over all keys, database by database.
pub struct Walk<'s> {
    store: &'s Store,
    order: WalkOrder,
    /// The clock of the walk's beginning, if files say how keys are used.
    uses: Option<UseClock>,
    /// The shards, if all of them are held; otherwise each step takes one lock.
    frozen: Option<&'s [RwLockWriteGuard<'s, Shard>]>,
    /// The numbering at the beginning of the walk. A later SWAPDB does not show: each keyspace is visited once, as the
    /// database that had it.
    numbering: DatabaseNumbering,
    /// The database of the present keyspace. If `cursor` is `None` and `large` is empty, the walk begins its next
    /// keyspace.
    database: DatabaseIndex,
    shard: usize,
    /// The cursor of the keyspace's scan; `None` if the scan has ended.
    cursor: Option<u64>,
    /// Keys of this keyspace whose values take steps of their own.
    large: VecDeque<LargeKey>,
}

/// The walk's position in a large value.
#[derive(Debug)]
struct LargeKey {
    key: Box<[u8]>,
    begun: Option<Begun>,
}

/// The key whose walk has begun, and where it continues.
#[derive(Debug)]
enum Begun {
    /// In the value as it is by then.
    InPlace(Kind, Position),
    /// In the value as it was.
    OfItsMoment {
        value: Value,
        expire_at_ms: Option<u64>,
        last_use: Option<Use>,
        as_of: Seq,
        position: Option<Position>,
    },
}

impl Store {
    /// Begins a walk in steps that visits each element once, while other threads read and write.
    #[must_use]
    pub fn export(&self) -> Walk<'_> {
        Walk::new(self, None, WalkOrder::EachOnce)
    }

    /// Takes all locks, in ascending order like every hold.
    #[must_use]
    pub fn freeze(&self) -> Frozen<'_> {
        Frozen { store: self, shards: self.shards.iter().map(|shard| shard.write()).collect() }
    }
}

impl Frozen<'_> {
    /// Begins a walk that shows this moment.
    #[must_use]
    pub fn export(&self) -> Walk<'_> {
        Walk::new(self.store, Some(&self.shards), WalkOrder::EachOnce)
    }

    /// Swaps all keys and libraries of functions with those of `other`. Nothing is recorded: for the journal and for clients the two must be the
    /// same.
    ///
    /// # Panics
    /// If `other` has another number of shards or databases.
    pub fn replace_by(mut self, other: &Store) {
        assert!(other.shards.len() == self.shards.len() && other.databases == self.store.databases);
        for (shard, other) in self.shards.iter_mut().zip(&other.shards) {
            shard.swap_keys(&mut other.write());
        }
        self.store.libraries.swap(&other.libraries);
    }
}

impl<'s> Walk<'s> {
    fn new(store: &'s Store, frozen: Option<&'s [RwLockWriteGuard<'s, Shard>]>, order: WalkOrder) -> Self {
        let kept = Some(store.uses_kept.get()).filter(|_| store.uses_kept.are_written());
        let uses = kept.map(|kept| UseClock::at(kept, store.clock.now_ms()));
        let numbering = match frozen {
            Some(shards) => shards[0].numbering(),
            None => store.numbering(),
        };
        Self {
            store,
            order,
            uses,
            frozen,
            numbering,
            database: 0,
            shard: 0,
            cursor: None,
            large: VecDeque::new(),
        }
    }

    /// The templates of boards, as they are now.
    #[must_use]
    pub fn templates(&self) -> &'s BoardTemplates {
        &self.store.templates
    }

    /// The libraries of functions, as they are now.
    #[must_use]
    pub fn libraries(&self) -> &'s FunctionLibraries {
        &self.store.libraries
    }

    /// The present keyspace.
    fn keyspace(&self) -> KeyspaceIndex {
        self.numbering.keyspace_of(self.database)
    }

    /// Visits the next part, at most about [`limits::MEMBERS_PER_LOCK`] elements under one lock. Returns whether there
    /// may be more.
    pub fn step(&mut self, visitor: &mut impl Visitor) -> bool {
        if self.database == self.store.databases() {
            return false;
        }
        if self.shard == 0 && self.cursor.is_none() && self.large.is_empty() {
            visitor.database(self.database, self.size());
        }
        if let Some(large) = self.large.pop_front() {
            self.step_large(large, visitor);
        } else {
            self.step_keys(self.cursor.unwrap_or(0), visitor);
        }
        if self.cursor.is_none() && self.large.is_empty() {
            self.shard += 1;
            if self.shard == self.store.shard_count() {
                self.shard = 0;
                self.database += 1;
            }
        }
        true
    }

    fn size(&self) -> DatabaseSize {
        let mut size = DatabaseSize::default();
        match self.frozen {
            Some(shards) => shards.iter().for_each(|shard| size.add(shard.numbered(self.keyspace()))),
            None => {
                for shard in &self.store.shards {
                    size.add(shard.read().numbered(self.keyspace()));
                }
            }
        }
        size
    }

    fn lock(&self) -> Lock<'s> {
        match self.frozen {
            Some(shards) => Lock::Held(&shards[self.shard]),
            None => Lock::Taken(self.store.shards[self.shard].read()),
        }
    }

    fn step_keys(&mut self, cursor: u64, visitor: &mut impl Visitor) {
        let shard = self.lock();
        let (order, uses) = (self.order, self.uses);
        let next = shard.numbered(self.keyspace()).scan(cursor, KEYS_PER_STEP, |entry| {
            if entry.value.elements() > SMALL_ELEMENTS {
                self.large.push_back(LargeKey { key: (*entry.key).into(), begun: None });
            } else {
                visit_whole(entry, head_of(entry, shard.last_seq, uses), order, visitor);
            }
        });
        self.cursor = Some(next).filter(|&next| next != 0);
    }

    fn step_large(&mut self, large: LargeKey, visitor: &mut impl Visitor) {
        let LargeKey { key, begun } = large;
        let in_place = match begun {
            Some(begun @ Begun::OfItsMoment { .. }) => return self.step_moment(key, begun, visitor),
            Some(Begun::InPlace(kind, position)) => Some((kind, position)),
            None => None,
        };
        let shard = self.lock();
        let entry = shard.numbered(self.keyspace()).get(self.store.locate(&key));
        let now = entry.map(|entry| entry.value.kind());
        if let Some((kind, _)) = in_place
            && now != Some(kind)
        {
            // It is gone, or something else now.
            let head = KeyHead {
                key: &key,
                expire_at_ms: None,
                has_dated_elements: false,
                last_use: None,
                rules: None,
                as_of: shard.last_seq,
            };
            visitor.end(head, kind);
            return;
        }
        let Some(entry) = entry else { return };
        let (value, head, kind) =
            (&entry.value, head_of(entry, shard.last_seq, self.uses), entry.value.kind());
        if in_place.is_none() && value.elements() <= WHOLE_ELEMENTS {
            visit_whole(entry, head, self.order, visitor);
            return;
        }
        if in_place.is_none() {
            if let Some(value) = value.of_this_moment() {
                visitor.begin(head, kind, Length::Exactly(value.elements()));
                let KeyHead { expire_at_ms, last_use, as_of, .. } = head;
                let begun = Begun::OfItsMoment { value, expire_at_ms, last_use, as_of, position: None };
                self.large.push_front(LargeKey { key, begun: Some(begun) });
                return;
            }
            visitor.begin(head, kind, Length::About(value.elements()));
        }
        let from = in_place.as_ref().map(|(_, position)| position);
        let mut see = |element: Element<'_>| visitor.element(head, element);
        match value.walk(from, elements_per_step(self.order), self.order, &mut see) {
            None => visitor.end(head, kind),
            Some(next) => {
                self.large.push_front(LargeKey { key, begun: Some(Begun::InPlace(kind, next)) });
            }
        }
    }

    /// Goes on in a value as it was, under no lock.
    fn step_moment(&mut self, key: Box<[u8]>, begun: Begun, visitor: &mut impl Visitor) {
        let Begun::OfItsMoment { value, expire_at_ms, last_use, as_of, position } = begun else { return };
        let has_dated_elements = value.first_due_ms().is_some();
        let rules = value.rules();
        let head = KeyHead { key: &key, expire_at_ms, has_dated_elements, last_use, rules, as_of };
        let mut see = |element: Element<'_>| visitor.element(head, element);
        match value.walk(position.as_ref(), elements_per_step(self.order), self.order, &mut see) {
            None => visitor.end(head, value.kind()),
            position => {
                let begun = Begun::OfItsMoment { value, expire_at_ms, last_use, as_of, position };
                self.large.push_front(LargeKey { key, begun: Some(begun) });
            }
        }
    }
}

fn head_of(entry: Entry<'_>, as_of: Seq, uses: Option<UseClock>) -> KeyHead<'_> {
    KeyHead {
        key: entry.key,
        expire_at_ms: entry.expire_at_ms(),
        has_dated_elements: entry.value.first_due_ms().is_some(),
        last_use: uses.map(|uses| uses.read(entry.mark.get())),
        rules: entry.value.rules(),
        as_of,
    }
}

fn visit_whole(entry: Entry<'_>, head: KeyHead<'_>, order: WalkOrder, visitor: &mut impl Visitor) {
    let (value, kind) = (&entry.value, entry.value.kind());
    visitor.begin(head, kind, Length::Exactly(value.elements()));
    value.walk(None, usize::MAX, order, &mut |element| visitor.element(head, element));
    visitor.end(head, kind);
}

/// Read access to a shard.
enum Lock<'s> {
    Held(&'s Shard),
    Taken(RwLockReadGuard<'s, Shard>),
}

impl std::ops::Deref for Lock<'_> {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        match self {
            Self::Held(shard) => shard,
            Self::Taken(shard) => shard,
        }
    }
}

impl std::fmt::Debug for Frozen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frozen").field("store", self.store).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walk")
            .field("database", &self.database)
            .field("shard", &self.shard)
            .finish_non_exhaustive()
    }
}
