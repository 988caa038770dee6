//! The bodies of a base's records: compressed blocks of Changes, and in the last record the end of the base.
//!
//! ```text
//! block: length of the Changes u32 | the Changes as one LZ4 block
//! end:   0 u32 | sequence u64
//! ```
//! Record boundaries mean nothing in a base: a block ends where it is full, not where a command ended.

use super::record::{HEAD_BYTES, u32_at, u64_at};
use crate::limits;
use crate::store::change::sink::Seq;
use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

/// Bytes of Changes in a block. Longer blocks hardly compress better.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;

/// Bytes of the length in front of the compressed bytes.
const LENGTH_BYTES: usize = 4;

/// The highest ratio at which LZ4 can compress.
const RATIO_MAX: usize = 256;

/// Replaces the contents of `body` with a record's body that holds `changes`.
pub(super) fn pack(changes: &[u8], body: &mut Vec<u8>) {
    let length = u32::try_from(changes.len()).expect("a Change is shorter than limits::JOURNAL_RECORD_BYTES");
    body.clear();
    body.resize(LENGTH_BYTES + get_maximum_output_size(changes.len()), 0);
    body[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    let packed = compress_into(changes, &mut body[LENGTH_BYTES..]).expect("there is room for the worst case");
    body.truncate(LENGTH_BYTES + packed);
}

/// Replaces the contents of `changes` with the Changes of the block in `body`. Returns false if `body` is not a
/// block.
pub(super) fn unpack(body: &[u8], changes: &mut Vec<u8>) -> bool {
    let Some((_, packed)) = body.split_at_checked(LENGTH_BYTES) else { return false };
    let length = u32_at(body, 0) as usize;
    if length == 0 || length > limits::JOURNAL_RECORD_BYTES || length / RATIO_MAX > packed.len() {
        return false;
    }
    changes.resize(length, 0);
    decompress_into(packed, changes).is_ok_and(|unpacked| unpacked == length)
}

/// The body of a base's last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BaseEnd {
    /// The last record that had been appended when the walk ended. The base may show the effect of any record up to
    /// it.
    pub(super) walked_to: Seq,
}

impl BaseEnd {
    const BODY_BYTES: usize = 12;

    /// Bytes of the record that ends a base.
    pub(super) const FRAME_BYTES: u64 = (HEAD_BYTES + Self::BODY_BYTES) as u64;

    pub(super) fn encode(self) -> [u8; Self::BODY_BYTES] {
        let mut body = [0; Self::BODY_BYTES];
        body[LENGTH_BYTES..].copy_from_slice(&self.walked_to.0.to_le_bytes());
        body
    }

    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let is_end = body.len() == Self::BODY_BYTES && u32_at(body, 0) == 0;
        is_end.then(|| Self { walked_to: Seq(u64_at(body, LENGTH_BYTES)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_back_and_invalid_bytes_reserve_no_memory() {
        let mut body = Vec::new();
        let mut changes = Vec::new();
        for original in [&b"x"[..], &[7; 100_000], &(0..=255).cycle().take(70_000).collect::<Vec<u8>>()] {
            pack(original, &mut body);
            assert!(unpack(&body, &mut changes));
            assert_eq!(changes, original);
            for length in 0..body.len().min(100) {
                assert!(!unpack(&body[..length], &mut changes), "cut at {length}");
            }
        }
        let mut announced = u32::MAX.to_le_bytes().to_vec();
        announced.extend([0; 100]);
        let mut changes = Vec::new();
        assert!(!unpack(&announced, &mut changes));
        announced[..4].copy_from_slice(&0x7000_0000u32.to_le_bytes());
        assert!(!unpack(&announced, &mut changes));
        assert_eq!(changes.capacity(), 0);
    }
}
