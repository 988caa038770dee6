//! A hash table that never stops to rehash and can be scanned while it changes.
//!
//! It uses extendible hashing (Fagin, Nievergelt, Pippenger, Strong, ACM TODS 1979). A directory, indexed by the first
//! bits of the hash, points to segments of bounded size. A full segment splits in two, and no other entry moves. The
//! keyspace and large hashes are such tables. Segments partition the hashes in order, so a place in hash order is a
//! cursor that stays valid when segments split. SCAN and checkpoints walk by such cursors.

use super::segment::{Probe, SEGMENT_ENTRIES, TableSegment};
use crate::machine::chance::Chance;
use crate::machine::heap::allocation_bytes;
use std::num::NonZeroU16;

/// Bits of the hash in a place. With 40 there is room for a shard's number in the cursors that clients get
/// ([`super::cursor`]).
pub(in crate::store) const CURSOR_BITS: u32 = 40;

/// Places that are tried when an entry is drawn, before all entries are looked at.
const DRAWS: usize = 64;

/// A table of entries. They are found by a 64-bit hash and an equality that the caller gives.
///
/// An entry can have a note of type `N`. A segment takes memory for notes once one of its entries has a note that is not
/// the default.
#[derive(Debug)]
pub(in crate::store) struct Table<T, N = ()> {
    /// 2^depth segment numbers, indexed by the first `depth` bits of a hash. Empty until the first entry.
    directory: Vec<u32>,
    depth: u32,
    segments: Vec<TableSegment<T, N>>,
    len: usize,
}

/// The place of an entry. It is valid until another entry is added or removed.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Place {
    segment: u32,
    /// The entry's index there, counted from 1: so an optional place is no larger, and a look-up returns it in registers.
    number: NonZeroU16,
}

const _: () = assert!(size_of::<Option<Place>>() == 8);

impl Place {
    fn new(segment: usize, index: u16) -> Self {
        Self { segment: segment as u32, number: NonZeroU16::MIN.saturating_add(index) }
    }

    fn segment(self) -> usize {
        self.segment as usize
    }

    fn index(self) -> u16 {
        self.number.get() - 1
    }
}

impl<T, N> Default for Table<T, N> {
    fn default() -> Self {
        Self { directory: Vec::new(), depth: 0, segments: Vec::new(), len: 0 }
    }
}

impl<T, N: Copy + Default + PartialEq> Table<T, N> {
    /// The number of entries. O(1).
    pub(in crate::store) fn len(&self) -> usize {
        self.len
    }

    /// The entry with this hash that `is_it` accepts.
    pub(in crate::store) fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&T> {
        self.find_noted(hash, is_it).map(|(entry, _)| entry)
    }

    /// The entry with this hash that `is_it` accepts, and its note.
    pub(in crate::store) fn find_noted(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<(&T, N)> {
        let segment = &self.segments[self.segment_number(hash)?];
        let index = usize::from(segment.index(hash, is_it)?);
        Some((&segment.entries[index], segment.note(index)))
    }

    /// The place of the entry with this hash that `is_it` accepts.
    pub(in crate::store) fn place(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<Place> {
        let segment = self.segment_number(hash)?;
        let index = self.segments[segment].index(hash, is_it)?;
        Some(Place::new(segment, index))
    }

    /// The entry at `place`.
    pub(in crate::store) fn at(&self, place: Place) -> &T {
        &self.segments[place.segment()].entries[usize::from(place.index())]
    }

    /// Mutable access to the entry at `place`. Its hash must not change.
    pub(in crate::store) fn at_mut(&mut self, place: Place) -> &mut T {
        &mut self.segments[place.segment()].entries[usize::from(place.index())]
    }

    /// The note of the entry at `place`.
    pub(in crate::store) fn note(&self, place: Place) -> N {
        self.segments[place.segment()].note(usize::from(place.index()))
    }

    /// Sets the note of the entry at `place`.
    pub(in crate::store) fn set_note(&mut self, place: Place, note: N) {
        self.segments[place.segment()].set_note(usize::from(place.index()), note);
    }

    /// Prefetches the entry that probably has this hash, and its note, in one step. Does not read the entry.
    pub(in crate::store) fn load(&self, hash: u64) -> Option<&T> {
        self.segments[self.segment_number(hash)?].load(hash)
    }

    /// Begins to look for the entry with this hash. `None` if there is no entry at all.
    pub(in crate::store) fn probe(&self, hash: u64) -> Option<Probe<'_, T, N>> {
        Some(self.segments[self.segment_number(hash)?].probe(hash))
    }

    /// Adds an entry that is not in the table yet and returns its place. Its note is the default. `hash_of` gives the hash
    /// of any entry.
    pub(in crate::store) fn insert(&mut self, hash: u64, entry: T, hash_of: impl Fn(&T) -> u64) -> Place {
        if self.directory.is_empty() {
            self.directory.push(0);
            self.segments.push(TableSegment::default());
        }
        let mut number = self.segment_number(hash).expect("the directory is not empty");
        while self.segments[number].entries.len() >= SEGMENT_ENTRIES && self.split(number, &hash_of) {
            number = self.segment_number(hash).expect("the directory is not empty");
        }
        self.len += 1;
        let index = self.segments[number].push(hash, entry, N::default(), hash_of);
        Place::new(number, index)
    }

    /// Removes and returns the entry at `place`, which has this hash. `hash_of` gives the hash of any entry.
    pub(in crate::store) fn remove_at(&mut self, hash: u64, place: Place, hash_of: impl Fn(&T) -> u64) -> T {
        self.len -= 1;
        let removed = self.segments[place.segment()].remove(hash, place.index(), hash_of);
        if self.len == 0 && self.segments.len() > 1 {
            *self = Self::default();
        }
        removed
    }

    /// The bytes of memory that the table takes, without the memory that its entries point to. O(segments).
    pub(in crate::store) fn memory_bytes(&self) -> usize {
        allocation_bytes(self.directory.capacity() * size_of::<u32>())
            + allocation_bytes(self.segments.capacity() * size_of::<TableSegment<T, N>>())
            + self.segments.iter().map(TableSegment::memory_bytes).sum::<usize>()
    }

    /// All entries, in arbitrary order.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flat_map(|segment| segment.entries.iter())
    }

