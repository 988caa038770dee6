//! The hash of an element: which register it belongs to, and the value it has there.

/// The bits of a hash that choose the register.
pub(super) const INDEX_BITS: u32 = 14;

/// The other bits. The highest value of a register is one more.
pub(super) const COUNT_BITS: u32 = 64 - INDEX_BITS;

/// Redis's seed.
const SEED: u64 = 0xadc8_3b19;

/// The register of an element, and its value: one more than the number of trailing zeros in the rest of the hash.
pub(super) fn place_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element);
    let register = hash & ((1 << INDEX_BITS) - 1);
    // The added bit limits the count to `COUNT_BITS`.
    let rest = hash >> INDEX_BITS | 1 << COUNT_BITS;
    (register as usize, rest.trailing_zeros() as u8 + 1)
}

/// MurmurHash64A by Austin Appleby, with little-endian words on every machine.
fn murmur64a(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let (words, rest) = bytes.as_chunks::<8>();
    // Redis passes the length as a C int.
    let len = i64::from(bytes.len() as i32).cast_unsigned();
    let mut hash = SEED ^ len.wrapping_mul(FACTOR);
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        word ^= word >> SHIFT;
        hash = (hash ^ word.wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    hash ^= hash >> SHIFT;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}
