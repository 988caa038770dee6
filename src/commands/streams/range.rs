//! Commands that read entries by id: XLEN, XRANGE, XREVRANGE.

use super::BASE;
use super::entries::{EntrySource, write_entries};
use super::ids::{parse_start, parse_stop};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::limits;
use crate::ranking::Order;
use crate::resp::reply::Reply;
use crate::store::{Reader, Stream, StreamId};

const RANGE: CommandSpec = CommandSpec {
    complexity: "O(log N + M) with M entries returned",
    arity: -4,
    flags: &[Flag::Readonly],
    keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
    lookahead: Some(Lookahead::KEY),
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "xlen",
        syntax: "key",
        summary: "Returns the number of entries of a stream",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Ro]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Read(xlen),
        ..BASE
    },
    CommandSpec {
        name: "xrange",
        syntax: "key start end [COUNT count]",
        summary: "Returns the entries within a range of ids",
        run: Handler::Read(|keys, call, reply| xrange(keys, call, reply, Order::Ascending)),
        ..RANGE
    },
    CommandSpec {
        name: "xrevrange",
        syntax: "key end start [COUNT count]",
        summary: "Returns the entries within a range of ids, the highest first",
        run: Handler::Read(|keys, call, reply| xrange(keys, call, reply, Order::Descending)),
        ..RANGE
    },
];

fn xlen(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(keys.get::<Stream>(call.argument(1))?.map_or(0, Stream::len));
    Ok(())
}

fn xrange(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>, order: Order) -> Outcome {
    let [start, stop] = match order {
        Order::Ascending => [2, 3],
        Order::Descending => [3, 2],
    };
    let (from, to) = (parse_start(call.argument(start))?, parse_stop(call.argument(stop))?);
    let (mut most, mut cursor) = (usize::MAX, call.cursor(4));
    while cursor.remaining() > 0 {
        if !(cursor.remaining() > 1 && cursor.take_word("COUNT")) {
            return Err(CommandError::SYNTAX.into());
        }
        most = usize::try_from(cursor.integer()?).unwrap_or(0);
    }
    let Some(stream) = keys.get::<Stream>(call.argument(1))? else {
        reply.array(0);
        return Ok(());
    };
    if most == 0 {
        reply.null_array();
        return Ok(());
    }
    if most.min(stream.len()) > limits::ELEMENTS_ON_THREAD {
        call.announce(stream.excerpt(from, to, order, limits::ELEMENTS_ON_THREAD + 1).len())?;
    }
    write_range(stream, (from, to), order, most, reply);
    Ok(())
}

/// Ends the reply with the first or last `most` entries of a range, as an array. Many are written while the reply is sent.
pub(super) fn write_range(
    stream: &Stream,
    (from, to): (StreamId, StreamId),
    order: Order,
    most: usize,
    reply: &mut Reply<'_>,
) {
    /// Fewer are written at once.
    const FEW: usize = 128;
    if most.min(stream.len()) > FEW {
        let excerpt = stream.excerpt(from, to, order, most);
        reply.array(excerpt.len());
        return reply.stream(excerpt.len(), EntrySource(excerpt));
    }
    match order {
        Order::Ascending => write_entries(stream.range(from, to).take(most), reply),
        Order::Descending => write_entries(stream.range_back(from, to).take(most), reply),
    }
}
