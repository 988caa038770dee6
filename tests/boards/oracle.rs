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

/// What a submitted score does to the present one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Keep {
    #[default]
    Latest,
    Best,
    Sum,
    /// The sum of the present score and another one, computed before: it is set, and the later time counts.
    Set,
}

/// A member of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) member: Vec<u8>,
    /// The score, in units of the board.
    pub(crate) units: i64,
    /// When it reached the score: milliseconds, or a number that the board gave by itself; 0 on boards that keep none.
    pub(crate) at_ms: i64,
}

/// A board.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) entries: Vec<Entry>,
    /// The digits behind the point of an exact board; `None`: doubles, which are quarters.
    pub(crate) digits: Option<u32>,
    pub(crate) lowest_is_best: bool,
    pub(crate) ties_first: bool,
    pub(crate) keep: Keep,
    pub(crate) cap: Option<usize>,
    /// The names that `GET name:*->nick` finds.
    pub(crate) nicks: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) is_resp3: bool,
    /// The last time that the board gave by itself.
    pub(crate) clock: i64,
}

/// What the board's own times begin with: later than the one kind of times that a test gives, and earlier than the other.
const OWN_TIMES: i64 = 1_000_000_000_000;

/// The units of a score of 1 where scores are doubles: all of them are quarters.
const QUARTERS: i64 = 4;

impl Oracle {
    /// The units of a score of 1.
    pub(crate) fn one(&self) -> i64 {
        self.digits.map_or(QUARTERS, |digits| 10i64.pow(digits))
    }

    /// The words of the policy, for LB.CREATE.
    pub(crate) fn policy(&self) -> String {
        let score = match self.digits {
            None => "FLOAT".to_owned(),
            Some(0) => "INTEGER".to_owned(),
            Some(digits) => format!("DECIMAL {digits}"),
        };
        let order = if self.lowest_is_best { "ASC" } else { "DESC" };
        let ties = if self.ties_first { "FIRST" } else { "MEMBER" };
        let keep = format!("{:?}", self.keep).to_uppercase();
        let cap = self.cap.map_or(String::new(), |cap| format!(" CAP {cap}"));
        format!("SCORE {score} ORDER {order} TIES {ties} KEEP {keep}{cap}")
    }

    /// Puts the best first. Where the highest score is best, all is turned round but the time: the first is always better.
    fn sort(&mut self) {
        let (lowest_is_best, entries) = (self.lowest_is_best, &mut self.entries);
        if lowest_is_best {
            entries.sort_by_key(|entry| (entry.units, entry.at_ms, entry.member.clone()));
        } else {
            entries.sort_by_key(|entry| (Reverse(entry.units), entry.at_ms, Reverse(entry.member.clone())));
        }
    }

    /// The units of a member.
    pub(crate) fn units(&self, member: &[u8]) -> Option<i64> {
        self.place(member).map(|place| self.entries[place].units)
    }

    /// Submits one pair, at a time that is given or now. Returns whether it changed the score.
    pub(crate) fn submit(&mut self, member: &[u8], units: i64, keep: Keep, given_ms: Option<i64>) -> bool {
        let own = self.clock.max(OWN_TIMES) + 1;
        let at_ms = if self.ties_first { given_ms.unwrap_or(own) } else { 0 };
        let present = self.entries.iter().find(|entry| entry.member == member).cloned();
        let is_older = |present: &Entry| self.ties_first && given_ms.is_some() && at_ms < present.at_ms;
        let later = |present: &Entry| match given_ms {
            Some(_) if self.ties_first => at_ms.max(present.at_ms),
            _ => at_ms,
        };
        let after = match (&present, keep) {
            (None, _) => (units, at_ms),
            (Some(present), Keep::Latest) if is_older(present) || units == present.units => return false,
            (Some(_), Keep::Latest) => (units, at_ms),
            (Some(present), Keep::Best) => {
                let is_better =
                    if self.lowest_is_best { units < present.units } else { units > present.units };
                let is_earlier = units == present.units && is_older(present);
                if !(is_better || is_earlier) {
                    return false;
                }
                (units, at_ms)
            }
            (Some(_), Keep::Sum) if units == 0 => return false,
            (Some(present), Keep::Sum) => (present.units + units, later(present)),
            (Some(present), Keep::Set) if units == present.units => return false,
            (Some(present), Keep::Set) => (units, later(present)),
        };
        if given_ms.is_none() {
            self.clock = own;
        }
        self.remove(member);
        self.entries.push(Entry { member: member.to_vec(), units: after.0, at_ms: after.1 });
        self.sort();
        // The last of a full board falls, which may be the newcomer.
        if self.cap.is_some_and(|cap| self.entries.len() > cap) {
            let last = self.entries.pop().expect("a member");
            return last.member != member;
        }
        true
    }

