//! Boards with a policy, made, begun by a template, and closed.

use super::edit::{Edit, KeyEdit};
use super::hold::Hold;
use super::relocate::TakenValue;
use super::writer::{Missing, Writer};
use crate::config::EventClasses;
use crate::store::change::{Destination, Relocation};
use crate::store::values::board::change::BoardChange;
use crate::store::values::board::policy::Policy;
use crate::store::values::board::{Board, BoardRules};
use crate::store::values::kinds::{Value, WrongType};
use crate::store::values::stored::Stored;

/// What became of the wish for a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It was made.
    Made,
    /// It is there, with this policy.
    Stands,
    /// A sorted set with another policy, or without one, is there.
    Differs,
}

/// What became of the wish to close a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// It is an archive now, and an empty board is in its place.
    Closed,
    /// The archive is there and was this board.
    Stands,
    /// Something else is where the archive belongs.
    Taken,
    /// There is no such board.
    Missing,
    /// The board is an archive.
    IsArchive,
    /// The board has no policy.
    NoPolicy,
}

impl Writer<'_, '_> {
    /// Makes `key` an empty board with this policy, which ends after its TTL, if there is no such key (event `new`).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else than a sorted set.
    pub fn create_board(&mut self, key: &[u8], policy: Policy) -> Result<Creation, WrongType> {
        if let Some(value) = self.reader().peek(key) {
            let rules = Board::of(value).ok_or(WrongType)?.rules();
            let stands = rules.is_some_and(|rules| rules.policy == policy && rules.closed_from.is_none());
            return Ok(if stands { Creation::Stands } else { Creation::Differs });
        }
        let board = self.empty_board(policy);
        self.begin_board(key, board);
        Ok(Creation::Made)
    }

    /// The empty board that a first score makes of `key`; `None` if the key is there, or no template matches. Without
    /// templates it looks nothing up.
    #[must_use]
    #[inline]
    pub fn templated_board(&self, key: &[u8]) -> Option<Board> {
        let templates = self.reader().templates();
        // A master says of each board which policy it has.
        if templates.is_empty() || self.obeys_master() || self.reader().peek(key).is_some() {
            return None;
        }
        templates.of_key(key).map(|(_, policy)| self.empty_board(policy))
    }

    fn empty_board(&self, policy: Policy) -> Board {
        Board::with_rules(self.reader().seed(), BoardRules::new(policy, self.reader().now_ms()))
    }

    /// Makes a change of the board at `key` that a master has made, whatever key it names. Where there is no board with a policy,
    /// because the master's data came by a server that knows none, members get the nearest scores. Returns whether the board has a
    /// policy. O(m log n) with m members in the change.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else than a sorted set.
    pub fn apply_board_change(&mut self, key: &[u8], change: BoardChange<'_>) -> Result<bool, WrongType> {
        match change {
            BoardChange::SetRules(encoded) => {
                let value = self.reader().peek(key);
                let is_ruled = value.map(|value| Board::of(value).ok_or(WrongType)).transpose()?;
                if is_ruled.is_some_and(|board| board.rules().is_none()) {
                    return Ok(false);
                }
                let fits = self.edit::<Board, _>(key, Missing::Skip, None, |board| {
                    board.follow_rules(encoded.rules())
                })?;
                if fits != Some(true) {
                    // Another kind of board is of an earlier time: an empty one takes its place.
                    let (seed, expire_at_ms) = (self.reader().seed(), self.reader().expiry(key).flatten());
                    self.put_new(key, Board::with_rules(seed, encoded.rules()), expire_at_ms);
                }
            }
            BoardChange::SetAttained(entries) => {
                let set = |board: &mut Edit<'_, '_, Board>| {
                    entries.iter().for_each(|(member, attained, is_own)| {
                        board.set_as_attained(member, attained, is_own);
                    });
                };
                self.edit(key, Missing::Create, "zadd", set)?;
            }
            BoardChange::NoteIds(ids) => {
                let keep = |board: &mut Edit<'_, '_, Board>| {
                    ids.iter().for_each(|(ordinal, id)| board.keep_id(ordinal, id));
                };
                self.edit(key, Missing::Skip, None, keep)?;
            }
            // Other servers have commands for these.
            BoardChange::SetScores(_) | BoardChange::Remove(_) => return Ok(false),
        }
        Ok(self.reader().peek(key).and_then(Value::rules).is_some())
    }

