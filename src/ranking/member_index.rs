//! The hash index: which block holds a member, in about five bytes a member.
//!
//! An index slot is 32 bits: the member's tag (8 bits of its hash) and its block's number (24 bits, plus one
//! so that 0 is free). A bucket is one cache line of 15 slots and a count of the entries that wanted to be
//! here and went on to a later bucket, so that removal needs no tombstone. Buckets form segments of at most
//! [`BUCKETS_MAX`]; a directory maps the top bits of a hash to its segment (extendible hashing: Fagin,
//! Nievergelt, Pippenger, Strong 1979). A segment that fills grows by half, and at its largest splits in two,
//! so that no single insertion moves more than one segment's entries.
//!
//! A slot does not say which member it belongs to: members of one block with one tag have equal slots, and
//! any of them serves any of those members. That is sound because each look-up is settled in the block, and
//! because the overflow counts come out the same whichever of two equal slots on a probe path is taken first.
//! The invariant: within a segment, the slots (tag, block) are as many as the block's members with that tag
//! whose hash falls in the segment, and each is found from each such member's home bucket by following
//! overflow counts.
//!
//! The index does not hold hashes: when a segment is rebuilt it asks the blocks ([`MemberHashes`]).

use std::mem::size_of;

use crate::machine::heap::allocation_bytes;

/// Entries a bucket, and the place of its overflow count.
const SLOTS: usize = 15;

/// A segment at its largest: 8 KiB.
const BUCKETS_MAX: usize = 128;

/// The bits of a hash that order members in the index; the tag comes from the others.
const PLACE_BITS: u32 = 48;

/// The blocks a slot can name.
pub(super) const BLOCKS_MAX: u32 = (1 << 24) - 1;

/// The byte of a hash that a block keeps of each member.
pub(super) fn tag_of(hash: u64) -> u8 {
    hash as u8
}

/// Where a hash stands in the order of the index: what scan cursors are made of. With 48 bits there is room beside it
/// in any number that a client can hold.
pub(super) fn place_of(hash: u64) -> u64 {
    hash >> (u64::BITS - PLACE_BITS)
}

/// What a rebuild asks the blocks.
pub(super) trait MemberHashes {
    /// Starts loading what [`Self::prefetch`] will read.
    fn prefetch_soon(&self, block: u32);

    /// Starts loading what [`Self::hashes`] will read.
    fn prefetch(&self, block: u32);

    /// Appends the hashes of the block's members that have this tag.
    fn hashes(&mut self, block: u32, tag: u8, out: &mut Vec<u64>);
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot(u32);

impl Slot {
    const FREE: Self = Self(0);

    fn new(tag: u8, block: u32) -> Self {
        assert!(block < BLOCKS_MAX, "a ranking has at most 2^24 - 1 blocks");
        Self((block + 1) << 8 | u32::from(tag))
    }

    fn tag(self) -> u8 {
        self.0 as u8
    }

    fn block(self) -> u32 {
        (self.0 >> 8) - 1
    }
}

/// One cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Bucket {
    slots: [Slot; SLOTS],
    /// Entries whose probe path goes through this bucket to a later one.
    overflowed: u32,
}

impl Bucket {
    /// A bit for each slot that holds `tag`.
    fn tagged(&self, tag: u8) -> u32 {
        let mut bits = 0;
        for (i, slot) in self.slots.iter().enumerate() {
            bits |= u32::from(slot.tag() == tag && *slot != Slot::FREE) << i;
        }
        bits
    }

    fn find(&self, slot: Slot) -> Option<usize> {
        let mut bits = 0u32;
        for (i, own) in self.slots.iter().enumerate() {
            bits |= u32::from(*own == slot) << i;
        }
        (bits != 0).then(|| bits.trailing_zeros() as usize)
    }
}

#[derive(Debug, Default)]
struct Segment {
    buckets: Box<[Bucket]>,
    len: u32,
    /// How many top bits of a hash lead here.
    depth: u32,
    /// Those bits.
    prefix: u64,
}

impl Segment {
    /// At least so many buckets: all that fit into what the allocator gives for them.
    fn new(buckets: usize, depth: u32, prefix: u64) -> Self {
        let buckets = allocation_bytes(buckets * size_of::<Bucket>()) / size_of::<Bucket>();
        Self { buckets: vec![Bucket::default(); buckets].into_boxed_slice(), len: 0, depth, prefix }
    }

    fn owns(&self, hash: u64) -> bool {
        place_of(hash) >> (PLACE_BITS - self.depth) == self.prefix
    }

    /// The bucket where a member with this place belongs. It never falls as the place rises.
    fn home(&self, place: u64) -> usize {
        let width = PLACE_BITS - self.depth;
        let within = place & ((1 << width) - 1);
        // At most 48 + 8 bits.
        ((within * self.buckets.len() as u64) >> width) as usize
    }

