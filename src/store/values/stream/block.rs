//! Blocks: entries packed behind one another, which share the names of the fields of the first one.
//!
//! ```text
//! words of the shared names | head, ms, seq, [number of fields,] words | head, ms, seq, words | ...
//! ```
//!
//! `head`, `ms` and `seq` are varints. `head` is the length of what follows it, twice, plus one if the entry has names of its
//! own. `ms` counts from the time of the block's first id; `seq` from its number if the two have the same time, else from 0. A
//! removed entry is cut out.
//!
//! A block also counts what Redis would have in its place, entries marked as deleted included: approximate trimming removes
//! whole blocks, so both must end their blocks at the same entries.

use super::entry::StreamEntry;
use super::id::StreamId;
use crate::config::StreamBounds;
use crate::limits;
use crate::machine::heap::allocation_bytes;
use crate::store::change::codec::{put_varint, take_varint};
use crate::store::values::list::item::Item;
use crate::store::values::words::{self, PackedWord, Text};

/// What a listpack has in front of its elements and behind them.
const LISTPACK_FRAME_BYTES: usize = 7;

/// Some entries with ascending ids.
#[derive(Clone, Debug, Default)]
pub(super) struct EntryBlock {
    /// What ids are counted from. No entry has a lower one.
    base: StreamId,
    /// The highest id that was ever put into the block.
    pub(super) last: StreamId,
    /// Entries, and entries that were removed.
    pub(super) live: u32,
    removed: u32,
    /// The number of shared names, and the bytes of them.
    names: u32,
    names_bytes: u32,
    /// The bytes that the elements of Redis's listpack would take, without the two counts at its front.
    listpack_bytes: usize,
    bytes: Vec<u8>,
}

/// An entry in a block, and the range of its bytes.
#[derive(Clone, Copy, Debug)]
struct Placed<'a> {
    entry: StreamEntry<'a>,
    start: usize,
    end: usize,
}

fn listpack_bytes(text: Text<'_>) -> usize {
    match text {
        Text::Bytes(bytes) => Item::Bytes(bytes),
        Text::Integer(integer) => Item::Integer(integer),
    }
    .encoded_len()
}

fn listpack_integer(integer: u64) -> usize {
    Item::Integer(integer.cast_signed()).encoded_len()
}

