//! The headers of segments and bases: the kind of file, the version that wrote it, and the start of its chain of
//! CRCs.
//!
//! ```text
//! segment: "rankdseg" | version u32 | number u64 | salt u64 | CRC-32C u32                                32 bytes
//! base:    "rankdbas" | version u32 | number u64 | salt u64
//!          | unix ms u64 | next sequence u64 | next previous-CRC u32 | CRC-32C u32                       52 bytes
//! ```
//! A segment's header does not say which record comes first. The segment is created, synced and listed before that is
//! known, so that changing over to it does not wait for the disk. Its first record says it, by its sequence number
//! and `previous`.

use super::record::{u32_at, u64_at};
use crate::store::change::sink::Seq;
use crc32c::crc32c;

/// The version this code writes.
pub(super) const VERSION: u32 = 4;

/// The oldest that it reads. What has come since are Changes that an older rankd does not know: none of them may go into a
/// file whose header says that it can be read there.
const OLDEST_VERSION: u32 = 2;

pub(super) const SEGMENT_HEADER_BYTES: usize = 32;
pub(super) const BASE_HEADER_BYTES: usize = 52;

const SEGMENT_MAGIC: &[u8; 8] = b"rankdseg";
pub(super) const BASE_MAGIC: &[u8; 8] = b"rankdbas";

/// The header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) number: u64,
    /// Random, so that no record of another file passes for one of this file.
    pub(super) salt: u64,
}

/// The header of a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BaseHeader {
    /// Also the number of the first segment to replay over it.
    pub(super) number: u64,
    pub(super) salt: u64,
    /// When the checkpoint began.
    pub(super) unix_ms: u64,
    /// Sequence number of the first record to replay over it.
    pub(super) next_seq: Seq,
    /// What that record has as `previous`.
    pub(super) next_previous: u32,
}

/// Why a header was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// Too short, another kind of file, or damaged.
    Damaged,
    /// Written by another version.
    UnknownVersion(u32),
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        finish(common(SEGMENT_MAGIC, self.number, self.salt))
    }

    /// Reads a header; with it comes the CRC that its records' CRCs start from.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, u32), BadHeader> {
        let crc = checked(bytes, SEGMENT_MAGIC, SEGMENT_HEADER_BYTES)?;
        Ok((Self { number: u64_at(bytes, 12), salt: u64_at(bytes, 20) }, crc))
    }
}

impl BaseHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = common(BASE_MAGIC, self.number, self.salt);
        bytes.extend_from_slice(&self.unix_ms.to_le_bytes());
        bytes.extend_from_slice(&self.next_seq.0.to_le_bytes());
        bytes.extend_from_slice(&self.next_previous.to_le_bytes());
        finish(bytes)
    }

    /// Reads a header; with it comes the CRC that its records' CRCs start from.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, u32), BadHeader> {
        let crc = checked(bytes, BASE_MAGIC, BASE_HEADER_BYTES)?;
        let header = Self {
            number: u64_at(bytes, 12),
            salt: u64_at(bytes, 20),
            unix_ms: u64_at(bytes, 28),
            next_seq: Seq(u64_at(bytes, 36)),
            next_previous: u32_at(bytes, 44),
        };
        Ok((header, crc))
    }
}

/// The version of a whole header.
pub(super) fn version(encoded: &[u8]) -> u32 {
    u32_at(encoded, 8)
}

/// The CRC that the records of a file with this encoded header start from.
pub(super) fn seed(encoded: &[u8]) -> u32 {
    u32_at(encoded, encoded.len() - 4)
}

fn common(magic: &[u8; 8], number: u64, salt: u64) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&salt.to_le_bytes());
    bytes
}

fn finish(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn checked(bytes: &[u8], magic: &[u8; 8], len: usize) -> Result<u32, BadHeader> {
    if bytes.len() < 12 || &bytes[..8] != magic {
        return Err(BadHeader::Damaged);
    }
    // Headers of another version may have another length, so the version is checked first.
    let version = version(bytes);
    if !(OLDEST_VERSION..=VERSION).contains(&version) {
        return Err(BadHeader::UnknownVersion(version));
    }
    let crc_at = len - 4;
    if bytes.len() < len || crc32c(&bytes[..crc_at]) != u32_at(bytes, crc_at) {
        return Err(BadHeader::Damaged);
    }
    Ok(u32_at(bytes, crc_at))
}
