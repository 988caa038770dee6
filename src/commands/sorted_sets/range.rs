//! Commands that read ranges: ZRANGE in all its forms and the older names for parts of it.

use super::bounds::{LexRange, RankRange, ScoreRange, skip};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::call::points::PointsReply;
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::ranking::Order;
use crate::resp::reply::{Reply, ReplySource};
use crate::store::{Board, BoardExcerpt, Reader, Writer};
use std::ops::Range;

const BASE: CommandSpec = CommandSpec {
    group: Group::SortedSet,
    flags: &[Flag::Readonly],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
    complexity: "O(log N + M) with M members returned",
    arity: -4,
    ..CommandSpec::BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "zrange",
        syntax: "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
        summary: "Returns members within a range of ranks, scores or names",
        since: "1.2.0",
        run: Handler::Read(zrange),
        ..BASE
    },
    CommandSpec {
        name: "zrevrange",
        syntax: "key start stop [WITHSCORES]",
        summary: "Returns members within a range of ranks, highest score first",
        since: "1.2.0",
        run: Handler::Read(zrevrange),
        ..BASE
    },
    CommandSpec {
        name: "zrangebyscore",
        syntax: "key min max [WITHSCORES] [LIMIT offset count]",
        summary: "Returns members within a range of scores",
        since: "1.0.5",
        run: Handler::Read(zrangebyscore),
        ..BASE
    },
    CommandSpec {
        name: "zrevrangebyscore",
        syntax: "key max min [WITHSCORES] [LIMIT offset count]",
        summary: "Returns members within a range of scores, highest score first",
        since: "2.2.0",
        run: Handler::Read(zrevrangebyscore),
        ..BASE
    },
    CommandSpec {
        name: "zrangebylex",
        syntax: "key min max [LIMIT offset count]",
        summary: "Returns members within a lexicographic range",
        since: "2.8.9",
        run: Handler::Read(zrangebylex),
        ..BASE
    },
    CommandSpec {
        name: "zrevrangebylex",
        syntax: "key max min [LIMIT offset count]",
        summary: "Returns members within a lexicographic range backwards, where all scores are equal",
        since: "2.8.9",
        run: Handler::Read(zrevrangebylex),
        ..BASE
    },
    CommandSpec {
        name: "zrangestore",
        syntax: "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
        summary: "Stores members within a range of ranks, scores or names",
        since: "6.2.0",
        complexity: "O(log N + M) with M members stored",
        arity: -5,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::Store {
            sources: &Keys::Range { first: 2, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
        },
        run: Handler::Write(zrangestore),
        ..BASE
    },
];

/// The position of the key of a range that is sent.
const SENT_SOURCE: usize = 1;

/// The position of ZRANGESTORE's source, behind the destination.
const STORED_SOURCE: usize = 2;

/// What the two bounds are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What a command's name says already. ZRANGE has options for it.
#[derive(Clone, Copy, Debug)]
struct Given {
    by: Option<By>,
    order: Option<Order>,
}

impl Given {
    const NOTHING: Self = Self { by: None, order: None };
}

fn zrange(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(keys, call, reply, Given::NOTHING)
}

fn zrevrange(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(keys, call, reply, Given { by: Some(By::Rank), order: Some(Order::Descending) })
}

fn zrangebyscore(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(keys, call, reply, Given { by: Some(By::Score), order: Some(Order::Ascending) })
}

fn zrevrangebyscore(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(keys, call, reply, Given { by: Some(By::Score), order: Some(Order::Descending) })
}

fn zrangebylex(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(keys, call, reply, Given { by: Some(By::Lex), order: Some(Order::Ascending) })
}

fn zrevrangebylex(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(keys, call, reply, Given { by: Some(By::Lex), order: Some(Order::Descending) })
}

/// The bounds, read.
enum Bounds<'a> {
    Rank(RankRange),
    Score(ScoreRange<'a>),
    Lex(LexRange<'a>),
}

/// Everything a range request asks for.
struct RangeRequest<'a> {
    bounds: Bounds<'a>,
    order: Order,
    with_scores: bool,
    /// LIMIT's offset and count; a negative count is no limit.
    limit: Option<(i64, i64)>,
}

