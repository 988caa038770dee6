//! ZSCAN: visits the members of a sorted set in steps.

use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::call::points::with_text;
use crate::commands::call::scanning::{ScanOptions, begin_page, parse_cursor};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{Board, Reader};
use crate::text::glob::{Case, matches};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "zscan",
    group: Group::SortedSet,
    syntax: "key cursor [MATCH pattern] [COUNT count] [NOSCORES]",
    summary: "Walks the members of a sorted set in steps",
    since: "2.8.0",
    complexity: "O(1) for each call, O(N) for a whole walk",
    arity: -3,
    flags: &[Flag::Readonly],
    tips: &["nondeterministic_output"],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
    run: Handler::Read(zscan),
    ..CommandSpec::BASE
}];

/// A set of up to this many members is returned by one call, whatever COUNT is. As in Redis (`zset-max-listpack-entries`).
const WHOLE_MEMBERS: usize = 128;

/// The order is Redis's: the cursor, the key, and the options, which are not checked if the key is missing. NOSCORES is
/// Valkey's.
fn zscan(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(call.argument(2))?;
    let Some(board) = keys.get::<Board>(call.argument(1))? else {
        begin_page(0, 0, reply);
        return Ok(());
    };
    let mut with_scores = true;
    let ScanOptions { pattern, count } = ScanOptions::parse(call.cursor(3), |options| {
        let is_noscores = options.take_word("noscores");
        with_scores &= !is_noscores;
        is_noscores
    })?;
    // As in Redis, a small set is returned whole, whatever the cursor is.
    let (cursor, count) = if board.len() <= WHOLE_MEMBERS { (0, usize::MAX) } else { (cursor, count) };
    // They are collected first, because their number is written before them.
    let mut found: Vec<Box<[u8]>> = Vec::new();
    let next = board.scan(keys.cursors().place(cursor), count, |member, score| {
        if pattern.is_none_or(|pattern| matches(pattern, member, Case::Sensitive)) {
            found.push(member.into());
            if with_scores {
                found.push(with_text(score, |text| text.into()));
            }
        }
    });
    begin_page(keys.cursors().cursor(next), found.len(), reply);
    // Scores are strings in RESP3 too.
    found.iter().for_each(|text| reply.bulk(text));
    Ok(())
}
