//! Counts different members without storing them: each hash sets one bit.

/// Bits for each expected member.
const BITS_A_MEMBER: usize = 8;

const BITS_MIN: usize = 1 << 13;

/// Counts different hashes, never too high. It misses more of them if more arrive than expected.
#[derive(Debug)]
pub(super) struct Filter {
    /// A power of two of bits.
    bits: Box<[u64]>,
    set: usize,
}

impl Filter {
    pub(super) fn for_members(expected: usize) -> Self {
        let bits = (expected * BITS_A_MEMBER).next_power_of_two().max(BITS_MIN);
        Self { bits: vec![0; bits / 64].into(), set: 0 }
    }

    #[inline]
    pub(super) fn note(&mut self, hash: u64) {
        // The low bits of a hash are its tag; these bits are above them.
        let at = (hash >> 16) as usize & (self.bits.len() * 64 - 1);
        let (word, bit) = (&mut self.bits[at / 64], 1 << (at % 64));
        self.set += usize::from(*word & bit == 0);
        *word |= bit;
    }

    /// The count, at most the number of different members.
    pub(super) fn members(&self) -> usize {
        self.set
    }
}
