//! The keys of a block: an array of numbers of one width, in the order of the keys.

use std::ops::Range;

use super::{Block, partition};
use crate::ranking::key::{KeyForm, KeyNumber, SortKey};
use crate::text::name_run::RUN_MAX;

impl<K: SortKey> Block<K> {
    #[inline]
    pub(super) fn key_form(&self) -> KeyForm<K::Base> {
        KeyForm { base: self.key_base, widths: self.key_widths }
    }

    /// The width of the numbers, in bytes.
    #[inline]
    pub(super) fn key_bytes(&self) -> usize {
        K::bytes(self.key_widths)
    }

    #[inline]
    fn key_number(&self, i: usize) -> K::Number {
        let width = self.key_bytes();
        K::Number::read(&self.data, self.keys_at() + i * width, width)
    }

    #[inline]
    pub(in crate::ranking) fn key(&self, i: usize) -> K {
        K::of_number(self.key_number(i), self.key_form())
    }

    /// The number of entries with a key below `key`.
    #[inline]
    pub(super) fn keys_below(&self, key: K) -> usize {
        self.numbers_below(key.below(self.key_form()))
    }

    /// The number of entries with a key of at most `key`.
    #[inline]
    pub(super) fn keys_up_to(&self, key: K) -> usize {
        key.up_to(self.key_form()).map_or(self.len(), |limit| self.numbers_below(limit))
    }

    #[inline]
    fn numbers_below(&self, limit: K::Number) -> usize {
        let width = self.key_bytes();
        let keys = &self.data[self.keys_at()..self.members_at()];
        if K::Number::BYTES > 8 && width > 8 {
            return partition(0..self.len(), |i| self.key_number(i) < limit);
        }
        // A limit beyond eight bytes is above every number of eight bytes.
        let Ok(limit) = limit.try_into() else { return self.len() };
        match width {
            0 if limit > 0 => self.len(),
            0 => 0,
            1 => partition_numbers::<1>(keys, limit),
            2 => partition_numbers::<2>(keys, limit),
            4 => partition_numbers::<4>(keys, limit),
            8 => partition_numbers::<8>(keys, limit),
            _ => {
                let (at, width) = (self.keys_at(), width as u8);
                partition(0..self.len(), |i| self.number_at(at + i * usize::from(width), width) < limit)
            }
        }
    }

    /// Copies the keys of `entries` to the front of `keys`.
    pub(super) fn copy_keys(&self, entries: Range<usize>, keys: &mut [K; RUN_MAX]) {
        let (at, width) = (self.keys_at(), self.key_bytes());
        let numbers = &self.data[at + entries.start * width..at + entries.end * width];
        // One loop for each common width, so that the compiler can use vector instructions.
        match width {
            0 => *keys = [K::of_number(0.into(), self.key_form()); RUN_MAX],
            1 => self.copy_numbers::<1>(numbers, keys),
            2 => self.copy_numbers::<2>(numbers, keys),
            4 => self.copy_numbers::<4>(numbers, keys),
            8 => self.copy_numbers::<8>(numbers, keys),
            _ => keys.iter_mut().zip(entries).for_each(|(key, i)| *key = self.key(i)),
        }
    }

    #[inline]
    fn copy_numbers<const WIDTH: usize>(&self, numbers: &[u8], keys: &mut [K; RUN_MAX]) {
        let form = self.key_form();
        for (key, bytes) in keys.iter_mut().zip(numbers.as_chunks::<WIDTH>().0) {
            *key = K::of_number(number(*bytes).into(), form);
        }
    }
}

#[inline]
fn number<const WIDTH: usize>(bytes: [u8; WIDTH]) -> u64 {
    let mut eight = [0; 8];
    eight[..WIDTH].copy_from_slice(&bytes);
    u64::from_le_bytes(eight)
}

/// The number of leading `WIDTH`-byte numbers below `limit`.
fn partition_numbers<const WIDTH: usize>(bytes: &[u8], limit: u64) -> usize {
    let (numbers, _) = bytes.as_chunks::<WIDTH>();
    partition(0..numbers.len(), |i| number(numbers[i]) < limit)
}
