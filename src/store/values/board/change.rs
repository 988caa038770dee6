//! The Changes of a sorted set.

use super::attained_codec::{put_attained, take_attained};
use super::{Attained, Board, BoardRules, Content, Ruled};
use crate::ranking::{Aim, RankedMembers, Score};
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::codec::{
    EncodedNames, Malformed, put_bytes, put_varint, take_bytes, take_count, take_exact, take_varint,
    take_while,
};
use crate::store::numbers::KeyspaceIndex;
use crate::store::values::kinds::Word;
use crate::store::values::stored::{ReplayTarget, Stored};

// The numbers of the Changes.
pub(in crate::store) const SET_SCORES: u8 = 1;
pub(in crate::store) const REMOVE_SCORES: u8 = 2;
pub(in crate::store) const SET_ATTAINED: u8 = 28;
pub(in crate::store) const SET_RULES: u8 = 29;
pub(in crate::store) const NOTE_IDS: u8 = 30;

/// The number of entries whose memory is prefetched at once.
const PREFETCHED_ENTRIES: usize = 32;

/// A Change of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoardChange<'a> {
    /// These members have these scores.
    SetScores(EncodedEntries<'a>),
    /// These members are not in the set.
    Remove(EncodedNames<'a>),
    /// These members of a board with a policy attained this.
    SetAttained(EncodedAttained<'a>),
    /// The board has this policy, and exists also while it is empty.
    SetRules(EncodedRules<'a>),
    /// The board has taken the requests with these ids.
    NoteIds(EncodedIds<'a>),
}

/// A list of (member, score), still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedEntries<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl<'a> EncodedEntries<'a> {
    fn take(body: &mut &'a [u8]) -> Result<Self, Malformed> {
        let count = take_count(body)?;
        let bytes = take_while(body, count, |rest| {
            take_score(rest)?;
            take_bytes(rest).map(|_| ())
        })?;
        Ok(Self { count, bytes })
    }

    /// The entries in the order they were recorded.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], Score)> + Clone {
        let mut rest = self.bytes;
        (0..self.count).map(move |_| {
            let score = take_score(&mut rest).expect("checked when it was read");
            (take_bytes(&mut rest).expect("checked when it was read"), score)
        })
    }
}

/// A list of members with what they attained, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedAttained<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl<'a> EncodedAttained<'a> {
    fn take(body: &mut &'a [u8]) -> Result<Self, Malformed> {
        let count = take_count(body)?;
        let bytes = take_while(body, count, |rest| {
            take_attained(rest)?;
            take_bytes(rest).map(|_| ())
        })?;
        Ok(Self { count, bytes })
    }

    /// The entries in the order they were recorded, and whether the board's clock gave the moment.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], Attained, bool)> + Clone {
        let mut rest = self.bytes;
        (0..self.count).map(move |_| {
            let (attained, is_own) = take_attained(&mut rest).expect("checked when it was read");
            (take_bytes(&mut rest).expect("checked when it was read"), attained, is_own)
        })
    }
}

/// The rules of a board without their ids, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedRules<'a>(&'a [u8]);

impl<'a> EncodedRules<'a> {
    fn take(body: &mut &'a [u8]) -> Result<Self, Malformed> {
        let bytes = take_bytes(body)?;
        BoardRules::take(&mut { bytes })?;
        Ok(Self(bytes))
    }

    /// The rules.
    #[must_use]
    pub fn rules(mut self) -> BoardRules {
        BoardRules::take(&mut self.0).expect("checked when it was read")
    }
}

/// A list of ids with their ordinals, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedIds<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl<'a> EncodedIds<'a> {
    fn take(body: &mut &'a [u8]) -> Result<Self, Malformed> {
        let count = take_count(body)?;
        let bytes = take_while(body, count, |rest| {
            take_varint(rest)?;
            take_bytes(rest).map(|_| ())
        })?;
        Ok(Self { count, bytes })
    }

    /// The ids in the order they were recorded.
    pub fn iter(self) -> impl Iterator<Item = (u64, &'a [u8])> + Clone {
        let mut rest = self.bytes;
        (0..self.count).map(move |_| {
            let ordinal = take_varint(&mut rest).expect("checked when it was read");
            (ordinal, take_bytes(&mut rest).expect("checked when it was read"))
        })
    }
}

impl<'a> BoardChange<'a> {
    /// See [`ValueChange::take`](crate::store::values::kinds::ValueChange::take).
    pub(in crate::store) fn take(operation: u8, body: &mut &'a [u8]) -> Result<Self, Malformed> {
        match operation {
            SET_SCORES => EncodedEntries::take(body).map(Self::SetScores),
            REMOVE_SCORES => EncodedNames::take(body).map(Self::Remove),
            SET_ATTAINED => EncodedAttained::take(body).map(Self::SetAttained),
            SET_RULES => EncodedRules::take(body).map(Self::SetRules),
            NOTE_IDS => EncodedIds::take(body).map(Self::NoteIds),
            _ => Err(Malformed),
        }
    }

