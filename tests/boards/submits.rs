//! Submits of every kind to boards with mixed policies, over several connections: times that are set back or absent, ids that
//! are repeated, sums that overflow at both ends, caps. All is as by the oracle, step by step and after each `kill -9`.

use super::oracle::{Keep, Oracle};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use crate::support::server::Server;
use std::collections::HashMap;

/// The policies beside what [`Oracle::policy`] says: the digits of scores, whether the lowest is best, whether ties go by time,
/// KEEP, CAP, the range with whether it saturates, and IDS.
type Terms = (Option<u32>, bool, bool, Keep, Option<usize>, Option<(i64, i64, bool)>, usize);

const ALL: (i64, i64, bool) = (i64::MIN, i64::MAX, true);

const TERMS: [Terms; 9] = [
    (Some(0), false, true, Keep::Latest, None, None, 4),
    (Some(0), false, true, Keep::Best, Some(1), None, 2),
    (Some(0), true, true, Keep::Best, Some(6), Some((-5, 30, false)), 3),
    (Some(0), false, false, Keep::Sum, None, None, 5),
    (Some(0), false, true, Keep::Sum, None, Some(ALL), 5),
    (Some(2), false, true, Keep::Sum, None, Some((-5_000, 9_000, false)), 1),
    (Some(18), true, false, Keep::Latest, Some(4), None, 3),
    (Some(0), true, true, Keep::Sum, None, Some((-3, 40, true)), 2),
    (None, false, true, Keep::Best, Some(5), None, 0),
];

/// A board, and what its policy has beyond the oracle's.
struct Board {
    name: String,
    oracle: Oracle,
    range: Option<(i64, i64, bool)>,
    ids: usize,
    /// The ids that are kept, oldest first.
    kept: Vec<String>,
}

/// A call of LB.SUBMIT, or of LB.MSUBMIT for several boards.
struct Submit {
    keep: Option<Keep>,
    at_ms: Option<i64>,
    id: Option<String>,
    returns: bool,
    /// Texts and members.
    pairs: Vec<(String, String)>,
}

impl Board {
    fn new(number: usize) -> Self {
        let (digits, lowest_is_best, ties_first, keep, cap, range, ids) = TERMS[number];
        let oracle = Oracle { digits, lowest_is_best, ties_first, keep, cap, ..Oracle::default() };
        Self { name: format!("board{number}"), oracle, range, ids, kept: Vec::new() }
    }

    fn policy(&self) -> String {
        let range = self.range.map_or_else(String::new, |(min, max, saturates)| {
            let saturate = if saturates { " SATURATE" } else { "" };
            format!(" RANGE {} {}{saturate}", self.oracle.text(min), self.oracle.text(max))
        });
        format!("{}{range} IDS {}", self.oracle.policy(), self.ids)
    }

