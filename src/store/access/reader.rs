//! Read access to the held keys of one database.

use super::hold::Hold;
use crate::config::EventClasses;
use crate::store::keys::cursor::CursorCode;
use crate::store::keys::interest::Watch;
use crate::store::keys::keyspace::{Entry, KeyValue, Keyspace};
use crate::store::keys::located::Located;
use crate::store::keys::uses::Use;
use crate::store::numbers::DatabaseIndex;
use crate::store::values::board::policy::BoardTemplates;
use crate::store::values::kinds::{Kind, Value, WrongType};
use crate::store::values::stored::Stored;
use smallvec::SmallVec;

/// Keys of one command whose memory is loaded together: about as many as the processor can load at once.
const LOADED_TOGETHER: usize = 16;

/// How many look-ups found their key, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// The key existed.
    pub hits: u64,
    /// The key was missing.
    pub misses: u64,
}

/// Read access to the held keys of one database.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'h> {
    hold: &'h Hold<'h>,
    database: DatabaseIndex,
    located: Option<Located<'h>>,
    /// Whether look-ups count as hits and misses. As in Redis, those of a command that writes do not.
    counts: bool,
}

impl<'h> Reader<'h> {
    pub(super) fn new(hold: &'h Hold<'h>, database: DatabaseIndex) -> Self {
        Self { hold, database, located: None, counts: true }
    }

