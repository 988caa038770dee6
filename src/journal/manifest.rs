//! The manifest: which files of the directory are the journal, in the order they are read.
//!
//! ```text
//! rankd-journal 1
//! base 3
//! segment 3
//! segment 4
//! crc32c 5f1d0c2a
//! ```
//! It is replaced as a whole (written beside the old one, synced, renamed over it, directory synced), so one of the
//! two is always there. A file that it does not name is not part of the journal; a file that it names and that is
//! missing is damage.
//!
//! `loose 4` in place of `segment 4` says that the last records before segment 4 may not be on disk yet. Such a
//! manifest has version 2.

use crc32c::crc32c;
use std::fmt::Write;

const FIRST_LINE: &str = "rankd-journal ";
const VERSION: &str = "1";
/// Of a manifest with a loose segment.
const LOOSE_VERSION: &str = "2";

/// The files of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The base that the segments continue. Its number is that of the first segment.
    pub(super) base: Option<u64>,
    /// Ascending, never empty. The last one is being written to.
    pub(super) segments: Vec<u64>,
    /// The first loose segment; those after it are loose too. After a power failure the disk may hold its records and
    /// lack earlier ones. Then it does not count.
    pub(super) loose_from: Option<u64>,
}

/// Why a manifest was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadManifest {
    Damaged(&'static str),
    UnknownVersion(String),
}

impl Manifest {
    pub(super) fn encode(&self) -> String {
        let version = if self.loose_from.is_some() { LOOSE_VERSION } else { VERSION };
        let mut text = format!("{FIRST_LINE}{version}\n");
        if let Some(base) = self.base {
            writeln!(text, "base {base}").expect("a String takes everything");
        }
        for &segment in &self.segments {
            let word = if self.is_loose(segment) { "loose" } else { "segment" };
            writeln!(text, "{word} {segment}").expect("a String takes everything");
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
            .ok_or(BadManifest::Damaged("its first line is not that of a manifest"))?;
        if ![VERSION, LOOSE_VERSION].contains(&version) && version.parse::<u32>().is_ok() {
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
                ("loose", Ok(number)) => {
                    manifest.segments.push(number);
                    manifest.loose_from.get_or_insert(number);
                }
                ("crc32c", _) => break,
                _ => return Err(BadManifest::Damaged("a line is not one this version knows")),
            }
        }
        // There is one spelling only: the bytes must be those that would be written for what was decoded. This covers
        // the checksum, the order of lines, doubled lines and anything behind the end.
        if manifest.encode().as_bytes() != bytes {
            return Err(BadManifest::Damaged("its checksum or its layout is wrong"));
        }
        let ascending = manifest.segments.is_sorted_by(|a, b| a < b);
        let continues = manifest.base.is_none_or(|base| manifest.segments.first() == Some(&base));
        let begins_loose = manifest.segments.first().is_some_and(|&first| manifest.is_loose(first));
        if manifest.segments.is_empty() || !ascending || !continues || begins_loose {
            return Err(BadManifest::Damaged("its segments are not in order"));
        }
        Ok(manifest)
    }

    /// The manifest of an empty journal with one segment.
    pub(super) fn begun_empty(segment: u64) -> Self {
        Self { base: None, segments: vec![segment], loose_from: None }
    }

    /// The manifest of a base and the segment with its number.
    pub(super) fn begun_by(base: u64) -> Self {
        Self { base: Some(base), segments: vec![base], loose_from: None }
    }

    /// Number of the segment that is being written to.
    pub(super) fn last(&self) -> u64 {
        *self.segments.last().expect("never empty")
    }

    /// Whether the last records before `segment` may be missing on disk.
    pub(super) fn is_loose(&self, segment: u64) -> bool {
        self.loose_from.is_some_and(|first| segment >= first)
    }

    /// A copy with a further, loose segment at its end.
    pub(super) fn followed_by(&self, segment: u64) -> Self {
        let mut longer = self.clone();
        longer.segments.push(segment);
        longer.loose_from.get_or_insert(segment);
        longer
    }

    /// A copy in which no segment is loose.
    pub(super) fn joined(&self) -> Self {
        Self { loose_from: None, ..self.clone() }
    }

    /// Removes the segments behind the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.segments.truncate(len);
        self.loose_from = self.loose_from.filter(|first| self.segments.contains(first));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_and_no_flipped_bit_or_cut_passes() {
        for loose_from in [None, Some(4), Some(17)] {
            let manifest = Manifest { base: Some(3), segments: vec![3, 4, 17], loose_from };
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
        let begins_loose = Manifest { base: None, segments: vec![1, 2], loose_from: Some(1) };
        assert!(Manifest::decode(begins_loose.encode().as_bytes()).is_err());
    }

    #[test]
    fn only_the_end_is_loose() {
        let manifest = Manifest { base: None, segments: vec![1], loose_from: None };
        let mut longer = manifest.followed_by(3).followed_by(5);
        assert_eq!([1, 3, 5].map(|segment| longer.is_loose(segment)), [false, true, true]);
        assert_eq!(longer.joined(), Manifest { base: None, segments: vec![1, 3, 5], loose_from: None });
        longer.truncate(2);
        assert_eq!(longer.loose_from, Some(3));
        longer.truncate(1);
        assert_eq!(longer, manifest);
    }

    #[test]
    fn another_version_is_not_reported_as_damage() {
        let manifest = Manifest { base: None, segments: vec![1], loose_from: None };
        let text = manifest.encode().replace("journal 1", "journal 3");
        assert_eq!(Manifest::decode(text.as_bytes()), Err(BadManifest::UnknownVersion("3".to_owned())));
        let unordered = Manifest { base: None, segments: vec![2, 1], loose_from: None }.encode();
        assert!(matches!(Manifest::decode(unordered.as_bytes()), Err(BadManifest::Damaged(_))));
    }
}