    pub(in crate::store) fn makes_value(self) -> bool {
        match self {
            Self::SetScores(_) | Self::SetRules(_) => true,
            Self::Remove(_) | Self::SetAttained(_) | Self::NoteIds(_) => false,
        }
    }

    /// Whether a board of doubles without a policy ends with it.
    pub(in crate::store) fn ends_plain_board(self) -> bool {
        match self {
            Self::SetRules(_) => true,
            Self::SetScores(_) | Self::Remove(_) | Self::SetAttained(_) | Self::NoteIds(_) => false,
        }
    }

    /// Whether it says what only a board with a policy has.
    #[must_use]
    pub fn is_of_policy(self) -> bool {
        match self {
            Self::SetAttained(_) | Self::SetRules(_) | Self::NoteIds(_) => true,
            Self::SetScores(_) | Self::Remove(_) => false,
        }
    }

    pub(in crate::store) fn lines(self, line: &mut dyn FnMut(&str, &[Word<'_>])) {
        match self {
            Self::SetScores(entries) => entries.iter().for_each(|(member, score)| {
                line("set-score", &[Word::Bytes(member), Word::Score(score.into())]);
            }),
            Self::Remove(members) => {
                members.iter().for_each(|member| line("remove-score", &[Word::Bytes(member)]));
            }
            Self::SetAttained(entries) => entries.iter().for_each(|(member, attained, _)| {
                let Attained { points, moment } = attained;
                line("set-attained", &[Word::Bytes(member), Word::Score(points), Word::Number(moment.0)]);
            }),
            Self::SetRules(encoded) => {
                line("set-policy", &[Word::Bytes(encoded.rules().policy.to_string().as_bytes())]);
            }
            Self::NoteIds(ids) => ids.iter().for_each(|(ordinal, id)| {
                line("note-id", &[Word::Number(ordinal), Word::Bytes(id)]);
            }),
        }
    }

    fn entries(self) -> Option<EncodedEntries<'a>> {
        match self {
            Self::SetScores(entries) => Some(entries),
            Self::Remove(_) | Self::SetAttained(_) | Self::SetRules(_) | Self::NoteIds(_) => None,
        }
    }

    fn attained(self) -> Option<EncodedAttained<'a>> {
        match self {
            Self::SetAttained(entries) => Some(entries),
            Self::SetScores(_) | Self::Remove(_) | Self::SetRules(_) | Self::NoteIds(_) => None,
        }
    }
}

fn set_attained<'a>(
    ruled: &mut Ruled,
    mut entries: impl Iterator<Item = (&'a [u8], Attained, bool)> + Clone,
) {
    let rules = ruled.key_rules();
    loop {
        let ahead = entries.clone().take(PREFETCHED_ENTRIES);
        ruled.members.prefetch_attained(ahead.map(|(member, attained, _)| (member, attained)), rules);
        let mut taken = 0;
        for (member, attained, is_own) in entries.by_ref().take(PREFETCHED_ENTRIES) {
            ruled.set(member, attained);
            if is_own {
                ruled.rules.clock = ruled.rules.clock.max(attained.moment);
            }
            taken += 1;
        }
        if taken < PREFETCHED_ENTRIES {
            return;
        }
    }
}

/// See [`Stored::apply`].
pub(super) fn apply<'a>(
    key: &mut dyn ReplayTarget,
    mut changes: impl Iterator<Item = BoardChange<'a>> + Clone,
) -> usize {
    let mut members = 0;
    while let Some(change) = changes.next() {
        members = 0;
        match change {
            BoardChange::SetScores(first) => {
                // Consecutive lists of scores are applied as one list.
                let more = changes.clone().map_while(BoardChange::entries);
                let count = more.clone().count();
                members = set_scores(key, first.iter().chain(more.flat_map(EncodedEntries::iter)));
                if count > 0 {
                    changes.nth(count - 1);
                }
            }
            BoardChange::Remove(members) => {
                if let Some(board) = key.value().and_then(Board::of_mut) {
                    for member in members.iter() {
                        board.remove_unrecorded(member);
                    }
                }
            }
            // An entry that does not fit the board that is there is of an earlier board, whose end follows.
            BoardChange::SetAttained(first) => {
                // As for scores, consecutive lists are applied as one.
                let more = changes.clone().map_while(BoardChange::attained);
                let count = more.clone().count();
                if let Some(Content::Ruled(ruled)) = content_of(key) {
                    set_attained(ruled, first.iter().chain(more.flat_map(EncodedAttained::iter)));
                }
                if count > 0 {
                    changes.nth(count - 1);
                }
            }
            BoardChange::SetRules(encoded) => set_rules(key, encoded.rules()),
            BoardChange::NoteIds(ids) => {
                if let Some(Content::Ruled(ruled)) = content_of(key) {
                    let BoardRules { policy, ids: kept, .. } = &mut ruled.rules;
                    ids.iter().for_each(|(ordinal, id)| kept.note(ordinal, id, policy.ids));
                }
            }
        }
    }
    members
}

