//! LB.RANK, LB.STANDING and LB.NEAR: where members and scores stand.

use super::QUESTION;
use super::numbering::{Numbering, RowRanks, percentile};
use super::rows::{COLUMNS, write_row, write_rows};
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::call::points::PointsReply;
use crate::commands::call::{Call, Cursor, parse_score};
use crate::commands::sorted_sets::PREFETCHED_MEMBERS;
use crate::commands::spec::{CommandSpec, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::double;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::{BestFirst, Board, Points, Reader, ScoreSteps, Value};
use smallvec::SmallVec;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "lb.rank",
        syntax: "key MEMBERS count member [member ...] [MODE <ROW | COMPETITION | DENSE>] [WITHPERCENTILE] [WITHTIME]",
        summary: "Returns the scores and ranks of several members of a board",
        complexity: "O(M log N) for M members; MODE DENSE also steps over the scores in front of them",
        arity: -5,
        lookahead: Some(Lookahead::Value(ahead)),
        run: Handler::Read(rank),
        ..QUESTION
    },
    CommandSpec {
        name: "lb.standing",
        syntax: "numkeys key [key ...] member [MODE <ROW | COMPETITION | DENSE>]",
        summary: "Returns a member's rank, score and number of rivals on each of several boards",
        complexity: "O(K log N) for K boards; MODE DENSE also steps over the scores in front of the member",
        arity: -4,
        keys: Keys::Counted { count: 1, access: &[KeyFlag::Ro, KeyFlag::Access] },
        run: Handler::Read(standing),
        ..QUESTION
    },
    CommandSpec {
        name: "lb.near",
        syntax: "key score count",
        summary: "Returns the rank that a score would get on a board, and its neighbours",
        complexity: "O(log N + M) for M neighbours",
        arity: 4,
        run: Handler::Read(near),
        ..QUESTION
    },
];

/// Loads ahead the places of members that are asked about one at a time. A request with many members loads them itself.
fn ahead(value: &Value, requests: &[Arguments<'_>]) {
    if let Value::SortedSet(board) = value {
        let single = requests.iter().filter(|request| request.len() == 5);
        BestFirst::of(board).prefetch_places(single.filter_map(|request| request.get(4)));
    }
}

/// A request of LB.RANK.
#[derive(Clone, Debug)]
struct RankRequest<'c> {
    members: std::iter::Take<Cursor<'c>>,
    count: usize,
    mode: Numbering,
    with_percentile: bool,
    with_time: bool,
}