    /// The units of a decimal text, if the board can have them.
    fn units(&self, text: &str) -> Result<i64, &'static str> {
        let Some(digits) = self.oracle.digits else {
            return Ok((text.parse::<f64>().expect("a number") * 4.0) as i64);
        };
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        assert!(rest.len() <= digits as usize);
        let all = format!("{whole}{rest:0<width$}", width = digits as usize);
        all.parse().map_err(|_| match digits {
            0 => "ERR value is not an integer or out of range",
            _ => "ERR value is not a valid decimal",
        })
    }

    /// The scores that the pairs want, each after those before it; `None` for a repeat.
    fn wanted(&self, submit: &Submit) -> Result<Option<Vec<i64>>, &'static str> {
        let keep = submit.keep.unwrap_or(self.oracle.keep);
        if keep == Keep::Sum && self.oracle.cap.is_some() {
            return Err("ERR CAP does not go with KEEP SUM");
        }
        if submit.id.is_some() && self.ids == 0 {
            return Err("ERR the board keeps no request ids");
        }
        if submit.id.as_ref().is_some_and(|id| self.kept.contains(id)) {
            return Ok(None);
        }
        let given: Vec<i64> =
            submit.pairs.iter().map(|(text, _)| self.units(text)).collect::<Result<_, _>>()?;
        if submit.at_ms.is_some() && !self.oracle.ties_first {
            return Err("ERR AT needs TIES FIRST");
        }
        let mut sums = HashMap::new();
        let mut wanted = Vec::new();
        for ((_, member), given) in submit.pairs.iter().zip(given) {
            let present = || self.oracle.units(member.as_bytes()).unwrap_or(0);
            let before = if keep == Keep::Sum { *sums.entry(member).or_insert_with(present) } else { 0 };
            let total = i128::from(before) + i128::from(given);
            let (min, max, saturates) = self.range.unwrap_or((i64::MIN, i64::MAX, false));
            let nearest = total.clamp(min.into(), max.into());
            if nearest != total && !saturates {
                let is_a_number = i64::try_from(total).is_ok();
                return Err(match is_a_number {
                    true => "ERR score is outside the board's range",
                    false => "ERR increment or decrement would overflow",
                });
            }
            wanted.push(nearest as i64);
            sums.insert(member, nearest as i64);
        }
        Ok(Some(wanted))
    }

    /// Applies the pairs, and returns the answer.
    fn apply(&mut self, submit: &Submit, wanted: Option<Vec<i64>>) -> Reply {
        let keep = match submit.keep.unwrap_or(self.oracle.keep) {
            // The sums are known.
            Keep::Sum => Keep::Set,
            keep => keep,
        };
        let cells = |oracle: &Oracle| -> Vec<_> {
            submit.pairs.iter().map(|(_, member)| oracle.place_cells(member.as_bytes())).collect()
        };
        let before = cells(&self.oracle);
        let Some(wanted) = wanted else {
            if !submit.returns {
                return Reply::Integer(-1);
            }
            let nil = [Reply::NullBulk, Reply::NullBulk];
            let rows = cells(&self.oracle).into_iter().map(|(now, ahead)| {
                let status = [Reply::Bulk(b"repeated".to_vec())];
                Reply::Array([&status[..], &now, &nil, &ahead].concat())
            });
            return Reply::Array(rows.collect());
        };
        if let Some(id) = &submit.id {
            self.kept.push(id.clone());
            let surplus = self.kept.len().saturating_sub(self.ids);
            self.kept.drain(..surplus);
        }
        let mut statuses = Vec::new();
        for ((_, member), wanted) in submit.pairs.iter().zip(wanted) {
            let member = member.as_bytes();
            let was_there = self.oracle.units(member).is_some();
            let is_changed = self.oracle.submit(member, wanted, keep, submit.at_ms);
            statuses.push(match (is_changed, was_there || self.oracle.units(member).is_some()) {
                (true, _) => "applied",
                (false, true) => "kept",
                (false, false) => "capped",
            });
        }
        if !submit.returns {
            return Reply::Integer(statuses.iter().filter(|status| **status == "applied").count() as i64);
        }
        let rows = statuses.iter().zip(before).zip(cells(&self.oracle));
        let rows = rows.map(|((status, (old, _)), (now, ahead))| {
            let status = [Reply::Bulk(status.as_bytes().to_vec())];
            Reply::Array([&status[..], &now, &old, &ahead].concat())
        });
        Reply::Array(rows.collect())
    }

    fn check(&self, client: &mut Client, seed: u64) {
        let shown = client.call(&["LB.TOP", &self.name, "100"]);
        let expected = self.oracle.top(100, 0, super::oracle::Mode::Row, false);
        let policy = self.policy();
        assert_eq!(shown.lines(), expected.lines(), "RANKD_SEED={seed}: {} {policy}", self.name);
    }
}