    /// All entries with their notes, in arbitrary order.
    pub(in crate::store) fn iter_noted(&self) -> impl Iterator<Item = (&T, N)> {
        self.segments.iter().flat_map(TableSegment::iter)
    }

    /// An entry drawn at random, each as likely as any other, and its note; `None` if there is none. O(1) on average, O(n)
    /// after most entries of a large table were removed.
    pub(in crate::store) fn draw(&self, chance: &mut Chance) -> Option<(&T, N)> {
        // An index of as many as any segment can have: each entry is as likely as any other.
        let indices = match &*self.segments {
            [only] => only.entries.len(),
            _ => SEGMENT_ENTRIES,
        };
        if self.len == 0 {
            return None;
        }
        for _ in 0..DRAWS {
            let segment = &self.segments[chance.below(self.segments.len() as u64) as usize];
            let index = chance.below(indices as u64) as usize;
            if let Some(entry) = segment.entries.get(index) {
                return Some((entry, segment.note(index)));
            }
        }
        self.iter_noted().nth(chance.below(self.len as u64) as usize)
    }

    /// An entry drawn at random whose note is not the default, and its note; `None` if none was found in some dozens of
    /// segments. Entries behind others without a note are more likely.
    pub(in crate::store) fn draw_noted(&self, chance: &mut Chance) -> Option<(&T, N)> {
        let draws = if self.len == 0 { 0 } else { DRAWS };
        (0..draws).find_map(|_| {
            let segment = &self.segments[chance.below(self.segments.len() as u64) as usize];
            segment.noted_from(chance.below(SEGMENT_ENTRIES as u64) as usize)
        })
    }

    /// Visits about `count` entries from `cursor` on, in hash order, and returns the next cursor, 0 at the end. An
    /// entry that is in the table during the whole walk is visited exactly once.
    pub(in crate::store) fn scan<'t>(
        &'t self,
        cursor: u64,
        count: usize,
        hash_of: impl Fn(&T) -> u64,
        mut visit: impl FnMut(&'t T, N),
    ) -> u64 {
        let place = |hash: u64| hash >> (64 - CURSOR_BITS);
        let mut from = cursor;
        let mut wanted = count.max(1);
        let mut found: Vec<(u64, usize)> = Vec::new();
        while let Some(number) = self.segment_number(from << (64 - CURSOR_BITS)) {
            let segment = &self.segments[number];
            found.clear();
            let places = segment.entries.iter().map(|entry| place(hash_of(entry)));
            found.extend(places.zip(0..).filter(|(at, _)| *at >= from));
            found.sort_unstable();
            for (order, (at, index)) in found.iter().enumerate() {
                // Entries with the same place are visited in one call, because a cursor cannot name the second of them.
                if wanted == 0 && found[order - 1].0 != *at {
                    return *at;
                }
                visit(&segment.entries[*index], segment.note(*index));
                wanted = wanted.saturating_sub(1);
            }
            // Continue at the start of the next segment. After the last segment the place overflows its bits.
            let width = CURSOR_BITS - segment.depth.min(CURSOR_BITS);
            from = ((from >> width) + 1) << width;
            if from >> CURSOR_BITS != 0 {
                return 0;
            }
            if wanted == 0 {
                return from;
            }
        }
        0
    }

