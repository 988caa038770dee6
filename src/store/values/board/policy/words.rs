//! A policy in words: `SCORE INTEGER ORDER DESC TIES FIRST`.

use super::{AllowedScores, Best, Keep, Points, Policy, ScoreType, Ties};
use crate::limits;
use crate::ranking::Score;
use crate::text::fixed_point::{DIGITS_MAX, place};
use crate::text::integer;
use std::num::NonZeroU64;

/// The words of a policy, read. What is not named is `None`.
#[derive(Clone, Debug, Default)]
pub struct PolicyWords<'a> {
    score: Option<ScoreType>,
    best: Option<Best>,
    ties: Option<Ties>,
    keep: Option<Keep>,
    cap: Option<Option<NonZeroU64>>,
    range: Option<Option<RangeWords<'a>>>,
    ttl_s: Option<Option<NonZeroU64>>,
    ids: Option<u32>,
}

/// The ends of a range. They are read when the type of the scores is known.
#[derive(Clone, Copy, Debug)]
struct RangeWords<'a> {
    min: &'a [u8],
    max: &'a [u8],
    saturates: bool,
}

/// Why words are no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// This word begins no part of a policy.
    Unknown(String),
    /// This part is there twice.
    Twice(&'static str),
    /// What follows this part is not what it takes.
    Takes(&'static str, &'static str),
    /// The range has no score, or an end that is not a score of the board.
    Range,
    /// CAP and KEEP SUM: a sum would begin anew when its member falls off the board and returns.
    CapWithSum,
    /// LB.ALTER names a part that only a new board can have.
    Fixed,
}

impl std::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "unknown word '{word}' in the policy"),
            Self::Twice(name) => write!(f, "the policy names {name} twice"),
            Self::Takes(name, what) => write!(f, "{name} takes {what}"),
            Self::Range => f.write_str("RANGE takes two scores of the board, the lower first"),
            Self::CapWithSum => f.write_str("CAP does not go with KEEP SUM"),
            Self::Fixed => f.write_str("SCORE, ORDER and TIES of a board cannot be changed"),
        }
    }
}

impl std::error::Error for PolicyError {}

const SCORE: &str = "FLOAT, INTEGER, or DECIMAL and 1 to 18 digits";
const COUNT: &str = "a count; 0 and NONE are none";
const SECONDS: &str = "seconds up to 9999999999; 0 and NONE are none";
const IDS: &str = "a count up to 65536; 0 and NONE are none";
const ENDS: &str = "a lowest and a highest score, or NONE";

