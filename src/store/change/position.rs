//! How far the store has followed a master's stream.
//!
//! The position is a Change like any other, in the record of the command that took the store there. So after a crash the
//! position that is found belongs to the data that are found, and the stream can be followed from there on.

use super::buffer::ChangeBuffer;
use super::codec::{Malformed, put_varint, take_exact, take_keyspace, take_varint};
use super::operation;
use crate::store::numbers::DatabaseIndex;

/// The name of a history: 40 hexadecimal digits.
pub type HistoryName = [u8; 40];

/// A place in a master's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowedPosition {
    /// The history that the stream belongs to.
    pub history: HistoryName,
    /// The place in it.
    pub reached: StreamPlace,
}

/// A place in the stream of a history that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPlace {
    /// The bytes of the stream up to here.
    pub offset: u64,
    /// The database that the commands behind it are about.
    pub database: DatabaseIndex,
}

/// What a hold knows of the stream of a master whose commands it serves.
#[derive(Debug, Default)]
pub(in crate::store) struct StreamMarks {
    /// Whether the commands are a master's.
    pub(in crate::store) obeys_master: bool,
    /// Where the command under way ends.
    pub(in crate::store) place: Option<StreamPlace>,
    /// The last place that a record of the hold has.
    pub(in crate::store) reached: Option<StreamPlace>,
}

impl StreamPlace {
    pub(super) fn take(rest: &mut &[u8]) -> Result<Self, Malformed> {
        Ok(Self { offset: take_varint(rest)?, database: take_keyspace(rest)? })
    }
}

impl FollowedPosition {
    /// Reads a position from the front of `rest`; `None` says that the store follows no stream.
    pub(super) fn take(rest: &mut &[u8]) -> Result<Option<Self>, Malformed> {
        match take_exact(rest, 1)? {
            [0] => Ok(None),
            [1] => {
                let history = take_exact(rest, 40)?.try_into().map_err(|_| Malformed)?;
                Ok(Some(Self { history, reached: StreamPlace::take(rest)? }))
            }
            _ => Err(Malformed),
        }
    }
}

impl ChangeBuffer {
    /// Records which stream is followed, and how far.
    pub fn follow(&mut self, position: Option<FollowedPosition>) {
        let out = self.change_of_all(operation::FOLLOW);
        out.push(u8::from(position.is_some()));
        if let Some(FollowedPosition { history, reached }) = position {
            out.extend_from_slice(&history);
            put_place(out, reached);
        }
    }

    /// Records how far the stream has been followed, if the open record has a Change that belongs to the place.
    pub(in crate::store) fn reach(&mut self, place: StreamPlace) -> bool {
        let has_changes = self.has_open_record();
        if has_changes && !self.skips_change() {
            put_place(self.change_of_all(operation::REACH), place);
        }
        has_changes
    }
}

fn put_place(out: &mut Vec<u8>, StreamPlace { offset, database }: StreamPlace) {
    put_varint(out, offset);
    put_varint(out, u64::from(database));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::change::{Change, decode};

    fn written(write: impl FnOnce(&mut ChangeBuffer)) -> Vec<u8> {
        let mut changes = ChangeBuffer::default();
        write(&mut changes);
        changes.end_record();
        changes.records().next().unwrap().to_vec()
    }

    #[test]
    fn positions_come_back_from_their_bytes() {
        let reached = StreamPlace { offset: u64::MAX, database: 15 };
        for position in [None, Some(FollowedPosition { history: [b'a'; 40], reached })] {
            let bytes = written(|changes| changes.follow(position));
            assert_eq!(decode(&mut &bytes[..]), Ok(Change::Follows(position)));
            for cut in 0..bytes.len() {
                assert_eq!(decode(&mut &bytes[..cut]), Err(Malformed));
            }
        }
        assert_eq!(decode(&mut &[operation::FOLLOW, 2][..]), Err(Malformed));
    }

    #[test]
    fn a_place_is_recorded_with_the_changes_that_belong_to_it() {
        let place = StreamPlace { offset: 300, database: 1 };
        let bytes = written(|changes| {
            assert!(!changes.reach(place), "nothing has changed");
            changes.drop_key(0, b"key");
            assert!(changes.reach(place));
        });
        let mut body = &bytes[..];
        assert!(matches!(decode(&mut body), Ok(Change::Key { .. })));
        assert_eq!(decode(&mut body), Ok(Change::Reached(place)));
        assert!(body.is_empty());
    }
}