    fn segment_number(&self, hash: u64) -> Option<usize> {
        let index = hash.checked_shr(64 - self.depth).unwrap_or(0) as usize;
        self.directory.get(index).map(|&number| number as usize)
    }

    /// Splits a full segment by its next hash bit. Returns false if the hashes share too many bits.
    fn split(&mut self, number: usize, hash_of: &impl Fn(&T) -> u64) -> bool {
        let depth = self.segments[number].depth;
        // With a keyed hash no memory is large enough to reach this depth. It is a safety bound.
        if depth >= CURSOR_BITS - 8 {
            return false;
        }
        if depth == self.depth {
            self.directory = self.directory.iter().flat_map(|&segment| [segment, segment]).collect();
            self.depth += 1;
        }
        let goes_up = |entry: &T| hash_of(entry) << depth >> 63 == 1;
        let above = self.segments[number].entries.iter().filter(|entry| goes_up(entry)).count();
        let old_len = self.segments[number].entries.len();
        let mut upper = TableSegment::with_capacity(depth + 1, above);
        let lower = TableSegment::with_capacity(depth + 1, old_len - above);
        for (entry, note) in std::mem::replace(&mut self.segments[number], lower).into_entries() {
            let half = if goes_up(&entry) { &mut upper } else { &mut self.segments[number] };
            half.push(hash_of(&entry), entry, note, hash_of);
        }
        let upper_number = self.segments.len() as u32;
        self.segments.push(upper);
        // The directory entries of the old segment are neighbours. The second half of them now points to the new
        // segment.
        let first = self.directory.iter().position(|&segment| segment as usize == number).expect("listed");
        let covered = 1usize << (self.depth - depth);
        self.directory[first + covered / 2..first + covered].fill(upper_number);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Any good mixing function will do, because the table only sees hashes.
    fn hash_of(value: &u64) -> u64 {
        Chance::seeded(*value).next_u64()
    }

    fn table(values: impl IntoIterator<Item = u64>) -> Table<u64> {
        let mut table = <Table<u64>>::default();
        for value in values {
            table.insert(hash_of(&value), value, hash_of);
        }
        table
    }

    #[test]
    fn inserted_entries_are_found_and_removed_ones_are_not() {
        let mut table = table(0..20_000);
        for value in (0..20_000).step_by(3) {
            let place = table.place(hash_of(&value), |other| *other == value).unwrap();
            assert_eq!((*table.at(place), table.remove_at(hash_of(&value), place, hash_of)), (value, value));
        }
        for value in 0..20_000 {
            let found = table.find(hash_of(&value), |other| *other == value).copied();
            assert_eq!(found, (value % 3 != 0).then_some(value));
        }
        assert_eq!(table.len(), table.iter().count());
    }

    #[test]
    fn a_scan_sees_what_stays_exactly_once_while_the_rest_changes() {
        for count in [1, 7, 100, 5000] {
            let mut table = table(0..3000);
            let (mut seen, mut cursor, mut fresh) = (Vec::new(), 0, 1_000_000);
            loop {
                cursor = table.scan(cursor, count, hash_of, |value, ()| seen.push(*value));
                if cursor == 0 {
                    break;
                }
                assert!(cursor < 1 << CURSOR_BITS);
                for _ in 0..count.min(50) {
                    fresh += 1;
                    table.insert(hash_of(&fresh), fresh, hash_of);
                }
            }
            seen.retain(|value| *value < 3000);
            assert_eq!(seen.len(), 3000, "count {count}");
            assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), 3000, "count {count}");
        }
    }

    #[test]
    fn every_entry_is_drawn_about_as_often_as_any_other() {
        let mut chance = Chance::seeded(3);
        for count in [1, 3, 100, 2000] {
            let mut table = table(0..count + 500);
            for value in count..count + 500 {
                let place = table.place(hash_of(&value), |other| *other == value).unwrap();
                table.remove_at(hash_of(&value), place, hash_of);
            }
            let mut drawn = vec![0; count as usize];
            for _ in 0..count * 200 {
                drawn[*table.draw(&mut chance).unwrap().0 as usize] += 1;
            }
            assert!(drawn.iter().all(|times| (110..=300).contains(times)), "{count}: {drawn:?}");
        }
        assert_eq!(Table::<u64>::default().draw(&mut chance), None);
    }

    #[test]
    fn a_scan_of_nothing_ends_at_once() {
        assert_eq!(Table::<u64>::default().scan(0, 10, hash_of, |_, ()| panic!("nothing to see")), 0);
    }
}
