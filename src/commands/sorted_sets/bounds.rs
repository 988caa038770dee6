//! Range bounds as requests spell them, turned into ranges of ranks.

use crate::commands::call::error::CommandError;
use crate::commands::call::{parse_integer, parse_score};
use crate::ranking::{Bound, Order, Score};
use crate::resp::double;
use crate::store::{Board, Points, ScoreType};
use crate::text::fixed_point::{Placed, place};
use std::cmp::Ordering;
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
struct ScoreEnd<'a> {
    score: Score,
    /// The text, for boards whose scores are no doubles.
    text: &'a [u8],
    exclusive: bool,
}

impl ScoreEnd<'_> {
    /// The end on an exact board: the nearest score towards zero, and where the end is from there.
    fn placed(&self, digits: u8) -> Placed {
        // A text without digits is empty or infinite.
        place(self.text, digits).unwrap_or_else(|| {
            let beyond = |units, side| Placed { units, side };
            match self.score.get() {
                f64::INFINITY => beyond(i64::MAX, Ordering::Greater),
                f64::NEG_INFINITY => beyond(i64::MIN, Ordering::Less),
                _ => beyond(0, Ordering::Equal),
            }
        })
    }

    /// The bound below which a range begins that has this lower end, or ends that has this upper end.
    fn bound(&self, board: &Board, end: RangeEnd) -> Bound<'static, Points> {
        let (points, side) = match board.score_type() {
            ScoreType::Float => (Points::Float(self.score), Ordering::Equal),
            ScoreType::Exact { digits } => {
                let Placed { units, side } = self.placed(digits);
                (Points::Exact { digits, units }, side)
            }
        };
        // Whether members with this score are above the bound.
        let is_below = match side {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => self.exclusive == (end == RangeEnd::Upper),
        };
        if is_below { Bound::BelowScore(points) } else { Bound::AboveScore(points) }
    }
}

/// Which end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RangeEnd {
    Lower,
    Upper,
}

/// The lower end of a range of scores, included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::commands) struct LowerEnd<'a>(ScoreEnd<'a>);

impl<'a> LowerEnd<'a> {
    /// Reads a score.
    pub(in crate::commands) fn parse(text: &'a [u8]) -> Result<Self, CommandError> {
        Ok(Self(ScoreEnd { score: parse_score(text)?, text, exclusive: false }))
    }

    /// Whether it is below `other`, as scores of this type.
    pub(in crate::commands) fn is_below(&self, other: &Self, score: ScoreType) -> bool {
        match score {
            ScoreType::Float => self.0.score < other.0.score,
            ScoreType::Exact { digits } => {
                let [one, other] = [self, other].map(|end| end.0.placed(digits));
                (one.units, one.side) < (other.units, other.side)
            }
        }
    }

    /// The number of members below it. O(log n).
    pub(in crate::commands) fn resolve(&self, board: &Board) -> usize {
        board.position(self.0.bound(board, RangeEnd::Lower))
    }
}

/// A range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::commands) struct ScoreRange<'a> {
    min: ScoreEnd<'a>,
    max: ScoreEnd<'a>,
}