impl<'a> PolicyWords<'a> {
    /// Reads `words`, all of which belong to the policy.
    ///
    /// # Errors
    /// The first mistake.
    pub fn parse(words: impl Iterator<Item = &'a [u8]>) -> Result<Self, PolicyError> {
        let mut words = words.peekable();
        let mut read = Self::default();
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("score") {
                let digits = match upper(words.next()).as_slice() {
                    b"FLOAT" => None,
                    b"INTEGER" => Some(0),
                    b"DECIMAL" => Some(decimal_digits(words.next())?),
                    _ => return Err(PolicyError::Takes("SCORE", SCORE)),
                };
                let score = digits.map_or(ScoreType::Float, |digits| ScoreType::Exact { digits });
                set(&mut read.score, score, "SCORE")?;
            } else if is("order") {
                let best = match upper(words.next()).as_slice() {
                    b"DESC" => Best::Highest,
                    b"ASC" => Best::Lowest,
                    _ => return Err(PolicyError::Takes("ORDER", "DESC or ASC")),
                };
                set(&mut read.best, best, "ORDER")?;
            } else if is("ties") {
                let ties = match upper(words.next()).as_slice() {
                    b"MEMBER" => Ties::Member,
                    b"FIRST" => Ties::First,
                    _ => return Err(PolicyError::Takes("TIES", "MEMBER or FIRST")),
                };
                set(&mut read.ties, ties, "TIES")?;
            } else if is("keep") {
                let keep = Keep::of_word(words.next().unwrap_or_default());
                set(&mut read.keep, keep.ok_or(PolicyError::Takes("KEEP", Keep::WORDS))?, "KEEP")?;
            } else if is("cap") {
                let cap = count(words.next(), i64::MAX).ok_or(PolicyError::Takes("CAP", COUNT))?;
                set(&mut read.cap, NonZeroU64::new(cap), "CAP")?;
            } else if is("range") {
                let takes = PolicyError::Takes("RANGE", ENDS);
                let min = words.next().ok_or_else(|| takes.clone())?;
                let range = if min.eq_ignore_ascii_case(b"none") {
                    None
                } else {
                    let max = words.next().ok_or(takes)?;
                    let saturates = words.next_if(|word| word.eq_ignore_ascii_case(b"saturate")).is_some();
                    Some(RangeWords { min, max, saturates })
                };
                set(&mut read.range, range, "RANGE")?;
            } else if is("ttl") {
                let ttl = count(words.next(), limits::BOARD_TTL_S_MAX);
                set(&mut read.ttl_s, NonZeroU64::new(ttl.ok_or(PolicyError::Takes("TTL", SECONDS))?), "TTL")?;
            } else if is("ids") {
                let ids = count(words.next(), i64::from(limits::BOARD_IDS_MAX));
                set(&mut read.ids, ids.ok_or(PolicyError::Takes("IDS", IDS))? as u32, "IDS")?;
            } else {
                return Err(PolicyError::Unknown(String::from_utf8_lossy(word).into_owned()));
            }
        }
        Ok(read)
    }

    /// The policy of a new board: what is not named is as in Redis.
    ///
    /// # Errors
    /// If parts contradict each other.
    pub fn policy(&self) -> Result<Policy, PolicyError> {
        let start = Policy {
            score: self.score.unwrap_or_default(),
            best: self.best.unwrap_or_default(),
            ties: self.ties.unwrap_or_default(),
            ..Policy::default()
        };
        self.applied_to(start)
    }

    /// `policy` with the parts that are named.
    ///
    /// # Errors
    /// If one is named that only a new board can have, or if parts contradict each other.
    pub fn altered(&self, policy: Policy) -> Result<Policy, PolicyError> {
        if self.score.is_some() || self.best.is_some() || self.ties.is_some() {
            return Err(PolicyError::Fixed);
        }
        self.applied_to(policy)
    }

    fn applied_to(&self, mut policy: Policy) -> Result<Policy, PolicyError> {
        policy.keep = self.keep.unwrap_or(policy.keep);
        policy.cap = self.cap.unwrap_or(policy.cap);
        policy.ttl_s = self.ttl_s.unwrap_or(policy.ttl_s);
        policy.ids = self.ids.unwrap_or(policy.ids);
        if let Some(range) = self.range {
            let read = |words: RangeWords<'_>| words.read(policy.score).ok_or(PolicyError::Range);
            policy.range = range.map(read).transpose()?;
        }
        if policy.cap.is_some() && policy.keep == Keep::Sum {
            return Err(PolicyError::CapWithSum);
        }
        Ok(policy)
    }
}

fn set<T>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), PolicyError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(PolicyError::Twice(name)),
    }
}

fn upper(word: Option<&[u8]>) -> Vec<u8> {
    word.unwrap_or_default().to_ascii_uppercase()
}

/// A count from 0 to `most`; NONE is 0.
fn count(word: Option<&[u8]>, most: i64) -> Option<u64> {
    let word = word?;
    if word.eq_ignore_ascii_case(b"none") {
        return Some(0);
    }
    let count = integer::parse(word)?;
    (0..=most).contains(&count).then_some(count as u64)
}

fn decimal_digits(word: Option<&[u8]>) -> Result<u8, PolicyError> {
    let digits = word.and_then(integer::parse).filter(|digits| (1..=i64::from(DIGITS_MAX)).contains(digits));
    digits.map(|digits| digits as u8).ok_or(PolicyError::Takes("SCORE", SCORE))
}

impl RangeWords<'_> {
    fn read(self, score: ScoreType) -> Option<AllowedScores> {
        let end = |text: &[u8]| match score {
            ScoreType::Float => {
                let value = std::str::from_utf8(text).ok()?.parse().ok()?;
                Score::new(value).map(Points::Float)
            }
            ScoreType::Exact { digits } => {
                place(text, digits)?.exact().map(|units| Points::Exact { digits, units })
            }
        };
        let (min, max) = (end(self.min)?, end(self.max)?);
        (min <= max).then_some(AllowedScores { min, max, saturates: self.saturates })
    }
}

impl Keep {
    /// What it is one of, for texts.
    pub const WORDS: &'static str = "LATEST, BEST or SUM";

