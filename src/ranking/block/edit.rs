//! Changes of a block in place: bytes are moved for entries that are inserted or removed, and the allocation grows and
//! shrinks in small steps.
//!
//! An entry that does not fit the widths of the block makes it pack all entries again from an [`EntryRun`], which chooses
//! the forms.

use std::ops::Range;

use super::{Block, EntryRun, MemberForm, Needle};
use crate::machine::heap::allocation_bytes;
use crate::ranking::key::{KeyNumber, SortKey};

/// A member in the encoding of a block.
enum EncodedMember<'a> {
    Suffix(&'a [u8]),
    Number(u64),
}

impl<K: SortKey> Block<K> {
    /// The size of the allocation for `used` bytes: the full size class of the allocator. Size classes are a fifth apart on
    /// average, so a block moves only once for many insertions.
    pub(super) fn capacity_for(used: usize) -> usize {
        allocation_bytes(used + Self::PADDING)
    }

    /// Inserts an entry at index `i`, which must be its position in order.
    pub(in crate::ranking) fn insert(&mut self, i: usize, key: K, member: &[u8], tag: u8) {
        match (key.number(self.key_form()), self.written(member)) {
            (Some(key), Some(written)) => self.insert_bytes(i, key, &written, tag),
            _ => {
                let mut run = EntryRun::default();
                self.unpack(0..i, &mut run);
                run.push(key, member, tag);
                self.unpack(i..self.len(), &mut run);
                *self = Self::pack(&run, 0..run.len());
            }
        }
    }

    /// Changes the key of entry `i`, which must keep its position.
    pub(in crate::ranking) fn set_key(&mut self, i: usize, key: K) {
        match key.number(self.key_form()) {
            Some(number) => {
                let width = self.key_bytes();
                let at = self.keys_at() + i * width;
                self.data[at..at + width].copy_from_slice(&number.to_bytes().as_ref()[..width]);
            }
            None => {
                let mut run = EntryRun::default();
                self.unpack(0..self.len(), &mut run);
                run.keys[i] = key;
                *self = Self::pack(&run, 0..run.len());
            }
        }
    }

    /// Splits off the entries from `at` on.
    pub(in crate::ranking) fn split_off(&mut self, at: usize) -> Self {
        let mut run = EntryRun::default();
        self.unpack(0..self.len(), &mut run);
        *self = Self::pack(&run, 0..at);
        Self::pack(&run, at..run.len())
    }

    /// Appends the entries of `above`, all of which must be above those here.
    pub(in crate::ranking) fn append(&mut self, above: &Self) {
        let mut run = EntryRun::default();
        self.unpack(0..self.len(), &mut run);
        above.unpack(0..above.len(), &mut run);
        *self = Self::pack(&run, 0..run.len());
    }

    /// Removes the entries `range`.
    pub(in crate::ranking) fn remove(&mut self, range: Range<usize>) {
        if range.len() == self.len() {
            *self = Self::default();
            return;
        }
        let (start, end, len) = (range.start, range.end, self.len());
        let key_width = self.key_bytes();
        let member_width = usize::from(self.member_width);
        let (tags_at, keys_at, members_at) = (self.prefix_len as usize, self.keys_at(), self.members_at());
        let used = self.used_bytes();
        // The remaining pieces from front to back; each moves down to the end of the one before.
        let mut to = tags_at + start;
        let mut keep = |data: &mut [u8], from: Range<usize>| {
            let size = from.len();
            data.copy_within(from, to);
            to += size;
        };
        let data = &mut self.data;
        keep(data, tags_at + end..keys_at + start * key_width);
        if self.form == MemberForm::Decimal {
            keep(data, keys_at + end * key_width..members_at + start * member_width);
            keep(data, members_at + end * member_width..used);
        } else {
            let text_at = members_at + len * member_width;
            let end_of = |data: &[u8], i: usize| read(&data[members_at + i * member_width..][..member_width]);
            let cut_start = if start == 0 { 0 } else { end_of(data, start - 1) };
            let cut_end = end_of(data, end - 1);
            let later = &mut data[members_at + end * member_width..text_at];
            shift_ends(later, member_width, |text_end| text_end - (cut_end - cut_start));
            keep(data, keys_at + end * key_width..members_at + start * member_width);
            keep(data, members_at + end * member_width..text_at + cut_start as usize);
            keep(data, text_at + cut_end as usize..used);
        }
        self.used = to as u32;
        self.len -= range.len() as u16;
        if self.data.len() > 2 * Self::capacity_for(self.used_bytes()) {
            self.reallocate(self.used_bytes());
        }
    }

