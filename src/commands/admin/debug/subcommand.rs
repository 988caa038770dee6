//! What a subcommand of DEBUG is, and what several of them do.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, Cursor};
use crate::commands::spec::AllKeys;
use crate::resp::reply::Reply;
use crate::store::Shards;

/// A subcommand.
pub(super) struct Subcommand {
    pub(super) name: &'static str,
    /// Its arguments, for HELP.
    pub(super) syntax: &'static str,
    /// What HELP says of it.
    pub(super) help: &'static str,
    /// The least and the most arguments behind its name.
    pub(super) arguments: (usize, usize),
    pub(super) run: Run,
}

pub(super) type Run = fn(&mut AllKeys<'_, '_>, &Call<'_>, &mut Reply<'_>) -> Outcome;

pub(super) const fn subcommand(
    name: &'static str,
    syntax: &'static str,
    help: &'static str,
    arguments: (usize, usize),
    run: Run,
) -> Subcommand {
    Subcommand { name, syntax, help, arguments, run }
}

/// The arguments of the subcommand.
pub(super) fn arguments<'c>(call: &Call<'c>) -> Cursor<'c> {
    call.cursor(2)
}

pub(super) fn ok(reply: &mut Reply<'_>) -> Outcome {
    reply.ok();
    Ok(())
}

/// Refuses what takes locks, in a transaction, which holds them already.
pub(super) fn refuse_in_transaction(keys: &AllKeys<'_, '_>, name: &str) -> Result<(), CommandError> {
    match keys.shards {
        Shards::Free(..) => Ok(()),
        Shards::Held(_) => {
            Err(CommandError::new(format!("ERR DEBUG {name} is not possible inside a transaction.")))
        }
    }
}
