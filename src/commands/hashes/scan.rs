//! HSCAN: a walk over a hash in steps.

use super::read::living;
use super::{BASE, write};
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::call::scanning::{ScanOptions, begin_page, parse_cursor};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{Fields, Reader, Stored};
use crate::text::glob::{Case, matches};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "hscan",
    syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
    summary: "Walks the fields of a hash in steps",
    since: "2.8.0",
    complexity: "O(1) for each call, O(N) for a whole walk",
    arity: -3,
    flags: &[Flag::Readonly],
    tips: &["nondeterministic_output"],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
    run: Handler::Read(hscan),
    ..BASE
}];

/// Arguments are checked in Redis's order: the cursor, the key, the options. If the key is missing, the options are not
/// checked.
fn hscan(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(call.argument(2))?;
    let Some(fields) = living(keys, call.argument(1))? else {
        begin_page(0, 0, reply);
        return Ok(());
    };
    let mut with_values = true;
    let ScanOptions { pattern, count } = ScanOptions::parse(call.cursor(3), |options| {
        let is_novalues = options.take_word("novalues");
        with_values &= !is_novalues;
        is_novalues
    })?;
    // As in Redis, a small hash is returned whole, whatever the cursor is.
    let is_hashed = keys.peek(call.argument(1)).and_then(Fields::of).is_some_and(Fields::is_hashed);
    let (cursor, count) = if is_hashed { (cursor, count) } else { (0, usize::MAX) };
    // They are collected first, because their number is written before them.
    let (mut found, mut digits) = (Vec::new(), itoa::Buffer::new());
    let next = fields.scan(keys.cursors().place(cursor), count, |field, value| {
        let matches = |pattern| matches(pattern, field.bytes(&mut digits), Case::Sensitive);
        if pattern.is_none_or(matches) {
            found.push(field);
            if with_values {
                found.push(value);
            }
        }
    });
    begin_page(keys.cursors().cursor(next), found.len(), reply);
    found.into_iter().for_each(|text| write(Some(text), reply));
    Ok(())
}