impl<'a> ScoreRange<'a> {
    /// Reads both ends: a double, `(` in front if it is itself excluded.
    pub(in crate::commands) fn parse(min: &'a [u8], max: &'a [u8]) -> Result<Self, CommandError> {
        let end = |text: &'a [u8]| {
            let (exclusive, digits) = match text {
                [b'(', digits @ ..] => (true, digits),
                digits => (false, digits),
            };
            let score = double::parse_bound(digits).and_then(Score::new);
            score
                .map(|score| ScoreEnd { score, text: digits, exclusive })
                .ok_or(CommandError::text("ERR min or max is not a float"))
        };
        Ok(Self { min: end(min)?, max: end(max)? })
    }

    /// The ascending ranks it covers. O(log n).
    pub(in crate::commands) fn resolve(self, board: &Board) -> Range<usize> {
        let start = board.position(self.min.bound(board, RangeEnd::Lower));
        let end = board.position(self.max.bound(board, RangeEnd::Upper));
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

/// A range of members.
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

    /// How many members may have to be visited to resolve it: none where all scores are equal.
    pub(in crate::commands) fn cost(&self, board: &Board) -> usize {
        if has_one_score(board) { 0 } else { board.len() }
    }

    /// The ascending ranks that it covers, without the first `skipped` in `order`. O(log n) where all scores are equal.
    ///
    /// Where scores differ the members are not sorted by name, and the range is what Redis's walk visits: from the first
    /// member that is not before the one end up to the first that is beyond the other.
    ///
    /// # Errors
    /// If the board has the time before the member in its order.
    pub(in crate::commands) fn resolve(
        &self,
        board: &Board,
        order: Order,
        skipped: usize,
    ) -> Result<Range<usize>, CommandError> {
        if board.has_moments() {
            return Err(CommandError::text("ERR ranges by member need a board with TIES MEMBER"));
        }
        Ok(self.resolve_walk(board, order, skipped))
    }

    fn resolve_walk(&self, board: &Board, order: Order, skipped: usize) -> Range<usize> {
        if has_one_score(board) {
            return skip(self.resolve_ordered(board), order, skipped);
        }
        let none = 0..0;
        let all = 0..board.len();
        let is_possible = first_where(board, all.end - 1..all.end, |member| self.min.is_below(member))
            .is_some()
            && first_where(board, 0..1, |member| self.max.is_above(member)).is_some()
            && !self.is_reversed();
        if !is_possible {
            return none;
        }
        match order {
            Order::Ascending => {
                let Some(first) = first_where(board, all.clone(), |member| self.min.is_below(member)) else {
                    return none;
                };
                if first_where(board, first..first + 1, |member| self.max.is_above(member)).is_none() {
                    return none;
                }
                let start = first.saturating_add(skipped).min(all.end);
                let end = first_where(board, start..all.end, |member| !self.max.is_above(member));
                start..end.unwrap_or(all.end)
            }
            Order::Descending => {
                let Some(last) = last_where(board, all, |member| self.max.is_above(member)) else {
                    return none;
                };
                if first_where(board, last..last + 1, |member| self.min.is_below(member)).is_none() {
                    return none;
                }
                let end = (last + 1).saturating_sub(skipped);
                let before = last_where(board, 0..end, |member| !self.min.is_below(member));
                before.map_or(0, |before| before + 1)..end
            }
        }
    }

    /// Whether the range is empty whatever members there are.
    fn is_reversed(&self) -> bool {
        match (self.min, self.max) {
            (LexEnd::Last, max) => max != LexEnd::Last,
            (min, LexEnd::First) => min != LexEnd::First,
            (LexEnd::First, _) | (_, LexEnd::Last) => false,
            (LexEnd::Including(min), LexEnd::Including(max)) => min > max,
            (
                LexEnd::Including(min) | LexEnd::Excluding(min),
                LexEnd::Including(max) | LexEnd::Excluding(max),
            ) => min >= max,
        }
    }

    /// The ascending ranks it covers where all scores are equal. O(log n).
    fn resolve_ordered(&self, board: &Board) -> Range<usize> {
        let start = match self.min {
            LexEnd::First => 0,
            LexEnd::Last => board.len(),
            LexEnd::Including(member) => board.position(Bound::BelowMember(member)),
            LexEnd::Excluding(member) => board.position(Bound::AboveMember(member)),
        };
        let end = match self.max {
            LexEnd::First => 0,
            LexEnd::Last => board.len(),
            LexEnd::Including(member) => board.position(Bound::AboveMember(member)),
            LexEnd::Excluding(member) => board.position(Bound::BelowMember(member)),
        };
        start..end.max(start)
    }
}

impl LexEnd<'_> {
    /// Whether a range that begins here can contain `member`.
    fn is_below(self, member: &[u8]) -> bool {
        match self {
            Self::First => true,
            Self::Last => false,
            Self::Including(end) => end <= member,
            Self::Excluding(end) => end < member,
        }
    }

    /// Whether a range that ends here can contain `member`.
    fn is_above(self, member: &[u8]) -> bool {
        match self {
            Self::First => false,
            Self::Last => true,
            Self::Including(end) => end >= member,
            Self::Excluding(end) => end > member,
        }
    }
}

/// `ranks` without the first `skipped` in `order`.
pub(in crate::commands) fn skip(ranks: Range<usize>, order: Order, skipped: usize) -> Range<usize> {
    let skipped = skipped.min(ranks.len());
    match order {
        Order::Ascending => ranks.start + skipped..ranks.end,
        Order::Descending => ranks.start..ranks.end - skipped,
    }
}

/// Whether all members have the same score. O(log n).
fn has_one_score(board: &Board) -> bool {
    let mut lowest = None;
    board.visit(0..board.len().min(1), Order::Ascending, |_, score| lowest = Some(score));
    lowest.is_none_or(|lowest| board.position(Bound::AboveScore(lowest)) == board.len())
}

/// Members that are visited before the walk checks whether it has found one.
const WALK_STEP: usize = 256;

/// The first of `ranks` whose member is as wanted. O(log n + ranks before it).
fn first_where(board: &Board, ranks: Range<usize>, is_wanted: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut found = None;
    let mut start = ranks.start;
    while start < ranks.end && found.is_none() {
        let end = ranks.end.min(start + WALK_STEP);
        let mut rank = start;
        board.visit(start..end, Order::Ascending, |member, _| {
            if found.is_none() && is_wanted(member) {
                found = Some(rank);
            }
            rank += 1;
        });
        start = end;
    }
    found
}

/// The last of `ranks` whose member is as wanted. O(log n + ranks behind it).
fn last_where(board: &Board, ranks: Range<usize>, is_wanted: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut found = None;
    let mut end = ranks.end;
    while ranks.start < end && found.is_none() {
        let start = ranks.start.max(end.saturating_sub(WALK_STEP));
        let mut rank = end;
        board.visit(start..end, Order::Descending, |member, _| {
            rank -= 1;
            if found.is_none() && is_wanted(member) {
                found = Some(rank);
            }
        });
        end = start;
    }
    found
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
