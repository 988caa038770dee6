//! SSCAN: visits the members of a set in steps.

use super::{BASE, write};
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::call::scanning::{ScanOptions, begin_page, parse_cursor};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{Members, Reader, SetForm};
use crate::text::glob::{Case, matches};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "sscan",
    syntax: "key cursor [MATCH pattern] [COUNT count]",
    summary: "Walks the members of a set in steps",
    since: "2.8.0",
    complexity: "O(1) for each call, O(N) for a whole walk",
    arity: -3,
    flags: &[Flag::Readonly],
    tips: &["nondeterministic_output"],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
    run: Handler::Read(sscan),
    ..BASE
}];

/// The order is Redis's: the cursor, the key, and the options, which are not checked if the key is missing.
fn sscan(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(call.argument(2))?;
    let Some(set) = keys.get::<Members>(call.argument(1))? else {
        begin_page(0, 0, reply);
        return Ok(());
    };
    let ScanOptions { pattern, count } = ScanOptions::parse(call.cursor(3), |_| false)?;
    // As in Redis, a small set is returned whole, whatever the cursor is.
    let is_hashed = set.form() == SetForm::Hashed;
    let (cursor, count) = if is_hashed { (cursor, count) } else { (0, usize::MAX) };
    // They are collected first, because their number is written before them.
    let (mut found, mut digits) = (Vec::new(), itoa::Buffer::new());
    let next = set.scan(keys.cursors().place(cursor), count, |member| {
        if pattern.is_none_or(|pattern| matches(pattern, member.bytes(&mut digits), Case::Sensitive)) {
            found.push(member);
        }
    });
    begin_page(keys.cursors().cursor(next), found.len(), reply);
    found.into_iter().for_each(|member| write(member, reply));
    Ok(())
}
