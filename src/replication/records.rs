//! From records to the bytes of the stream: commands, with MULTI and EXEC around a record of several.
//!
//! What a board with a policy has beyond a sorted set is in front of the commands that any server understands: a PING whose
//! message is the Change itself. Other servers answer a PING with nothing. A rankd applies the Change, and leaves out as many of
//! the commands behind it as the message says ([`EXACT_CHANGE`]).

use super::marks::{MarkKind, StreamMark};
use crate::store::change::speller::Speller;
use crate::store::change::{Change, DatabaseNumbering, What, decode, is_continued};
use crate::store::{BoardChange, KeyspaceIndex, ListChange, Seq, ValueChange};
use std::convert::Infallible;

/// What the message of such a PING begins with. The number of commands to leave out follows in a byte, and then the Change as in
/// the journal, which is about a key of the selected database, whatever keyspace it names.
pub const EXACT_CHANGE: &[u8] = b"rankd-change:";

/// Appends a command with these words.
pub fn put_command(out: &mut Vec<u8>, words: &[&[u8]]) {
    let mut digits = itoa::Buffer::new();
    let mut head = |out: &mut Vec<u8>, sign: u8, number: usize| {
        out.push(sign);
        out.extend_from_slice(digits.format(number).as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    head(out, b'*', words.len());
    for word in words {
        head(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// Spells records.
#[derive(Debug)]
pub(super) struct RecordSpeller {
    speller: Speller,
    /// The commands of the record that has begun, and their number without SELECT.
    record: Vec<u8>,
    commands: usize,
    marks: Vec<StreamMark>,
    /// Whether a dump file is being written: what is marked is of use.
    pub(super) marks_changes: bool,
    /// Boards with a policy whose first Change has been spelled since the last time that they were asked for.
    boards: Vec<Box<[u8]>>,
}

impl RecordSpeller {
    /// Spells for receivers whose databases have these keyspaces.
    pub(super) fn new(numbering: DatabaseNumbering) -> Self {
        let mut speller = Speller::numbered(numbering);
        speller.forget_selected();
        Self {
            speller,
            record: Vec::new(),
            commands: 0,
            marks: Vec::new(),
            marks_changes: false,
            boards: Vec::new(),
        }
    }

    /// The keyspaces of the receivers' databases by now.
    pub(super) fn numbering(&self) -> &DatabaseNumbering {
        self.speller.numbering()
    }

    /// The next command on a key is behind a SELECT: a further receiver begins here.
    pub(super) fn forget_selected(&mut self) {
        self.speller.forget_selected();
    }

    /// Appends the record to `out`. Of one that continues it keeps the commands until the record has ended. Adds to `marks`, with
    /// places in `out`, if changes are marked.
    pub(super) fn spell(
        &mut self,
        seq: Seq,
        mut body: &[u8],
        out: &mut Vec<u8>,
        marks: &mut Vec<StreamMark>,
    ) {
        let continues = is_continued(body);
        while !body.is_empty() {
            let before = body;
            let Ok(change) = decode(&mut body) else {
                debug_assert!(false, "a record of this process");
                break;
            };
            let encoded = &before[..before.len() - body.len()];
            self.spell_change(seq, &change, encoded);
        }
        if continues {
            return;
        }
        let is_unit = self.commands > 1;
        if is_unit {
            out.extend_from_slice(MULTI);
        }
        let start = out.len() as u64;
        out.append(&mut self.record);
        marks.extend(self.marks.drain(..).map(|mark| StreamMark { at: mark.at + start, ..mark }));
        if is_unit {
            out.extend_from_slice(EXEC);
        }
        self.commands = 0;
    }

    fn spell_change(&mut self, seq: Seq, change: &Change<'_>, encoded: &[u8]) {
        if let Change::Key { keyspace, key, what: What::Value(ValueChange::SortedSet(of_board)) } = change {
            let left_out = match of_board {
                BoardChange::SetAttained(_) => Some(1),
                BoardChange::SetRules(_) | BoardChange::NoteIds(_) => Some(0),
                BoardChange::SetScores(_) | BoardChange::Remove(_) => None,
            };
            if let Some(left_out) = left_out {
                self.put_exact(*keyspace, left_out, encoded);
                if matches!(of_board, BoardChange::SetRules(_)) {
                    self.boards.push((*key).into());
                }
            }
        }
        // Not with the rest, because the rest may be left out.
        if let Change::Key { keyspace, .. } | Change::FlushDatabase(keyspace) = change {
            self.select(*keyspace);
        }
        let at = self.record.len() as u64;
        let (record, commands) = (&mut self.record, &mut self.commands);
        let mut send = |words: &[&[u8]]| -> Result<(), Infallible> {
            *commands += usize::from(words[0] != b"SELECT");
            put_command(record, words);
            Ok(())
        };
        let Ok(()) = self.speller.spell(change, &mut send);
        if self.marks_changes {
            self.mark(seq, at, change);
        }
    }

    /// Notes what the sending of a dump file must know of a Change, which is spelled from `at` on.
    fn mark(&mut self, seq: Seq, at: u64, change: &Change<'_>) {
        let (keyspace, key, kind) = match *change {
            Change::Key { keyspace, key, what: What::Value(ValueChange::List(ListChange::AsOf(_))) } => {
                debug_assert!(false, "only walks say so, not records: {keyspace} {key:?}");
                return;
            }
            Change::Key { keyspace, key, what: What::Value(ValueChange::List(_)) } => {
                (Some(keyspace), key, MarkKind::ListChanged)
            }
            Change::Key { keyspace, key, what: What::Dropped } => (Some(keyspace), key, MarkKind::Ended),
            Change::FlushDatabase(keyspace) => (Some(keyspace), &[][..], MarkKind::Ended),
            Change::FlushAll => (None, &[][..], MarkKind::Ended),
            _ => return,
        };
        let is_of_all = !matches!(change, Change::Key { .. });
        let key = (!is_of_all).then(|| key.into());
        self.marks.push(StreamMark { at, len: self.record.len() as u64 - at, seq, keyspace, key, kind });
    }

    fn put_exact(&mut self, keyspace: KeyspaceIndex, left_out: u8, encoded: &[u8]) {
        self.select(keyspace);
        let message = [EXACT_CHANGE, &[left_out], encoded].concat();
        put_command(&mut self.record, &[b"PING", &message]);
        self.commands += 1;
    }

    fn select(&mut self, keyspace: KeyspaceIndex) {
        let record = &mut self.record;
        let mut send = |words: &[&[u8]]| -> Result<(), Infallible> {
            put_command(record, words);
            Ok(())
        };
        let Ok(()) = self.speller.select(keyspace, &mut send);
    }

    /// The boards with a policy that were named since the last call.
    pub(super) fn take_boards(&mut self) -> Vec<Box<[u8]>> {
        std::mem::take(&mut self.boards)
    }
}

/// Reads the message of a PING in a master's stream: how many of the next commands are left out, and the Change. `None` if it is
/// another message.
#[must_use]
pub fn exact_change(message: &[u8]) -> Option<(u8, Change<'_>)> {
    let (&left_out, mut encoded) = message.strip_prefix(EXACT_CHANGE)?.split_first()?;
    let change = decode(&mut encoded).ok()?;
    let is_of_board = matches!(
        change,
        Change::Key {
            what: What::Value(ValueChange::SortedSet(
                BoardChange::SetAttained(_) | BoardChange::SetRules(_) | BoardChange::NoteIds(_)
            )),
            ..
        }
    );
    (encoded.is_empty() && is_of_board).then_some((left_out, change))
}
