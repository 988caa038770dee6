//! The head of a file: who wrote it, and in which version of the format.

use super::error::{Error, Problem};
use super::form::Dialect;
use super::source::Source;
use std::io::Read;

/// The newest versions that are understood.
const REDIS_VERSION: u32 = 15;
const VALKEY_VERSION: u32 = 80;

/// Reads the head. Gives its maker's dialect, the version, and both in words.
pub(super) fn read<R: Read>(source: &mut Source<R>) -> Result<(Dialect, u32, String), Error> {
    let head: [u8; 9] = source.bytes().map_err(|error| match error.problem {
        Problem::Truncated => Error { problem: Problem::NotRdb, ..error },
        _ => error,
    })?;
    let (dialect, maker, digits) = if let Some(digits) = head.strip_prefix(b"REDIS") {
        (Dialect::Redis, "Redis", digits)
    } else if let Some(digits) = head.strip_prefix(b"VALKEY") {
        (Dialect::Valkey, "Valkey", digits)
    } else {
        return Err(source.error(Problem::NotRdb));
    };
    let digits = String::from_utf8_lossy(digits);
    let version = digits.parse().ok().filter(|&version| is_known(version));
    let version = version.ok_or_else(|| source.error(Problem::UnknownVersion(digits.into_owned())))?;
    Ok((dialect, version, format!("{maker}, RDB {version}")))
}

fn is_known(version: u32) -> bool {
    (1..=REDIS_VERSION).contains(&version) || version == VALKEY_VERSION
}
