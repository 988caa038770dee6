//! HyperLogLogs: strings that estimate how many different elements were added to them. The standard error is 0.81 %.
//!
//! The bytes are the same as in Redis. A header of 16 bytes (`sketch`) contains the last estimate; 16,384 registers follow. A
//! register holds the longest run of zeros among the hashes (`hash`) that belong to it. Registers have six bits each
//! (`dense`) or, while most of them are zero, are stored as runs of equal ones (`sparse`, `runs`). `estimate` computes the estimate
//! from a histogram of the registers.

mod dense;
mod estimate;
mod hash;
mod runs;
pub(super) mod selftest;
pub(super) mod set;
mod sketch;
mod sparse;

use super::spec::{CommandSpec, Group};

const BASE: CommandSpec = CommandSpec { group: Group::HyperLogLog, since: "2.8.9", ..CommandSpec::BASE };

/// The number of registers.
const REGISTERS: usize = 1 << hash::INDEX_BITS;

/// The runs of a sparse string do not add up to the number of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Corrupt;
