//! A block: a few dozen entries in (key, member bytes) order, packed into one allocation.
//!
//! The levels of a ranking consist of blocks: of members in the leaves, and of separators above them. The bytes are
//!
//! ```text
//! prefix | one tag per entry | keys | members
//! ```
//!
//! where every array is as narrow as the entries of the block allow. The widths are chosen when the block is packed
//! ([`run`]):
//!
//! - *keys*: the numbers of the keys in a form of their type ([`super::key`]), of a few bytes each or of none ([`keys`]).
//! - *members*: if all have one prefix and trailing digits, order-preserving codes of 1 to 8 bytes above the lowest
//!   ([`decimal`]). Otherwise the positions where each member's bytes end, then the bytes after the common prefix.
//!
//! An entry that fits the chosen widths is inserted by moving bytes ([`edit`]). For any other entry the block is packed
//! again. The tag is a byte of the member's hash; with it a member is found without comparing all names. A block knows
//! neither the hash function nor its neighbours. Its invariant: entries are in strictly ascending order, and `data` extends
//! at least [`Block::PADDING`] bytes past the last used one, so that a number of any width can be read as a full integer
//! and masked.

mod decimal;
mod edit;
mod keys;
mod run;
mod visit;

use std::cmp::Ordering;
use std::hint::select_unpredictable;
use std::ops::Range;

use super::key::{KeyNumber, Score, SortKey, Whole};
use crate::machine::heap::allocation_bytes;
use decimal::DigitCounts;
pub(super) use run::EntryRun;

/// How a block encodes its members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum MemberForm {
    /// `member_width` bytes for the end of each (2 or 4), then all the bytes after the common prefix.
    #[default]
    Text,
    /// `member_width` bytes (1 to 8) of a [`DigitCounts`] code, less `member_base`.
    Decimal,
}

/// A sorted run of entries in one allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Block<K: SortKey> {
    data: Box<[u8]>,
    key_base: K::Base,
    member_base: u64,
    used: u32,
    prefix_len: u32,
    len: u16,
    /// Together with `key_base` this is a [`super::key::KeyForm`], which would take seven more bytes.
    key_widths: u8,
    form: MemberForm,
    member_width: u8,
    digits: DigitCounts,
}

// With the three numbers of a leaf it must fit one cache line.
const _: () = assert!(size_of::<Block<Score>>() == 48 && size_of::<Block<Whole>>() == 48);

/// Where a search key is among the members with the same key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tie<'a> {
    /// Below all of them.
    Lowest,
    /// Just below this member, present or not.
    Below(&'a [u8]),
    /// Just above this member, present or not.
    Above(&'a [u8]),
    /// Above all of them.
    Highest,
}

/// A position between two entries that a search looks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct SearchKey<'a, K> {
    pub(super) key: K,
    pub(super) tie: Tie<'a>,
}

