//! The members of a large set: a hash table of buckets in which members are packed as words, one behind the other.
//!
//! It uses linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980): a bucket is the
//! lowest bits of a hash, and the table grows and shrinks by one bucket at a time, so nothing stops to rehash. A packed
//! member takes its bytes and one more, and a share of its bucket's allocation; a pointer and an allocation for each
//! member take several times as much. A bucket has about [`BUCKET_MEMBERS`] members, and less if they are long, so that
//! no change moves many bytes.
//!
//! A walk goes by places, which are hashes with their bits in reverse: those of a bucket are a range, which splits in two
//! when the bucket does.

use crate::machine::chance::{Chance, Secret};
use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use crate::store::keys::table::CURSOR_BITS;
use crate::store::values::words::{self, PackedWord, Text, replace};
use foldhash::quality::FixedState;
use smallvec::SmallVec;
use std::hash::{BuildHasher, Hasher};

/// Members of a bucket, on average, beyond which the table grows.
const BUCKET_MEMBERS: usize = 12;

/// Bytes of a bucket, on average, beyond which the table grows while it has more members than buckets.
const BUCKET_BYTES: usize = 192;

/// Buckets in one allocation.
const CHUNK_BUCKETS: usize = 512;

const CACHE_LINE_BYTES: usize = 64;

/// Lines of a bucket that are loaded ahead: as many as one of the usual size has.
const PREFETCHED_LINES: usize = BUCKET_BYTES / CACHE_LINE_BYTES;

/// Places that are tried when a member is drawn, before all members are looked at.
const DRAWS: usize = 256;

/// Members, hashed.
#[derive(Debug)]
pub(super) struct HashedMembers {
    /// The first buckets, [`CHUNK_BUCKETS`] at most. Each bucket is words.
    first: Vec<Box<[u8]>>,
    /// The other buckets, in chunks that are full but for the last.
    others: Vec<Vec<Box<[u8]>>>,
    /// The number of buckets.
    buckets: usize,
    len: usize,
    /// The bytes in all buckets.
    bytes: usize,
    /// No bucket has more members.
    longest: usize,
    hasher: FixedState,
}

impl HashedMembers {
    /// No members, and buckets for `members`.
    pub(super) fn with_room(members: usize) -> Self {
        // Of a seed of its own: members that come in the order of one table's hashes are in no order of another's.
        let hasher = FixedState::with_seed(Secret::from_system().of(0));
        let buckets = (members / BUCKET_MEMBERS).max(1);
        let mut first = Vec::with_capacity(buckets.min(CHUNK_BUCKETS));
        first.resize_with(buckets.min(CHUNK_BUCKETS), Box::default);
        let mut others = Vec::new();
        for start in (CHUNK_BUCKETS..buckets).step_by(CHUNK_BUCKETS) {
            let mut chunk = Vec::with_capacity(CHUNK_BUCKETS);
            chunk.resize_with(CHUNK_BUCKETS.min(buckets - start), Box::default);
            others.push(chunk);
        }
        Self { first, others, buckets, len: 0, bytes: 0, longest: 0, hasher }
    }

    /// Starts loading its own lines: most allocations of its size are in two.
    pub(super) fn prefetch(&self) {
        let start = &raw const *self;
        prefetch::line(start);
        prefetch::line(start.wrapping_byte_add(size_of::<Self>() - 1));
    }

    /// Starts loading where the bucket of `member` is.
    pub(super) fn prefetch_place(&self, member: Text<'_>) {
        self.prefetch_place_at(self.index(self.hash(member)));
    }

    /// Starts loading the bucket of `member`.
    pub(super) fn prefetch_bucket(&self, member: Text<'_>) {
        self.prefetch_bucket_at(self.index(self.hash(member)));
    }

    fn prefetch_place_at(&self, index: usize) {
        let (chunk, place) = self.place(index);
        prefetch::line(&raw const chunk[place]);
    }

    fn prefetch_bucket_at(&self, index: usize) {
        for line in self.bucket(index).chunks(CACHE_LINE_BYTES).take(PREFETCHED_LINES) {
            prefetch::line(line.as_ptr());
        }
    }

