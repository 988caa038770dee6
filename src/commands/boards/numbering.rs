//! Ranks of members that share a score: MODE.

use crate::commands::call::Cursor;
use crate::commands::call::error::{CommandError, Stop};
use crate::store::{BestFirst, Points, ScoreSteps};

/// How equal scores are numbered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::commands) enum Numbering {
    /// 0 1 2 3: each row its own.
    #[default]
    Row,
    /// 0 1 1 3: equal scores share a rank and the next is skipped.
    Competition,
    /// 0 1 1 2: equal scores share a rank and none is skipped.
    Dense,
}

impl Numbering {
    /// Reads the word behind MODE.
    ///
    /// # Errors
    /// A syntax error for another word, or if there is none.
    pub(in crate::commands) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, CommandError> {
        let modes = [("row", Self::Row), ("competition", Self::Competition), ("dense", Self::Dense)];
        let mode = modes.into_iter().find(|(word, _)| cursor.take_word(word));
        mode.map(|(_, mode)| mode).ok_or(CommandError::SYNTAX)
    }

    /// The rank of a member of a board that has `score` and is at `place`. Of several members the better must be asked for
    /// first; `steps` counts from one to the next.
    ///
    /// # Errors
    /// Those of `announce`, which is told of the members that are read.
    pub(super) fn rank(
        self,
        board: BestFirst<'_>,
        (place, score): (usize, Points),
        steps: &mut ScoreSteps<'_>,
        announce: impl FnMut(usize) -> Result<(), Stop>,
    ) -> Result<usize, Stop> {
        match self {
            Self::Row => Ok(place),
            Self::Competition => Ok(board.better_than(score)),
            Self::Dense => steps.before(board.better_than(score), announce),
        }
    }
}

/// The ranks of consecutive rows.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct RowRanks {
    mode: Numbering,
    /// The place of the next row.
    place: usize,
    /// The rank of the last row, or of the first.
    rank: usize,
    last: Option<Points>,
}

impl RowRanks {
    /// For rows from `place` on. The first of them has this `rank`.
    pub(in crate::commands) fn new(mode: Numbering, place: usize, rank: usize) -> Self {
        Self { mode, place, rank, last: None }
    }

    /// The rank of the next row, which has this score.
    pub(in crate::commands) fn next(&mut self, score: Points) -> usize {
        let is_new_score = self.last.is_some_and(|last| last != score);
        self.rank = match self.mode {
            Numbering::Row => self.place,
            Numbering::Competition if is_new_score => self.place,
            Numbering::Dense if is_new_score => self.rank + 1,
            Numbering::Competition | Numbering::Dense => self.rank,
        };
        self.last = Some(score);
        self.place += 1;
        self.rank
    }
}

/// The share of the members, in percent, that are not better than one of this competition rank among `members`.
pub(in crate::commands) fn percentile(rank: usize, members: usize) -> f64 {
    100.0 * (members - rank) as f64 / members as f64
}
