//! The hash index: which block holds a member, in about five bytes a member.
//!
//! An index slot is 32 bits: the member's tag (8 bits of its hash) and the number of its block (24 bits, plus one so that 0
//! is free). A bucket is one cache line of 15 slots and a counter of entries that overflowed from it to a later bucket. With
//! the counter a removal needs no tombstone. Buckets form segments of at most [`BUCKETS_MAX`]; a directory maps the top bits
//! of a hash to its segment (extendible hashing: Fagin, Nievergelt, Pippenger, Strong 1979). A full segment grows by half;
//! one of the greatest size splits in two. So an insertion moves at most the entries of one segment.
//!
//! A slot does not identify its member: members of one block with the same tag have equal slots, and each of these slots
//! serves each of the members. This is correct because the block decides every look-up, and because the overflow counters
//! do not depend on which of two equal slots on a probe path is taken first.
//! The invariant: within a segment, the slots (tag, block) are as many as the block's members with that tag
//! whose hash falls in the segment, and each is found from each such member's home bucket by following
//! overflow counts.
//!
//! The index does not hold hashes: when a segment is rebuilt it asks the blocks ([`MemberHashes`]).

use std::mem::size_of;

use super::segment::{IndexSegment, IndexSlot, MemberHashes, SLOTS};
use crate::machine::heap::allocation_bytes;
use crate::ranking::member_hash::{PLACE_BITS, place_of, tag_of};

/// Most buckets of a segment: 8 KiB.
const BUCKETS_MAX: usize = 128;

/// A map from member hashes to block numbers.
#[derive(Clone, Debug)]
pub(in crate::ranking) struct MemberIndex {
    /// Segment numbers by the top `depth` bits of a place.
    directory: Vec<u32>,
    depth: u32,
    segments: Vec<IndexSegment>,
    segment_bytes: usize,
}

impl MemberIndex {
    /// An index with room for `members` entries, which are then added by [`Self::insert`].
    pub(in crate::ranking) fn with_room_for(members: usize) -> Self {
        // Four of five slots are used on average, so that uneven hashes do not fill a segment.
        let buckets = (members * 5 / 4).div_ceil(SLOTS) + 1;
        let depth = buckets.div_ceil(BUCKETS_MAX - 2).next_power_of_two().trailing_zeros();
        let per_segment = buckets.div_ceil(1 << depth) + 2;
        let segments: Vec<_> =
            (0..1u64 << depth).map(|prefix| IndexSegment::new(per_segment, depth, prefix)).collect();
        let segment_bytes = segments.iter().map(IndexSegment::allocated_bytes).sum();
        Self { directory: (0..1 << depth).collect(), depth, segments, segment_bytes }
    }

    fn segment_number(&self, place: u64) -> usize {
        self.directory[(place >> (PLACE_BITS - self.depth)) as usize] as usize
    }

    fn segment(&self, hash: u64) -> &IndexSegment {
        &self.segments[self.segment_number(place_of(hash))]
    }

    /// The address of the cache line that a look-up of `hash` reads first.
    pub(in crate::ranking) fn first_line(&self, hash: u64) -> *const u8 {
        let segment = self.segment(hash);
        (&raw const segment.buckets[segment.home(place_of(hash))]).cast()
    }

    /// The first block that may hold a member with this hash, from its home bucket only.
    pub(in crate::ranking) fn first_candidate(&self, hash: u64) -> Option<u32> {
        let segment = self.segment(hash);
        let bucket = &segment.buckets[segment.home(place_of(hash))];
        let bits = bucket.tagged(tag_of(hash));
        (bits != 0).then(|| bucket.slots[bits.trailing_zeros() as usize].block())
    }

