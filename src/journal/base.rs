//! What a base's records hold: blocks of Changes, compressed, and at last the end.
//!
//! ```text
//! block: length of the Changes u32 | the Changes as one LZ4 block
//! end:   0 u32 | sequence u64
//! ```
//! Where one of its records ends a base's block says nothing: commands are not told apart in a base.

use super::record::{HEAD_BYTES, u32_at, u64_at};
use crate::limits;
use crate::store::change::sink::Seq;
use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

/// Bytes of Changes that are compressed together: longer blocks hardly come out smaller.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;

/// Bytes in front of the compressed ones.
const LENGTH_BYTES: usize = 4;

/// LZ4 cannot make more than this of one byte.
const RATIO_MAX: usize = 256;

/// Puts the record's body that holds `changes` in place of what is in `body`.
pub(super) fn pack(changes: &[u8], body: &mut Vec<u8>) {
    let length = u32::try_from(changes.len()).expect("a Change is shorter than limits::JOURNAL_RECORD_BYTES");
    body.clear();
    body.resize(LENGTH_BYTES + get_maximum_output_size(changes.len()), 0);
    body[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    let packed = compress_into(changes, &mut body[LENGTH_BYTES..]).expect("there is room for the worst case");
    body.truncate(LENGTH_BYTES + packed);
}

/// Puts the Changes that `body` holds in place of what is in `changes`. False if it is no block.
pub(super) fn unpack(body: &[u8], changes: &mut Vec<u8>) -> bool {
    let Some((_, packed)) = body.split_at_checked(LENGTH_BYTES) else { return false };
    let length = u32_at(body, 0) as usize;
    if length == 0 || length > limits::JOURNAL_RECORD_BYTES || length / RATIO_MAX > packed.len() {
        return false;
    }
    changes.resize(length, 0);
    decompress_into(packed, changes).is_ok_and(|unpacked| unpacked == length)
}

/// What a base's last record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BaseEnd {
    /// The last record there was when the walk had ended: the base may show what the records up to it say.
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
    fn a_block_gives_its_changes_back_and_no_other_bytes_buy_memory() {
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
