//! Packing: entries written out plainly, and the choice of the narrowest form that holds them.
//!
//! A block comes from a [`Run`] and goes back to one when an entry does not fit its widths, when it splits, and when
//! two merge. Everything here may be slow compared with [`super::edit`], because it runs once for many edits.

use std::ops::Range;

use super::decimal::{self, Digits};
use super::edit::capacity_for;
use super::{Block, MemberForm, PADDING};

/// Up to here every whole number is a double, so that base and difference are exact.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Entries in order, written out plainly.
#[derive(Debug, Default)]
pub(in crate::ranking) struct Run {
    pub(super) scores: Vec<f64>,
    tags: Vec<u8>,
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl Run {
    pub(in crate::ranking) fn len(&self) -> usize {
        self.scores.len()
    }

    /// Appends an entry, which must be above those before it if the block will be searched.
    pub(in crate::ranking) fn push(&mut self, score: f64, member: &[u8], tag: u8) {
        self.bytes.extend_from_slice(member);
        self.finish(score, tag);
    }

    fn finish(&mut self, score: f64, tag: u8) {
        self.scores.push(score);
        self.tags.push(tag);
        self.ends.push(self.bytes.len());
    }

    pub(in crate::ranking) fn clear(&mut self) {
        self.scores.clear();
        self.tags.clear();
        self.ends.clear();
        self.bytes.clear();
    }

    pub(in crate::ranking) fn score(&self, i: usize) -> f64 {
        self.scores[i]
    }

    pub(in crate::ranking) fn tag(&self, i: usize) -> u8 {
        self.tags[i]
    }

    pub(in crate::ranking) fn member(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.bytes[start..self.ends[i]]
    }

    fn members(&self, range: Range<usize>) -> impl Iterator<Item = &[u8]> + Clone {
        range.map(|i| self.member(i))
    }
}

/// Whether `score` is a whole number that differences are exact for.
pub(super) fn is_whole(score: f64) -> bool {
    score.abs() <= WHOLE_MAX && score.trunc() == score
}

/// The narrowest width and base for scores in any order.
fn score_form(scores: &[f64]) -> (u8, f64) {
    let Some(&first) = scores.first() else { return (0, 0.0) };
    let (low, high) =
        scores.iter().fold((first, first), |(low, high), &score| (low.min(score), high.max(score)));
    if low == high {
        return (0, low);
    }
    if !scores.iter().all(|&score| is_whole(score)) {
        return (8, 0.0);
    }
    let span = high - low;
    // The base stands below the lowest by half the room to spare, so that the next entry fits on either side.
    let base = |limit: f64| (low - ((limit - span) / 2.0).floor()).max(-WHOLE_MAX);
    match span {
        _ if span <= f64::from(u8::MAX) => (1, base(f64::from(u8::MAX))),
        _ if span <= f64::from(u16::MAX) => (2, base(f64::from(u16::MAX))),
        _ if span <= f64::from(u32::MAX) => (4, base(f64::from(u32::MAX))),
        _ => (8, 0.0),
    }
}

/// What decimal members share: their prefix, their digit counts, and the lowest code; and the code of each.
struct DecimalForm<'a> {
    prefix: &'a [u8],
    digits: Digits,
    base: u64,
    width: u8,
    codes: Vec<u64>,
}

fn decimal_form<'a>(mut members: impl Iterator<Item = &'a [u8]> + Clone) -> Option<DecimalForm<'a>> {
    let all = members.clone();
    let (prefix, first) = decimal::split(members.next()?);
    let (mut min, mut max) = (first.len(), first.len());
    for member in members {
        let (own_prefix, digits) = decimal::split(member);
        if own_prefix != prefix {
            return None;
        }
        min = min.min(digits.len());
        max = max.max(digits.len());
    }
    if min == 0 {
        return None;
    }
    let digits = Digits { min: min as u8, max: max as u8 };
    let mut codes = Vec::with_capacity(all.size_hint().0);
    let (mut low, mut high) = (u64::MAX, 0);
    for member in all {
        let code = digits.encode(&member[prefix.len()..])?;
        low = low.min(code);
        high = high.max(code);
        codes.push(code);
    }
    let span = high - low;
    let width = (u64::BITS - span.leading_zeros()).div_ceil(8).max(1);
    // As with scores, half the room to spare goes below the lowest.
    let base = low.saturating_sub(((u64::MAX >> (64 - 8 * width)) - span) / 2);
    Some(DecimalForm { prefix, digits, base, width: width as u8, codes })
}

