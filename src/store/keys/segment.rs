//! A segment of a [`Table`](super::table::Table): some hundred entries in an array, found through a small hash table of
//! their indices.

use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use hashbrown::HashTable;
use hashbrown::hash_table::IterHash;

/// Most entries of one segment: as many as hashbrown places in 512 buckets, so that its index never grows further, and a
/// split moves a few hundred entries.
pub(super) const SEGMENT_ENTRIES: usize = 448;

/// How many entries must be missing from an array of the next smaller size before the array shrinks to it, so that entries
/// which come and go do not make it move each time.
const SPARE_ENTRIES: usize = 16;

/// Entries without gaps, and a hash table of their indices. A hash table needs many empty buckets; here an empty bucket
/// takes the size of an index, not of an entry.
#[derive(Debug)]
pub(super) struct TableSegment<T, N> {
    /// The number of first bits of the hash that all entries share.
    pub(super) depth: u32,
    indices: HashTable<u16>,
    pub(super) entries: Vec<T>,
    /// The notes of `entries`, or empty if all of them are the default.
    notes: Vec<N>,
}

/// hashbrown takes the bucket from the low bits and the tag from the highest bits, which are equal within a segment.
fn inner_hash(hash: u64) -> u64 {
    hash.rotate_left(32)
}

/// Makes room for one more element, and for as many as fit into the same size class of the allocator.
fn make_room<T>(elements: &mut Vec<T>) {
    if elements.len() == elements.capacity() && size_of::<T>() > 0 {
        let room = allocation_bytes((elements.len() + 1) * size_of::<T>()) / size_of::<T>();
        elements.reserve_exact(room - elements.len());
    }
}

/// Gives back what is larger than the size class that the elements and some more need.
fn trim_room<T>(elements: &mut Vec<T>) {
    let room = allocation_bytes((elements.len() + SPARE_ENTRIES) * size_of::<T>()) / size_of::<T>().max(1);
    if elements.capacity() > room {
        elements.shrink_to(room);
    }
}

impl<T, N> Default for TableSegment<T, N> {
    fn default() -> Self {
        Self { depth: 0, indices: HashTable::new(), entries: Vec::new(), notes: Vec::new() }
    }
}

/// A look-up that has read the tags. Of several look-ups each step is taken for all before the next, so that their loads
/// from memory overlap.
pub(in crate::store) struct Probe<'t, T, N> {
    segment: &'t TableSegment<T, N>,
    candidates: IterHash<'t, u16>,
}

impl<'t, T, N> Probe<'t, T, N> {
    /// Prefetches the entry that probably has the hash, and its note. Does not read the entry.
    pub(in crate::store) fn load(mut self) -> Option<&'t T> {
        // Any entry under the hash's tag is taken for it: a wrong guess only costs a load.
        Some(self.segment.load_at(usize::from(*self.candidates.next()?)))
    }
}

impl<T, N> TableSegment<T, N> {
    /// Prefetches the entry at `index`, and its note.
    fn load_at(&self, index: usize) -> &T {
        let entry = &self.entries[index];
        prefetch::whole(entry);
        if let Some(note) = self.notes.get(index) {
            prefetch::line(note);
        }
        entry
    }
}

impl<T, N: Copy + Default + PartialEq> TableSegment<T, N> {
    /// An empty segment that `entries` entries will be added to.
    pub(super) fn with_capacity(depth: u32, entries: usize) -> Self {
        let room = allocation_bytes(entries * size_of::<T>()) / size_of::<T>().max(1);
        let indices = HashTable::with_capacity(SEGMENT_ENTRIES);
        Self { depth, indices, entries: Vec::with_capacity(room), notes: Vec::new() }
    }

    /// The index of the entry with this hash that `is_it` accepts.
    pub(super) fn index(&self, hash: u64, mut is_it: impl FnMut(&T) -> bool) -> Option<u16> {
        let is_it = |index: &u16| is_it(&self.entries[usize::from(*index)]);
        self.indices.find(inner_hash(hash), is_it).copied()
    }

    /// Prefetches the entry that probably has this hash, and its note, in one step. Does not read the entry.
    pub(super) fn load(&self, hash: u64) -> Option<&T> {
        // Any entry under the hash's tag is taken for it: a wrong guess only costs a load.
        self.index(hash, |_| true).map(|index| self.load_at(usize::from(index)))
    }

    /// Begins to look for the entry with this hash.
    pub(super) fn probe(&self, hash: u64) -> Probe<'_, T, N> {
        Probe { segment: self, candidates: self.indices.iter_hash(inner_hash(hash)) }
    }

    /// The bytes of memory that it takes, without itself and without the memory that its entries point to.
    pub(super) fn memory_bytes(&self) -> usize {
        allocation_bytes(self.indices.allocation_size())
            + allocation_bytes(self.entries.capacity() * size_of::<T>())
            + allocation_bytes(self.notes.capacity() * size_of::<N>())
    }

    /// Every entry with its note.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&T, N)> {
        self.entries.iter().enumerate().map(|(index, entry)| (entry, self.note(index)))
    }

    /// Every entry with its note.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (T, N)> {
        let mut notes = self.notes.into_iter();
        self.entries.into_iter().map(move |entry| (entry, notes.next().unwrap_or_default()))
    }

    /// The note of the entry at `index`.
    pub(super) fn note(&self, index: usize) -> N {
        self.notes.get(index).copied().unwrap_or_default()
    }

    /// The first entry from `index` on, or else from the first entry on, whose note is not the default.
    pub(super) fn noted_from(&self, index: usize) -> Option<(&T, N)> {
        let len = self.notes.len();
        let from = index.checked_rem(len)?;
        let found = (from..len).chain(0..from).find(|index| self.notes[*index] != N::default())?;
        Some((&self.entries[found], self.notes[found]))
    }

    /// Sets the note of the entry at `index`.
    pub(super) fn set_note(&mut self, index: usize, note: N) {
        if self.notes.is_empty() {
            if note == N::default() {
                return;
            }
            self.notes.reserve_exact(self.entries.capacity());
            self.notes.resize(self.entries.len(), N::default());
        }
        self.notes[index] = note;
    }

    /// Adds an entry and returns its index.
    pub(super) fn push(&mut self, hash: u64, entry: T, note: N, hash_of: impl Fn(&T) -> u64) -> u16 {
        let index = u16::try_from(self.entries.len()).expect("a segment is split before");
        let Self { indices, entries, notes, .. } = self;
        indices.insert_unique(inner_hash(hash), index, |&other| {
            inner_hash(hash_of(&entries[usize::from(other)]))
        });
        make_room(entries);
        entries.push(entry);
        if !notes.is_empty() {
            make_room(notes);
            notes.push(N::default());
        }
        self.set_note(usize::from(index), note);
        index
    }

    /// Removes the entry at `index`, which has this hash. The last entry takes its place.
    pub(super) fn remove(&mut self, hash: u64, index: u16, hash_of: impl Fn(&T) -> u64) -> T {
        let last = (self.entries.len() - 1) as u16;
        let removed = self.indices.find_entry(inner_hash(hash), |&other| other == index).ok();
        removed.expect("an entry has an index").remove();
        if index != last {
            let moved = inner_hash(hash_of(&self.entries[usize::from(last)]));
            *self.indices.find_mut(moved, |&other| other == last).expect("an entry has an index") = index;
        }
        if !self.notes.is_empty() {
            self.notes.swap_remove(usize::from(index));
            trim_room(&mut self.notes);
        }
        let removed = self.entries.swap_remove(usize::from(index));
        trim_room(&mut self.entries);
        removed
    }
}
