//! Boards with a policy, and templates, in files and payloads.
//!
//! A file has a plain sorted set of the nearest doubles, which any server loads, and behind it fields about the file, which
//! other servers skip: records with the Changes that make the whole board. A payload has such records alone, under a type's
//! number that other servers refuse.

use super::error::Problem;
use crate::store::change::{Change, ChangeBuffer, What, decode};
use crate::store::{Policy, ValueChange};

/// The name of the field behind a board that has members, and of that of a board that has none and no sorted set in front.
pub(super) const BOARD: &str = "rankd-board";
pub(super) const EMPTY_BOARD: &str = "rankd-empty-board";

/// The name of the field about a template.
pub(super) const TEMPLATE: &str = "rankd-template";

/// The number of the type in payloads. Redis and Valkey have none as high.
pub(super) const PAYLOAD_TYPE: u8 = 200;

/// Calls `take` with the Changes of a record about a board.
///
/// # Errors
/// If the bytes are not such a record, or an error of `take`.
pub(super) fn each_change(
    mut record: &[u8],
    mut take: impl FnMut(&Change<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    const MALFORMED: Problem = Problem::Malformed("a board that is not what this version writes");
    while !record.is_empty() {
        let change = decode(&mut record).map_err(|_| MALFORMED)?;
        match change {
            Change::Key { what: What::Value(ValueChange::SortedSet(_)) | What::Expiry(_), .. } => {
                take(&change)?;
            }
            Change::Continued => {}
            _ => return Err(MALFORMED),
        }
    }
    Ok(())
}

/// The record of a template.
pub(super) fn template(prefix: &[u8], policy: &Policy) -> Vec<u8> {
    let mut changes = ChangeBuffer::default();
    changes.template(prefix, Some(policy));
    changes.end_record();
    changes.records().flatten().copied().collect()
}

/// Calls `take` with the Change of a record about a template.
///
/// # Errors
/// If the bytes are not such a record, or an error of `take`.
pub(super) fn take_template(
    mut record: &[u8],
    take: impl FnOnce(&Change<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    match decode(&mut record) {
        Ok(change @ Change::Templated(_)) if record.is_empty() => take(&change),
        _ => Err(Problem::Malformed("a template that is not what this version writes")),
    }
}

/// Whether the key of the record expires up to this moment.
pub(super) fn has_expired(record: &[u8], by_ms: Option<u64>) -> Result<bool, Problem> {
    let mut has_expired = false;
    each_change(record, |change| {
        if let Change::Key { what: What::Expiry(Some(at_ms)), .. } = change {
            has_expired |= by_ms.is_some_and(|by_ms| *at_ms <= by_ms);
        }
        Ok(())
    })?;
    Ok(has_expired)
}
