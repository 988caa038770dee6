//! Strings: counters, markers, cached pages and health checks beside the rankings.
//!
//! | file | its subject |
//! |---|---|
//! | `get` | a string as a whole: GET and those of its kin that change something |
//! | `set` | a string as a whole: SET and its kin |
//! | `many` | several at once |
//! | `counters` | numbers |
//! | `part` | bytes within a string |
//! | `lcs` | what two strings have in common; `subsequence` computes it |
//! | `patch` | how bytes within a string are changed: by everyone who does, bitmaps and HyperLogLogs too |
//! | `lifetime` | the words for a string's lifetime |

pub(super) mod counters;
pub(super) mod get;
pub(super) mod lcs;
mod lifetime;
pub(super) mod many;
pub(super) mod part;
pub(super) mod patch;
pub(super) mod set;
mod subsequence;

use super::spec::{CommandSpec, Group};

const BASE: CommandSpec = CommandSpec { group: Group::String, ..CommandSpec::BASE };
