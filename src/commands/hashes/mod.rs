//! Commands on hashes, as in Redis 8.2.3.

pub(super) mod expiry;
pub(super) mod options;
pub(super) mod random;
pub(super) mod read;
pub(super) mod scan;
pub(super) mod update;
pub(super) mod with_expiry;

use super::call::error::CommandError;
use super::spec::{CommandSpec, Group, Lookahead};
use crate::resp::reply::Reply;
use crate::store::Text;

/// Each is about one key, argument 1.
const BASE: CommandSpec =
    CommandSpec { group: Group::Hash, lookahead: Some(Lookahead::KEY), ..CommandSpec::BASE };

/// The error for a wrong number of arguments that the arity of the command does not exclude.
fn wrong_number(command: &str) -> CommandError {
    CommandError::arity(command)
}

/// Replies with a field or a value, or with null if it is missing.
fn write(text: Option<Text<'_>>, reply: &mut Reply<'_>) {
    match text {
        None => reply.null(),
        Some(Text::Bytes(bytes)) => reply.bulk(bytes),
        Some(Text::Integer(integer)) => reply.bulk_integer(integer),
    }
}
