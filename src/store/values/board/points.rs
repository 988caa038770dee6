//! [`Points`]: the score of a member, exactly as its board has it.

use crate::ranking::Score;
use crate::text::fixed_point;

/// What the scores of a board are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScoreType {
    /// Doubles, as in Redis.
    #[default]
    Float,
    /// Integers of 64 bits in units of 10^-`digits`: exact integers where `digits` is 0, otherwise exact decimals.
    Exact {
        /// The digits behind the point, at most 18.
        digits: u8,
    },
}

/// A score with its type. Scores of one board have one type, and their order is the order of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Points {
    /// A double.
    Float(Score),
    /// An exact number.
    Exact {
        /// The digits behind the point.
        digits: u8,
        /// The number in units of 10^-`digits`.
        units: i64,
    },
}

impl Points {
    /// The units of an exact score; 0 for a double.
    #[must_use]
    pub fn units(self) -> i128 {
        match self {
            Self::Float(_) => 0,
            Self::Exact { units, .. } => units.into(),
        }
    }

    /// Its type.
    #[must_use]
    pub fn score_type(self) -> ScoreType {
        match self {
            Self::Float(_) => ScoreType::Float,
            Self::Exact { digits, .. } => ScoreType::Exact { digits },
        }
    }

    /// The nearest double: what a server without exact scores has.
    #[must_use]
    #[inline]
    pub fn nearest(self) -> Score {
        match self {
            Self::Float(score) => score,
            Self::Exact { digits, units } => {
                Score::new(fixed_point::nearest_double(units, digits)).unwrap_or_default()
            }
        }
    }
}

impl Points {
    /// A number in the order of scores of one type.
    #[must_use]
    #[inline]
    pub fn ordered(self) -> u64 {
        match self {
            Self::Float(score) => score.ordered(),
            Self::Exact { units, .. } => units as u64 ^ (1 << 63),
        }
    }
}

impl ScoreType {
    /// The score with this number ([`Points::ordered`]).
    #[must_use]
    #[inline]
    pub fn of_ordered(self, number: u64) -> Points {
        match self {
            Self::Float => Points::Float(Score::of_ordered(number)),
            Self::Exact { digits } => Points::Exact { digits, units: (number ^ (1 << 63)) as i64 },
        }
    }
}

impl Default for Points {
    fn default() -> Self {
        Self::Float(Score::default())
    }
}

impl From<Score> for Points {
    #[inline]
    fn from(score: Score) -> Self {
        Self::Float(score)
    }
}

/// The digits: all of an exact score, for a double the shortest that read back as the same.
impl std::fmt::Display for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Float(score) => score.fmt(f),
            Self::Exact { digits, units } => {
                f.write_str(fixed_point::FixedPointText::of(units, digits).as_str())
            }
        }
    }
}

/// A score and when the member reached it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attained {
    /// The score.
    pub points: Points,
    /// The moment ([`BoardTime`]). The zero moment on a board that keeps none.
    pub moment: BoardTime,
}

/// A point in time of a board: unix milliseconds and a sequence number of 16 bits within the millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BoardTime(pub u64);

impl BoardTime {
    const SEQUENCE_BITS: u32 = 16;

    /// The last millisecond that a moment can have. The highest bit stays free for the journal.
    pub const LAST_MS: u64 = (1 << (63 - Self::SEQUENCE_BITS)) - 1;

    /// The first moment of a millisecond, which is at most [`BoardTime::LAST_MS`].
    #[must_use]
    pub fn at_ms(unix_ms: u64) -> Self {
        Self(unix_ms.min(Self::LAST_MS) << Self::SEQUENCE_BITS)
    }

    /// Its unix milliseconds.
    #[must_use]
    pub fn unix_ms(self) -> u64 {
        self.0 >> Self::SEQUENCE_BITS
    }

    /// The moment after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
