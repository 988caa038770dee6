//! Lists during a full sync: which commands of the stream the dump file contains already.
//!
//! A dump file that is written while others write shows no one moment. The stream behind it begins where its writing began, and
//! nearly all commands of the stream are harmless if the file has their effect already. Those of lists are not: a push would add
//! the element twice. So the file has each list as of one record, whose number is noted (docs/decisions/0012-changes-that-are-not-absolute.md),
//! and the commands of that list up to this record are left out for the receiver of the file. Offsets must stay the same for all
//! replicas, so they are not cut out but replaced by as many line feeds, which every server skips.
//!
//! Where a key or a whole database ends in between, the list of the file ends as well: from there on its commands count again.

use crate::store::{KeyspaceIndex, Seq};
use parking_lot::Mutex;
use std::collections::HashMap;

/// A place in the stream that the sending of a dump file must know.
#[derive(Clone, Debug)]
pub(super) struct StreamMark {
    /// The offset in front of its commands.
    pub(super) at: u64,
    /// Their bytes.
    pub(super) len: u64,
    pub(super) seq: Seq,
    /// `None`: all keyspaces.
    pub(super) keyspace: Option<KeyspaceIndex>,
    /// `None`: all keys.
    pub(super) key: Option<Box<[u8]>>,
    pub(super) kind: MarkKind,
}

/// What happens at a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkKind {
    /// A list changes, and in a way that counts once.
    ListChanged,
    /// What was there ends.
    Ended,
}

/// The marks since the beginning of a walk.
#[derive(Debug, Default)]
pub(super) struct MarkLog(Mutex<Vec<StreamMark>>);

impl MarkLog {
    /// Adds marks, in the order of the stream.
    pub(super) fn extend(&self, marks: &[StreamMark]) {
        self.0.lock().extend_from_slice(marks);
    }

    /// The places that the receiver of the file must not get. `as_of` has the lists of the file.
    pub(super) fn blanks(&self, mut as_of: ListsAsOf) -> Blanks {
        let mut blanks = Vec::new();
        for StreamMark { at, len, seq, keyspace, key, kind } in std::mem::take(&mut *self.0.lock()) {
            match (kind, keyspace, key) {
                (MarkKind::ListChanged, Some(keyspace), Some(key)) => {
                    if as_of.0.get(&(keyspace, key)).is_some_and(|read| seq <= *read) {
                        blanks.push((at, len));
                    }
                }
                (_, Some(keyspace), Some(key)) => {
                    as_of.0.remove(&(keyspace, key));
                }
                (_, Some(keyspace), None) => as_of.0.retain(|(other, _), _| *other != keyspace),
                (_, None, _) => as_of.0.clear(),
            }
        }
        Blanks(blanks)
    }
}

/// The lists of a dump file, and the last record whose changes each can contain.
#[derive(Debug, Default)]
pub(super) struct ListsAsOf(HashMap<(KeyspaceIndex, Box<[u8]>), Seq>);

impl ListsAsOf {
    pub(super) fn note(&mut self, keyspace: KeyspaceIndex, key: &[u8], read: Seq) {
        self.0.insert((keyspace, key.into()), read);
    }
}

/// Places in the stream that one receiver must not get, ascending: the offset in front, and the bytes.
#[derive(Clone, Debug, Default)]
pub struct Blanks(Vec<(u64, u64)>);

impl Blanks {
    /// Replaces what must not be sent of `bytes`, which are those behind the offset `at`, by line feeds.
    pub fn apply(&self, at: u64, bytes: &mut [u8]) {
        let end = at + bytes.len() as u64;
        let first = self.0.partition_point(|(start, len)| start + len <= at);
        for (start, len) in &self.0[first..] {
            if *start >= end {
                return;
            }
            let from = start.saturating_sub(at) as usize;
            let to = (start + len).min(end) - at;
            bytes[from..to as usize].fill(b'\n');
        }
    }

    /// The offset behind which nothing is left out.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.0.last().map_or(0, |(start, len)| start + len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(at: u64, seq: u64, keyspace: Option<u32>, key: Option<&str>, kind: MarkKind) -> StreamMark {
        StreamMark { at, len: 4, seq: Seq(seq), keyspace, key: key.map(|key| key.as_bytes().into()), kind }
    }

    #[test]
    fn commands_that_the_file_contains_are_blank_until_what_was_there_ends() {
        use MarkKind::{Ended, ListChanged};
        let log = MarkLog::default();
        log.extend(&[
            mark(10, 1, Some(0), Some("a"), ListChanged),
            mark(20, 2, Some(0), Some("b"), ListChanged),
            mark(30, 3, Some(1), Some("a"), ListChanged),
            mark(40, 4, Some(0), Some("a"), Ended),
            mark(50, 5, Some(0), Some("a"), ListChanged),
        ]);
        log.extend(&[
            mark(60, 6, Some(0), Some("b"), ListChanged),
            mark(70, 7, Some(1), None, Ended),
            mark(80, 8, Some(1), Some("a"), ListChanged),
            mark(90, 9, Some(0), Some("c"), ListChanged),
            mark(100, 10, None, None, Ended),
            mark(110, 11, Some(0), Some("c"), ListChanged),
        ]);
        let mut as_of = ListsAsOf::default();
        as_of.note(0, b"a", Seq(9));
        as_of.note(0, b"b", Seq(5));
        as_of.note(1, b"a", Seq(9));
        as_of.note(0, b"c", Seq(12));
        let blanks = log.blanks(as_of);
        assert_eq!(blanks.0, [(10, 4), (20, 4), (30, 4), (90, 4)]);
        assert_eq!(blanks.end(), 94);
        let whole: Vec<u8> = (0..120).collect();
        for at in 0..120 {
            for end in at..120 {
                let mut bytes = whole[at..end].to_vec();
                blanks.apply(at as u64, &mut bytes);
                for (place, byte) in bytes.iter().enumerate() {
                    let offset = (at + place) as u64;
                    let is_blank =
                        blanks.0.iter().any(|(start, len)| (*start..start + len).contains(&offset));
                    assert_eq!(*byte, if is_blank { b'\n' } else { offset as u8 });
                }
            }
        }
    }
}
