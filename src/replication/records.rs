//! From records to the bytes of the stream: commands, with MULTI and EXEC around a record of several.
//!
//! What a board with a policy has beyond a sorted set, and the ids of a stream's producers, are in front of the commands that any
//! server understands: a PING whose message is a command for rankd alone. Other servers answer a PING with nothing. A rankd runs the command, and leaves out as many
//! of the commands behind it as the message says ([`FOR_RANKD`]). Such PINGs are only in the stream if a replica has asked for them.

use super::marks::{MarkKind, StreamMark};
use crate::store::change::speller::Speller;
use crate::store::change::{Change, DatabaseNumbering, What, decode, is_continued};
use crate::store::{BoardChange, KeyspaceIndex, ListChange, Seq, ValueChange};
use std::convert::Infallible;

/// What the message of such a PING begins with. The number of commands to leave out follows in a byte, and then the command as a
/// request.
pub const FOR_RANKD: &[u8] = b"rankd-command:";

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
    /// Whether there are commands for rankd alone.
    pub(super) is_exact: bool,
    /// Whether something of a board with a policy was spelled without them since the last time that this was asked.
    has_rounded: bool,
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
            is_exact: false,
            has_rounded: false,
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
        match change {
            Change::Key { keyspace, key, what: What::Value(ValueChange::SortedSet(of_board)) }
                if of_board.is_of_policy() =>
            {
                let left_out = u8::from(matches!(of_board, BoardChange::SetAttained(_)));
                self.select(*keyspace);
                self.put_for_rankd(left_out, &[b"LB.APPLY", key, encoded]);
                if matches!(of_board, BoardChange::SetRules(_)) {
                    self.boards.push((*key).into());
                }
            }
            Change::Key { keyspace, key, what: What::Value(ValueChange::Stream(of_stream)) }
                if of_stream.is_of_producers() =>
            {
                self.select(*keyspace);
                self.put_for_rankd(0, &[b"LB.APPLY", key, encoded]);
            }
            Change::Templated(template) => {
                let pattern = [template.prefix(), b"*"].concat();
                match template.policy() {
                    Some(policy) => {
                        let policy = policy.to_string();
                        let words = [&b"LB.TEMPLATE"[..], b"SET", &pattern];
                        let words: Vec<&[u8]> =
                            words.into_iter().chain(policy.split(' ').map(str::as_bytes)).collect();
                        self.put_for_rankd(0, &words);
                    }
                    None => self.put_for_rankd(0, &[b"LB.TEMPLATE", b"DEL", &pattern]),
                }
            }
            _ => {}
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

    fn put_for_rankd(&mut self, left_out: u8, words: &[&[u8]]) {
        if self.is_exact {
            let mut message = [FOR_RANKD, &[left_out]].concat();
            put_command(&mut message, words);
            put_command(&mut self.record, &[b"PING", &message]);
            self.commands += 1;
        } else {
            self.has_rounded = true;
        }
    }

    fn select(&mut self, keyspace: KeyspaceIndex) {
        let record = &mut self.record;
        let mut send = |words: &[&[u8]]| -> Result<(), Infallible> {
            put_command(record, words);
            Ok(())
        };
        let Ok(()) = self.speller.select(keyspace, &mut send);
    }

    /// Whether something of a board with a policy was spelled without a command for rankd since the last call.
    pub(super) fn take_rounded(&mut self) -> bool {
        std::mem::take(&mut self.has_rounded)
    }

    /// The boards with a policy that were named since the last call.
    pub(super) fn take_boards(&mut self) -> Vec<Box<[u8]>> {
        std::mem::take(&mut self.boards)
    }
}

/// Reads a request of a master's stream: how many of the next commands are left out, and the command for rankd alone, as a request.
/// `None` if it is another request.
#[must_use]
pub fn for_rankd<'r>(words: impl Iterator<Item = &'r [u8]>) -> Option<(u8, &'r [u8])> {
    let mut words = words.fuse();
    let (Some(name), Some(message), None) = (words.next(), words.next(), words.next()) else { return None };
    let message = message.strip_prefix(FOR_RANKD).filter(|_| name.eq_ignore_ascii_case(b"ping"))?;
    message.split_first().map(|(left_out, request)| (*left_out, request))
}
