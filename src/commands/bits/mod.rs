//! Commands on the bits of a string. Bit 0 is the highest bit of the first byte.
//!
//! | file | its subject |
//! |---|---|
//! | `single` | one bit: SETBIT, GETBIT |
//! | `range` | BITCOUNT and BITPOS; `words` counts and finds bits by machine words |
//! | `operation` | BITOP |
//! | `field` | BITFIELD; `integer` reads and writes one of its integers |
//! | `offset` | parses the offset of a bit |

pub(super) mod field;
mod integer;
mod offset;
pub(super) mod operation;
pub(super) mod range;
pub(super) mod single;
mod words;

use super::spec::{CommandSpec, Group};

const BASE: CommandSpec = CommandSpec { group: Group::Bitmap, ..CommandSpec::BASE };
