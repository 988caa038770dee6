//! Commands that read single members or count members.

use super::bounds::{LexRange, ScoreRange};
use super::lookahead;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::points::PointsReply;
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys, Lookahead};
use crate::ranking::Order;
use crate::resp::reply::Reply;
use crate::store::{Board, Points, Reader};

const BASE: CommandSpec = CommandSpec {
    group: Group::SortedSet,
    flags: &[Flag::Readonly, Flag::Fast],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
    ..CommandSpec::BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "zcard",
        syntax: "key",
        summary: "Returns the number of members",
        since: "1.2.0",
        arity: 2,
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
        run: Handler::Read(zcard),
        ..BASE
    },
    CommandSpec {
        name: "zscore",
        syntax: "key member",
        summary: "Returns a member's score",
        since: "1.2.0",
        arity: 3,
        lookahead: Some(Lookahead::Value(lookahead::scores)),
        run: Handler::Read(zscore),
        ..BASE
    },
    CommandSpec {
        name: "zmscore",
        syntax: "key member [member ...]",
        summary: "Returns the scores of several members",
        since: "6.2.0",
        complexity: "O(M) for M members",
        arity: -3,
        run: Handler::Read(zmscore),
        ..BASE
    },
    CommandSpec {
        name: "zrank",
        syntax: "key member [WITHSCORE]",
        summary: "Returns a member's rank, lowest score first",
        since: "2.0.0",
        complexity: "O(log N)",
        arity: -3,
        lookahead: Some(Lookahead::Value(lookahead::ranks)),
        run: Handler::Read(zrank),
        ..BASE
    },
    CommandSpec {
        name: "zrevrank",
        syntax: "key member [WITHSCORE]",
        summary: "Returns a member's rank, highest score first",
        since: "2.0.0",
        complexity: "O(log N)",
        arity: -3,
        lookahead: Some(Lookahead::Value(lookahead::ranks)),
        run: Handler::Read(zrevrank),
        ..BASE
    },
    CommandSpec {
        name: "zcount",
        syntax: "key min max",
        summary: "Counts the members of a range of scores",
        since: "2.0.0",
        complexity: "O(log N)",
        arity: 4,
        run: Handler::Read(zcount),
        ..BASE
    },
    CommandSpec {
        name: "zlexcount",
        syntax: "key min max",
        summary: "Counts the members of a lexicographic range, where all scores are equal",
        since: "2.8.9",
        complexity: "O(log N)",
        arity: 4,
        run: Handler::Read(zlexcount),
        ..BASE
    },
];

fn zcard(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(keys.get::<Board>(call.argument(1))?.map_or(0, Board::len));
    Ok(())
}

fn zscore(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    match keys.get::<Board>(call.argument(1))?.and_then(|board| board.score(call.argument(2))) {
        Some(score) => reply.points(score),
        None => reply.null(),
    }
    Ok(())
}

fn zmscore(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let board = keys.get::<Board>(call.argument(1))?;
    let members = call.cursor(2);
    reply.array(members.remaining());
    let mut show = |score: Option<Points>| match score {
        Some(score) => reply.points(score),
        None => reply.null(),
    };
    match board {
        Some(board) => board.scores(members, show),
        None => members.for_each(|_| show(None)),
    }
    Ok(())
}

fn zrank(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    rank(keys, call, reply, Order::Ascending, "zrank")
}

fn zrevrank(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    rank(keys, call, reply, Order::Descending, "zrevrank")
}

fn rank(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>, order: Order, name: &str) -> Outcome {
    if call.arguments.len() > 4 {
        return Err(CommandError::arity(name).into());
    }
    let with_score = match call.arguments.get(3) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"withscore") => true,
        Some(_) => return Err(CommandError::SYNTAX.into()),
    };
    let found = keys.get::<Board>(call.argument(1))?.and_then(|board| board.rank(call.argument(2), order));
    match (found, with_score) {
        (Some((rank, _)), false) => reply.count(rank),
        (Some((rank, score)), true) => {
            reply.array(2);
            reply.count(rank);
            reply.points(score);
        }
        (None, false) => reply.null(),
        (None, true) => reply.null_array(),
    }
    Ok(())
}

fn zcount(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = ScoreRange::parse(call.argument(2), call.argument(3))?;
    reply.count(keys.get::<Board>(call.argument(1))?.map_or(0, |board| range.resolve(board).len()));
    Ok(())
}

fn zlexcount(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = LexRange::parse(call.argument(2), call.argument(3))?;
    let Some(board) = keys.get::<Board>(call.argument(1))? else {
        reply.count(0);
        return Ok(());
    };
    call.announce(range.cost(board))?;
    reply.count(range.resolve(board, Order::Ascending, 0)?.len());
    Ok(())
}
