//! A block: a few dozen entries in (score, member bytes) order, packed into one allocation.
//!
//! Blocks are what the levels of a ranking are made of, at the bottom (members) and above (separators). The bytes are
//!
//! ```text
//! prefix | one tag per entry | scores | members
//! ```
//!
//! where every array is as narrow as the block's own entries allow, chosen when the block is packed ([`run`]):
//!
//! - *scores*: nothing if all are equal; whole numbers as 1, 2 or 4 bytes above the block's lowest; else the doubles.
//! - *members*: if all are one prefix and trailing digits, order-preserving codes of 1 to 8 bytes above the lowest
//!   ([`decimal`]); else where each one's bytes end, then the bytes after their common prefix.
//!
//! An entry that fits the chosen widths goes in by moving bytes ([`edit`]); one that does not has the block packed
//! anew. The tag is a byte of the member's hash: it finds a member here without comparing names. A block knows
//! neither hashes nor its neighbours. Its invariant: entries are in strictly ascending order, and `data` extends at
//! least [`PADDING`] bytes past the last used one, so that a number of any width is read as eight bytes and masked.

mod decimal;
mod edit;
mod run;
mod visit;

use std::cmp::Ordering;
use std::hint::select_unpredictable;
use std::ops::Range;

use crate::heap::allocation_bytes;
use decimal::Digits;
pub(super) use run::Run;

/// What a whole-width read of the last number may touch beyond it.
const PADDING: usize = 8;

/// How a block writes its members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum MemberForm {
    /// `member_width` bytes for the end of each (2 or 4), then all the bytes after the common prefix.
    #[default]
    Text,
    /// `member_width` bytes (1 to 8) of a [`Digits`] code, less `member_base`.
    Decimal,
}

/// A sorted run of entries in one allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    data: Box<[u8]>,
    score_base: f64,
    member_base: u64,
    used: u32,
    prefix_len: u32,
    len: u16,
    /// 0, 1, 2, 4 or 8.
    score_width: u8,
    form: MemberForm,
    member_width: u8,
    digits: Digits,
}

/// Where a place stands among the members that share its score.
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
pub(super) struct Place<'a> {
    pub(super) score: f64,
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

impl Block {
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// The bytes of the entries, without slack.
    pub(super) fn used_bytes(&self) -> usize {
        self.used as usize
    }

    /// A copy without slack.
    pub(super) fn trimmed(&self) -> Self {
        let bytes = if self.len == 0 { 0 } else { self.used_bytes() + PADDING };
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

    fn scores_at(&self) -> usize {
        self.prefix_len as usize + self.len()
    }

    fn members_at(&self) -> usize {
        self.scores_at() + self.len() * usize::from(self.score_width)
    }

    /// Where the text of the members begins.
    fn text_at(&self) -> usize {
        self.members_at() + self.len() * usize::from(self.member_width)
    }

    pub(super) fn tags(&self) -> &[u8] {
        &self.data[self.prefix_len as usize..self.scores_at()]
    }

    /// The little-endian number of `width` bytes at `at`.
    fn number_at(&self, at: usize, width: u8) -> u64 {
        let eight: [u8; 8] = self.data[at..at + 8].try_into().expect("eight bytes");
        u64::from_le_bytes(eight) & (u64::MAX >> (64 - 8 * u32::from(width)))
    }

    pub(super) fn score(&self, i: usize) -> f64 {
        let at = self.scores_at() + i * usize::from(self.score_width);
        match self.score_width {
            0 => self.score_base,
            8 => f64::from_bits(self.number_at(at, 8)),
            // At most 32 bits above a whole base, so that both the conversion and the sum are exact.
            width => self.score_base + f64::from(self.number_at(at, width) as u32),
        }
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
    pub(super) fn position(&self, place: Place<'_>) -> usize {
        let low = match place.tie {
            Tie::Highest => return self.scores_up_to(place.score),
            _ => self.scores_below(place.score),
        };
        let (Tie::Below(member) | Tie::Above(member)) = place.tie else { return low };
        if low == self.len() || self.score(low) > place.score {
            return low;
        }
        let high = self.scores_up_to(place.score);
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

    /// The number of entries with a score below `score`.
    fn scores_below(&self, score: f64) -> usize {
        let whole = score.floor();
        // Whole scores below 7.5 are those below 8. Adding 0.5 to a base could round; flooring never does.
        self.partition_scores(|own| own < score, if whole == score { whole } else { whole + 1.0 })
    }

    /// The number of entries with a score of at most `score`.
    fn scores_up_to(&self, score: f64) -> usize {
        self.partition_scores(|own| own <= score, score.floor() + 1.0)
    }

    /// The number of entries whose score is `below`, or in blocks of whole scores, is below `limit`.
    fn partition_scores(&self, below: impl Fn(f64) -> bool, limit: f64) -> usize {
        let scores = &self.data[self.scores_at()..self.members_at()];
        // Beyond 32 bits the difference may be inexact, and is as good as infinite: the cast saturates.
        let above_base = (limit - self.score_base) as u64;
        match self.score_width {
            0 if below(self.score_base) => self.len(),
            0 => 0,
            1 => partition_differences::<1>(scores, above_base),
            2 => partition_differences::<2>(scores, above_base),
            4 => partition_differences::<4>(scores, above_base),
            _ => {
                let (scores, _) = scores.as_chunks::<8>();
                partition(0..scores.len(), |i| below(f64::from_le_bytes(scores[i])))
            }
        }
    }

    /// Panics if the entries are out of order or the arrays do not add up.
    pub(super) fn check_invariants(&self) {
        let mut run = Run::default();
        self.unpack(0..self.len(), &mut run);
        for i in 1..run.len() {
            let before = (run.scores[i - 1], run.member(i - 1));
            assert!(before < (run.scores[i], run.member(i)), "entry {i} is out of order");
        }
        let members = match self.form {
            MemberForm::Text if self.len == 0 => 0,
            MemberForm::Text => self.len() * usize::from(self.member_width) + self.text_end(self.len() - 1),
            MemberForm::Decimal => self.len() * usize::from(self.member_width),
        };
        assert_eq!(self.used_bytes(), self.members_at() + members);
        assert!(self.len == 0 || self.used_bytes() + PADDING <= self.data.len());
    }
}

/// The number of leading `WIDTH`-byte numbers below `limit`.
fn partition_differences<const WIDTH: usize>(bytes: &[u8], limit: u64) -> usize {
    let (numbers, _) = bytes.as_chunks::<WIDTH>();
    let number = |i: usize| {
        let mut eight = [0; 8];
        eight[..WIDTH].copy_from_slice(&numbers[i]);
        u64::from_le_bytes(eight)
    };
    partition(0..numbers.len(), |i| number(i) < limit)
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