    /// Starts loading the buckets of `members`.
    pub(super) fn prefetch_members(&self, members: &[Text<'_>]) {
        let indices: SmallVec<[usize; 32]> =
            members.iter().map(|member| self.index(self.hash(*member))).collect();
        // The pointers to all buckets are loaded first, then the buckets.
        indices.iter().for_each(|index| self.prefetch_place_at(*index));
        indices.into_iter().for_each(|index| self.prefetch_bucket_at(index));
    }

    /// The number of members. O(1).
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// O(1).
    pub(super) fn contains(&self, member: Text<'_>) -> bool {
        let bucket = self.bucket(self.index(self.hash(member)));
        words::find(bucket, 0, &PackedWord::of(member)).0.is_some()
    }

    /// Adds `member`; returns whether it was new. O(1).
    pub(super) fn insert(&mut self, member: Text<'_>) -> bool {
        let (index, word) = (self.index(self.hash(member)), PackedWord::of(member));
        let bucket = self.bucket_mut(index);
        let (found, others) = words::find(bucket, 0, &word);
        if found.is_some() {
            return false;
        }
        replace(bucket, bucket.len()..bucket.len(), &[word]);
        self.len += 1;
        self.bytes += word.len();
        self.longest = self.longest.max(others + 1);
        if self.is_fuller_than(self.buckets) {
            self.grow();
        }
        true
    }

    /// Removes `member`; returns whether it was there. O(1).
    pub(super) fn remove(&mut self, member: Text<'_>) -> bool {
        let (index, word) = (self.index(self.hash(member)), PackedWord::of(member));
        let bucket = self.bucket_mut(index);
        let Some(range) = words::find(bucket, 0, &word).0 else { return false };
        replace(bucket, range, &[]);
        self.len -= 1;
        self.bytes -= word.len();
        // It shrinks at a quarter, so that it does not grow again at once.
        if self.buckets > 1 && !self.is_fuller_than(self.buckets / 4) {
            self.shrink();
        }
        true
    }

    /// Every member, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Text<'_>> {
        self.all_buckets().flat_map(|bucket| words::iter(bucket))
    }

    /// Visits about `count` members from `cursor` on, in the order of their places, and returns the next cursor, 0 at the
    /// end. A member that is there during the whole walk is visited exactly once.
    pub(super) fn scan<'s>(&'s self, cursor: u64, count: usize, mut visit: impl FnMut(Text<'s>)) -> u64 {
        let place = |hash: u64| hash.reverse_bits() >> (64 - CURSOR_BITS);
        let (mut from, mut wanted) = (cursor, count.max(1));
        let mut found: Vec<(u64, Text<'_>)> = Vec::new();
        while from >> CURSOR_BITS == 0 {
            let index = self.index((from << (64 - CURSOR_BITS)).reverse_bits());
            found.clear();
            let members = words::iter(self.bucket(index)).map(|member| (place(self.hash(member)), member));
            found.extend(members.filter(|(at, _)| *at >= from));
            found.sort_unstable_by_key(|(at, _)| *at);
            for (order, (at, member)) in found.iter().enumerate() {
                // Members with the same place are visited in one call, because a cursor cannot name the second of them.
                if wanted == 0 && found[order - 1].0 != *at {
                    return *at;
                }
                visit(*member);
                wanted = wanted.saturating_sub(1);
            }
            // Go on at the next bucket's first place. Behind the last bucket it is beyond the bits of a place.
            let width = CURSOR_BITS - self.depth(index);
            from = ((from >> width) + 1) << width;
            if wanted == 0 && from >> CURSOR_BITS == 0 {
                return from;
            }
        }
        0
    }

    /// A member drawn at random, each as likely as any other; `None` if there is none. O(1) on average.
    pub(super) fn draw(&self, chance: &mut Chance) -> Option<Text<'_>> {
        // A place of as many in each bucket as any bucket has members: each is as likely as any other.
        for _ in 0..DRAWS {
            let bucket = self.bucket(chance.below(self.buckets as u64) as usize);
            let place = chance.below(self.longest.max(1) as u64) as usize;
            if let Some(member) = words::iter(bucket).nth(place) {
                return Some(member);
            }
        }
        self.iter().nth(chance.below(self.len.max(1) as u64) as usize)
    }

    /// The number of buckets.
    pub(super) fn allocations(&self) -> usize {
        self.buckets
    }

