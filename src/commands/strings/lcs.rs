//! LCS: the longest common subsequence of two strings.

use super::{BASE, subsequence};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::Reader;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "lcs",
    syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
    summary: "Finds the longest common subsequence of two strings",
    since: "7.0.0",
    complexity: "O(N*M) with strings of N and M bytes, 64 steps at a time",
    arity: -3,
    flags: &[Flag::Readonly],
    keys: Keys::Range { first: 1, last: 2, access: &[KeyFlag::Ro, KeyFlag::Access] },
    run: Handler::Read(lcs),
    ..BASE
}];

/// The bytes of a cell in the table that Redis fills. Redis limits the size of that table; rankd refuses the same requests,
/// which limits the work here.
const TABLE_CELL_BYTES: usize = 4;

/// The number of steps, of 64 bytes each, that take as long as one element of other commands.
const STEPS_PER_ELEMENT: usize = 64;

fn lcs(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let [a, b] = [1, 2].map(|position| keys.string(call.argument(position)));
    let (Ok(a), Ok(b)) = (a, b) else {
        return Err(CommandError::text("ERR The specified keys must contain string values").into());
    };
    let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
    let (mut only_length, mut wants_places, mut with_lengths, mut least) = (false, false, false, 0);
    let mut cursor = call.cursor(3);
    while cursor.remaining() > 0 {
        if cursor.take_word("idx") {
            wants_places = true;
        } else if cursor.take_word("len") {
            only_length = true;
        } else if cursor.take_word("withmatchlen") {
            with_lengths = true;
        } else if cursor.remaining() > 1 && cursor.take_word("minmatchlen") {
            least = usize::try_from(cursor.integer()?).unwrap_or(0);
        } else {
            return Err(CommandError::SYNTAX.into());
        }
    }
    if only_length && wants_places {
        return Err(
            CommandError::text("ERR If you want both the length and indexes, please just use IDX.").into()
        );
    }
    let table_bytes = (a.len() + 1).saturating_mul(b.len() + 1).saturating_mul(TABLE_CELL_BYTES);
    if table_bytes > call.config.proto_max_bulk_len_bytes {
        return Err(CommandError::text(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        )
        .into());
    }
    call.announce(a.len() * b.len().div_ceil(64) / STEPS_PER_ELEMENT)?;
    if only_length {
        reply.count(subsequence::length(a, b));
        return Ok(());
    }
    let matches = subsequence::matches(a, b);
    if !wants_places {
        let common: Vec<u8> =
            matches.iter().rev().flat_map(|(at, _, len)| &a[*at..at + len]).copied().collect();
        reply.bulk(&common);
        return Ok(());
    }
    let shown = matches.iter().filter(|(_, _, len)| *len >= least);
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(shown.clone().count());
    for (in_a, in_b, len) in shown {
        reply.array(2 + usize::from(with_lengths));
        for start in [in_a, in_b] {
            reply.array(2);
            reply.count(*start);
            reply.count(start + len - 1);
        }
        if with_lengths {
            reply.count(*len);
        }
    }
    reply.bulk(b"len");
    reply.count(matches.iter().map(|(_, _, len)| len).sum());
    Ok(())
}
