//! Boards: the policies of sorted sets, and the questions that leaderboards ask of them, each answered in one call.
//!
//! | file | its subject |
//! |---|---|
//! | `numbering` | the ranks of members that share a score |
//! | `rows` | the rows of a reply, written at once or while they are sent |
//! | `join` | GET: values that the members name |
//! | `submit` | LB.SUBMIT and LB.MSUBMIT; `submission` has their arguments, `returned` what RETURN adds |
//! | `window` | LB.TOP and LB.AROUND |
//! | `rank` | LB.RANK, LB.STANDING and LB.NEAR: where members and scores stand |
//! | `distribution` | LB.QUANTILE and LB.HISTOGRAM |
//! | `fraction` | the share of a board that a quantile names |
//! | `policy` | LB.CREATE, LB.ALTER and LB.INFO: the policy of a board |
//! | `template` | LB.TEMPLATE: the policies of boards that are not there yet |
//! | `apply` | LB.APPLY: a change that a master has made |
//! | `season` | LB.CLOSE: a board becomes an archive |
//!
//! The best member is first: its place is 0. Places come from [`crate::store::BestFirst`], which knows what is best.

pub(super) mod apply;
pub(super) mod distribution;
mod fraction;
pub(super) mod join;
pub(super) mod numbering;
pub(super) mod policy;
pub(super) mod rank;
mod returned;
mod rows;
pub(super) mod season;
mod submission;
pub(super) mod submit;
pub(super) mod template;
pub(super) mod window;

use super::call::error::CommandError;
use super::call::{Cursor, parse_count};
use super::spec::{CommandSpec, Flag, Group, KeyFlag, Keys};

/// The board is a sorted set of Redis.
const NO_POLICY: CommandError = CommandError::text("ERR the key holds no board with a policy");

/// What the questions have in common: they read the board at argument 1.
const QUESTION: CommandSpec = CommandSpec {
    group: Group::Boards,
    since: "0.1.0",
    flags: &[Flag::Readonly],
    keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
    ..CommandSpec::BASE
};

/// Takes a number of keys and the keys behind it. At least one argument must follow them.
fn counted_keys<'c>(cursor: &mut Cursor<'c>) -> Result<std::iter::Take<Cursor<'c>>, CommandError> {
    let stated = parse_count(cursor.required()?).ok().filter(|&count| count > 0);
    let count = stated.ok_or(CommandError::text("ERR numkeys should be greater than 0"))?;
    if count >= cursor.remaining() {
        return Err(CommandError::SYNTAX);
    }
    let keys = cursor.clone().take(count);
    cursor.nth(count - 1);
    Ok(keys)
}