    /// The first answer of `probe` for the blocks that may hold a member with this hash.
    pub(in crate::ranking) fn find<T>(
        &self,
        hash: u64,
        mut probe: impl FnMut(u32) -> Option<T>,
    ) -> Option<T> {
        let segment = self.segment(hash);
        let mut at = segment.home(place_of(hash));
        loop {
            let bucket = &segment.buckets[at];
            let mut bits = bucket.tagged(tag_of(hash));
            while bits != 0 {
                if let Some(found) = probe(bucket.slots[bits.trailing_zeros() as usize].block()) {
                    return Some(found);
                }
                bits &= bits - 1;
            }
            if bucket.overflowed == 0 {
                return None;
            }
            at = segment.next(at);
        }
    }

    /// Grows the index, if necessary, for one more member with this hash. Index and blocks must agree.
    pub(in crate::ranking) fn make_room(&mut self, hash: u64, blocks: &mut impl MemberHashes) {
        loop {
            let number = self.segment_number(place_of(hash));
            let segment = &self.segments[number];
            let buckets = segment.buckets.len();
            if (segment.len as usize) < buckets * SLOTS * 7 / 8 {
                return;
            }
            if buckets < BUCKETS_MAX {
                self.resize(number, (buckets + buckets / 2 + 1).min(BUCKETS_MAX), blocks);
            } else {
                self.split(number, blocks);
            }
        }
    }

    /// Shrinks the segment of `hash` if it is less than a quarter full. Index and blocks must agree.
    pub(in crate::ranking) fn give_back_room(&mut self, hash: u64, blocks: &mut impl MemberHashes) {
        let number = self.segment_number(place_of(hash));
        let segment = &self.segments[number];
        let (len, buckets) = (segment.len as usize, segment.buckets.len());
        if buckets > 2 && len < buckets * SLOTS / 4 {
            self.resize(number, (len * 2).div_ceil(SLOTS) + 1, blocks);
        }
    }

    fn resize(&mut self, number: usize, buckets: usize, blocks: &mut impl MemberHashes) {
        let old = &self.segments[number];
        let mut resized = IndexSegment::new(buckets, old.depth, old.prefix);
        for (hash, block) in old.members(blocks) {
            resized.insert(hash, IndexSlot::new(tag_of(hash), block));
        }
        self.segment_bytes += resized.allocated_bytes();
        self.segment_bytes -= old.allocated_bytes();
        self.segments[number] = resized;
    }

