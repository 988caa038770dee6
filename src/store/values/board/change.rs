//! The Changes of a sorted set.

use super::Board;
use crate::ranking::{Aim, RankedMembers, Score};
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::codec::{
    EncodedNames, Malformed, put_bytes, take_bytes, take_count, take_exact, take_while,
};
use crate::store::numbers::KeyspaceIndex;
use crate::store::values::kinds::Word;
use crate::store::values::stored::{ReplayTarget, Stored};

// The numbers of the Changes.
pub(in crate::store) const SET_SCORES: u8 = 1;
pub(in crate::store) const REMOVE_SCORES: u8 = 2;

/// The number of entries whose memory is prefetched at once.
const PREFETCHED_ENTRIES: usize = 32;

/// A Change of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoardChange<'a> {
    /// These members have these scores.
    SetScores(EncodedEntries<'a>),
    /// These members are not in the set.
    Remove(EncodedNames<'a>),
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

impl<'a> BoardChange<'a> {
    /// See [`ValueChange::take`](crate::store::values::kinds::ValueChange::take).
    pub(in crate::store) fn take(operation: u8, body: &mut &'a [u8]) -> Result<Self, Malformed> {
        match operation {
            SET_SCORES => EncodedEntries::take(body).map(Self::SetScores),
            REMOVE_SCORES => EncodedNames::take(body).map(Self::Remove),
            _ => Err(Malformed),
        }
    }

    pub(in crate::store) fn makes_value(self) -> bool {
        match self {
            Self::SetScores(_) => true,
            Self::Remove(_) => false,
        }
    }

    pub(in crate::store) fn lines(self, line: &mut dyn FnMut(&str, &[Word<'_>])) {
        match self {
            Self::SetScores(entries) => entries.iter().for_each(|(member, score)| {
                line("set-score", &[Word::Bytes(member), Word::Score(score)]);
            }),
            Self::Remove(members) => {
                members.iter().for_each(|member| line("remove-score", &[Word::Bytes(member)]));
            }
        }
    }

    fn entries(self) -> Option<EncodedEntries<'a>> {
        match self {
            Self::SetScores(entries) => Some(entries),
            Self::Remove(_) => None,
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
                if let Some(Board(ranking)) = key.value().and_then(Board::of_mut) {
                    for member in members.iter() {
                        ranking.remove(member);
                    }
                }
            }
        }
    }
    members
}

/// Returns the number of members afterwards.
fn set_scores<'a>(
    key: &mut dyn ReplayTarget,
    mut entries: impl Iterator<Item = (&'a [u8], Score)> + Clone,
) -> usize {
    let value = key.value_or_new(Board::KIND, |seed| Board::with_seed(seed).into_value());
    let Board(ranking) = Board::of_mut(value).expect("made a board");
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

    /// Records that `member` is not in the sorted set at `key`.
    pub fn remove_score(&mut self, keyspace: KeyspaceIndex, key: &[u8], member: &[u8]) {
        put_bytes(self.entry(REMOVE_SCORES, keyspace, key), member);
    }
}

fn take_score(rest: &mut &[u8]) -> Result<Score, Malformed> {
    let bits = take_exact(rest, 8)?.try_into().expect("eight bytes");
    Score::new(f64::from_le_bytes(bits)).ok_or(Malformed)
}
