//! HyperLogLogs: strings that tell how many different elements were added to them, give or take 0.81 %.
//!
//! They are Redis's strings byte for byte. A header of 16 bytes (`sketch`) has the last estimate; 16,384 registers follow,
//! each the longest run of zeros among the hashes (`hash`) that fell to it: six bits each (`dense`), or while most are
//! zero as runs of equal ones (`sparse`). `estimate` makes a number of how often each value is there.

mod dense;
mod estimate;
mod hash;
pub(super) mod selftest;
pub(super) mod set;
mod sketch;
mod sparse;

use super::spec::{CommandSpec, Group};

const BASE: CommandSpec = CommandSpec { group: Group::HyperLogLog, since: "2.8.9", ..CommandSpec::BASE };

/// How many registers there are.
const REGISTERS: usize = 1 << hash::INDEX_BITS;

/// The string is not what it claims to be: a run of registers goes beyond the last, or ends before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Corrupt;
