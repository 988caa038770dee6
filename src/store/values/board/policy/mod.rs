//! The policy of a board: what its scores are, which end is best, and what writes may do.
//!
//! `words` reads a policy from the words of a request and prints it; `codec` has its bytes; `templates` are the policies of
//! boards that are not there yet.

pub(super) mod codec;
mod templates;
mod words;

use super::points::{BoardTime, Points, ScoreType};
use crate::ranking::Order;
use std::num::NonZeroU64;
pub use templates::BoardTemplates;
pub use words::{PolicyError, PolicyWords};

/// What a board promises beyond a sorted set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What the scores are.
    pub score: ScoreType,
    /// Which end is best.
    pub best: Best,
    /// Which of equal scores is better.
    pub ties: Ties,
    /// What a submitted score does to the present one.
    pub keep: Keep,
    /// The most members; `None`: any number.
    pub cap: Option<NonZeroU64>,
    /// The scores that members can have; `None`: all.
    pub range: Option<AllowedScores>,
    /// The seconds from the board's creation to its end; `None`: it has no end.
    pub ttl_s: Option<NonZeroU64>,
    /// How many request ids are kept.
    pub ids: u32,
}

/// The end of a board that is best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Best {
    /// The highest score (ORDER DESC).
    #[default]
    Highest,
    /// The lowest score (ORDER ASC).
    Lowest,
}

impl Best {
    /// The order in which the best comes first.
    #[must_use]
    pub fn first(self) -> Order {
        match self {
            Self::Highest => Order::Descending,
            Self::Lowest => Order::Ascending,
        }
    }

    /// What orders members with equal scores, ascending, by when they reached them. Rankings are ascending: where the highest
    /// score is best, the first to reach it must be the last of them.
    #[must_use]
    #[inline]
    pub fn tie(self, moment: BoardTime) -> u64 {
        match self {
            Self::Highest => !moment.0,
            Self::Lowest => moment.0,
        }
    }

    /// The moment with this [tie](Best::tie).
    #[must_use]
    #[inline]
    pub fn of_tie(self, tie: u64) -> BoardTime {
        BoardTime(match self {
            Self::Highest => !tie,
            Self::Lowest => tie,
        })
    }

    /// Whether `one` is better than `other`.
    #[must_use]
    pub fn is_better(self, one: Points, other: Points) -> bool {
        match self {
            Self::Highest => one > other,
            Self::Lowest => one < other,
        }
    }
}

/// What orders members with equal scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// Their names, as in Redis.
    #[default]
    Member,
    /// The time: who reached the score first is better.
    First,
}

/// What a submitted score does to the present one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// It takes its place.
    #[default]
    Latest,
    /// It takes its place if it is better.
    Best,
    /// It is added.
    Sum,
}

/// The scores that members can have, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowedScores {
    /// The lowest.
    pub min: Points,
    /// The highest.
    pub max: Points,
    /// Whether a score beyond an end becomes that end. Otherwise it is an error.
    pub saturates: bool,
}