    fn split(&mut self, number: usize, blocks: &mut impl MemberHashes) {
        let old = &self.segments[number];
        let (depth, prefix) = (old.depth + 1, old.prefix << 1);
        assert!(depth < PLACE_BITS, "members with equal hashes");
        let members = old.members(blocks);
        let above =
            members.iter().filter(|(hash, _)| place_of(*hash) >> (PLACE_BITS - depth) != prefix).count();
        let room = |len: usize| (len * 8 / 5).div_ceil(SLOTS) + 1;
        let mut halves = [
            IndexSegment::new(room(members.len() - above), depth, prefix),
            IndexSegment::new(room(above), depth, prefix + 1),
        ];
        for (hash, block) in members {
            let half = (place_of(hash) >> (PLACE_BITS - depth)) & 1;
            halves[half as usize].insert(hash, IndexSlot::new(tag_of(hash), block));
        }
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|&segment| [segment, segment]).collect();
            self.depth = depth;
        }
        let [low, high] = halves;
        self.segment_bytes += low.allocated_bytes() + high.allocated_bytes();
        self.segment_bytes -= self.segments[number].allocated_bytes();
        self.segments[number] = low;
        let high_number = self.segments.len() as u32;
        self.segments.push(high);
        let entries = 1usize << (self.depth - depth);
        let first = (prefix + 1) as usize * entries;
        self.directory[first..first + entries].fill(high_number);
    }

    /// Adds a member; there must be room for it.
    pub(in crate::ranking) fn insert(&mut self, hash: u64, block: u32) {
        let number = self.segment_number(place_of(hash));
        self.segments[number].insert(hash, IndexSlot::new(tag_of(hash), block));
    }

    /// Removes a member that is present.
    pub(in crate::ranking) fn remove(&mut self, hash: u64, block: u32) {
        let number = self.segment_number(place_of(hash));
        self.segments[number].remove(hash, IndexSlot::new(tag_of(hash), block));
    }

    /// Notes that a member has moved to another block.
    pub(in crate::ranking) fn repoint(&mut self, hash: u64, from: u32, to: u32) {
        let number = self.segment_number(place_of(hash));
        let segment = &mut self.segments[number];
        let (bucket, i) = segment.find(hash, IndexSlot::new(tag_of(hash), from));
        segment.buckets[bucket].slots[i] = IndexSlot::new(tag_of(hash), to);
    }

    /// Visits the members of the bucket at `cursor` whose place is at least `cursor`, as (hash, block). Returns the first
    /// place after that bucket, or `None` at the end.
    pub(in crate::ranking) fn visit_bucket(
        &self,
        cursor: u64,
        blocks: &mut impl MemberHashes,
        mut visit: impl FnMut(u64, u32),
    ) -> Option<u64> {
        if cursor >> PLACE_BITS != 0 {
            return None;
        }
        let segment = &self.segments[self.segment_number(cursor)];
        let home = segment.home(cursor);
        let mut slots: Vec<u32> = Vec::with_capacity(2 * SLOTS);
        let mut at = home;
        loop {
            let bucket = &segment.buckets[at];
            slots.extend(bucket.slots.iter().filter(|slot| **slot != IndexSlot::FREE).map(|slot| slot.0));
            at = segment.next(at);
            if bucket.overflowed == 0 || at == home {
                break;
            }
        }
        slots.sort_unstable();
        slots.dedup();
        // Each is of another block, so the memory of all is asked for before the first is read.
        slots.iter().for_each(|&slot| blocks.prefetch_soon(IndexSlot(slot).block()));
        slots.iter().for_each(|&slot| blocks.prefetch(IndexSlot(slot).block()));
        let mut hashes = Vec::new();
        for slot in slots.into_iter().map(IndexSlot) {
            hashes.clear();
            blocks.hashes(slot.block(), slot.tag(), &mut hashes);
            for &hash in &hashes {
                let place = place_of(hash);
                if place >= cursor && segment.owns(hash) && segment.home(place) == home {
                    visit(hash, slot.block());
                }
            }
        }
        let next = segment.place_after(home);
        (next < 1 << PLACE_BITS).then_some(next)
    }

    /// Drops about this many segments; false if none was left. After this the index can only be dropped.
    pub(in crate::ranking) fn drop_segments(&mut self, count: usize) -> bool {
        self.directory = Vec::new();
        let rest = self.segments.len().saturating_sub(count);
        self.segments.drain(rest..).count() > 0
    }

    pub(in crate::ranking) fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.len as usize).sum()
    }

    pub(in crate::ranking) fn allocated_bytes(&self) -> usize {
        allocation_bytes(self.directory.capacity() * size_of::<u32>())
            + allocation_bytes(self.segments.capacity() * size_of::<IndexSegment>())
            + self.segment_bytes
    }

    /// Panics if a segment contradicts the blocks or the directory.
    pub(in crate::ranking) fn check_invariants(&self, blocks: &mut impl MemberHashes) {
        let mut covered = 0;
        for (number, segment) in self.segments.iter().enumerate() {
            let entries = 1usize << (self.depth - segment.depth);
            let first = segment.prefix as usize * entries;
            assert!(self.directory[first..first + entries].iter().all(|&s| s as usize == number));
            covered += entries;
            // Removing every member must leave an empty segment.
            let mut rest = IndexSegment { buckets: segment.buckets.clone(), ..*segment };
            for (hash, block) in segment.members(blocks) {
                rest.remove(hash, IndexSlot::new(tag_of(hash), block));
            }
            assert_eq!(rest.len, 0);
            for bucket in &rest.buckets {
                assert_eq!(bucket.overflowed, 0, "overflow counts do not add up");
            }
        }
        assert_eq!(covered, self.directory.len());
        assert_eq!(
            self.segment_bytes,
            self.segments.iter().map(IndexSegment::allocated_bytes).sum::<usize>()
        );
    }
}
