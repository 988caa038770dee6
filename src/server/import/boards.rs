//! `--board`: sorted sets that become boards with a policy on their way in.
//!
//! Their scores may be composite: score x factor + (factor - time), or + time where the lowest score is best. Such a score is
//! split, and the time becomes the member's moment. A double cannot always hold it: members whose composite scores became
//! equal only by rounding have lost their tie, and the report names them.

use super::report::BoardCount;
use crate::ranking::Score;
use crate::store::change::ChangeBuffer;
use crate::store::{
    Access, Best, Board, BoardTime, Conditions, DatabaseIndex, Hold, Keep, Kind, Missing, Points, Policy,
    PolicyWords, ScoreType, Shards, Store, Submit, Ties,
};
use crate::text::fixed_point;
use crate::text::glob::{self, Case};

/// Which sorted sets become boards, and how.
#[derive(Clone, Debug)]
pub(in crate::server) struct BoardOption {
    pattern: Vec<u8>,
    policy: Policy,
    /// What the score is multiplied by in a composite score; `None` if scores are not composite.
    factor: Option<i128>,
}

/// From this double on, not every whole number is one.
const ROUNDED_FROM: i128 = 1 << 53;

/// Times below this are seconds, others milliseconds: both have passed it for good, or will not before the year 5138.
const FEWEST_MS: i128 = 100_000_000_000;

/// Keys of a database that are looked at together.
const KEYS_AT_ONCE: usize = 1000;

impl BoardOption {
    /// Reads `PATTERN=POLICY`. The policy's parts are separated by commas; SCORE may be left out, and `COMPOSITE factor` is one
    /// more part.
    pub(in crate::server) fn parse(text: &str) -> Result<Self, String> {
        let (pattern, parts) = text.split_once('=').ok_or("it is PATTERN=POLICY")?;
        let (mut words, mut factor) = (Vec::new(), None);
        for part in parts.split(',') {
            let part: Vec<&str> = part.split_ascii_whitespace().collect();
            match part.as_slice() {
                [word, given] if word.eq_ignore_ascii_case("composite") => {
                    factor = Some(read_factor(given).ok_or("COMPOSITE takes a power of ten such as 1e11")?);
                }
                [word, ..] if ["float", "integer", "decimal"].contains(&&*word.to_ascii_lowercase()) => {
                    words.push("SCORE");
                    words.extend(part);
                }
                _ => words.extend(part),
            }
        }
        let words = PolicyWords::parse(words.into_iter().map(str::as_bytes));
        let policy = words.and_then(|words| words.policy()).map_err(|error| error.to_string())?;
        if factor.is_some() && (policy.ties != Ties::First || policy.score == ScoreType::Float) {
            return Err("COMPOSITE needs exact scores and TIES FIRST".to_owned());
        }
        Ok(Self { pattern: pattern.as_bytes().to_vec(), policy, factor })
    }
}

/// A power of ten, as digits or with an exponent.
fn read_factor(text: &str) -> Option<i128> {
    let (digits, zeros) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let factor = digits.parse::<i128>().ok()?.checked_mul(10i128.checked_pow(zeros.parse().ok()?)?)?;
    let is_power = (1..=18).any(|power| 10i128.pow(power) == factor);
    is_power.then_some(factor)
}

/// Makes boards of the sorted sets that the options name. The first option that matches a key counts.
///
/// # Errors
/// A score that the board cannot have. The import ends there.
pub(super) fn convert(store: &Store, options: &[BoardOption]) -> Result<Vec<BoardCount>, String> {
    let mut counts = Vec::new();
    for database in 0..store.databases() {
        for key in sorted_sets(store, database) {
            let option = options.iter().find(|option| glob::matches(&option.pattern, &key, Case::Sensitive));
            let Some(option) = option else { continue };
            let lost = option.convert_key(store, database, &key);
            let (members, lost) = lost.map_err(|error| format!("board '{}': {error}", key.escape_ascii()))?;
            counts.push(BoardCount { database, key, members, lost });
        }
    }
    Ok(counts)
}

fn sorted_sets(store: &Store, database: DatabaseIndex) -> Vec<Box<[u8]>> {
    let (shards, mut keys, mut cursor) = (Shards::free(store), Vec::new(), 0);
    loop {
        cursor = shards.scan(database, cursor, KEYS_AT_ONCE, |key, kind| {
            if kind == Kind::SortedSet {
                keys.push(key.into());
            }
        });
        if cursor == 0 {
            keys.sort_unstable();
            keys.dedup();
            return keys;
        }
    }
}