/// A member in the encoding of one block, for fast comparisons with the members of the block.
enum Needle<'a> {
    /// Below every member of the block.
    Below,
    /// Above every member of the block.
    Above,
    /// It has the text prefix, followed by these bytes.
    Suffix(&'a [u8]),
    /// The number that would encode it in the block.
    Number(u64),
    /// It has the decimal prefix, but the block's form cannot encode it.
    Stranger(&'a [u8]),
}

impl<K: SortKey> Block<K> {
    /// How far a read of the last number as a full integer may go beyond it.
    const PADDING: usize = if K::Number::BYTES > 8 { K::Number::BYTES } else { 8 };

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// The bytes of the entries, without spare bytes.
    pub(super) fn used_bytes(&self) -> usize {
        self.used as usize
    }

    /// A copy without spare bytes.
    pub(super) fn trimmed(&self) -> Self {
        let bytes = if self.len == 0 { 0 } else { self.used_bytes() + Self::PADDING };
        Self { data: self.data[..bytes].into(), ..*self }
    }

    /// The size of the allocation of this block.
    pub(super) fn allocated_bytes(&self) -> usize {
        allocation_bytes(self.data.len())
    }

    /// All bytes of the allocation, for prefetching.
    pub(super) fn data(&self) -> &[u8] {
        &self.data
    }

    fn prefix(&self) -> &[u8] {
        &self.data[..self.prefix_len as usize]
    }

    fn keys_at(&self) -> usize {
        self.prefix_len as usize + self.len()
    }

    fn members_at(&self) -> usize {
        self.keys_at() + self.len() * self.key_bytes()
    }

    /// Where the text of the members begins.
    fn text_at(&self) -> usize {
        self.members_at() + self.len() * usize::from(self.member_width)
    }

    pub(super) fn tags(&self) -> &[u8] {
        &self.data[self.prefix_len as usize..self.keys_at()]
    }

    /// The little-endian number of `width` bytes at `at`.
    fn number_at(&self, at: usize, width: u8) -> u64 {
        let eight: [u8; 8] = self.data[at..at + 8].try_into().expect("eight bytes");
        u64::from_le_bytes(eight) & (u64::MAX >> (64 - 8 * u32::from(width)))
    }

    fn number(&self, i: usize) -> u64 {
        self.number_at(self.members_at() + i * usize::from(self.member_width), self.member_width)
    }

    /// Where the text of entry `i` ends, counted from [`Self::text_at`].
    fn text_end(&self, i: usize) -> usize {
        self.number(i) as usize
    }

    fn text_range(&self, i: usize) -> Range<usize> {
        if i == 0 { 0..self.text_end(0) } else { self.text_end(i - 1)..self.text_end(i) }
    }

    fn suffix(&self, i: usize) -> &[u8] {
        let text = &self.data[self.text_at()..];
        &text[self.text_range(i)]
    }

    /// Appends member `i` to `out`.
    pub(super) fn write_member(&self, i: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(self.prefix());
        match self.form {
            MemberForm::Text => out.extend_from_slice(self.suffix(i)),
            MemberForm::Decimal => self.digits.write(self.member_base + self.number(i), out),
        }
    }

    fn needle<'a>(&self, member: &'a [u8]) -> Needle<'a> {
        let prefix = self.prefix();
        let Some(suffix) = member.strip_prefix(prefix) else {
            return if member < prefix { Needle::Below } else { Needle::Above };
        };
        match self.form {
            MemberForm::Text => Needle::Suffix(suffix),
            MemberForm::Decimal => match self.digits.encode(suffix) {
                Some(code) if code < self.member_base => Needle::Below,
                Some(code) => Needle::Number(code - self.member_base),
                None => Needle::Stranger(member),
            },
        }
    }

    /// Compares member `i` with a needle that has bytes.
    fn compare_text(&self, i: usize, needle: &Needle<'_>) -> Ordering {
        match needle {
            Needle::Suffix(suffix) => self.suffix(i).cmp(suffix),
            Needle::Stranger(member) => {
                let mut own = Vec::with_capacity(member.len() + 16);
                self.write_member(i, &mut own);
                own.as_slice().cmp(member)
            }
            Needle::Below | Needle::Above | Needle::Number(_) => unreachable!("settled without bytes"),
        }
    }

    /// The entry of `member`, whose hash has `tag`.
    pub(super) fn find(&self, tag: u8, member: &[u8]) -> Option<usize> {
        let mut hits = memchr::memchr_iter(tag, self.tags()).peekable();
        hits.peek()?;
        let needle = self.needle(member);
        match needle {
            Needle::Suffix(suffix) => hits.find(|&i| self.suffix(i) == suffix),
            Needle::Number(number) => hits.find(|&i| self.number(i) == number),
            Needle::Below | Needle::Above | Needle::Stranger(_) => None,
        }
    }

    /// The number of entries below `target`.
    pub(super) fn position(&self, target: &SearchKey<'_, K>) -> usize {
        let low = match target.tie {
            Tie::Highest => return self.keys_up_to(target.key),
            _ => self.keys_below(target.key),
        };
        let (Tie::Below(member) | Tie::Above(member)) = target.tie else { return low };
        if low == self.len() || self.key(low) > target.key {
            return low;
        }
        let high = self.keys_up_to(target.key);
        let needle = self.needle(member);
        match (target.tie, &needle) {
            (_, Needle::Below) => low,
            (_, Needle::Above) => high,
            (Tie::Below(_), Needle::Number(number)) => partition(low..high, |i| self.number(i) < *number),
            (_, Needle::Number(number)) => partition(low..high, |i| self.number(i) <= *number),
            (Tie::Below(_), _) => partition(low..high, |i| self.compare_text(i, &needle).is_lt()),
            _ => partition(low..high, |i| self.compare_text(i, &needle).is_le()),
        }
    }

    /// Panics if the entries are out of order or the arrays do not add up.
    pub(super) fn check_invariants(&self) {
        let mut run = EntryRun::default();
        self.unpack(0..self.len(), &mut run);
        for i in 1..run.len() {
            let before = (run.keys[i - 1], run.member(i - 1));
            assert!(before < (run.keys[i], run.member(i)), "entry {i} is out of order");
        }
        let members = match self.form {
            MemberForm::Text if self.len == 0 => 0,
            MemberForm::Text => self.len() * usize::from(self.member_width) + self.text_end(self.len() - 1),
            MemberForm::Decimal => self.len() * usize::from(self.member_width),
        };
        assert_eq!(self.used_bytes(), self.members_at() + members);
        assert!(self.len == 0 || self.used_bytes() + Self::PADDING <= self.data.len());
    }
}

/// The first index of `range` for which `below` is false. `below` must be true before it and false from it on.
///
/// The direction of each step is unpredictable, so the step is a conditional move and not a branch.
fn partition(range: Range<usize>, below: impl Fn(usize) -> bool) -> usize {
    let (mut base, mut size) = (range.start, range.len());
    if size == 0 {
        return base;
    }
    while size > 1 {
        let half = size / 2;
        let middle = base + half;
        base = select_unpredictable(below(middle), middle, base);
        size -= half;
    }
    base + usize::from(below(base))
}