fn content_of(key: &mut dyn ReplayTarget) -> Option<&mut Content> {
    Some(&mut key.value().and_then(Board::of_mut)?.0)
}

/// Gives the board these rules. A board whose sort key is another is of an earlier time; an empty one takes its place.
fn set_rules(key: &mut dyn ReplayTarget, rules: BoardRules) {
    let seed = key.seed();
    let value = key.value_or_new(Board::KIND, |seed| Board::with_seed(seed).into_value());
    let board = Board::of_mut(value).expect("made a board");
    match &mut board.0 {
        Content::Ruled(ruled) if ruled.members.fits(&rules.policy) => ruled.rules.become_as(rules),
        _ => *board = Board::with_rules(seed, rules),
    }
}

/// Returns the number of members afterwards; 0 for a board with a policy, which is changed member by member.
fn set_scores<'a>(
    key: &mut dyn ReplayTarget,
    mut entries: impl Iterator<Item = (&'a [u8], Score)> + Clone,
) -> usize {
    let value = key.value_or_new(Board::KIND, |seed| Board::with_seed(seed).into_value());
    let ranking = match &mut Board::of_mut(value).expect("made a board").0 {
        Content::Plain(ranking) => ranking,
        Content::Ruled(ruled) => {
            entries.for_each(|(member, score)| ruled.set(member, super::timeless(score)));
            return 0;
        }
    };
    // Memory is prefetched for many entries at once, as for a pipeline of ZADDs.
    loop {
        let ahead = entries.clone().take(PREFETCHED_ENTRIES);
        ranking.prefetch_updates(ahead.map(|(member, score)| (member, Aim::Score(score))));
        let mut taken = 0;
        for (member, score) in entries.by_ref().take(PREFETCHED_ENTRIES) {
            ranking.update(member, |_| Some(score));
            taken += 1;
        }
        if taken < PREFETCHED_ENTRIES {
            return ranking.len();
        }
    }
}

impl ChangeBuffer {
    /// Records that `member` of the sorted set at `key` has `score`.
    pub fn set_score(&mut self, keyspace: KeyspaceIndex, key: &[u8], member: &[u8], score: Score) {
        let out = self.entry(SET_SCORES, keyspace, key);
        out.extend_from_slice(&score.get().to_le_bytes());
        put_bytes(out, member);
    }

    /// Records what `member` of the board at `key`, which has a policy, attained. `is_own` says whether the board's clock
    /// gave the moment; `None`: there is none.
    pub(in crate::store) fn set_attained(
        &mut self,
        keyspace: KeyspaceIndex,
        key: &[u8],
        member: &[u8],
        attained: Attained,
        is_own: Option<bool>,
    ) {
        let out = self.entry(SET_ATTAINED, keyspace, key);
        put_attained(out, attained, is_own);
        put_bytes(out, member);
    }

    /// Records that the board at `key` has these rules, without the ids.
    pub(in crate::store) fn set_rules(&mut self, keyspace: KeyspaceIndex, key: &[u8], rules: &BoardRules) {
        let mut bytes = Vec::new();
        rules.put(&mut bytes);
        put_bytes(self.change(SET_RULES, keyspace, key), &bytes);
    }

    /// Records that the board at `key` has taken the request with this id.
    pub(in crate::store) fn note_id(&mut self, keyspace: KeyspaceIndex, key: &[u8], ordinal: u64, id: &[u8]) {
        let out = self.entry(NOTE_IDS, keyspace, key);
        put_varint(out, ordinal);
        put_bytes(out, id);
    }

    /// Records that `member` is not in the sorted set at `key`.
    pub fn remove_score(&mut self, keyspace: KeyspaceIndex, key: &[u8], member: &[u8]) {
        put_bytes(self.entry(REMOVE_SCORES, keyspace, key), member);
    }
}

fn take_score(rest: &mut &[u8]) -> Result<Score, Malformed> {
    let bits = take_exact(rest, 8)?.try_into().expect("eight bytes");
    Score::new(f64::from_le_bytes(bits)).ok_or(Malformed)
}