/// The number of members of a board, and those of them that had lost their tie.
type Converted = (usize, Vec<Box<[u8]>>);

/// A member of a board to be, with its moment, if the score tells it.
struct Convert {
    member: Box<[u8]>,
    points: Points,
    at_ms: Option<u64>,
}

impl BoardOption {
    /// Returns the number of members, and those that had lost their tie.
    fn convert_key(&self, store: &Store, database: DatabaseIndex, key: &[u8]) -> Result<Converted, String> {
        let mut hold = Hold::on(store, &[store.shard_of(key)], Access::Write, ChangeBuffer::default());
        let reader = hold.reader(database);
        let (now_ms, expiry) = (reader.now_ms(), reader.expiry(key).flatten());
        let mut old = Vec::new();
        if let Some(board) = reader.get::<Board>(key).ok().flatten() {
            // The best first: without a time, the order that they had decides who reached a score first.
            board.visit(0..board.len(), self.policy.best.first(), |member, points| {
                old.push((Box::from(member), points.nearest()));
            });
        }
        let converts = old.iter().map(|(member, score): &(Box<[u8]>, Score)| {
            let converted = self
                .convert_score(*score)
                .map_err(|error| format!("the score {score} of '{}' {error}", member.escape_ascii()));
            converted.map(|(points, at_ms)| Convert { member: member.clone(), points, at_ms })
        });
        let converts = converts.collect::<Result<Vec<_>, _>>()?;
        let mut writer = hold.writer(database);
        writer.remove(key);
        writer.create_board(key, self.policy).map_err(|_| "is of another type".to_owned())?;
        let submitted = writer.edit::<Board, _>(key, Missing::Create, None, |board| {
            for Convert { member, points, at_ms } in &converts {
                let submit =
                    Submit { keep: Keep::Latest, conditions: Conditions::default(), at_ms: *at_ms, now_ms };
                let wanted = submit.prepare(board, std::iter::once((&**member, *points)))?;
                board.submit(&submit, member, wanted[0]);
            }
            Ok::<_, crate::store::SubmitError>(())
        });
        submitted.ok().flatten().unwrap_or(Ok(())).map_err(|error| error.to_string())?;
        if self.policy.ttl_s.is_none() && expiry.is_some() {
            writer.set_expiry(key, expiry);
        }
        hold.release();
        let lost = if self.factor.is_some() { lost_ties(&old) } else { Vec::new() };
        Ok((old.len(), lost))
    }

    /// The score that a board has for an old score, and the time in it.
    fn convert_score(&self, score: Score) -> Result<(Points, Option<u64>), &'static str> {
        let ScoreType::Exact { digits } = self.policy.score else { return Ok((Points::Float(score), None)) };
        let Some(factor) = self.factor else {
            let placed = fixed_point::place(score.to_string().as_bytes(), digits);
            let units = placed.and_then(fixed_point::Placed::exact).ok_or("is none of the board")?;
            return Ok((Points::Exact { digits, units }, None));
        };
        let whole = whole(score).ok_or("is not whole")?;
        let (score, rest) = (whole.div_euclid(factor), whole.rem_euclid(factor));
        let units = score.checked_mul(10i128.pow(digits.into())).and_then(|units| i64::try_from(units).ok());
        let units = units.ok_or("is too large")?;
        let time = match self.policy.best {
            Best::Highest => factor - rest,
            Best::Lowest => rest,
        };
        let at_ms = if time < FEWEST_MS { time * 1000 } else { time };
        let at_ms = u64::try_from(at_ms).ok().filter(|at_ms| *at_ms <= BoardTime::LAST_MS);
        Ok((Points::Exact { digits, units }, Some(at_ms.ok_or("has a time that is too late")?)))
    }
}

/// A double as an integer, if it is one.
fn whole(score: Score) -> Option<i128> {
    let whole = score.get() as i128;
    (whole as f64 == score.get() && whole.unsigned_abs() < 1 << 120).then_some(whole)
}

/// The members whose composite score equals that of another member only because it was rounded. `entries` are sorted by score.
fn lost_ties(entries: &[(Box<[u8]>, Score)]) -> Vec<Box<[u8]>> {
    let is_rounded =
        |score: Score| whole(score).is_some_and(|whole| whole.unsigned_abs() >= ROUNDED_FROM.unsigned_abs());
    let ties = entries.chunk_by(|(_, one), (_, next)| one == next);
    let lost = ties.filter(|tie| tie.len() > 1 && is_rounded(tie[0].1));
    lost.flatten().map(|(member, _)| member.clone()).collect()
}