    /// The one that `word` names, in any case.
    #[must_use]
    pub fn of_word(word: &[u8]) -> Option<Self> {
        match upper(Some(word)).as_slice() {
            b"LATEST" => Some(Self::Latest),
            b"BEST" => Some(Self::Best),
            b"SUM" => Some(Self::Sum),
            _ => None,
        }
    }

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Latest => "LATEST",
            Self::Best => "BEST",
            Self::Sum => "SUM",
        }
    }
}

impl Best {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Highest => "DESC",
            Self::Lowest => "ASC",
        }
    }
}

impl Ties {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Member => "MEMBER",
            Self::First => "FIRST",
        }
    }
}

impl std::fmt::Display for ScoreType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Float => f.write_str("FLOAT"),
            Self::Exact { digits: 0 } => f.write_str("INTEGER"),
            Self::Exact { digits } => write!(f, "DECIMAL {digits}"),
        }
    }
}

impl std::fmt::Display for AllowedScores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { min, max, saturates } = self;
        write!(f, "{min} {max}{}", if *saturates { " SATURATE" } else { "" })
    }
}

/// The words that [`PolicyWords::parse`] reads as this policy. All parts are named that a new board can have, the others
/// where they are set.
impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (best, ties, keep) = (self.best.word(), self.ties.word(), self.keep.word());
        write!(f, "SCORE {} ORDER {best} TIES {ties} KEEP {keep}", self.score)?;
        if let Some(cap) = self.cap {
            write!(f, " CAP {cap}")?;
        }
        if let Some(range) = self.range {
            write!(f, " RANGE {range}")?;
        }
        if let Some(ttl) = self.ttl_s {
            write!(f, " TTL {ttl}")?;
        }
        if self.ids > 0 {
            write!(f, " IDS {}", self.ids)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Policy, PolicyError> {
        PolicyWords::parse(text.split_whitespace().map(str::as_bytes))?.policy()
    }

    #[test]
    fn a_printed_policy_is_read_as_the_same() {
        for text in [
            "",
            "score integer",
            "SCORE DECIMAL 2 RANGE -1.50 99.99 SATURATE",
            "TIES FIRST ORDER ASC KEEP BEST CAP 100 TTL 86400 IDS 1000",
            "SCORE DECIMAL 18 KEEP SUM RANGE -9.223372036854775808 9.223372036854775807",
            "RANGE -inf 0.5",
            "CAP 0 RANGE NONE TTL NONE IDS 0",
        ] {
            let policy = read(text).unwrap();
            assert_eq!(read(&policy.to_string()), Ok(policy), "{policy}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, error) in [
            ("COLOUR red", "unknown word 'COLOUR' in the policy"),
            ("SCORE", "SCORE takes FLOAT, INTEGER, or DECIMAL and 1 to 18 digits"),
            ("SCORE DECIMAL 19", "SCORE takes FLOAT, INTEGER, or DECIMAL and 1 to 18 digits"),
            ("SCORE INTEGER SCORE FLOAT", "the policy names SCORE twice"),
            ("TIES LAST", "TIES takes MEMBER or FIRST"),
            ("CAP -1", "CAP takes a count; 0 and NONE are none"),
            ("IDS 65537", "IDS takes a count up to 65536; 0 and NONE are none"),
            ("TTL 10000000000", "TTL takes seconds up to 9999999999; 0 and NONE are none"),
            ("CAP 5 KEEP SUM", "CAP does not go with KEEP SUM"),
            ("RANGE 5", "RANGE takes a lowest and a highest score, or NONE"),
            ("RANGE 5 4", "RANGE takes two scores of the board, the lower first"),
            ("RANGE nan 4", "RANGE takes two scores of the board, the lower first"),
            ("SCORE INTEGER RANGE 0.5 4", "RANGE takes two scores of the board, the lower first"),
        ] {
            assert_eq!(read(text).map_err(|error| error.to_string()), Err(error.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_altered_policy_keeps_what_is_not_named() {
        let policy = read("SCORE INTEGER TIES FIRST CAP 5 TTL 60").unwrap();
        let alter =
            |text: &str| PolicyWords::parse(text.split_whitespace().map(str::as_bytes))?.altered(policy);
        assert_eq!(alter("CAP 0 RANGE 0 9 IDS 7"), read("SCORE INTEGER TIES FIRST TTL 60 RANGE 0 9 IDS 7"));
        assert_eq!(alter("TIES MEMBER"), Err(PolicyError::Fixed));
        assert_eq!(alter("KEEP SUM"), Err(PolicyError::CapWithSum));
    }
}
