//! Hashes, as of Redis 8.2.3.

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
    CommandSpec { group: Group::Hash, lookahead: Some(Lookahead::Key), ..CommandSpec::BASE };

/// The wrong number of arguments, where the arity does not say it.
fn wrong_number(command: &str) -> CommandError {
    CommandError::arity(command)
}

/// A field or a value; none where it is missing.
fn write(text: Option<Text<'_>>, reply: &mut Reply<'_>) {
    match text {
        None => reply.null(),
        Some(Text::Bytes(bytes)) => reply.bulk(bytes),
        Some(Text::Integer(integer)) => reply.bulk_integer(integer),
    }
}
