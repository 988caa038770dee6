//! Packing: a run of unpacked entries, and the choice of the narrowest forms for them.
//!
//! A block is packed from an [`EntryRun`]. It is unpacked into one when an entry does not fit its widths, when it splits,
//! and when two blocks merge. This code may be slow compared with [`super::edit`], because it runs once for many edits.

use std::ops::Range;

use super::decimal;
use super::decimal::DigitCounts;
use super::{Block, MemberForm};
use crate::ranking::key::{KeyNumber, SortKey};

/// Unpacked entries in order.
#[derive(Debug, Default)]
pub(in crate::ranking) struct EntryRun<K> {
    pub(super) keys: Vec<K>,
    tags: Vec<u8>,
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl<K: SortKey> EntryRun<K> {
    pub(in crate::ranking) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Appends an entry. It must be above those before it, unless the block will never be searched.
    pub(in crate::ranking) fn push(&mut self, key: K, member: &[u8], tag: u8) {
        self.bytes.extend_from_slice(member);
        self.finish(key, tag);
    }

    fn finish(&mut self, key: K, tag: u8) {
        self.keys.push(key);
        self.tags.push(tag);
        self.ends.push(self.bytes.len());
    }

    pub(in crate::ranking) fn clear(&mut self) {
        self.keys.clear();
        self.tags.clear();
        self.ends.clear();
        self.bytes.clear();
    }

    pub(in crate::ranking) fn key(&self, i: usize) -> K {
        self.keys[i]
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

/// The decimal encoding of members: their common prefix, the digit counts, the base, and the code of each.
struct DecimalForm<'a> {
    prefix: &'a [u8],
    digits: DigitCounts,
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
    let digits = DigitCounts { min: min as u8, max: max as u8 };
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
    // As with keys, half of the spare range is below the lowest.
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

impl<K: SortKey> Block<K> {
    /// Appends the entries `range` to `run`.
    pub(in crate::ranking) fn unpack(&self, range: Range<usize>, run: &mut EntryRun<K>) {
        run.keys.reserve(range.len());
        run.tags.reserve(range.len());
        run.ends.reserve(range.len());
        for i in range {
            self.write_member(i, &mut run.bytes);
            run.finish(self.key(i), self.tags()[i]);
        }
    }

    /// A block of the entries `range` of `run`, in the narrowest forms. Entries of a block that will only be unpacked again
    /// may be in any order.
    pub(in crate::ranking) fn pack(run: &EntryRun<K>, range: Range<usize>) -> Self {
        let form = K::narrowest(run.keys[range.clone()].iter().copied());
        let mut block = Self {
            key_base: form.base,
            key_widths: form.widths,
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
                usize::from(form.width),
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
            put_numbers(&mut data, ends, range.len(), usize::from(block.member_width));
            run.members(range).for_each(|member| data.extend_from_slice(&member[prefix.len()..]));
        }
        block.prefix_len = prefix.len() as u32;
        block.used = u32::try_from(data.len()).expect("a block's members stay below 4 GiB");
        data.resize(Self::capacity_for(data.len()), 0);
        block.data = data.into_boxed_slice();
        block
    }

    /// The bytes before the members, in a vector that has room for `members_bytes` more.
    fn packed_head(
        &self,
        run: &EntryRun<K>,
        prefix: &[u8],
        range: &Range<usize>,
        members_bytes: usize,
    ) -> Vec<u8> {
        let head_bytes = prefix.len() + range.len() * (1 + self.key_bytes());
        let mut data = Vec::with_capacity(Self::capacity_for(head_bytes + members_bytes));
        data.extend_from_slice(prefix);
        data.extend_from_slice(&run.tags[range.clone()]);
        let (form, width) = (self.key_form(), self.key_bytes());
        let number = |key: &K| key.number(form).expect("the form was chosen for these keys");
        put_numbers(&mut data, run.keys[range.clone()].iter().map(number), range.len(), width);
        data
    }
}

/// Appends `count` numbers of `width` bytes, little endian.
fn put_numbers<N: KeyNumber>(
    out: &mut Vec<u8>,
    numbers: impl Iterator<Item = N>,
    count: usize,
    width: usize,
) {
    let mut at = out.len();
    let end = at + count * width;
    // Each number is written with all bytes of its type, and the next number overwrites the surplus. That is one store; a
    // copy of a variable number of bytes would be a function call.
    out.resize(end + N::BYTES, 0);
    for number in numbers {
        out[at..at + N::BYTES].copy_from_slice(number.to_bytes().as_ref());
        at += width;
    }
    out.truncate(end);
}
