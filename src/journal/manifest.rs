//! The manifest: which files of the directory are the journal, in the order they are read.
//!
//! ```text
//! rankd-journal 1
//! base 3
//! segment 3
//! segment 4
//! crc32c 5f1d0c2a
//! ```
//! It is replaced whole (written beside, synced, renamed over the old one, directory synced), so one of the two is
//! always there. A file it does not name is no part of the journal; a file it names and that is not there is damage.

use crc32c::crc32c;
use std::fmt::Write;

const FIRST_LINE: &str = "rankd-journal ";
const VERSION: &str = "1";

/// The files of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The checkpoint that the segments continue; always the first segment's number.
    pub(super) base: Option<u64>,
    /// Ascending. Never empty: the last is the one that is written to.
    pub(super) segments: Vec<u64>,
}

/// Why a manifest was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadManifest {
    Damaged(&'static str),
    UnknownVersion(String),
}

impl Manifest {
    pub(super) fn encode(&self) -> String {
        let mut text = format!("{FIRST_LINE}{VERSION}\n");
        if let Some(base) = self.base {
            writeln!(text, "base {base}").expect("a String takes everything");
        }
        for segment in &self.segments {
            writeln!(text, "segment {segment}").expect("a String takes everything");
        }
        let crc = crc32c(text.as_bytes());
        writeln!(text, "crc32c {crc:08x}").expect("a String takes everything");
        text
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadManifest> {
        let text = std::str::from_utf8(bytes).map_err(|_| BadManifest::Damaged("it is not text"))?;
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let version = first
            .strip_prefix(FIRST_LINE)
            .ok_or(BadManifest::Damaged("it does not begin as a manifest does"))?;
        if version != VERSION && version.parse::<u32>().is_ok() {
            return Err(BadManifest::UnknownVersion(version.to_owned()));
        }
        let mut manifest = Self::default();
        for line in lines {
            let Some((word, number)) = line.split_once(' ') else {
                return Err(BadManifest::Damaged("a line is not a word and a number"));
            };
            match (word, number.parse()) {
                ("base", Ok(number)) => manifest.base = Some(number),
                ("segment", Ok(number)) => manifest.segments.push(number),
                ("crc32c", _) => break,
                _ => return Err(BadManifest::Damaged("a line is not one this version knows")),
            }
        }
        // One spelling only: what was understood must be, byte for byte, what would be written for it. This covers
        // the checksum, the order of lines, doubled lines and anything behind the end.
        if manifest.encode().as_bytes() != bytes {
            return Err(BadManifest::Damaged("its checksum or its layout is wrong"));
        }
        let ascending = manifest.segments.is_sorted_by(|a, b| a < b);
        let continues = manifest.base.is_none_or(|base| manifest.segments.first() == Some(&base));
        if manifest.segments.is_empty() || !ascending || !continues {
            return Err(BadManifest::Damaged("its segments are not in order"));
        }
        Ok(manifest)
    }

    /// The segment that is written to.
    pub(super) fn last(&self) -> u64 {
        *self.segments.last().expect("never empty")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_and_no_flipped_bit_or_cut_passes() {
        let manifest = Manifest { base: Some(3), segments: vec![3, 4, 17] };
        let bytes = manifest.encode().into_bytes();
        assert_eq!(Manifest::decode(&bytes), Ok(manifest));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::decode(&flipped).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Manifest::decode(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn another_version_is_told_apart_from_damage() {
        let text = Manifest { base: None, segments: vec![1] }.encode().replace("journal 1", "journal 2");
        assert_eq!(Manifest::decode(text.as_bytes()), Err(BadManifest::UnknownVersion("2".to_owned())));
        let unordered = Manifest { base: None, segments: vec![2, 1] }.encode();
        assert!(matches!(Manifest::decode(unordered.as_bytes()), Err(BadManifest::Damaged(_))));
    }
}