    pub(crate) fn remove(&mut self, member: &[u8]) {
        self.entries.retain(|entry| entry.member != member);
    }

    /// The text of a score.
    pub(crate) fn text(&self, units: i64) -> String {
        match self.digits {
            None => (units as f64 / QUARTERS as f64).to_string(),
            Some(0) => units.to_string(),
            Some(digits) => {
                let sign = if units < 0 { "-" } else { "" };
                let (magnitude, one) = (units.unsigned_abs(), self.one() as u64);
                let (whole, rest) = (magnitude / one, magnitude % one);
                format!("{sign}{whole}.{rest:0width$}", width = digits as usize)
            }
        }
    }

    /// What RETURN tells of a member: its score and rank, and who is ahead.
    pub(crate) fn place_cells(&self, member: &[u8]) -> ([Reply; 2], [Reply; 2]) {
        let Some(place) = self.place(member) else {
            return ([self.nil(), self.nil()], [self.nil(), self.nil()]);
        };
        let ahead = match place.checked_sub(1).map(|ahead| &self.entries[ahead]) {
            Some(ahead) => [Reply::Bulk(ahead.member.clone()), self.score(ahead.units)],
            None => [self.nil(), self.nil()],
        };
        ([self.score(self.entries[place].units), Reply::Integer(place as i64)], ahead)
    }

    fn score(&self, units: i64) -> Reply {
        let text = self.text(units).into_bytes();
        if self.digits.is_some() { Reply::Bulk(text) } else { self.double(text) }
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
        let lowest_is_best = self.lowest_is_best;
        self.entries
            .iter()
            .filter(move |entry| if lowest_is_best { entry.units < units } else { entry.units > units })
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
        let Entry { member, units, .. } = &self.entries[place];
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

    pub(crate) fn ranks(
        &self,
        members: &[Vec<u8>],
        mode: Mode,
        with_percentile: bool,
        with_time: bool,
    ) -> Reply {
        let row = |member: &Vec<u8>| {
            let Some(place) = self.place(member) else { return self.nil_row() };
            let more = with_percentile.then(|| {
                let behind = self.entries.len() - self.better(self.entries[place].units).count();
                let percentile = 100.0 * behind as f64 / self.entries.len() as f64;
                self.double(percentile.to_string().into_bytes())
            });
            let time = with_time.then(|| Reply::Integer(self.entries[place].at_ms));
            self.row(place, mode, more.into_iter().chain(time).collect())
        };
        Reply::Array(members.iter().map(row).collect())
    }

    pub(crate) fn near(&self, units: i64, count: usize) -> Reply {
        let better = self.better(units).count();
        let ties = self.entries.iter().filter(|entry| entry.units == units).count();
        // A newcomer is behind those who reached the score before.
        let place = if self.ties_first { better + ties } else { better };
        let worse = self.entries.len() - better - ties;
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

    /// The rows of FRIENDRANK: a board of these people, lowest score first or as on the whole board.
    pub(crate) fn friends(
        &self,
        people: &[Vec<u8>],
        mode: Mode,
        ascends: bool,
        with_global: bool,
        with_percentile: bool,
    ) -> Reply {
        let entries = self.entries.iter().filter(|entry| people.contains(&entry.member)).cloned();
        let mut among = Self { entries: entries.collect(), ..self.clone() };
        let mut whole = self.clone();
        if ascends && !self.lowest_is_best {
            for board in [&mut among, &mut whole] {
                board.entries.reverse();
                board.lowest_is_best = true;
            }
        }
        let members: Vec<_> = among.entries.iter().map(|entry| entry.member.clone()).collect();
        let Reply::Array(mut rows) = among.ranks(&members, mode, with_percentile, false) else {
            unreachable!()
        };
        for (row, member) in rows.iter_mut().zip(&members).filter(|_| with_global) {
            let Reply::Array(cells) = row else { unreachable!() };
            cells.insert(3, Reply::Integer(whole.place(member).expect("a member") as i64));
        }
        Reply::Array(rows)
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
