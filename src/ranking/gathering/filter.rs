//! How many different members came, without remembering them: one bit for some hashes each.

/// Bits for each member that is expected.
const BITS_A_MEMBER: usize = 8;

const BITS_MIN: usize = 1 << 13;

/// Counts different hashes, never too many. The more come than were expected, the more it misses.
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
        // The bits of a hash below its place in the index are its tag; these are above.
        let at = (hash >> 16) as usize & (self.bits.len() * 64 - 1);
        let (word, bit) = (&mut self.bits[at / 64], 1 << (at % 64));
        self.set += usize::from(*word & bit == 0);
        *word |= bit;
    }

    /// At most as many as came.
    pub(super) fn members(&self) -> usize {
        self.set
    }
}
