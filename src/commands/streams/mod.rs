//! Commands on streams.
//!
//! | file | its subject |
//! |---|---|
//! | `ids` | ids in requests |
//! | `entries` | ids and entries in replies |
//! | `trimming` | the options with which XADD and XTRIM trim |
//! | `idempotence` | ids under which producers add entries, and XCFGSET |
//! | `add` | commands that add entries, trim, and set the last id |
//! | `range` | commands that read entries by id |
//! | `read` | XREAD and XREADGROUP, which wait for entries |
//! | `group` | XGROUP |
//! | `pending` | XPENDING and XACK |
//! | `claim` | commands that take pending entries from other consumers |
//! | `remove` | commands that remove entries |
//! | `info` | XINFO |

pub(super) mod add;
pub(super) mod claim;
mod entries;
pub(super) mod group;
pub(super) mod idempotence;
mod ids;
pub(super) mod info;
pub(super) mod pending;
pub(super) mod range;
pub(super) mod read;
pub(super) mod remove;
mod trimming;

use super::call::error::CommandError;
use super::call::text;
use super::spec::{CommandSpec, Group};

const BASE: CommandSpec = CommandSpec { group: Group::Stream, since: "5.0.0", ..CommandSpec::BASE };

/// There is no such key, or no such group in it.
fn no_key_or_group(key: &[u8], group: &[u8]) -> CommandError {
    CommandError::new(format!("NOGROUP No such key '{}' or consumer group '{}'", text(key), text(group)))
}

/// There is no such group.
fn no_group(key: &[u8], group: &[u8]) -> CommandError {
    CommandError::new(format!(
        "NOGROUP No such consumer group '{}' for key name '{}'",
        text(group),
        text(key)
    ))
}
