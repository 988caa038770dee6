//! Strings as rows of bits: the first bit is the highest of the first byte.
//!
//! | file | its subject |
//! |---|---|
//! | `single` | one bit: SETBIT, GETBIT |
//! | `range` | counting bits and finding one; `words` does it by machine words |
//! | `operation` | BITOP |
//! | `field` | BITFIELD: integers of any width; `integer` is one of them |
//! | `offset` | where a bit is, as a request says it |

pub(super) mod field;
mod integer;
mod offset;
pub(super) mod operation;
pub(super) mod range;
pub(super) mod single;
mod words;

use super::spec::{CommandSpec, Group};

const BASE: CommandSpec = CommandSpec { group: Group::Bitmap, ..CommandSpec::BASE };