    /// Puts a board that has a policy at `key`, where nothing is (event `new`). It ends after the policy's TTL.
    pub fn begin_board(&mut self, key: &[u8], board: Board) {
        let ends_at_ms = board.rules().and_then(BoardRules::ends_at_ms);
        self.put_new(key, board, ends_at_ms);
    }

    /// Puts a board that has a policy in place of what is at `key` (event `new`).
    fn put_new(&mut self, key: &[u8], board: Board, expire_at_ms: Option<u64>) {
        let mut edit: KeyEdit<'_> = self.fresh(key);
        edit.replace(board.into_value(), expire_at_ms);
        edit.trace.event(EventClasses::NEW, "new");
        edit.trace.note_change(false);
    }

    /// Ends the season of the board at `key`: it is at `archive` then, read-only and without an expiry, and an empty board with
    /// its policy and its request ids is at `key` (events `new`, `rename_from` and `rename_to`). O(K) with K request ids, and
    /// O(n) for the record where RENAME's is.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else than a sorted set.
    pub fn close_board(&mut self, key: &[u8], archive: &[u8]) -> Result<Closing, WrongType> {
        let reader = self.reader();
        if let Some(there) = reader.peek(archive) {
            let from = there.rules().and_then(|rules| rules.closed_from.as_deref());
            return Ok(if from == Some(key) { Closing::Stands } else { Closing::Taken });
        }
        let Some(value) = reader.peek(key) else { return Ok(Closing::Missing) };
        let Some(rules) = Board::of(value).ok_or(WrongType)?.rules() else { return Ok(Closing::NoPolicy) };
        if rules.closed_from.is_some() {
            return Ok(Closing::IsArchive);
        }
        let (seed, now_ms) = (reader.seed(), reader.now_ms());
        let Some(mut taken) = self.take(key) else { return Ok(Closing::Missing) };
        let board = Board::of_mut(&mut taken.value);
        let next = board.and_then(|board| board.close(key, now_ms)).expect("a board that has a policy");
        self.put_archive(key, archive, taken);
        self.begin_board(key, Board::with_rules(seed, next));
        self.notify(EventClasses::GENERIC, "rename_from", key);
        self.notify(EventClasses::GENERIC, "rename_to", archive);
        Ok(Closing::Closed)
    }

    /// Puts a board that was closed at `archive`, and records what is new of it.
    fn put_archive(&mut self, key: &[u8], archive: &[u8], taken: TakenValue) {
        let is_moved_by_name = taken.unrecorded.is_some();
        let had_expiry = taken.expire_at_ms.is_some();
        let taken = TakenValue { expire_at_ms: None, ..taken };
        self.put_taken(archive, taken, |keyspace| Relocation {
            keyspace,
            key,
            to: Destination::Name(archive),
        });
        if is_moved_by_name {
            let KeyEdit { keyspace, spot, trace, .. } = self.fresh(archive);
            trace.changes.head(
                trace.keyspace,
                archive,
                keyspace.at(spot).and_then(|entry| Value::rules(entry.value)),
            );
            if had_expiry {
                trace.changes.set_expiry(trace.keyspace, archive, None);
            }
        }
    }
}

impl Hold<'_> {
    /// Gives new boards whose keys begin with `prefix` this policy, or none. All shards must be held for writing. Returns
    /// whether there was a template of this prefix.
    pub(super) fn set_template(&mut self, prefix: &[u8], policy: Option<&Policy>) -> bool {
        debug_assert!(self.locks().count() == self.store.shard_count());
        let was_there = self.store.templates.set(prefix, policy.copied());
        if was_there || policy.is_some() {
            self.changes.template(prefix, policy);
        }
        was_there
    }
}