impl<'c> RankRequest<'c> {
    /// Reads a request. The options may come in any order, each once.
    fn parse(call: &Call<'c>) -> Result<Self, CommandError> {
        let (mut members, mut mode) = (None, None);
        let (mut with_percentile, mut with_time) = (false, false);
        let mut cursor = call.cursor(2);
        while cursor.remaining() > 0 {
            if members.is_none() && cursor.take_word("members") {
                let count = cursor.non_negative()?;
                if count == 0 || count > cursor.remaining() {
                    return Err(CommandError::SYNTAX);
                }
                members = Some((cursor.clone().take(count), count));
                cursor.nth(count - 1);
            } else if mode.is_none() && cursor.take_word("mode") {
                mode = Some(Numbering::parse(&mut cursor)?);
            } else if !with_percentile && cursor.take_word("withpercentile") {
                with_percentile = true;
            } else if !with_time && cursor.take_word("withtime") {
                with_time = true;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        let (members, count) = members.ok_or(CommandError::SYNTAX)?;
        Ok(Self { members, count, mode: mode.unwrap_or_default(), with_percentile, with_time })
    }

    fn columns(&self) -> usize {
        COLUMNS + usize::from(self.with_percentile) + usize::from(self.with_time)
    }
}

fn rank(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = RankRequest::parse(call)?;
    call.announce(request.count)?;
    let Some(board) = keys.get::<Board>(call.argument(1))?.map(BestFirst::of) else {
        reply.array(request.count);
        (0..request.count).for_each(|_| reply.null_array());
        return Ok(());
    };
    if request.with_time && !board.has_moments() {
        return Err(CommandError::text("ERR WITHTIME needs TIES FIRST").into());
    }
    // All ranks that need steps are known before the reply begins, because the steps may be too many for the thread.
    let dense = match request.mode {
        Numbering::Dense => dense_ranks(board, request.members.clone(), call)?,
        Numbering::Row | Numbering::Competition => Vec::new(),
    };
    let columns = request.columns();
    reply.array(request.count);
    let mut at = 0;
    for_each_place(board, request.members.clone(), |member, found| {
        let Some((place, score)) = found else {
            at += 1;
            return reply.null_array();
        };
        let competition = || board.better_than(score);
        let rank = match request.mode {
            Numbering::Row => place,
            Numbering::Competition => competition(),
            Numbering::Dense => dense[at],
        };
        write_row(reply, columns, [member, &[]], score, rank);
        if request.with_percentile {
            reply.double(percentile(competition(), board.len()));
        }
        if request.with_time {
            reply.count(board.reached_ms(member).unwrap_or(0) as usize);
        }
        at += 1;
    });
    Ok(())
}

/// Calls `visit` with each member, its place and its score. The memory of some members is loaded together.
fn for_each_place<'c>(
    board: BestFirst<'_>,
    mut members: impl Iterator<Item = &'c [u8]>,
    mut visit: impl FnMut(&'c [u8], Option<(usize, Points)>),
) {
    loop {
        let together: SmallVec<[&[u8]; PREFETCHED_MEMBERS]> =
            members.by_ref().take(PREFETCHED_MEMBERS).collect();
        if together.is_empty() {
            return;
        }
        board.prefetch_places(together.iter().copied());
        together.into_iter().for_each(|member| visit(member, board.place(member)));
    }
}

/// The dense ranks of the members, in their order; those of strangers mean nothing.
fn dense_ranks<'c>(
    board: BestFirst<'_>,
    members: impl Iterator<Item = &'c [u8]>,
    call: &Call<'_>,
) -> Result<Vec<usize>, Stop> {
    let (mut found, mut ranks) = (Vec::new(), Vec::new());
    for_each_place(board, members, |_, place| {
        found.extend(place.map(|place| (place, ranks.len())));
        ranks.push(0);
    });
    // One walk from the best member on passes all of them.
    found.sort_unstable_by_key(|((place, _), _)| *place);
    let (mut steps, mut looked_at) = (ScoreSteps::new(board), 0);
    for (placed, at) in found {
        ranks[at] = Numbering::Dense.rank(board, placed, &mut steps, |members| {
            looked_at += members;
            call.announce(looked_at)
        })?;
    }
    Ok(ranks)
}

/// LB.STANDING: a row `[rank, score, size]` for each board, null where the member is a stranger.
fn standing(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut cursor = call.cursor(1);
    let boards = super::counted_keys(&mut cursor)?;
    let member = cursor.required()?;
    let mode = match cursor.remaining() {
        0 => Numbering::Row,
        _ if cursor.take_word("mode") => Numbering::parse(&mut cursor)?,
        _ => return Err(CommandError::SYNTAX.into()),
    };
    if cursor.remaining() > 0 {
        return Err(CommandError::SYNTAX.into());
    }
    let count = boards.clone().count();
    call.announce(count)?;
    let mut looked_at = 0;
    let mut announce = |members: usize| {
        looked_at += members;
        call.announce(looked_at)
    };
    let mut rows: SmallVec<[Option<(usize, Points, usize)>; 8]> = SmallVec::new();
    for key in boards {
        let board = keys.get::<Board>(key)?.map(BestFirst::of);
        let placed = board.and_then(|board| Some((board, board.place(member)?)));
        rows.push(match placed {
            None => None,
            Some((board, placed)) => {
                let rank = mode.rank(board, placed, &mut ScoreSteps::new(board), &mut announce)?;
                Some((rank, placed.1, board.len()))
            }
        });
    }
    reply.array(count);
    for row in rows {
        let Some((rank, score, members)) = row else {
            reply.null_array();
            continue;
        };
        reply.array(COLUMNS);
        reply.count(rank);
        reply.shown_points(score);
        reply.count(members);
    }
    Ok(())
}

/// LB.NEAR: `[rank, worse, rows]`. The rows are the neighbours on both sides of the place.
fn near(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let text = call.argument(2);
    let board = keys.get::<Board>(call.argument(1))?;
    let score = match board {
        Some(board) => board.read_points(text, double::parse)?,
        None => parse_score(text)?.into(),
    };
    let count = call.cursor(3).non_negative()?;
    let board = board.map(BestFirst::of);
    let (place, worse) =
        board.map_or((0, 0), |board| (board.place_of_new(score), board.len() - board.up_to(score)));
    let end = board.map_or(0, |board| place.saturating_add(count).min(board.len()));
    let places = place.saturating_sub(count)..end;
    call.announce(places.len())?;
    reply.array(3);
    reply.count(place);
    reply.count(worse);
    match board {
        Some(board) => {
            let ranks = RowRanks::new(Numbering::Row, places.start, places.start);
            write_rows(reply, board, places, ranks);
        }
        None => reply.array(0),
    }
    Ok(())
}
