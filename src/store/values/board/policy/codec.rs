//! The bytes of a policy, in the journal and in payloads.

use super::{AllowedScores, Best, Keep, Points, Policy, ScoreType, Ties};
use crate::limits;
use crate::ranking::Score;
use crate::store::change::codec::{Malformed, put_varint, take_exact, take_varint};
use crate::text::fixed_point::DIGITS_MAX;
use std::num::NonZeroU64;

/// The number of the type of doubles. The types of exact scores have the number of their digits.
const FLOAT: u8 = 255;

/// Flags of the third byte: whether there is a range, and whether it saturates.
const HAS_RANGE: u8 = 1;
const SATURATES: u8 = 2;

impl Policy {
    /// Writes the policy.
    pub(in crate::store) fn put(&self, out: &mut Vec<u8>) {
        out.push(match self.score {
            ScoreType::Float => FLOAT,
            ScoreType::Exact { digits } => digits,
        });
        let best = match self.best {
            Best::Highest => 0,
            Best::Lowest => 1,
        };
        let ties = match self.ties {
            Ties::Member => 0,
            Ties::First => 2,
        };
        let keep = match self.keep {
            Keep::Latest => 0,
            Keep::Best => 4,
            Keep::Sum => 8,
        };
        out.push(best | ties | keep);
        let saturates = self.range.is_some_and(|range| range.saturates);
        out.push(if self.range.is_some() { HAS_RANGE } else { 0 } | if saturates { SATURATES } else { 0 });
        put_varint(out, self.cap.map_or(0, NonZeroU64::get));
        put_varint(out, self.ttl_s.map_or(0, NonZeroU64::get));
        put_varint(out, u64::from(self.ids));
        if let Some(AllowedScores { min, max, .. }) = self.range {
            put_points(out, min);
            put_points(out, max);
        }
    }

    /// Reads a policy from the front of `rest`.
    pub(in crate::store) fn take(rest: &mut &[u8]) -> Result<Self, Malformed> {
        let &[score, choices, flags] = take_exact(rest, 3)? else { return Err(Malformed) };
        let score = match score {
            FLOAT => ScoreType::Float,
            digits if digits <= DIGITS_MAX => ScoreType::Exact { digits },
            _ => return Err(Malformed),
        };
        let best = if choices & 1 == 0 { Best::Highest } else { Best::Lowest };
        let ties = if choices & 2 == 0 { Ties::Member } else { Ties::First };
        let keep = match choices & !3 {
            0 => Keep::Latest,
            4 => Keep::Best,
            8 => Keep::Sum,
            _ => return Err(Malformed),
        };
        let cap = NonZeroU64::new(take_varint(rest)?);
        let ttl_s = NonZeroU64::new(take_varint(rest)?);
        let ids = take_varint(rest)?;
        if flags > HAS_RANGE | SATURATES || ids > u64::from(limits::BOARD_IDS_MAX) {
            return Err(Malformed);
        }
        let range = if flags & HAS_RANGE == 0 {
            None
        } else {
            let (min, max) = (take_points(rest, score)?, take_points(rest, score)?);
            Some(AllowedScores { min, max, saturates: flags & SATURATES != 0 })
        };
        Ok(Self { score, best, ties, keep, cap, range, ttl_s, ids: ids as u32 })
    }
}

/// Writes a score in eight bytes.
pub(in crate::store) fn put_points(out: &mut Vec<u8>, points: Points) {
    out.extend_from_slice(&match points {
        Points::Float(score) => score.get().to_le_bytes(),
        Points::Exact { units, .. } => units.to_le_bytes(),
    });
}

/// Reads a score of this type.
pub(in crate::store) fn take_points(rest: &mut &[u8], score: ScoreType) -> Result<Points, Malformed> {
    let bytes = take_exact(rest, 8)?.try_into().expect("eight bytes");
    match score {
        ScoreType::Float => Score::new(f64::from_le_bytes(bytes)).map(Points::Float).ok_or(Malformed),
        ScoreType::Exact { digits } => Ok(Points::Exact { digits, units: i64::from_le_bytes(bytes) }),
    }
}
