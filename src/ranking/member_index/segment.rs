//! One segment of the index: buckets of slots, each bucket one cache line.

use std::mem::size_of;

use crate::machine::heap::allocation_bytes;
use crate::ranking::member_hash::{PLACE_BITS, place_of};

/// Slots of a bucket. The rest of the cache line is the overflow counter.
pub(super) const SLOTS: usize = 15;

/// The number of blocks that a slot can address.
const BLOCKS_MAX: u32 = (1 << 24) - 1;

/// The blocks, from which a rebuild gets the hashes of members.
pub(in crate::ranking) trait MemberHashes {
    /// Starts loading what [`Self::prefetch`] will read.
    fn prefetch_soon(&self, block: u32);

    /// Starts loading what [`Self::hashes`] will read.
    fn prefetch(&self, block: u32);

    /// Appends the hashes of the block's members that have this tag.
    fn hashes(&mut self, block: u32, tag: u8, out: &mut Vec<u64>);
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct IndexSlot(pub(super) u32);

impl IndexSlot {
    pub(super) const FREE: Self = Self(0);

    #[inline]
    pub(super) fn new(tag: u8, block: u32) -> Self {
        assert!(block < BLOCKS_MAX, "a ranking has at most 2^24 - 1 blocks");
        Self((block + 1) << 8 | u32::from(tag))
    }

    #[inline]
    pub(super) fn tag(self) -> u8 {
        self.0 as u8
    }

    #[inline]
    pub(super) fn block(self) -> u32 {
        (self.0 >> 8) - 1
    }
}

/// Slots and an overflow counter, in one cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    pub(super) slots: [IndexSlot; SLOTS],
    /// Entries whose home or probe path includes this bucket, but which are in a later one.
    pub(super) overflowed: u32,
}

impl Bucket {
    /// A bit for each slot that holds `tag`.
    #[inline]
    pub(super) fn tagged(&self, tag: u8) -> u32 {
        let mut bits = 0;
        for (i, slot) in self.slots.iter().enumerate() {
            bits |= u32::from(slot.tag() == tag && *slot != IndexSlot::FREE) << i;
        }
        bits
    }

    #[inline]
    pub(super) fn find(&self, slot: IndexSlot) -> Option<usize> {
        let mut bits = 0u32;
        for (i, own) in self.slots.iter().enumerate() {
            bits |= u32::from(*own == slot) << i;
        }
        (bits != 0).then(|| bits.trailing_zeros() as usize)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct IndexSegment {
    pub(super) buckets: Box<[Bucket]>,
    pub(super) len: u32,
    /// How many top bits of a hash select this segment.
    pub(super) depth: u32,
    /// The value of those bits.
    pub(super) prefix: u64,
}

impl IndexSegment {
    /// A segment of at least `buckets` buckets: it uses the full size class of the allocation.
    pub(super) fn new(buckets: usize, depth: u32, prefix: u64) -> Self {
        let buckets = allocation_bytes(buckets * size_of::<Bucket>()) / size_of::<Bucket>();
        Self { buckets: vec![Bucket::default(); buckets].into_boxed_slice(), len: 0, depth, prefix }
    }

    #[inline]
    pub(super) fn owns(&self, hash: u64) -> bool {
        place_of(hash) >> (PLACE_BITS - self.depth) == self.prefix
    }

    /// The home bucket of a place. A higher place never has a lower home bucket.
    #[inline]
    pub(super) fn home(&self, place: u64) -> usize {
        let width = PLACE_BITS - self.depth;
        let within = place & ((1 << width) - 1);
        // At most 48 + 8 bits.
        ((within * self.buckets.len() as u64) >> width) as usize
    }

    /// The first place whose home is the bucket after `home`, or which is in the next segment.
    pub(super) fn place_after(&self, home: usize) -> u64 {
        let width = PLACE_BITS - self.depth;
        let within = (((home as u64 + 1) << width).div_ceil(self.buckets.len() as u64)).min(1 << width);
        (self.prefix << width) + within
    }

    #[inline]
    pub(super) fn next(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }

    pub(super) fn insert(&mut self, hash: u64, slot: IndexSlot) {
        assert!((self.len as usize) < self.buckets.len() * SLOTS, "an index segment is full");
        let mut at = self.home(place_of(hash));
        loop {
            match self.buckets[at].find(IndexSlot::FREE) {
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
    pub(super) fn find(&self, hash: u64, slot: IndexSlot) -> (usize, usize) {
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

    pub(super) fn remove(&mut self, hash: u64, slot: IndexSlot) {
        let (found, i) = self.find(hash, slot);
        self.buckets[found].slots[i] = IndexSlot::FREE;
        let mut at = self.home(place_of(hash));
        while at != found {
            self.buckets[at].overflowed -= 1;
            at = self.next(at);
        }
        self.len -= 1;
    }

    /// The hashes of all members with an entry here, with their blocks.
    pub(super) fn members(&self, blocks: &mut impl MemberHashes) -> Vec<(u64, u32)> {
        let slots = self.buckets.iter().flat_map(|bucket| bucket.slots);
        let mut slots: Vec<u32> = slots.filter(|slot| *slot != IndexSlot::FREE).map(|slot| slot.0).collect();
        // Equal slots are looked up once, and the slots of one block together.
        slots.sort_unstable();
        slots.dedup();
        let mut members = Vec::with_capacity(self.len as usize);
        let mut hashes = Vec::new();
        for (i, &slot) in slots.iter().enumerate() {
            if let Some(&ahead) = slots.get(i + 12) {
                blocks.prefetch_soon(IndexSlot(ahead).block());
            }
            if let Some(&ahead) = slots.get(i + 6) {
                blocks.prefetch(IndexSlot(ahead).block());
            }
            let slot = IndexSlot(slot);
            hashes.clear();
            blocks.hashes(slot.block(), slot.tag(), &mut hashes);
            members.extend(hashes.iter().filter(|&&hash| self.owns(hash)).map(|&hash| (hash, slot.block())));
        }
        assert_eq!(members.len(), self.len as usize, "index and blocks disagree");
        members
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        allocation_bytes(self.buckets.len() * size_of::<Bucket>())
    }
}