    #[inline(always)]
    fn entry(&self, key: &[u8]) -> Option<Entry<'h>> {
        let entry = self.find(key);
        if self.counts {
            self.count(key, entry.is_some());
        }
        entry
    }

    /// As [`Reader::entry`], and notes that the key is used.
    #[inline(always)]
    fn used_entry(&self, key: &[u8]) -> Option<Entry<'h>> {
        let entry = self.entry(key);
        if let Some(entry) = entry
            && self.counts
        {
            self.hold.uses.note(entry.mark);
        }
        entry
    }

    #[inline]
    fn count(&self, key: &[u8], is_there: bool) {
        if is_there { self.hold.count_hit() } else { self.count_miss(key) }
    }

    #[inline(never)]
    fn count_miss(&self, key: &[u8]) {
        let lookups = self.hold.lookups();
        self.hold.set_lookups(Lookups { misses: lookups.misses + 1, ..lookups });
        let mut events = self.hold.events.borrow_mut();
        events.push(EventClasses::KEY_MISS, "keymiss", self.database, key);
    }

    #[inline(always)]
    fn find(&self, key: &[u8]) -> Option<Entry<'h>> {
        self.find_any(key).filter(|entry| !entry.is_expired(self.hold.expired_by_ms))
    }

    /// The entry at the key, even if it has expired.
    #[inline(always)]
    fn find_any(&self, key: &[u8]) -> Option<Entry<'h>> {
        self.find_any_at(self.locate(key))
    }

    #[inline]
    fn find_any_at(&self, at: Located<'_>) -> Option<Entry<'h>> {
        self.keyspace_of(at).get(at)
    }

    #[inline]
    fn locate<'k>(&self, key: &'k [u8]) -> Located<'k>
    where
        'h: 'k,
    {
        let known = self.located.filter(|located| located.is_of(key));
        known.unwrap_or_else(|| self.hold.locate(key))
    }

    #[inline]
    fn keyspace_of(&self, at: Located<'_>) -> &'h Keyspace {
        self.hold.guard(at.shard).shard().keyspace(self.database)
    }

    /// The same access; one key has been located already.
    #[must_use]
    pub fn knowing(self, located: Option<Located<'h>>) -> Self {
        Self { located, ..self }
    }

    /// The same access, without counting hits and misses.
    #[must_use]
    pub(in crate::store) fn uncounted(self) -> Self {
        Self { counts: false, ..self }
    }

    /// The value at `key`, without counting the look-up: for prefetching and checks.
    #[must_use]
    pub fn peek(&self, key: &[u8]) -> Option<&'h Value> {
        self.find(key).map(|entry| entry.value)
    }

    /// The bytes of memory that `key` takes, estimated from `samples` members of a set; `None` if there is no such key.
    /// It does not count as a look-up.
    #[must_use]
    pub fn memory_bytes(&self, key: &[u8], samples: usize) -> Option<usize> {
        self.find(key).map(|entry| entry.memory_bytes(samples))
    }

    /// What is known of the uses of `key`; `None` if there is no such key. It is neither a look-up nor a use.
    #[must_use]
    pub fn last_use(&self, key: &[u8]) -> Option<Use> {
        self.find(key).map(|entry| self.hold.uses.read(entry.mark.get()))
    }

    /// The type of `key`'s value, `None` if there is no such key. As in Redis, this is no use of the key.
    #[must_use]
    pub fn kind(&self, key: &[u8]) -> Option<Kind> {
        self.entry(key).map(|entry| entry.value.kind())
    }

    /// The value of type `T` at `key`, `None` if there is no such key.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else.
    pub fn get<T: Stored + 'h>(&self, key: &[u8]) -> Result<Option<&'h T>, WrongType> {
        self.used_entry(key).map(|entry| T::of(entry.value).ok_or(WrongType)).transpose()
    }

    /// The value at `key`, of any type.
    #[must_use]
    pub fn value(&self, key: &[u8]) -> Option<&'h Value> {
        self.used_entry(key).map(|entry| entry.value)
    }

    /// Passes the value at each of `keys` to `visit`, in their order. The memory of some keys is loaded together, so that
    /// the command waits for it once and not once a key.
    pub fn each_value<'k>(
        &self,
        mut keys: impl Iterator<Item = &'k [u8]>,
        mut visit: impl FnMut(Option<&'h Value>),
    ) {
        let locate = |key| {
            let at = self.hold.locate(key);
            (at, self.keyspace_of(at))
        };
        let mut located: SmallVec<[_; LOADED_TOGETHER]> = SmallVec::new();
        let mut probes: SmallVec<[_; LOADED_TOGETHER]> = SmallVec::new();
        let mut entries: SmallVec<[_; LOADED_TOGETHER]> = SmallVec::new();
        loop {
            located.extend(keys.by_ref().take(LOADED_TOGETHER).map(locate));
            if located.is_empty() {
                return;
            }
            probes.extend(located.iter().filter_map(|(at, keyspace)| keyspace.probe(at.hash)));
            entries.extend(probes.drain(..).filter_map(|probe| probe.load()));
            entries.drain(..).for_each(KeyValue::load_content);
            for (at, keyspace) in located.drain(..) {
                let entry = keyspace.get(at).filter(|entry| !entry.is_expired(self.hold.expired_by_ms));
                if self.counts {
                    self.count(at.key, entry.is_some());
                    if let Some(entry) = entry {
                        self.hold.uses.note(entry.mark);
                    }
                }
                visit(entry.map(|entry| entry.value));
            }
        }
    }

    /// Whether `key` has a value that has expired and is not removed yet.
    pub(in crate::store) fn has_expired(&self, key: &[u8]) -> bool {
        self.find_any(key).is_some_and(|entry| entry.is_expired(self.hold.expired_by_ms))
    }

    /// Whether `key` has expired since `watch` began to watch it and is not removed yet.
    #[must_use]
    pub fn has_expired_under(&self, key: &[u8], watch: &Watch) -> bool {
        self.has_expired(key)
            && !self.hold.interests(self.locate(key).shard, self.database).began_expired(key, watch)
    }

    /// Whether a key that expires at this moment, in unix milliseconds, counts as missing.
    #[must_use]
    pub fn is_past(&self, at_ms: i64) -> bool {
        at_ms <= self.hold.expired_by_ms.cast_signed()
    }

    /// Elements that expire up to this moment, in unix milliseconds, count as missing.
    #[must_use]
    pub fn expired_by_ms(&self) -> u64 {
        self.hold.expired_by_ms
    }

    /// Whether the requests are those that another server has run, which come from a master or from a file. To them nothing expires.
    #[must_use]
    pub fn repeats(&self) -> bool {
        self.hold.expired_by_ms == 0
    }

    /// When `key` expires in unix milliseconds (`Some(None)`: never), `None` if there is no such key. As in Redis, this is no
    /// use of the key.
    #[must_use]
    pub fn expiry(&self, key: &[u8]) -> Option<Option<u64>> {
        self.entry(key).map(|entry| entry.expire_at_ms())
    }

    /// The time of the command, in unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.hold.now_ms()
    }

    /// What keys the hashes of the store's values.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.hold.store.seed()
    }

    /// The templates of boards.
    #[must_use]
    pub(super) fn templates(&self) -> &'h BoardTemplates {
        &self.hold.store.templates
    }

    /// The code of the cursors that clients see.
    #[must_use]
    pub fn cursors(&self) -> &'h CursorCode {
        self.hold.store.cursors()
    }
}