impl<'a> RangeRequest<'a> {
    /// Reads a request whose key is the argument at `source`. The order of the checks is Redis 8.2's, so that of two
    /// mistakes the same one is reported. WITHSCORES is for ranges that are sent.
    fn parse(call: &Call<'a>, source: usize, given: Given) -> Result<Self, CommandError> {
        let Given { mut by, mut order } = given;
        let (mut with_scores, mut limit) = (false, None);
        let is_sent = source == SENT_SOURCE;
        let mut cursor = call.cursor(source + 3);
        while cursor.remaining() > 0 {
            if is_sent && cursor.take_word("withscores") {
                with_scores = true;
            } else if cursor.remaining() > 2 && cursor.take_word("limit") {
                limit = Some((cursor.integer()?, cursor.integer()?));
            } else if order.is_none() && cursor.take_word("rev") {
                order = Some(Order::Descending);
            } else if by.is_none() && cursor.take_word("bylex") {
                by = Some(By::Lex);
            } else if by.is_none() && cursor.take_word("byscore") {
                by = Some(By::Score);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        let (by, order) = (by.unwrap_or(By::Rank), order.unwrap_or(Order::Ascending));
        // A count of -1 is the default. Redis treats it like a request without LIMIT.
        if by == By::Rank && limit.is_some_and(|(_, count)| count != -1) {
            return Err(CommandError::text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if by == By::Lex && with_scores {
            return Err(CommandError::text(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (first, second) = (call.argument(source + 1), call.argument(source + 2));
        // Backwards by score or name, the upper bound comes first.
        let (min, max) = if order == Order::Descending { (second, first) } else { (first, second) };
        let bounds = match by {
            By::Rank => Bounds::Rank(RankRange::parse(first, second)?),
            By::Score => Bounds::Score(ScoreRange::parse(min, max)?),
            By::Lex => Bounds::Lex(LexRange::parse(min, max)?),
        };
        Ok(Self { bounds, order, with_scores, limit })
    }

    /// The ascending ranks that are asked for. O(log n), or O(n) by member where scores differ.
    ///
    /// # Errors
    /// [`Stop::TakesLong`], as of [`Call::announce`].
    fn resolve(&self, board: &Board, call: &Call<'_>) -> Result<Range<usize>, Stop> {
        let (offset, count) = self.limit.unwrap_or((0, -1));
        // A negative offset skips past everything, as in Redis.
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
        let ranks = match &self.bounds {
            Bounds::Rank(range) => {
                let ranks = range.resolve(board.len());
                return Ok(match self.order {
                    Order::Ascending => ranks,
                    Order::Descending => board.len() - ranks.end..board.len() - ranks.start,
                });
            }
            Bounds::Score(range) => skip(range.resolve(board), self.order, skipped),
            Bounds::Lex(range) => {
                call.announce(range.cost(board))?;
                range.resolve(board, self.order, skipped)?
            }
        };
        let kept = usize::try_from(count).unwrap_or(usize::MAX).min(ranks.len());
        Ok(match self.order {
            Order::Ascending => ranks.start..ranks.start + kept,
            Order::Descending => ranks.end - kept..ranks.end,
        })
    }
}

fn range(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>, given: Given) -> Outcome {
    let request = RangeRequest::parse(call, SENT_SOURCE, given)?;
    let Some(board) = keys.get::<Board>(call.argument(SENT_SOURCE))? else {
        reply.array(0);
        return Ok(());
    };
    let ranks = request.resolve(board, call)?;
    call.announce(ranks.len())?;
    let RangeRequest { order, with_scores, .. } = request;
    if with_scores {
        reply.scored_list(ranks.len());
    } else {
        reply.array(ranks.len());
    }
    if reply.streams(ranks.len()) {
        reply.leave(CopiedRange { excerpt: board.excerpt(ranks, order), with_scores });
    } else if with_scores {
        board.visit_runs(ranks, order, |members, scores| reply.scores_run(members, scores));
    } else {
        board.visit_runs(ranks, order, |members, _| reply.bulk_run(members));
    }
    Ok(())
}

/// A large range, copied under its lock and written while it is sent. The whole is a snapshot.
#[derive(Debug)]
struct CopiedRange {
    excerpt: BoardExcerpt,
    with_scores: bool,
}

impl ReplySource for CopiedRange {
    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
        if self.with_scores {
            self.excerpt.visit_block(|members, scores| reply.scores_run(members, scores))
        } else {
            self.excerpt.visit_block(|members, _| reply.bulk_run(members))
        }
    }

    fn memory_bytes(&self) -> usize {
        self.excerpt.memory_bytes()
    }
}

fn zrangestore(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = RangeRequest::parse(call, STORED_SOURCE, Given::NOTHING)?;
    let reader = keys.source_reader();
    let (seed, now_ms) = (reader.seed(), reader.now_ms());
    let part = match reader.get::<Board>(call.argument(STORED_SOURCE))? {
        Some(board) => {
            let ranks = request.resolve(board, call)?;
            call.announce(ranks.len())?;
            board.part(ranks, seed, now_ms)
        }
        None => Board::from_sorted(seed, std::iter::empty()),
    };
    let count = part.len();
    keys.put_board(call.argument(1), "zrangestore", part)?;
    reply.count(count);
    Ok(())
}
