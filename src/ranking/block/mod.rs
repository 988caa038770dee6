//! A block: a few dozen entries in (key, member bytes) order, packed into one allocation.
//!
//! Blocks are what the levels of a ranking are made of, at the bottom (members) and above (separators). The bytes are
//!
//! ```text
//! prefix | one tag per entry | keys | members
//! ```
//!
//! where every array is as narrow as the block's own entries allow, chosen when the block is packed ([`run`]):
//!
//! - *keys*: the numbers that stand for them in a form of their kind ([`super::key`]), in few bytes each or in none
//!   ([`keys`]).
//! - *members*: if all are one prefix and trailing digits, order-preserving codes of 1 to 8 bytes above the lowest
//!   ([`decimal`]); else where each one's bytes end, then the bytes after their common prefix.
//!
//! An entry that fits the chosen widths goes in by moving bytes ([`edit`]); one that does not has the block packed
//! anew. The tag is a byte of the member's hash: it finds a member here without comparing names. A block knows
//! neither hashes nor its neighbours. Its invariant: entries are in strictly ascending order, and `data` extends at
//! least [`Block::PADDING`] bytes past the last used one, so that a number of any width is read as a whole integer and
//! masked.

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

/// How a block writes its members.
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
    /// With `key_base` a [`super::key::KeyForm`], which would take seven more bytes.
    key_widths: u8,
    form: MemberForm,
    member_width: u8,
    digits: DigitCounts,
}

// With three numbers of a leaf it must fill one cache line.
const _: () = assert!(size_of::<Block<Score>>() == 48 && size_of::<Block<Whole>>() == 48);

/// Where a place stands among the members that share its key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tie<'a> {
    /// Below them all.
    Lowest,
    /// Just below this member, present or not.
    Below(&'a [u8]),
    /// Just above this member, present or not.
    Above(&'a [u8]),
    /// Above them all.
    Highest,
}

/// A place between two entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct SearchKey<'a, K> {
    pub(super) key: K,
    pub(super) tie: Tie<'a>,
}

/// A member in the terms of one block, so that it is compared with many of the block's own at little cost.
enum Needle<'a> {
    /// Below every member here.
    Below,
    /// Above every member here.
    Above,
    /// Shares the text prefix; these bytes follow it.
    Suffix(&'a [u8]),
    /// The number that stands for it here.
    Number(u64),
    /// Shares the decimal prefix but is not among the names that can be written here.
    Stranger(&'a [u8]),
}

impl<K: SortKey> Block<K> {
    /// What a read of the last number as a whole integer may touch beyond it.
    const PADDING: usize = if K::Number::BYTES > 8 { K::Number::BYTES } else { 8 };

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// The bytes of the entries, without slack.
    pub(super) fn used_bytes(&self) -> usize {
        self.used as usize
    }

    /// A copy without slack.
    pub(super) fn trimmed(&self) -> Self {
        let bytes = if self.len == 0 { 0 } else { self.used_bytes() + Self::PADDING };
        Self { data: self.data[..bytes].into(), ..*self }
    }

    /// What the allocation behind this block takes.
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

    /// Compares member `i` with a needle that is bytes.
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

    /// The number of entries below `place`.
    pub(super) fn position(&self, place: &SearchKey<'_, K>) -> usize {
        let low = match place.tie {
            Tie::Highest => return self.keys_up_to(place.key),
            _ => self.keys_below(place.key),
        };
        let (Tie::Below(member) | Tie::Above(member)) = place.tie else { return low };
        if low == self.len() || self.key(low) > place.key {
            return low;
        }
        let high = self.keys_up_to(place.key);
        let needle = self.needle(member);
        match (place.tie, &needle) {
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

/// The first of `range` for which `below` is false, given that it is true up to there and false from there on.
///
/// Which way each step goes is a coin toss, so the choice is data and not a branch to mispredict.
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
