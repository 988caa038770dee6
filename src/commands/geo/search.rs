//! GEOSEARCH and GEOSEARCHSTORE, and the older commands for circles: GEORADIUS, GEORADIUSBYMEMBER, and their forms that only
//! read.
//!
//! A search reads the ranges of scores that the cells around its center have, and of these it copies the members that are
//! in its shape. The board is read as of one moment.

use super::BASE;
use super::covering::cells_of;
use super::found::FoundMembers;
use super::geohash::GeoPoint;
use super::request::{SearchForm, SearchRequest, Storing};
use super::shape::SearchShape;
use super::window::IndexWindow;
use crate::commands::call::Call;
use crate::commands::call::error::{Outcome, Stop};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::ranking::{Bound, Order, Score};
use crate::resp::reply::Reply;
use crate::store::{Board, Reader, Scores, Writer};
use std::num::NonZeroUsize;
use std::ops::Range;

const READ: CommandSpec = CommandSpec {
    flags: &[Flag::Readonly],
    keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
    complexity: "O(log N + M) with M members in the cells that the shape reaches",
    ..BASE
};

/// The key is written to only with STORE or STOREDIST, but the flags are those of a write, as in Redis.
const RADIUS: CommandSpec =
    CommandSpec { flags: &[Flag::Write, Flag::Denyoom], keys: STORED_BEHIND_POINT, ..READ };

const STORED_BEHIND_POINT: Keys = Keys::StoreBehind { words: &["STORE", "STOREDIST"], from: 6 };
const STORED_BEHIND_MEMBER: Keys = Keys::StoreBehind { words: &["STORE", "STOREDIST"], from: 5 };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "geosearch",
        syntax: "key <FROMMEMBER member | FROMLONLAT longitude latitude> \
                 <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] \
                 [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
        summary: "Returns the members in a circle or a box",
        since: "6.2.0",
        arity: -7,
        run: Handler::Read(|keys, call, reply| send(keys, call, reply, SearchForm::Search)),
        ..READ
    },
    CommandSpec {
        name: "geosearchstore",
        syntax: "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> \
                 <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] \
                 [COUNT count [ANY]] [STOREDIST]",
        summary: "Stores the members in a circle or a box",
        since: "6.2.0",
        arity: -8,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::Store {
            sources: &Keys::Range { first: 2, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
        },
        run: Handler::Write(|keys, call, reply| send_or_store(keys, call, reply, SearchForm::SearchStore)),
        ..READ
    },
    CommandSpec {
        name: "georadius",
        syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
                 [COUNT count [ANY]] [ASC | DESC] [STORE storekey | STOREDIST storedistkey]",
        summary: "Returns or stores the members in a circle around a point",
        arity: -6,
        run: Handler::Write(|keys, call, reply| {
            send_or_store(keys, call, reply, SearchForm::Radius(Storing::Allowed))
        }),
        ..RADIUS
    },
    CommandSpec {
        name: "georadiusbymember",
        syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
                 [ASC | DESC] [STORE storekey | STOREDIST storedistkey]",
        summary: "Returns or stores the members in a circle around a member",
        arity: -5,
        keys: STORED_BEHIND_MEMBER,
        run: Handler::Write(|keys, call, reply| {
            send_or_store(keys, call, reply, SearchForm::RadiusByMember(Storing::Allowed))
        }),
        ..RADIUS
    },
    CommandSpec {
        name: "georadius_ro",
        syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
                 [COUNT count [ANY]] [ASC | DESC]",
        summary: "Returns the members in a circle around a point",
        since: "3.2.10",
        arity: -6,
        run: Handler::Read(|keys, call, reply| send(keys, call, reply, SearchForm::Radius(Storing::Refused))),
        ..READ
    },
    CommandSpec {
        name: "georadiusbymember_ro",
        syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
                 [ASC | DESC]",
        summary: "Returns the members in a circle around a member",
        since: "3.2.10",
        arity: -5,
        run: Handler::Read(|keys, call, reply| {
            send(keys, call, reply, SearchForm::RadiusByMember(Storing::Refused))
        }),
        ..READ
    },
];