impl EntryBlock {
    /// A block whose first entry will have this id and these names. `room` is how many bytes it is likely to take.
    pub(super) fn begin<'f>(base: StreamId, names: impl Iterator<Item = &'f [u8]>, room: usize) -> Self {
        let mut block = Self { base, last: base, bytes: Vec::with_capacity(room), ..Self::default() };
        for name in names {
            let text = Text::of(name);
            PackedWord::of(text).append_to(&mut block.bytes);
            block.names += 1;
            block.listpack_bytes += listpack_bytes(text);
        }
        block.names_bytes = block.bytes.len() as u32;
        block.listpack_bytes += listpack_integer(u64::from(block.names)) + listpack_integer(0);
        block
    }

    /// What ids are counted from. No entry has a lower one.
    pub(super) fn base(&self) -> StreamId {
        self.base
    }

    /// Whether no entry was ever put into it.
    pub(super) fn is_unused(&self) -> bool {
        self.live + self.removed == 0
    }

    /// The number of bytes of its entries and names.
    pub(super) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether an entry of so many bytes belongs into the next block.
    pub(super) fn is_full_for(&self, entry_bytes: usize, bounds: StreamBounds) -> bool {
        let most_bytes = match bounds.node_bytes {
            0 => limits::STREAM_ENTRY_BYTES,
            bytes => bytes.min(limits::STREAM_ENTRY_BYTES),
        };
        let counts = [self.live, self.removed].map(|count| listpack_integer(u64::from(count)));
        let bytes = LISTPACK_FRAME_BYTES + counts.iter().sum::<usize>() + self.listpack_bytes;
        bytes.saturating_add(entry_bytes) >= most_bytes
            || (bounds.node_entries > 0 && (self.live + self.removed) as usize >= bounds.node_entries)
    }

    fn has_names<'f>(&self, fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> bool {
        let mut names = self.names();
        for (name, _) in fields {
            if names.is_empty() || !PackedWord::of(Text::of(name)).is_front_of(names) {
                return false;
            }
            names = &names[words::word_bytes(names)..];
        }
        names.is_empty()
    }

    fn names(&self) -> &[u8] {
        &self.bytes[..self.names_bytes as usize]
    }

    /// Adds an entry, whose id is higher than all others.
    pub(super) fn push<'f>(
        &mut self,
        id: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) {
        let is_own = !self.has_names(fields.clone());
        // The head is nearly always one byte; what follows is moved if it is longer.
        let start = self.bytes.len();
        self.bytes.push(0);
        put_varint(&mut self.bytes, id.ms.wrapping_sub(self.base.ms));
        let seq_diff = id.seq.wrapping_sub(self.base.seq);
        put_varint(&mut self.bytes, if id.ms == self.base.ms { seq_diff } else { id.seq });
        let mut listpack = listpack_integer(u64::from(!is_own) * 2)
            + listpack_integer(id.ms.wrapping_sub(self.base.ms))
            + listpack_integer(seq_diff);
        let count = if is_own {
            let count = fields.clone().count();
            put_varint(&mut self.bytes, count as u64);
            listpack += listpack_integer(count as u64);
            count
        } else {
            self.names as usize
        };
        for (name, value) in fields {
            if is_own {
                let name = Text::of(name);
                PackedWord::of(name).append_to(&mut self.bytes);
                listpack += listpack_bytes(name);
            }
            let value = Text::of(value);
            PackedWord::of(value).append_to(&mut self.bytes);
            listpack += listpack_bytes(value);
        }
        listpack += listpack_integer((if is_own { 2 * count + 4 } else { count + 3 }) as u64);
        let head = (self.bytes.len() - start - 1) << 1 | usize::from(is_own);
        if head < 0x80 {
            self.bytes[start] = head as u8;
        } else {
            let mut long = Vec::new();
            put_varint(&mut long, head as u64);
            self.bytes.splice(start..=start, long);
        }
        self.listpack_bytes += listpack;
        self.live += 1;
        self.last = id;
    }

    /// The entry at `start`, if there is one.
    fn at(&self, start: usize) -> Option<Placed<'_>> {
        let mut rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let number = |rest: &mut &[u8]| take_varint(rest).expect("a block holds whole entries");
        let head = number(&mut rest);
        let end = self.bytes.len() - rest.len() + (head >> 1) as usize;
        let mut words = &self.bytes[self.bytes.len() - rest.len()..end];
        let ms = self.base.ms.wrapping_add(number(&mut words));
        let seq = number(&mut words);
        let seq = if ms == self.base.ms { self.base.seq.wrapping_add(seq) } else { seq };
        let is_own = head & 1 == 1;
        let fields = if is_own { number(&mut words) as usize } else { self.names as usize };
        let shared = (!is_own).then(|| self.names());
        let entry = StreamEntry { id: StreamId { ms, seq }, fields, shared, words };
        Some(Placed { entry, start, end })
    }

    fn placed(&self) -> impl Iterator<Item = Placed<'_>> {
        let mut next = self.names_bytes as usize;
        std::iter::from_fn(move || {
            let placed = self.at(next)?;
            next = placed.end;
            Some(placed)
        })
    }

    /// Its entries, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = StreamEntry<'_>> {
        self.placed().map(|placed| placed.entry)
    }

    /// The number of its entries from `from` to `to`. O(1) if all of them are, else O(n).
    pub(super) fn len_within(&self, from: StreamId, to: StreamId) -> usize {
        if from <= self.base && self.last <= to {
            return self.live as usize;
        }
        self.iter().filter(|entry| from <= entry.id && entry.id <= to).count()
    }

    /// The entry with this id. O(n).
    pub(super) fn get(&self, id: StreamId) -> Option<StreamEntry<'_>> {
        self.iter().find(|entry| entry.id >= id).filter(|entry| entry.id == id)
    }

    /// Removes the entry with this id; returns whether it was there. O(n).
    pub(super) fn remove(&mut self, id: StreamId) -> bool {
        let found = self.placed().find(|placed| placed.entry.id >= id);
        let Some(Placed { start, end, .. }) = found.filter(|placed| placed.entry.id == id) else {
            return false;
        };
        self.bytes.drain(start..end);
        self.live -= 1;
        self.removed += 1;
        true
    }

    /// Removes the entries for which `is_removed` holds, which are all in front of the others, at most `most`. Returns how
    /// many there were, and the last of them. O(n).
    pub(super) fn remove_front(
        &mut self,
        is_removed: impl Fn(StreamId) -> bool,
        most: usize,
    ) -> (usize, StreamId) {
        let (mut count, mut end, mut last) = (0, self.names_bytes as usize, StreamId::MIN);
        for placed in self.placed().take(most).take_while(|placed| is_removed(placed.entry.id)) {
            count += 1;
            (end, last) = (placed.end, placed.entry.id);
        }
        self.bytes.drain(self.names_bytes as usize..end);
        self.live -= count as u32;
        self.removed += count as u32;
        (count, last)
    }

    /// Gives back the memory that it does not need: no entry will be added.
    pub(super) fn close(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// The memory that it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        // Behind a reference, with its two counts.
        allocation_bytes(size_of::<Self>() + 16) + allocation_bytes(self.bytes.capacity())
    }

    /// Panics if an invariant is broken.
    pub(super) fn check(&self) {
        let ids: Vec<StreamId> = self.iter().map(|entry| entry.id).collect();
        assert!(ids.len() == self.live as usize && ids.is_sorted_by(|one, other| one < other));
        assert!(ids.first().is_none_or(|first| *first >= self.base));
        assert!(ids.last().is_none_or(|last| *last <= self.last));
        for entry in self.iter() {
            assert_eq!(entry.pairs().count(), entry.len());
        }
    }
}
