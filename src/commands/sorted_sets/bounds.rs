//! Range bounds as requests spell them, turned into ranges of ranks.

use crate::commands::call::parse_integer;
use crate::commands::error::CommandError;
use crate::ranking::{Bound, RankedMembers, Ranking, Score};
use crate::resp::double;
use std::ops::Range;

/// A range of ranks as requests spell it: both ends included, negative ones counted from the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) struct RankRange {
    start: i64,
    stop: i64,
}

impl RankRange {
    /// Reads both ends.
    pub(in crate::commands) fn parse(start: &[u8], stop: &[u8]) -> Result<Self, CommandError> {
        Ok(Self { start: parse_integer(start)?, stop: parse_integer(stop)? })
    }

    /// The ranks it covers of `len`.
    pub(in crate::commands) fn resolve(self, len: usize) -> Range<usize> {
        let len = len as i64;
        let from_end = |rank: i64| if rank < 0 { (len + rank).max(0) } else { rank };
        // Negative beyond the start: the range ends before it begins.
        let stop = if self.stop < -len { -1 } else { from_end(self.stop).min(len - 1) };
        let start = from_end(self.start);
        if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
    }
}

/// One end of a score range.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ScoreEnd {
    score: Score,
    exclusive: bool,
}

/// A range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::commands) struct ScoreRange {
    min: ScoreEnd,
    max: ScoreEnd,
}

impl ScoreRange {
    /// Reads both ends: a double, `(` in front if it is itself excluded.
    pub(in crate::commands) fn parse(min: &[u8], max: &[u8]) -> Result<Self, CommandError> {
        let end = |text: &[u8]| {
            let (exclusive, digits) = match text {
                [b'(', digits @ ..] => (true, digits),
                digits => (false, digits),
            };
            let score = double::parse_bound(digits).and_then(Score::new);
            score
                .map(|score| ScoreEnd { score, exclusive })
                .ok_or(CommandError::text("ERR min or max is not a float"))
        };
        Ok(Self { min: end(min)?, max: end(max)? })
    }

    /// The ascending ranks it covers. O(log n).
    pub(in crate::commands) fn resolve(self, ranking: &Ranking) -> Range<usize> {
        let ScoreEnd { score, exclusive } = self.min;
        let start =
            ranking.position(if exclusive { Bound::AboveScore(score) } else { Bound::BelowScore(score) });
        let ScoreEnd { score, exclusive } = self.max;
        let end =
            ranking.position(if exclusive { Bound::BelowScore(score) } else { Bound::AboveScore(score) });
        start..end.max(start)
    }
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LexEnd<'a> {
    First,
    Last,
    Including(&'a [u8]),
    Excluding(&'a [u8]),
}

/// A range of members among equal scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) struct LexRange<'a> {
    min: LexEnd<'a>,
    max: LexEnd<'a>,
}

impl<'a> LexRange<'a> {
    /// Reads both ends: `-`, `+`, `[member` or `(member`.
    pub(in crate::commands) fn parse(min: &'a [u8], max: &'a [u8]) -> Result<Self, CommandError> {
        let end = |text: &'a [u8]| match text {
            b"-" => Ok(LexEnd::First),
            b"+" => Ok(LexEnd::Last),
            [b'[', member @ ..] => Ok(LexEnd::Including(member)),
            [b'(', member @ ..] => Ok(LexEnd::Excluding(member)),
            _ => Err(CommandError::text("ERR min or max not valid string range item")),
        };
        Ok(Self { min: end(min)?, max: end(max)? })
    }

    /// The ascending ranks it covers; defined, as in Redis, only where all scores are equal. O(log n).
    pub(in crate::commands) fn resolve(self, ranking: &Ranking) -> Range<usize> {
        let start = match self.min {
            LexEnd::First => 0,
            LexEnd::Last => ranking.len(),
            LexEnd::Including(member) => ranking.position(Bound::BelowMember(member)),
            LexEnd::Excluding(member) => ranking.position(Bound::AboveMember(member)),
        };
        let end = match self.max {
            LexEnd::First => 0,
            LexEnd::Last => ranking.len(),
            LexEnd::Including(member) => ranking.position(Bound::AboveMember(member)),
            LexEnd::Excluding(member) => ranking.position(Bound::BelowMember(member)),
        };
        start..end.max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_ranges_clamp_as_in_redis() {
        let resolve = |start, stop| RankRange { start, stop }.resolve(5);
        assert_eq!(resolve(0, -1), 0..5);
        assert_eq!(resolve(-2, -1), 3..5);
        assert_eq!(resolve(-100, 1), 0..2);
        assert_eq!(resolve(1, 99_999_999_999), 1..5);
        assert_eq!(resolve(0, -6), 0..0);
        assert_eq!(resolve(3, 2), 0..0);
        assert_eq!(resolve(5, 9), 0..0);
        assert_eq!(resolve(i64::MIN, i64::MAX), 0..5);
        assert_eq!(RankRange { start: 0, stop: -1 }.resolve(0), 0..0);
    }
}