    /// The first place that belongs in the bucket after `home`, or in the segment after this one.
    fn place_after(&self, home: usize) -> u64 {
        let width = PLACE_BITS - self.depth;
        let within = (((home as u64 + 1) << width).div_ceil(self.buckets.len() as u64)).min(1 << width);
        (self.prefix << width) + within
    }

    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }

    fn insert(&mut self, hash: u64, slot: Slot) {
        assert!((self.len as usize) < self.buckets.len() * SLOTS, "an index segment is full");
        let mut at = self.home(place_of(hash));
        loop {
            match self.buckets[at].find(Slot::FREE) {
                Some(free) => {
                    self.buckets[at].slots[free] = slot;
                    break;
                }
                None => self.buckets[at].overflowed += 1,
            }
            at = self.next(at);
        }
        self.len += 1;
    }

    /// The bucket and slot of an entry that is present.
    fn find(&self, hash: u64, slot: Slot) -> (usize, usize) {
        let mut at = self.home(place_of(hash));
        loop {
            let bucket = &self.buckets[at];
            if let Some(i) = bucket.find(slot) {
                return (at, i);
            }
            assert!(bucket.overflowed > 0, "the index lost a member");
            at = self.next(at);
        }
    }

    fn remove(&mut self, hash: u64, slot: Slot) {
        let (found, i) = self.find(hash, slot);
        self.buckets[found].slots[i] = Slot::FREE;
        let mut at = self.home(place_of(hash));
        while at != found {
            self.buckets[at].overflowed -= 1;
            at = self.next(at);
        }
        self.len -= 1;
    }

    /// The hashes of all members with an entry here, with their blocks.
    fn members(&self, blocks: &mut impl MemberHashes) -> Vec<(u64, u32)> {
        let slots = self.buckets.iter().flat_map(|bucket| bucket.slots);
        let mut slots: Vec<u32> = slots.filter(|slot| *slot != Slot::FREE).map(|slot| slot.0).collect();
        // Equal slots are asked about once, and one block's slots together.
        slots.sort_unstable();
        slots.dedup();
        let mut members = Vec::with_capacity(self.len as usize);
        let mut hashes = Vec::new();
        for (i, &slot) in slots.iter().enumerate() {
            if let Some(&ahead) = slots.get(i + 12) {
                blocks.prefetch_soon(Slot(ahead).block());
            }
            if let Some(&ahead) = slots.get(i + 6) {
                blocks.prefetch(Slot(ahead).block());
            }
            let slot = Slot(slot);
            hashes.clear();
            blocks.hashes(slot.block(), slot.tag(), &mut hashes);
            members.extend(hashes.iter().filter(|&&hash| self.owns(hash)).map(|&hash| (hash, slot.block())));
        }
        assert_eq!(members.len(), self.len as usize, "index and blocks disagree");
        members
    }

    fn allocated_bytes(&self) -> usize {
        allocation_bytes(self.buckets.len() * size_of::<Bucket>())
    }
}

/// Member hash to block number.
#[derive(Debug)]
pub(super) struct MemberIndex {
    /// Segment numbers by the top `depth` bits of a place.
    directory: Vec<u32>,
    depth: u32,
    segments: Vec<Segment>,
    segment_bytes: usize,
}

impl MemberIndex {
    /// An index with room for `members`, to be filled by [`Self::insert`] alone.
    pub(super) fn with_room_for(members: usize) -> Self {
        // Four slots in five, so that chance leaves every segment room.
        let buckets = (members * 5 / 4).div_ceil(SLOTS) + 1;
        let depth = buckets.div_ceil(BUCKETS_MAX - 2).next_power_of_two().trailing_zeros();
        let per_segment = buckets.div_ceil(1 << depth) + 2;
        let segments: Vec<_> =
            (0..1u64 << depth).map(|prefix| Segment::new(per_segment, depth, prefix)).collect();
        let segment_bytes = segments.iter().map(Segment::allocated_bytes).sum();
        Self { directory: (0..1 << depth).collect(), depth, segments, segment_bytes }
    }

    fn segment_number(&self, place: u64) -> usize {
        self.directory[(place >> (PLACE_BITS - self.depth)) as usize] as usize
    }

    fn segment(&self, hash: u64) -> &Segment {
        &self.segments[self.segment_number(place_of(hash))]
    }

    /// The line that a look-up of `hash` reads first.
    pub(super) fn first_line(&self, hash: u64) -> *const u8 {
        let segment = self.segment(hash);
        (&raw const segment.buckets[segment.home(place_of(hash))]).cast()
    }

    /// The first block that may hold a member with this hash, from its home bucket only.
    pub(super) fn first_candidate(&self, hash: u64) -> Option<u32> {
        let segment = self.segment(hash);
        let bucket = &segment.buckets[segment.home(place_of(hash))];
        let bits = bucket.tagged(tag_of(hash));
        (bits != 0).then(|| bucket.slots[bits.trailing_zeros() as usize].block())
    }

