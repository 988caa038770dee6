//! The people of a FRIENDRANK with their scores, sorted as far as the answer needs it, and such results kept for MAXAGE.

use crate::commands::boards::numbering::Numbering;
use crate::commands::call::error::CommandError;
use crate::commands::state::kept::KeptResults;
use crate::ranking::Order;
use crate::store::{DatabaseIndex, Points, ScoreType, Seq};
use std::cmp::Ordering;
use std::ops::Range;

/// Friend rankings kept for MAXAGE.
pub type FriendRankings = KeptResults<KeptKey, Standing>;

/// The question that a kept ranking answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeptKey {
    pub(super) database: DatabaseIndex,
    pub(super) board: Box<[u8]>,
    pub(super) friends: Box<[u8]>,
    /// The user, unless NOSELF leaves the user out.
    pub(super) user: Option<Box<[u8]>>,
    pub(super) is_ascending: bool,
}

impl KeptKey {
    pub(super) fn bytes(&self) -> usize {
        let user = self.user.as_ref().map_or(0, |user| user.len());
        size_of::<Self>() + self.board.len() + self.friends.len() + user
    }
}

/// The position of a name in a [`Standing`]'s `names`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) start: u32,
    pub(super) len: u32,
}

/// A score as a number in the order of the scores. A [`Standing`] says which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowScore(u64);

impl RowScore {
    pub(super) fn of(points: Points) -> Self {
        Self(points.ordered())
    }
}

/// A person with a score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) score: RowScore,
    /// What orders equal scores before the name: the moment, on boards that have it in their order.
    pub(super) tie: u64,
    pub(super) name: Name,
}

/// The people of one request: with their scores, or without.
#[derive(Debug)]
pub struct Standing {
    pub(super) names: Vec<u8>,
    pub(super) ranked: Vec<Row>,
    pub(super) unranked: Vec<Name>,
    /// The user, if the user takes part and has a score.
    pub(super) own: Option<Row>,
    /// Which score is first.
    pub(super) order: Order,
    /// What the scores are.
    pub(super) score: ScoreType,
    /// Whether `ranked` and `unranked` are sorted as a whole.
    pub(super) is_sorted: bool,
    /// The last record that it rests on.
    pub(super) rests_on: Seq,
}

/// Bytes that are reserved for each name.
const NAME_BYTES: usize = 24;

impl Default for Standing {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            ranked: Vec::new(),
            unranked: Vec::new(),
            own: None,
            order: Order::Descending,
            score: ScoreType::default(),
            is_sorted: false,
            rests_on: Seq::default(),
        }
    }
}

impl Standing {
    pub(super) fn with_room_for(people: usize) -> Self {
        let names = Vec::with_capacity(people * NAME_BYTES);
        let (ranked, unranked) = (Vec::with_capacity(people), Vec::with_capacity(people));
        Self { names, ranked, unranked, ..Self::default() }
    }

    pub(super) fn name(&self, name: Name) -> &[u8] {
        &self.names[name.start as usize..(name.start + name.len) as usize]
    }

    /// The score of a row.
    pub(super) fn points(&self, row: &Row) -> Points {
        self.score.of_ordered(row.score.0)
    }

    pub(super) fn add(&mut self, name: &[u8]) -> Result<(), CommandError> {
        let too_large = || CommandError::text("ERR the names of these friends take more than 4 GiB");
        let start = u32::try_from(self.names.len()).map_err(|_| too_large())?;
        let len = u32::try_from(name.len()).map_err(|_| too_large())?;
        start.checked_add(len).ok_or_else(too_large)?;
        self.names.extend_from_slice(name);
        self.unranked.push(Name { start, len });
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.names.capacity()
            + self.ranked.capacity() * size_of::<Row>()
            + self.unranked.capacity() * size_of::<Name>()
            + size_of::<Self>()
    }

    /// Best first.
    fn compare(names: &[u8], order: Order, one: &Row, other: &Row) -> Ordering {
        let name = |name: Name| &names[name.start as usize..(name.start + name.len) as usize];
        let by_score = one.score.cmp(&other.score).then(one.tie.cmp(&other.tie));
        let ascending = by_score.then_with(|| name(one.name).cmp(name(other.name)));
        if order == Order::Ascending { ascending } else { ascending.reverse() }
    }

    /// Sorts everything.
    pub(super) fn sort(&mut self) {
        if !self.is_sorted {
            let Self { names, ranked, order, .. } = self;
            ranked.sort_unstable_by(|one, other| Self::compare(names, *order, one, other));
            self.sort_unranked();
            self.is_sorted = true;
        }
    }

    pub(super) fn sort_unranked(&mut self) {
        let Self { names, unranked, .. } = self;
        let name = |name: &Name| &names[name.start as usize..(name.start + name.len) as usize];
        unranked.sort_unstable_by(|one, other| name(one).cmp(name(other)));
    }

    /// Sorts only the rows of `window` into their places.
    pub(super) fn sort_window(&mut self, window: Range<usize>) {
        if self.is_sorted || window.is_empty() {
            return;
        }
        let Self { names, ranked, order, .. } = self;
        let compare = |one: &Row, other: &Row| Self::compare(names, *order, one, other);
        if window.start > 0 {
            ranked.select_nth_unstable_by(window.start, compare);
        }
        let tail = &mut ranked[window.start..];
        let len = window.len();
        if len < tail.len() {
            tail.select_nth_unstable_by(len, compare);
        }
        tail[..len].sort_unstable_by(compare);
    }

    /// The number of rows before `row`.
    pub(super) fn position(&self, row: &Row) -> usize {
        let is_before = |other: &Row| Self::compare(&self.names, self.order, other, row) == Ordering::Less;
        self.count(is_before)
    }

    /// The number of rows for which `is_before` is true. In sorted order these rows come first.
    fn count(&self, is_before: impl Fn(&Row) -> bool) -> usize {
        if self.is_sorted {
            self.ranked.partition_point(is_before)
        } else {
            self.ranked.iter().filter(|row| is_before(row)).count()
        }
    }

    /// The rank of `row`, which is at `position`, in `mode`.
    pub(super) fn rank(&self, row: &Row, position: usize, mode: Numbering) -> usize {
        let is_better = |other: &Row| match self.order {
            Order::Ascending => other.score < row.score,
            Order::Descending => other.score > row.score,
        };
        match mode {
            Numbering::Row => position,
            Numbering::Competition => self.count(is_better),
            Numbering::Dense => {
                // If sorted, the better rows are in front.
                let candidates =
                    if self.is_sorted { &self.ranked[..self.count(is_better)] } else { &self.ranked[..] };
                let mut better: Vec<RowScore> =
                    candidates.iter().filter(|other| is_better(other)).map(|other| other.score).collect();
                if !self.is_sorted {
                    better.sort_unstable();
                }
                better.dedup();
                better.len()
            }
        }
    }
}
