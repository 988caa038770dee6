//! Commands that read lists: LLEN, LINDEX, LRANGE, LPOS.

use super::{BASE, parse_signed_count, place, places};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_count, parse_integer};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::reply::{Reply, ReplySource};
use crate::store::{End, List, Reader};

const READ: CommandSpec = CommandSpec {
    flags: &[Flag::Readonly],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
    lookahead: Some(Lookahead::KEY),
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "llen",
        syntax: "key",
        summary: "Returns the number of elements of a list",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
        run: Handler::Read(llen),
        ..READ
    },
    CommandSpec {
        name: "lrange",
        syntax: "key start stop",
        summary: "Returns the elements within a range of indices",
        complexity: "O(S / 500 + N) with S elements to the nearer end and N elements returned",
        arity: 4,
        run: Handler::Read(lrange),
        ..READ
    },
    CommandSpec {
        name: "lindex",
        syntax: "key index",
        summary: "Returns the element at an index",
        complexity: "O(S / 500) with S elements to the nearer end",
        arity: 3,
        run: Handler::Read(lindex),
        ..READ
    },
    CommandSpec {
        name: "lpos",
        syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
        summary: "Returns the indices of elements that equal a value",
        since: "6.0.6",
        complexity: "O(N) with N elements looked at",
        arity: -3,
        run: Handler::Read(lpos),
        ..READ
    },
];

fn llen(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(keys.get::<List>(call.argument(1))?.map_or(0, List::len));
    Ok(())
}

fn lindex(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(list) = keys.get::<List>(call.argument(1))? else {
        reply.null();
        return Ok(());
    };
    let index = parse_integer(call.argument(2))?;
    let found = place(index, list.len()).and_then(|place| list.get(place, |element| reply.bulk(element)));
    if found.is_none() {
        reply.null();
    }
    Ok(())
}

fn lrange(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (start, stop) = (parse_integer(call.argument(2))?, parse_integer(call.argument(3))?);
    let Some(list) = keys.get::<List>(call.argument(1))? else {
        reply.array(0);
        return Ok(());
    };
    let range = places(start, stop, list.len());
    call.announce(range.len())?;
    reply.array(range.len());
    if reply.streams(range.len()) {
        reply.leave(SharedRange(list.excerpt(range)));
    } else {
        list.visit(range, |element| {
            reply.bulk(element);
            true
        });
    }
    Ok(())
}

/// A large range. It is copied by reference under the lock and written while it is sent, so it shows one point in time.
#[derive(Debug)]
struct SharedRange(List);

impl ReplySource for SharedRange {
    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
        self.0.drain_chunk(|element| reply.bulk(element))
    }

    /// Counts all bytes, although the list shares them: elements that the list loses meanwhile are kept for the reply only.
    fn memory_bytes(&self) -> usize {
        self.0.packed_bytes()
    }
}

/// The options of LPOS.
struct Search {
    from: End,
    /// How many matches are skipped.
    skipped: u64,
    /// The most positions that are returned, in an array. `None`: one position, without an array.
    count: Option<usize>,
    /// The most elements that are compared.
    most: usize,
}

impl Search {
    fn parse(call: &Call<'_>) -> Result<Self, CommandError> {
        let mut search = Self { from: End::Front, skipped: 0, count: None, most: usize::MAX };
        let or_all = |text, refusal| match parse_count(text) {
            Ok(0) => Ok(usize::MAX),
            Ok(count) => Ok(count),
            Err(_) => Err(CommandError::text(refusal)),
        };
        let mut cursor = call.cursor(3);
        while cursor.remaining() > 0 {
            let has_more = cursor.remaining() > 1;
            if has_more && cursor.take_word("rank") {
                let rank = parse_signed_count(cursor.required()?)?;
                if rank == 0 {
                    return Err(CommandError::text(
                        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                         negative to start from the end of the list",
                    ));
                }
                search.from = if rank < 0 { End::Back } else { End::Front };
                search.skipped = rank.unsigned_abs() - 1;
            } else if has_more && cursor.take_word("count") {
                search.count = Some(or_all(cursor.required()?, "ERR COUNT can't be negative")?);
            } else if has_more && cursor.take_word("maxlen") {
                search.most = or_all(cursor.required()?, "ERR MAXLEN can't be negative")?;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(search)
    }
}

fn lpos(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Search { from, mut skipped, count, most } = Search::parse(call)?;
    let mut found = Vec::new();
    if let Some(list) = keys.get::<List>(call.argument(1))? {
        call.announce(most.min(list.len()))?;
        list.find(call.argument(2), from, most, |place| {
            if skipped == 0 {
                found.push(place);
            }
            skipped = skipped.saturating_sub(1);
            found.len() < count.unwrap_or(1)
        });
    }
    match count {
        Some(_) => {
            reply.array(found.len());
            found.iter().for_each(|&place| reply.count(place));
        }
        None => match found.first() {
            Some(&place) => reply.count(place),
            None => reply.null(),
        },
    }
    Ok(())
}
