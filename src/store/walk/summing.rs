//! The sum of a board's scores, computed in steps while other threads read and write.
//!
//! A board with exact scores keeps its sum, and one step tells it. Otherwise each member counts once, with a score that it
//! had during the steps; one that comes or goes meanwhile may count or not.

use crate::limits;
use crate::store::numbers::DatabaseIndex;
use crate::store::sharded::Store;
use crate::store::values::board::{Board, Points, ScoreType};
use crate::store::values::stored::Stored;

/// Members in one step. Each waits for memory.
const MEMBERS_PER_STEP: usize = limits::MEMBERS_PER_LOCK / 4;

/// A sum under way.
#[derive(Debug)]
pub struct BoardSum {
    database: DatabaseIndex,
    key: Box<[u8]>,
    /// Where the next step begins, 0 at the first.
    cursor: u64,
    total: f64,
    /// What the additions so far have rounded away (Neumaier 1974).
    rounded: f64,
}

/// What a step has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BoardSumStep {
    /// There are more members.
    More,
    /// That was the last step.
    Done(BoardTotals),
    /// There is no such board, or not any more.
    Gone,
}

/// The members of a board and their scores.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BoardTotals {
    /// The number of members at the last step.
    pub members: usize,
    /// The sum of the scores that are finite.
    pub sum: f64,
}

impl BoardSum {
    /// The sum of the board at `key` of `database`. Nothing is read yet.
    #[must_use]
    pub fn of(database: DatabaseIndex, key: &[u8]) -> Self {
        Self { database, key: key.into(), cursor: 0, total: 0.0, rounded: 0.0 }
    }

    /// Goes on by at most [`limits::MEMBERS_PER_LOCK`] members, under one lock.
    pub fn step(&mut self, store: &Store) -> BoardSumStep {
        let expired_by_ms = store.expired_by_ms(store.clock().now_ms());
        let at = store.locate(&self.key);
        if store.damage.is_there() && store.damage.contains(self.database, &self.key) {
            return BoardSumStep::Gone;
        }
        let shard = store.shards[at.shard()].read();
        let entry = shard.keyspace(self.database).get(at);
        let entry = entry.filter(|entry| !entry.is_expired(expired_by_ms));
        let Some(board) = entry.and_then(|entry| Board::of(entry.value)) else { return BoardSumStep::Gone };
        let members = board.len();
        if let (Some(units), ScoreType::Exact { digits }) = (board.sum(), board.score_type()) {
            let sum = units as f64 / 10_f64.powi(i32::from(digits));
            return BoardSumStep::Done(BoardTotals { members, sum });
        }
        let (mut total, mut rounded) = (self.total, self.rounded);
        let mut add = |score: f64| {
            if score.is_finite() {
                let sum = total + score;
                rounded += match total.abs() >= score.abs() {
                    true => (total - sum) + score,
                    false => (score - sum) + total,
                };
                total = sum;
            }
        };
        let see = |_: &[u8], points: Points| add(points.nearest().get());
        let next = board.scan(self.cursor, MEMBERS_PER_STEP, see);
        (self.cursor, self.total, self.rounded) = (next, total, rounded);
        match next {
            // Beyond the greatest double the correction is no number.
            0 if total.is_infinite() => BoardSumStep::Done(BoardTotals { members, sum: total }),
            0 => BoardSumStep::Done(BoardTotals { members, sum: total + rounded }),
            _ => BoardSumStep::More,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::clock::Clock;
    use crate::ranking::Score;
    use crate::store::change::ChangeBuffer;
    use crate::store::{Access, Edit, Hold, Missing};

    fn add(store: &Store, key: &[u8], members: &[(String, f64)]) {
        let mut hold = Hold::on(store, &[0], Access::Write, ChangeBuffer::default());
        let fill = |edit: &mut Edit<'_, '_, Board>| {
            for (member, score) in members {
                let _ = edit.plain().unwrap().update(member.as_bytes(), |_| Score::new(*score));
            }
        };
        hold.writer(0).edit(key, Missing::Create, "zadd", fill).unwrap();
    }

    fn totals(store: &Store, key: &[u8], mut between: impl FnMut(usize)) -> (usize, BoardSumStep) {
        let mut sum = BoardSum::of(0, key);
        let mut steps = 0;
        loop {
            let step = sum.step(store);
            steps += 1;
            if step != BoardSumStep::More {
                return (steps, step);
            }
            between(steps);
        }
    }

    #[test]
    fn each_member_counts_once_although_all_move_meanwhile() {
        let store = Store::new(1, 1, 1, Clock::manual(1_000));
        let mut members: Vec<_> = (0..10_000).map(|index| (format!("m{index}"), 3.0)).collect();
        members.push(("lowest".into(), f64::NEG_INFINITY));
        add(&store, b"board", &members);
        let (steps, done) = totals(&store, b"board", |step| {
            let moved: Vec<_> = (0..10_000)
                .map(|index| (format!("m{index}"), if step % 2 == 0 { 3.0 } else { 5.0 }))
                .collect();
            add(&store, b"board", &moved);
        });
        let BoardSumStep::Done(BoardTotals { members: 10_001, sum }) = done else { panic!("{done:?}") };
        assert!((30_000.0..=50_000.0).contains(&sum), "{sum}");
        assert!((20..=80).contains(&steps), "{steps}");
    }

    #[test]
    fn small_scores_are_not_lost_beside_large_ones() {
        let store = Store::new(1, 1, 1, Clock::manual(1_000));
        let mut members: Vec<_> = (0..1_000).map(|index| (format!("m{index}"), 1.0)).collect();
        members.extend([("high".into(), 1e17), ("low".into(), -1e17)]);
        add(&store, b"board", &members);
        let (_, done) = totals(&store, b"board", |_| ());
        assert_eq!(done, BoardSumStep::Done(BoardTotals { members: 1_002, sum: 1_000.0 }));
        assert_eq!(totals(&store, b"none", |_| ()).1, BoardSumStep::Gone);
        add(&store, b"huge", &[("a".into(), f64::MAX), ("b".into(), f64::MAX)]);
        let (_, done) = totals(&store, b"huge", |_| ());
        assert_eq!(done, BoardSumStep::Done(BoardTotals { members: 2, sum: f64::INFINITY }));
    }
}