/// Members that are visited before a search with ANY checks whether it has enough.
const VISITED_AT_ONCE: usize = 64;

fn send(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>, form: SearchForm) -> Outcome {
    let board = keys.get::<Board>(call.argument(form.source()))?;
    let request = SearchRequest::parse(call, form, board)?;
    answer(&request, board, call, reply)
}

fn send_or_store(
    keys: &mut Writer<'_, '_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
    form: SearchForm,
) -> Outcome {
    let board = keys.source_reader().get::<Board>(call.argument(form.source()))?;
    let request = SearchRequest::parse(call, form, board)?;
    let Some(destination) = request.destination else { return answer(&request, board, call, reply) };
    let mut entries = Default::default();
    if let (Some(board), Some(area)) = (board, request.area) {
        entries = search(board, &request, &area.shape, call)?.into_entries(request.stored, area.unit);
    }
    let event = if form == SearchForm::SearchStore { "geosearchstore" } else { "georadiusstore" };
    let board = Board::from_sorted(keys.reader().seed(), entries.iter());
    keys.put_board(destination, event, board)?;
    reply.count(entries.len());
    Ok(())
}

fn answer(
    request: &SearchRequest<'_>,
    board: Option<&Board>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    if let (Some(board), Some(area)) = (board, request.area) {
        search(board, request, &area.shape, call)?.send(request.details, area.unit, reply);
    } else {
        reply.array(0);
    }
    Ok(())
}

/// The members of `board` that are in `shape`, as many and in the order as the request wants them.
///
/// # Errors
/// [`Stop::TakesLong`], as of [`Call::announce`].
fn search(
    board: &Board,
    request: &SearchRequest<'_>,
    shape: &SearchShape,
    call: &Call<'_>,
) -> Result<FoundMembers, Stop> {
    let cells = cells_of(shape);
    let ranges = cells.iter().map(|cell| {
        let scores: Range<Score> = cell.scores();
        let below = |score: Score| board.position(Bound::BelowScore(score.into()));
        below(scores.start)..below(scores.end)
    });
    let window = IndexWindow::of(shape);
    let mut found = FoundMembers::default();
    let most = request.most.map_or(usize::MAX, NonZeroUsize::get);
    if request.any {
        let mut visited = 0;
        'cells: for ranks in ranges {
            for start in ranks.clone().step_by(VISITED_AT_ONCE) {
                let some = start..ranks.end.min(start.saturating_add(VISITED_AT_ONCE));
                visited += some.len();
                call.announce(visited)?;
                gather(board, some, shape, window, most, &mut found);
                if found.len() == most {
                    break 'cells;
                }
            }
        }
    } else {
        let ranges: Vec<Range<usize>> = ranges.collect();
        call.announce(ranges.iter().map(Range::len).sum())?;
        ranges.into_iter().for_each(|ranks| gather(board, ranks, shape, window, usize::MAX, &mut found));
    }
    // The nearest are wanted, unless any are.
    let nearest = (request.most.is_some() && !request.any).then_some(Order::Ascending);
    if let Some(order) = request.order.or(nearest) {
        found.sort(order, most);
    }
    Ok(found)
}

/// Adds the members of `ranks` that are in `shape` to `found`, until it has `most`.
fn gather(
    board: &Board,
    ranks: Range<usize>,
    shape: &SearchShape,
    window: IndexWindow,
    most: usize,
    found: &mut FoundMembers,
) {
    board.visit_runs(ranks, Order::Ascending, |names, scores| {
        // Exact scores are no places.
        let Scores::Floats(scores) = scores else { return };
        if !scores.iter().any(|&score| window.contains(score)) {
            return;
        }
        let mut scores = scores.iter();
        names.for_each_tail(|tail| {
            let Some(&score) = scores.next() else { return };
            if found.len() < most
                && window.contains(score)
                && let Some(metres) = shape.metres_to(GeoPoint::of_score(score))
            {
                found.push([names.prefix(), tail], score, metres);
            }
        });
    });
}
