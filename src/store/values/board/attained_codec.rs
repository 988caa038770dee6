//! The bytes of what a member attained, and of the rules of a board.
//!
//! A score begins with the byte of its codec: the digits of an exact score, or [`FLOAT`]; whether a moment follows; and
//! whether the board's own clock gave that. So each can be read without the policy.

use super::policy::Policy;
use super::policy::codec::{put_points, take_points};
use super::{Attained, BoardRules, BoardTime, KeptIds, Points, ScoreType};
use crate::store::change::codec::{Malformed, put_bytes, put_varint, take_bytes, take_exact, take_varint};
use crate::text::fixed_point::DIGITS_MAX;

/// The low bits of the codec of a double.
const FLOAT: u8 = 0x1f;
const HAS_MOMENT: u8 = 0x20;
const IS_OWN: u8 = 0x40;

pub(super) fn put_attained(out: &mut Vec<u8>, attained: Attained, is_own: Option<bool>) {
    let score = match attained.points {
        Points::Float(_) => FLOAT,
        Points::Exact { digits, .. } => digits,
    };
    let moment = match is_own {
        None => 0,
        Some(false) => HAS_MOMENT,
        Some(true) => HAS_MOMENT | IS_OWN,
    };
    out.push(score | moment);
    put_points(out, attained.points);
    if is_own.is_some() {
        out.extend_from_slice(&attained.moment.0.to_le_bytes());
    }
}

/// Returns whether the clock gave the moment, too.
pub(super) fn take_attained(rest: &mut &[u8]) -> Result<(Attained, bool), Malformed> {
    let &[codec] = take_exact(rest, 1)? else { return Err(Malformed) };
    let score = match codec & FLOAT {
        FLOAT => ScoreType::Float,
        digits if digits <= DIGITS_MAX => ScoreType::Exact { digits },
        _ => return Err(Malformed),
    };
    let points = take_points(rest, score)?;
    let (moment, is_own) = match codec & !FLOAT {
        0 => (0, false),
        choices @ (HAS_MOMENT | 0x60) => {
            let bytes = take_exact(rest, 8)?.try_into().expect("eight bytes");
            (u64::from_le_bytes(bytes), choices & IS_OWN != 0)
        }
        _ => return Err(Malformed),
    };
    // The highest bit of a moment is free.
    if moment > i64::MAX as u64 {
        return Err(Malformed);
    }
    Ok((Attained { points, moment: BoardTime(moment) }, is_own))
}

impl BoardRules {
    /// Writes the rules without the ids.
    pub(in crate::store) fn put(&self, out: &mut Vec<u8>) {
        self.policy.put(out);
        put_varint(out, self.created_ms);
        put_varint(out, self.clock.0);
        match &self.closed_from {
            None => out.push(0),
            Some(key) => {
                out.push(1);
                put_bytes(out, key);
            }
        }
    }

    /// Reads rules from the front of `rest`.
    pub(in crate::store) fn take(rest: &mut &[u8]) -> Result<Self, Malformed> {
        let policy = Policy::take(rest)?;
        let created_ms = take_varint(rest)?;
        let clock = BoardTime(take_varint(rest)?);
        let closed_from = match take_exact(rest, 1)? {
            [0] => None,
            [1] => Some(take_bytes(rest)?.into()),
            _ => return Err(Malformed),
        };
        if clock.0 > i64::MAX as u64 {
            return Err(Malformed);
        }
        Ok(Self { policy, created_ms, clock, closed_from, ids: KeptIds::default() })
    }
}
