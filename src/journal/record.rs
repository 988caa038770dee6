//! A record: the unit of the journal. After a crash it is there as a whole or not at all.
//!
//! ```text
//! body length u32 | CRC-32C u32 | previous CRC u32 | sequence u64 | unix ms u64 | body
//! ```
//! All numbers are little endian. The CRC covers everything but itself and starts from the CRC of the file's header,
//! which holds a random salt. So bytes of another file, or bytes that a client chose, never pass for a record of this
//! file. `previous` repeats the CRC of the record before, which may be in the previous file. So records that are
//! lost, swapped or copied from elsewhere break the chain. Each record can still be checked by itself, which the
//! search for whole records behind a bad one needs.

use crate::limits;
use crate::store::change::sink::Seq;
use crc32c::crc32c_append;

/// Bytes in front of a record's body.
pub(super) const HEAD_BYTES: usize = 28;

const CRC_AT: usize = 4;
const PREVIOUS_AT: usize = 8;
const SEQ_AT: usize = 12;
const UNIX_MS_AT: usize = 20;

/// The head of a record, in front of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) body_bytes: usize,
    pub(super) crc: u32,
    /// CRC of the record before.
    pub(super) previous: u32,
    pub(super) seq: Seq,
    pub(super) unix_ms: u64,
}

impl Head {
    /// Reads a head from the front of `bytes`, which must hold one; nothing in it is checked.
    pub(super) fn read(bytes: &[u8]) -> Self {
        Self {
            body_bytes: u32_at(bytes, 0) as usize,
            crc: u32_at(bytes, CRC_AT),
            previous: u32_at(bytes, PREVIOUS_AT),
            seq: Seq(u64_at(bytes, SEQ_AT)),
            unix_ms: u64_at(bytes, UNIX_MS_AT),
        }
    }

    /// The length of head and body in bytes. `None` if it exceeds the limit or the `rest` bytes that are left.
    pub(super) fn frame_bytes(&self, rest: u64) -> Option<usize> {
        let fits = self.body_bytes <= limits::JOURNAL_RECORD_BYTES
            && (HEAD_BYTES as u64 + self.body_bytes as u64) <= rest;
        fits.then_some(HEAD_BYTES + self.body_bytes)
    }
}

/// Appends a record to `out` without its CRCs. [`seal`] fills them in, outside the locks that this runs under.
pub(super) fn push(out: &mut Vec<u8>, seq: Seq, unix_ms: u64, body: &[u8]) {
    let length = u32::try_from(body.len()).expect("checked against limits::JOURNAL_RECORD_BYTES");
    let mut head = [0; HEAD_BYTES];
    head[..CRC_AT].copy_from_slice(&length.to_le_bytes());
    head[SEQ_AT..UNIX_MS_AT].copy_from_slice(&seq.0.to_le_bytes());
    head[UNIX_MS_AT..].copy_from_slice(&unix_ms.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(body);
}

/// Fills in the CRCs of all records in `frames`: `seed` is the CRC of the file's header, `previous` the last record's
/// CRC. Returns the CRC that the next record chains to.
pub(super) fn seal(frames: &mut [u8], seed: u32, mut previous: u32) -> u32 {
    let mut rest = frames;
    while !rest.is_empty() {
        let frame_bytes = HEAD_BYTES + u32_at(rest, 0) as usize;
        let (frame, tail) = rest.split_at_mut(frame_bytes);
        frame[PREVIOUS_AT..SEQ_AT].copy_from_slice(&previous.to_le_bytes());
        previous = checksum(frame, seed);
        frame[CRC_AT..PREVIOUS_AT].copy_from_slice(&previous.to_le_bytes());
        rest = tail;
    }
    previous
}

/// Whether `frame`, head and body, is a record of the file whose header's CRC is `seed`.
pub(super) fn is_whole(frame: &[u8], seed: u32) -> bool {
    checksum(frame, seed) == u32_at(frame, CRC_AT)
}

fn checksum(frame: &[u8], seed: u32) -> u32 {
    crc32c_append(crc32c_append(seed, &frame[..CRC_AT]), &frame[PREVIOUS_AT..])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_chain_and_one_flipped_bit_breaks_one() {
        let mut frames = Vec::new();
        push(&mut frames, Seq(7), 1000, b"first");
        let second_at = frames.len();
        push(&mut frames, Seq(8), 1001, b"second");
        let last = seal(&mut frames, 99, 42);
        let (first, second) = (Head::read(&frames), Head::read(&frames[second_at..]));
        assert_eq!((first.previous, first.seq, first.unix_ms, first.body_bytes), (42, Seq(7), 1000, 5));
        assert_eq!((second.previous, second.crc), (first.crc, last));
        assert!(is_whole(&frames[..second_at], 99));
        assert!(!is_whole(&frames[..second_at], 98), "another file's record");
        for bit in 0..second_at * 8 {
            let mut flipped = frames[..second_at].to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_whole(&flipped, 99), "bit {bit}");
        }
    }
}
