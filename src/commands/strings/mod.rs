//! Commands on strings. A ranking service keeps counters, flags and cached pages in them.
//!
//! | file | its subject |
//! |---|---|
//! | `get` | commands that read a whole string: GET, GETEX, GETDEL, GETSET |
//! | `set` | commands that write a whole string: SET, SETNX, SETEX, PSETEX |
//! | `many` | commands on several strings |
//! | `counters` | INCR and similar commands |
//! | `part` | commands on a part of a string |
//! | `lcs` | LCS; `subsequence` computes the longest common subsequence |
//! | `patch` | changes bytes within a string, also for bitmaps and HyperLogLogs |
//! | `lifetime` | parses the options for a string's lifetime |

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