fn common_prefix<'a>(mut members: impl Iterator<Item = &'a [u8]>) -> &'a [u8] {
    let Some(mut prefix) = members.next() else { return &[] };
    for member in members {
        let shared = prefix.iter().zip(member).take_while(|(a, b)| a == b).count();
        prefix = &prefix[..shared];
    }
    prefix
}

impl Block {
    /// Appends the entries `range` to `run`.
    pub(in crate::ranking) fn unpack(&self, range: Range<usize>, run: &mut Run) {
        run.scores.reserve(range.len());
        run.tags.reserve(range.len());
        run.ends.reserve(range.len());
        for i in range {
            self.write_member(i, &mut run.bytes);
            run.finish(self.score(i), self.tags()[i]);
        }
    }

    /// A block of the entries `range` of `run`, in the narrowest form that holds them. What is only kept to be unpacked
    /// again may be in any order.
    pub(in crate::ranking) fn pack(run: &Run, range: Range<usize>) -> Self {
        let (score_width, score_base) = score_form(&run.scores[range.clone()]);
        let mut block = Self {
            score_base,
            score_width,
            len: u16::try_from(range.len()).expect("a block holds at most a few hundred entries"),
            ..Self::default()
        };
        let prefix;
        let mut data;
        if let Some(form) = decimal_form(run.members(range.clone())) {
            prefix = form.prefix;
            block.form = MemberForm::Decimal;
            block.digits = form.digits;
            block.member_base = form.base;
            block.member_width = form.width;
            data = block.packed_head(run, prefix, &range, range.len() * usize::from(form.width));
            put_numbers(
                &mut data,
                form.codes.iter().map(|code| code - form.base),
                form.codes.len(),
                form.width,
            );
        } else {
            prefix = common_prefix(run.members(range.clone()));
            let text_bytes: usize =
                run.members(range.clone()).map(|member| member.len() - prefix.len()).sum();
            block.member_width = if text_bytes <= usize::from(u16::MAX) { 2 } else { 4 };
            let ends_bytes = range.len() * usize::from(block.member_width);
            data = block.packed_head(run, prefix, &range, ends_bytes + text_bytes);
            let ends = run.members(range.clone()).scan(0, |end, member| {
                *end += (member.len() - prefix.len()) as u64;
                Some(*end)
            });
            put_numbers(&mut data, ends, range.len(), block.member_width);
            run.members(range).for_each(|member| data.extend_from_slice(&member[prefix.len()..]));
        }
        block.prefix_len = prefix.len() as u32;
        block.used = u32::try_from(data.len()).expect("a block's members stay below 4 GiB");
        data.resize(capacity_for(data.len()), 0);
        block.data = data.into_boxed_slice();
        block
    }

    /// The bytes before the members, in a vector that has room for `members_bytes` more.
    fn packed_head(&self, run: &Run, prefix: &[u8], range: &Range<usize>, members_bytes: usize) -> Vec<u8> {
        let head_bytes = prefix.len() + range.len() * (1 + usize::from(self.score_width));
        let mut data = Vec::with_capacity(capacity_for(head_bytes + members_bytes));
        data.extend_from_slice(prefix);
        data.extend_from_slice(&run.tags[range.clone()]);
        let scores = run.scores[range.clone()].iter();
        match self.score_width {
            8 => put_numbers(&mut data, scores.map(|score| score.to_bits()), range.len(), 8),
            width => put_numbers(
                &mut data,
                scores.map(|score| (score - self.score_base) as u64),
                range.len(),
                width,
            ),
        }
        data
    }
}

/// Appends `count` numbers of `width` bytes, little endian.
fn put_numbers(out: &mut Vec<u8>, numbers: impl Iterator<Item = u64>, count: usize, width: u8) {
    let width = usize::from(width);
    let mut at = out.len();
    let end = at + count * width;
    // Each is written as eight bytes, of which the next one overwrites those that are too many: that is one store, where
    // a copy of as many bytes as it has is a call.
    out.resize(end + PADDING, 0);
    for number in numbers {
        out[at..at + 8].copy_from_slice(&number.to_le_bytes());
        at += width;
    }
    out.truncate(end);
}