impl Submit {
    /// At random. `board` is the only one that it is for; `None`: it is for several, and every score is representable.
    fn random(chance: &mut Chance, board: Option<&Board>) -> Self {
        let pairs = (0..1 + chance.below(4)).map(|_| {
            let text = match board {
                Some(board) if board.oracle.digits.is_some() => board.oracle.text(match chance.below(12) {
                    0 => i64::MAX - chance.below(3) as i64,
                    1 => i64::MIN + chance.below(3) as i64,
                    2..8 => (chance.below(12) as i64 - 4) * board.oracle.one().min(i64::MAX / 9),
                    _ => chance.below(2_000) as i64 - 500,
                }),
                _ => (chance.below(14) as i64 - 4).to_string(),
            };
            (text, format!("m{}", chance.below(9)))
        });
        let pairs = pairs.collect();
        let keeps = [None, None, Some(Keep::Latest), Some(Keep::Best), Some(Keep::Sum)];
        // Long before now, or long after: the server's own times are between the two.
        let ats =
            [None, None, Some(chance.below(50) as i64), Some(100_000_000_000_000 + chance.below(50) as i64)];
        Self {
            keep: keeps[chance.below(keeps.len())],
            at_ms: ats[chance.below(ats.len())],
            id: chance.percent(50).then(|| format!("id-{}", chance.below(12))),
            returns: chance.percent(60),
            pairs,
        }
    }

    /// The request to these boards.
    fn request(&self, names: &[&str]) -> Vec<String> {
        let mut words = match names {
            [name] => vec!["LB.SUBMIT".to_owned(), (*name).to_owned()],
            _ => vec!["LB.MSUBMIT".to_owned(), names.len().to_string()],
        };
        if names.len() > 1 {
            words.extend(names.iter().map(|name| (*name).to_owned()));
        }
        if let Some(keep) = self.keep {
            words.extend(["KEEP".to_owned(), format!("{keep:?}").to_uppercase()]);
        }
        words.extend(self.at_ms.iter().flat_map(|at_ms| ["AT".to_owned(), at_ms.to_string()]));
        words.extend(self.id.iter().flat_map(|id| ["ID".to_owned(), id.clone()]));
        words.extend(self.returns.then(|| "RETURN".to_owned()));
        words.extend(self.pairs.iter().flat_map(|(score, member)| [score.clone(), member.clone()]));
        words
    }
}

/// One random call, of which the oracle knows the answer.
fn step(boards: &mut [Board], client: &mut Client, chance: &mut Chance, seed: u64) {
    let first = chance.below(boards.len());
    let count = if chance.percent(75) { 1 } else { 2 + chance.below(2) };
    let chosen: Vec<usize> = (0..count).map(|offset| (first + offset) % boards.len()).collect();
    let submit = Submit::random(chance, (count == 1).then(|| &boards[first]));
    let names: Vec<&str> = chosen.iter().map(|&at| &*boards[at].name).collect();
    let request = submit.request(&names);
    let wanted: Result<Vec<_>, _> = chosen.iter().map(|&at| boards[at].wanted(&submit)).collect();
    let expected = match wanted {
        Err(text) => Reply::Error(text.into()),
        Ok(wanted) => {
            let answers = chosen.iter().zip(wanted).map(|(&at, wanted)| boards[at].apply(&submit, wanted));
            let mut answers: Vec<_> = answers.collect();
            if count == 1 { answers.remove(0) } else { Reply::Array(answers) }
        }
    };
    let answer = client.call(&request);
    let policy = boards[first].policy();
    assert_eq!(answer.lines(), expected.lines(), "RANKD_SEED={seed}: {} ({policy})", request.join(" "));
    chosen.iter().for_each(|&at| boards[at].check(client, seed));
}

#[test]
fn submits_are_taken_as_by_the_oracle_step_by_step_and_after_kill_9() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    let mut boards: Vec<Board> = (0..TERMS.len()).map(Board::new).collect();
    for board in &boards {
        let made = server.client().ask(&format!("LB.CREATE {} {}", board.name, board.policy()));
        assert_eq!(made, Reply::Integer(1), "{}", board.policy());
    }
    for round in 0..number_from_env("RANKD_BOARD_ROUNDS", 6) {
        let mut clients = [server.client(), server.client(), server.client()];
        for number in 0..400 {
            if number == 200 && round % 2 == 0 {
                assert!(!clients[0].ask("BGREWRITEAOF").is_error());
            }
            let client = &mut clients[number % 3];
            step(&mut boards, client, &mut chance, seed);
        }
        server.kill();
        server = server.restart();
        let mut client = server.client();
        boards.iter().for_each(|board| board.check(&mut client, seed));
    }
}