    /// The bytes that it takes, judged by `samples` of its buckets. O(samples + n / 1000).
    pub(super) fn memory_bytes(&self, samples: usize) -> usize {
        let chunk_bytes =
            |chunk: &Vec<Box<[u8]>>| allocation_bytes(chunk.capacity() * size_of::<Box<[u8]>>());
        let chunks = std::iter::once(&self.first).chain(&self.others).map(chunk_bytes);
        let sampled = samples.clamp(1, self.buckets);
        let buckets = self.all_buckets().take(sampled).map(|bucket| allocation_bytes(bucket.len()));
        allocation_bytes(self.others.capacity() * size_of::<Vec<Box<[u8]>>>())
            + chunks.sum::<usize>()
            + buckets.sum::<usize>() * self.buckets / sampled
    }

    fn hash(&self, member: Text<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        match member {
            Text::Bytes(bytes) => hasher.write(bytes),
            Text::Integer(integer) => hasher.write_i64(integer),
        }
        hasher.finish()
    }

    /// The buckets below this one have not been split in this round: the greatest power of two up to the number of buckets.
    fn round(&self) -> usize {
        1 << self.buckets.ilog2()
    }

    /// The bucket of a hash: its lowest bits, one more where the bucket has been split in this round.
    fn index(&self, hash: u64) -> usize {
        let round = self.round();
        let index = hash as usize & (2 * round - 1);
        if index < self.buckets { index } else { index & (round - 1) }
    }

    /// How many lowest bits of the hash the members of a bucket share.
    fn depth(&self, index: usize) -> u32 {
        let is_split = index + self.round() < self.buckets || index >= self.round();
        self.buckets.ilog2() + u32::from(is_split)
    }

    fn all_buckets(&self) -> impl Iterator<Item = &Box<[u8]>> {
        self.first.iter().chain(self.others.iter().flatten())
    }

    /// The buckets in one allocation with bucket `index`, and its place there. Most sets have few buckets: theirs are found by
    /// one pointer.
    fn place(&self, index: usize) -> (&[Box<[u8]>], usize) {
        match index.checked_sub(CHUNK_BUCKETS) {
            None => (&self.first, index),
            Some(index) => (&self.others[index / CHUNK_BUCKETS], index % CHUNK_BUCKETS),
        }
    }

    fn bucket(&self, index: usize) -> &[u8] {
        let (chunk, place) = self.place(index);
        &chunk[place]
    }

    fn bucket_mut(&mut self, index: usize) -> &mut Box<[u8]> {
        match index.checked_sub(CHUNK_BUCKETS) {
            None => &mut self.first[index],
            Some(index) => &mut self.others[index / CHUNK_BUCKETS][index % CHUNK_BUCKETS],
        }
    }

    fn is_fuller_than(&self, buckets: usize) -> bool {
        self.len > buckets * BUCKET_MEMBERS || self.bytes > buckets * BUCKET_BYTES && self.len > buckets
    }

    /// Adds a bucket: the members of another whose next bit is set.
    fn grow(&mut self) {
        let round = self.round();
        let split = self.buckets - round;
        let old = std::mem::take(self.bucket_mut(split));
        let moves = |member| self.hash(member) as usize & round != 0;
        let (upper, lower): (Vec<_>, Vec<_>) = words::iter(&old).partition(|member| moves(*member));
        let (upper, lower) = (packed(&upper), packed(&lower));
        *self.bucket_mut(split) = lower;
        if self.buckets.is_multiple_of(CHUNK_BUCKETS) {
            self.others.push(Vec::with_capacity(CHUNK_BUCKETS));
        }
        let chunk = self.others.last_mut().unwrap_or(&mut self.first);
        if chunk.len() == chunk.capacity() {
            // The first chunk, of a set that may stay small.
            chunk.reserve_exact((chunk.len() / 4).max(4));
        }
        chunk.push(upper);
        self.buckets += 1;
    }

    /// Removes the last bucket: its members go back to where they came from.
    fn shrink(&mut self) {
        let chunk = self.others.last_mut().unwrap_or(&mut self.first);
        let last = chunk.pop().expect("there are several buckets");
        self.buckets -= 1;
        if self.buckets.is_multiple_of(CHUNK_BUCKETS) {
            self.others.pop();
        }
        let index = self.buckets - self.round();
        let bucket = self.bucket_mut(index);
        *bucket = [&**bucket, &*last].concat().into();
        let members = words::iter(bucket).count();
        self.longest = self.longest.max(members);
    }
}

fn packed(members: &[Text<'_>]) -> Box<[u8]> {
    let words: Vec<_> = members.iter().map(|member| PackedWord::of(*member)).collect();
    let mut bytes = Box::default();
    replace(&mut bytes, 0..0, &words);
    bytes
}
