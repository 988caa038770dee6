//! Hash slots: each key belongs to one of 16384, as in Redis Cluster (CRC16, the `{tag}` rule).

use memchr::memchr;

/// The number of hash slots, as in Redis Cluster.
pub const SLOTS: u16 = 16384;

/// Bytes of a key that one step of [`checksum`] takes. Every request computes the slots of its keys, and most keys are short:
/// with eight bytes a step it takes two thirds of the instructions that the sixteen of crate `crc` take for 22 bytes.
const STEP: usize = 8;

/// The polynomial of CRC-16/XMODEM.
const POLYNOMIAL: u16 = 0x1021;

/// The checksum of each byte with so many zeros behind it: of the first byte of a step in front, of the last one at the end.
static OF_BYTES: [[u16; 256]; STEP] = of_bytes();

/// A hash slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// The slot of `key`. O(key length).
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        let (sum, has_brace) = checksum(key);
        let tagged = if has_brace { tag(key).map(|tag| checksum(tag).0) } else { None };
        Self(tagged.unwrap_or(sum) % SLOTS)
    }

    /// The slot's number, below [`SLOTS`].
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}

const fn of_bytes() -> [[u16; 256]; STEP] {
    let mut tables = [[0; 256]; STEP];
    let mut byte = 0;
    while byte < 256 {
        let (mut sum, mut zeros) = ((byte as u16) << 8, 0);
        while zeros < STEP {
            let mut bit = 0;
            while bit < 8 {
                sum = if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ POLYNOMIAL };
                bit += 1;
            }
            tables[STEP - 1 - zeros][byte] = sum;
            zeros += 1;
        }
        byte += 1;
    }
    tables
}

/// CRC-16/XMODEM, and whether there is a `{` among the bytes. The sum begins at 0, so zeros in front of the bytes do not change
/// it: the first step takes what is beyond a multiple of [`STEP`] bytes.
fn checksum(bytes: &[u8]) -> (u16, bool) {
    let (first, rest) = bytes.split_at(bytes.len() % STEP);
    let (steps, _) = rest.as_chunks::<STEP>();
    let first = number(first);
    steps.iter().fold((step(0, first), has_brace(first)), |(sum, has), bytes| {
        let bytes = u64::from_be_bytes(*bytes);
        (step(sum, bytes), has | has_brace(bytes))
    })
}

/// Fewer than [`STEP`] bytes as one number, without a loop where there are at least four.
fn number(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(front), Some(back)) => {
            // They may overlap.
            let front = u64::from(u32::from_be_bytes(*front)) << (8 * (bytes.len() - 4));
            front | u64::from(u32::from_be_bytes(*back))
        }
        _ => bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    }
}

/// The checksum `sum` with eight further bytes.
fn step(sum: u16, bytes: u64) -> u16 {
    let bytes = (bytes ^ u64::from(sum) << 48).to_be_bytes();
    bytes.iter().zip(&OF_BYTES).fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)])
}

/// Whether there is a `{` among eight bytes.
fn has_brace(bytes: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    let differences = bytes ^ (ONES * u64::from(b'{'));
    differences.wrapping_sub(ONES) & !differences & (ONES << 7) != 0
}

/// The bytes between the first `{` of `key` and the next `}`, unless there are none.
fn tag(key: &[u8]) -> Option<&[u8]> {
    let rest = &key[memchr(b'{', key)? + 1..];
    let tag = &rest[..memchr(b'}', rest)?];
    (!tag.is_empty()).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::Slot;
    use crate::machine::chance::Chance;

    #[test]
    fn slots_are_those_of_redis_cluster() {
        assert_eq!(Slot::of(b"foo").number(), 12182);
        assert_eq!(Slot::of(b"{user1000}.following"), Slot::of(b"{user1000}.followers"));
        assert_eq!(Slot::of(b"foo{}{bar}").number(), 8363);
        assert_eq!(Slot::of(b"foo{{bar}}zap").number(), 4015);
    }

    #[test]
    fn slots_are_those_that_clients_find() {
        let mut chance = Chance::seeded(1);
        for len in 1..80 {
            for _ in 0..200 {
                let key: Vec<u8> = (0..len).map(|_| b"{}ab\0\xff"[chance.below(6) as usize]).collect();
                let slot = redis_protocol::redis_keyslot(&key);
                assert_eq!(Slot::of(&key).number(), slot, "{}", key.escape_ascii());
            }
        }
    }
}