    /// The member in the encoding of this block, if it can be encoded.
    fn written<'a>(&self, member: &'a [u8]) -> Option<EncodedMember<'a>> {
        if self.len == 0 {
            return None;
        }
        match self.needle(member) {
            Needle::Suffix(suffix) => {
                let text_bytes = self.used_bytes() - self.text_at() + suffix.len();
                (text_bytes as u64 <= self.member_limit()).then_some(EncodedMember::Suffix(suffix))
            }
            Needle::Number(number) => {
                (number <= self.member_limit()).then_some(EncodedMember::Number(number))
            }
            Needle::Below | Needle::Above | Needle::Stranger(_) => None,
        }
    }

    /// The highest number of `member_width` bytes.
    fn member_limit(&self) -> u64 {
        u64::MAX >> (64 - 8 * u32::from(self.member_width))
    }

    fn insert_bytes(&mut self, i: usize, key: K::Number, written: &EncodedMember<'_>, tag: u8) {
        let key_width = self.key_bytes();
        let member_width = usize::from(self.member_width);
        let (tags_at, keys_at, members_at) = (self.prefix_len as usize, self.keys_at(), self.members_at());
        let used = self.used_bytes();
        let text: &[u8] = match written {
            EncodedMember::Suffix(suffix) => suffix,
            EncodedMember::Number(_) => &[],
        };
        let grown = used + 1 + key_width + member_width + text.len();
        if grown + Self::PADDING > self.data.len() {
            self.reallocate(grown);
        }
        let len = self.len();
        let data = &mut self.data;
        // From back to front: each piece moves up by the bytes that are inserted below it.
        let mut tail_end = used;
        let mut up = 1 + key_width + member_width + text.len();
        let mut open = |data: &mut [u8], at: usize, bytes: &[u8]| {
            data.copy_within(at..tail_end, at + up);
            up -= bytes.len();
            data[at + up..at + up + bytes.len()].copy_from_slice(bytes);
            tail_end = at;
        };
        let number = match written {
            EncodedMember::Number(number) => *number,
            EncodedMember::Suffix(suffix) => {
                let ends = members_at..members_at + len * member_width;
                let at = members_at + i * member_width;
                let start = if i == 0 { 0 } else { read(&data[at - member_width..at]) };
                shift_ends(&mut data[at..ends.end], member_width, |text_end| text_end + suffix.len() as u64);
                open(data, ends.end + start as usize, suffix);
                start + suffix.len() as u64
            }
        };
        open(data, members_at + i * member_width, &number.to_le_bytes()[..member_width]);
        open(data, keys_at + i * key_width, &key.to_bytes().as_ref()[..key_width]);
        open(data, tags_at + i, &[tag]);
        self.used = grown as u32;
        self.len += 1;
    }

    /// Moves the block to an allocation for `used` bytes and some spare bytes.
    fn reallocate(&mut self, used: usize) {
        let capacity = Self::capacity_for(used);
        let mut data = std::mem::take(&mut self.data).into_vec();
        data.truncate(capacity);
        data.reserve_exact(capacity - data.len());
        data.resize(capacity, 0);
        self.data = data.into_boxed_slice();
    }
}

/// A little-endian number of any width.
fn read(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Applies `shift` to each of the ends in `bytes`.
fn shift_ends(bytes: &mut [u8], width: usize, shift: impl Fn(u64) -> u64) {
    match width {
        2 => {
            let (ends, _) = bytes.as_chunks_mut::<2>();
            for end in ends {
                *end = (shift(u64::from(u16::from_le_bytes(*end))) as u16).to_le_bytes();
            }
        }
        _ => {
            let (ends, _) = bytes.as_chunks_mut::<4>();
            for end in ends {
                *end = (shift(u64::from(u32::from_le_bytes(*end))) as u32).to_le_bytes();
            }
        }
    }
}
