//! The oracle: a board as a list, the best member first. Each answer is found by looking through the whole list.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use crate::support::reply::Reply;

/// How equal scores are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Row,
    Competition,
    Dense,
}

/// A member of the list.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) member: Vec<u8>,
    /// The score, in units of the board.
    pub(crate) units: i64,
}

/// A board.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) entries: Vec<Entry>,
    /// The names that `GET name:*->nick` finds.
    pub(crate) nicks: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) is_resp3: bool,
}

/// The units of a score of 1: all scores are quarters.
pub(crate) const UNITS: i64 = 4;

impl Oracle {
    pub(crate) fn set(&mut self, member: &[u8], units: i64) {
        self.remove(member);
        self.entries.push(Entry { member: member.to_vec(), units });
        // The order of ZREVRANGE.
        self.entries.sort_by_key(|entry| Reverse((entry.units, entry.member.clone())));
    }

    pub(crate) fn remove(&mut self, member: &[u8]) {
        self.entries.retain(|entry| entry.member != member);
    }

    /// The text of a score.
    pub(crate) fn text(units: i64) -> Vec<u8> {
        (units as f64 / UNITS as f64).to_string().into_bytes()
    }

    fn score(&self, units: i64) -> Reply {
        self.double(Self::text(units))
    }

    fn double(&self, text: Vec<u8>) -> Reply {
        if self.is_resp3 { Reply::Double(text) } else { Reply::Bulk(text) }
    }

    fn nil(&self) -> Reply {
        if self.is_resp3 { Reply::Null } else { Reply::NullBulk }
    }

    fn nil_row(&self) -> Reply {
        if self.is_resp3 { Reply::Null } else { Reply::NullArray }
    }

    fn better(&self, units: i64) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.units > units)
    }

    fn rank(&self, place: usize, mode: Mode) -> Reply {
        let units = self.entries[place].units;
        let rank = match mode {
            Mode::Row => place,
            Mode::Competition => self.better(units).count(),
            Mode::Dense => {
                let mut better: Vec<i64> = self.better(units).map(|entry| entry.units).collect();
                better.dedup();
                better.len()
            }
        };
        Reply::Integer(rank as i64)
    }

    fn row(&self, place: usize, mode: Mode, more: Vec<Reply>) -> Reply {
        let Entry { member, units } = &self.entries[place];
        let row = vec![Reply::Bulk(member.clone()), self.score(*units), self.rank(place, mode)];
        Reply::Array([row, more].concat())
    }

    /// The rows at `places`, with what `GET name:*->nick GET #` brings.
    fn rows(&self, places: std::ops::Range<usize>, mode: Mode, gets: bool) -> Reply {
        let more = |member: &Vec<u8>| match gets {
            false => Vec::new(),
            true => {
                let nick = self.nicks.get(member).cloned().map_or_else(|| self.nil(), Reply::Bulk);
                vec![nick, Reply::Bulk(member.clone())]
            }
        };
        Reply::Array(places.map(|place| self.row(place, mode, more(&self.entries[place].member))).collect())
    }

    fn place(&self, member: &[u8]) -> Option<usize> {
        self.entries.iter().position(|entry| entry.member == member)
    }

    pub(crate) fn top(&self, count: usize, offset: usize, mode: Mode, gets: bool) -> Reply {
        let start = offset.min(self.entries.len());
        self.rows(start..(start + count).min(self.entries.len()), mode, gets)
    }

    pub(crate) fn around(&self, member: &[u8], count: usize, fills: bool, mode: Mode, gets: bool) -> Reply {
        let Some(place) = self.place(member) else { return Reply::Array(Vec::new()) };
        let len = self.entries.len();
        let (mut start, mut end) = (place.saturating_sub(count), (place + count + 1).min(len));
        // The window moves, one place at a time, until it is full.
        while fills && end - start < 2 * count + 1 && (start > 0 || end < len) {
            if start > 0 {
                start -= 1;
            } else {
                end += 1;
            }
        }
        self.rows(start..end, mode, gets)
    }

    pub(crate) fn ranks(&self, members: &[Vec<u8>], mode: Mode, with_percentile: bool) -> Reply {
        let row = |member: &Vec<u8>| {
            let Some(place) = self.place(member) else { return self.nil_row() };
            let more = with_percentile.then(|| {
                let behind = self.entries.len() - self.better(self.entries[place].units).count();
                let percentile = 100.0 * behind as f64 / self.entries.len() as f64;
                self.double(percentile.to_string().into_bytes())
            });
            self.row(place, mode, more.into_iter().collect())
        };
        Reply::Array(members.iter().map(row).collect())
    }

    pub(crate) fn near(&self, units: i64, count: usize) -> Reply {
        let place = self.better(units).count();
        let worse = self.entries.iter().filter(|entry| entry.units < units).count();
        let rows =
            self.rows(place.saturating_sub(count)..(place + count).min(self.entries.len()), Mode::Row, false);
        Reply::Array(vec![Reply::Integer(place as i64), Reply::Integer(worse as i64), rows])
    }

    pub(crate) fn standing(boards: &[&Self], member: &[u8], mode: Mode) -> Reply {
        let row = |board: &&Self| {
            let Some(place) = board.place(member) else { return board.nil_row() };
            let score = board.score(board.entries[place].units);
            Reply::Array(vec![board.rank(place, mode), score, Reply::Integer(board.entries.len() as i64)])
        };
        Reply::Array(boards.iter().map(row).collect())
    }

    /// The scores of quantiles, which are thousandths: from the worst on, the first member with whom the share is full.
    pub(crate) fn quantiles(&self, thousandths: &[usize]) -> Reply {
        let score = |share: &usize| {
            let len = self.entries.len();
            let from_worst = (1..=len).find(|members| members * 1000 >= share * len);
            from_worst.map_or_else(|| self.nil(), |members| self.score(self.entries[len - members].units))
        };
        Reply::Array(thousandths.iter().map(score).collect())
    }

    pub(crate) fn histogram(&self, bounds: &[i64]) -> Reply {
        let mut counts = vec![0; bounds.len() + 1];
        for entry in &self.entries {
            let at = bounds.iter().filter(|bound| bound.cmp(&&entry.units) != Ordering::Greater).count();
            counts[at] += 1;
        }
        Reply::Array(counts.into_iter().map(Reply::Integer).collect())
    }
}