    /// The first answer of `probe` for the blocks that may hold a member with this hash.
    pub(super) fn find<T>(&self, hash: u64, mut probe: impl FnMut(u32) -> Option<T>) -> Option<T> {
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

    /// Grows what must grow so that one more member with this hash goes in. To be called while index and
    /// blocks agree.
    pub(super) fn make_room(&mut self, hash: u64, blocks: &mut impl MemberHashes) {
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

    /// Gives back room where removals have left a segment a quarter full. Index and blocks must agree.
    pub(super) fn give_back_room(&mut self, hash: u64, blocks: &mut impl MemberHashes) {
        let number = self.segment_number(place_of(hash));
        let segment = &self.segments[number];
        let (len, buckets) = (segment.len as usize, segment.buckets.len());
        if buckets > 2 && len < buckets * SLOTS / 4 {
            self.resize(number, (len * 2).div_ceil(SLOTS) + 1, blocks);
        }
    }

    fn resize(&mut self, number: usize, buckets: usize, blocks: &mut impl MemberHashes) {
        let old = &self.segments[number];
        let mut resized = Segment::new(buckets, old.depth, old.prefix);
        for (hash, block) in old.members(blocks) {
            resized.insert(hash, Slot::new(tag_of(hash), block));
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
            Segment::new(room(members.len() - above), depth, prefix),
            Segment::new(room(above), depth, prefix + 1),
        ];
        for (hash, block) in members {
            let half = (place_of(hash) >> (PLACE_BITS - depth)) & 1;
            halves[half as usize].insert(hash, Slot::new(tag_of(hash), block));
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

    /// Adds a member, for which there must be room.
    pub(super) fn insert(&mut self, hash: u64, block: u32) {
        let number = self.segment_number(place_of(hash));
        self.segments[number].insert(hash, Slot::new(tag_of(hash), block));
    }

    /// Removes a member that is present.
    pub(super) fn remove(&mut self, hash: u64, block: u32) {
        let number = self.segment_number(place_of(hash));
        self.segments[number].remove(hash, Slot::new(tag_of(hash), block));
    }

    /// Notes that a member has moved to another block.
    pub(super) fn repoint(&mut self, hash: u64, from: u32, to: u32) {
        let number = self.segment_number(place_of(hash));
        let segment = &mut self.segments[number];
        let (bucket, i) = segment.find(hash, Slot::new(tag_of(hash), from));
        segment.buckets[bucket].slots[i] = Slot::new(tag_of(hash), to);
    }

    /// Visits the (hash, block) of the members whose place is at least `cursor` in the bucket that `cursor`
    /// falls in. Returns the first place after that bucket, or `None` at the end, beyond which nothing stands.
    pub(super) fn visit_bucket(
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
            slots.extend(bucket.slots.iter().filter(|slot| **slot != Slot::FREE).map(|slot| slot.0));
            at = segment.next(at);
            if bucket.overflowed == 0 || at == home {
                break;
            }
        }
        slots.sort_unstable();
        slots.dedup();
        let mut hashes = Vec::new();
        for slot in slots.into_iter().map(Slot) {
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

    /// Drops about this many segments; false if none was left. The index is of no more use than to drop it.
    pub(super) fn drop_segments(&mut self, count: usize) -> bool {
        self.directory = Vec::new();
        let rest = self.segments.len().saturating_sub(count);
        self.segments.drain(rest..).count() > 0
    }

    pub(super) fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.len as usize).sum()
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        allocation_bytes(self.directory.capacity() * size_of::<u32>())
            + allocation_bytes(self.segments.capacity() * size_of::<Segment>())
            + self.segment_bytes
    }

    /// Panics if a segment contradicts the blocks or the directory.
    pub(super) fn check_invariants(&self, blocks: &mut impl MemberHashes) {
        let mut covered = 0;
        for (number, segment) in self.segments.iter().enumerate() {
            let entries = 1usize << (self.depth - segment.depth);
            let first = segment.prefix as usize * entries;
            assert!(self.directory[first..first + entries].iter().all(|&s| s as usize == number));
            covered += entries;
            // Every entry leaves through its own path, and nothing is left over.
            let mut rest = Segment { buckets: segment.buckets.clone(), ..*segment };
            for (hash, block) in segment.members(blocks) {
                rest.remove(hash, Slot::new(tag_of(hash), block));
            }
            assert_eq!(rest.len, 0);
            for bucket in &rest.buckets {
                assert_eq!(bucket.overflowed, 0, "overflow counts do not add up");
            }
        }
        assert_eq!(covered, self.directory.len());
        assert_eq!(self.segment_bytes, self.segments.iter().map(Segment::allocated_bytes).sum::<usize>());
    }
}
