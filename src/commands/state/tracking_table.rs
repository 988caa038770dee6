//! Which clients have read which keys. The table is in parts, each under a lock of its own.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of parts.
const PARTS: usize = 64;

/// A key with more readers than this is looked through for readers that have left, whenever their number has doubled.
const MANY_READERS: usize = 64;

/// The numbers of the clients that have read a key, ascending.
pub(super) type Readers = Vec<u64>;

type Part = HashMap<Box<[u8]>, Readers>;

/// The keys that clients have read.
#[derive(Debug)]
pub(super) struct ReadKeys {
    parts: Box<[Mutex<Part>]>,
    hasher: RandomState,
    keys: AtomicUsize,
    readers: AtomicUsize,
}

impl Default for ReadKeys {
    fn default() -> Self {
        Self {
            parts: std::iter::repeat_with(Mutex::default).take(PARTS).collect(),
            hasher: RandomState::new(),
            keys: AtomicUsize::new(0),
            readers: AtomicUsize::new(0),
        }
    }
}

impl ReadKeys {
    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// The number of their readers, each counted once for each key.
    pub(super) fn readers(&self) -> usize {
        self.readers.load(Ordering::Relaxed)
    }

    fn part_of(&self, key: &[u8]) -> usize {
        self.hasher.hash_one(key) as usize % PARTS
    }

    /// Notes that a client has read `key`, and returns whether that is new. `is_here` says which clients are still connected.
    pub(super) fn add(&self, key: &[u8], client: u64, is_here: impl Fn(u64) -> bool) -> bool {
        let mut part = self.parts[self.part_of(key)].lock();
        let Some(readers) = part.get_mut(key) else {
            part.insert(key.into(), vec![client]);
            self.keys.fetch_add(1, Ordering::Relaxed);
            self.readers.fetch_add(1, Ordering::Relaxed);
            return true;
        };
        let Err(place) = readers.binary_search(&client) else { return false };
        readers.insert(place, client);
        let before = readers.len() - 1;
        if readers.len() >= MANY_READERS && readers.len().is_power_of_two() {
            readers.retain(|reader| *reader == client || is_here(*reader));
        }
        self.readers.fetch_add(readers.len(), Ordering::Relaxed);
        self.readers.fetch_sub(before, Ordering::Relaxed);
        true
    }

    /// Forgets a key. Returns its readers.
    pub(super) fn take(&self, key: &[u8]) -> Readers {
        let readers = self.parts[self.part_of(key)].lock().remove(key).unwrap_or_default();
        if !readers.is_empty() {
            self.note_taken(&readers);
        }
        readers
    }

    /// Forgets any key but `kept`. Returns it with its readers; `None` if there is no other.
    pub(super) fn take_any_but(&self, kept: Option<&[u8]>) -> Option<(Box<[u8]>, Readers)> {
        let start = kept.map_or(0, |kept| self.part_of(kept));
        for step in 0..PARTS {
            let mut part = self.parts[(start + step) % PARTS].lock();
            let taken = part.extract_if(|key, _| Some(&**key) != kept).next();
            if let Some((key, readers)) = taken {
                self.note_taken(&readers);
                return Some((key, readers));
            }
        }
        None
    }

    fn note_taken(&self, readers: &Readers) {
        self.keys.fetch_sub(1, Ordering::Relaxed);
        self.readers.fetch_sub(readers.len(), Ordering::Relaxed);
    }

    /// Forgets all keys.
    pub(super) fn clear(&self) {
        for part in &self.parts {
            let part = std::mem::take(&mut *part.lock());
            part.values().for_each(|readers| self.note_taken(readers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_kept_once_a_key_and_those_that_left_are_dropped() {
        let keys = ReadKeys::default();
        for client in (0..MANY_READERS as u64 - 1).rev() {
            for _ in 0..2 {
                keys.add(b"one", client, |_| true);
            }
        }
        keys.add(b"two", 7, |_| true);
        assert_eq!((keys.len(), keys.readers()), (2, MANY_READERS));
        keys.add(b"one", 1000, |client| client < 3);
        assert_eq!((keys.len(), keys.readers()), (2, 5));
        assert_eq!(keys.take_any_but(Some(b"one")), Some((Box::from(&b"two"[..]), vec![7])));
        assert_eq!(keys.take_any_but(Some(b"one")), None);
        assert_eq!((keys.take(b"one"), keys.take(b"one")), (vec![0, 1, 2, 1000], vec![]));
        keys.add(b"three", 1, |_| true);
        keys.clear();
        assert_eq!((keys.len(), keys.readers()), (0, 0));
    }
}
