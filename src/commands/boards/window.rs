//! LB.TOP and LB.AROUND: consecutive rows of a board.

use super::QUESTION;
use super::join::{GET_KEYS, GetPatterns};
use super::numbering::{Numbering, RowRanks};
use super::rows::{JoinedRows, write_rows};
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::call::{Call, Cursor};
use crate::commands::sorted_sets::entries::Entries;
use crate::commands::sorted_sets::lookahead;
use crate::commands::spec::{AllKeys, CommandSpec, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::reply::Reply;
use crate::store::{BestFirst, Board, Reader, ScoreSteps};
use std::ops::Range;

const WINDOW: CommandSpec = CommandSpec {
    keys: Keys::WithDerived {
        declared: &Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
        derived: |_, _| {},
        unknown: &[GET_KEYS],
    },
    ..QUESTION
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "lb.top",
        syntax: "key count [OFFSET offset] [MODE <ROW | COMPETITION | DENSE>] [GET pattern [GET pattern ...]]",
        summary: "Returns the best members of a board with their scores and ranks",
        complexity: "O(log N + M) for M rows; MODE DENSE also steps over the scores in front of the first row",
        arity: -3,
        finds_keys: Some(|call| finds_keys(Form::Top, call)),
        run: Handler::ReadOrJoin {
            read: |keys, call, reply| read(Form::Top, keys, call, reply),
            join: |keys, call, reply| join(Form::Top, keys, call, reply),
        },
        ..WINDOW
    },
    CommandSpec {
        name: "lb.around",
        syntax: "key member count [FILL] [MODE <ROW | COMPETITION | DENSE>] [GET pattern [GET pattern ...]]",
        summary: "Returns a member of a board with its neighbours, their scores and ranks",
        complexity: "O(log N + M) for M rows; MODE DENSE also steps over the scores in front of the first row",
        arity: -4,
        lookahead: Some(Lookahead::Value(lookahead::ranks)),
        finds_keys: Some(|call| finds_keys(Form::Around, call)),
        run: Handler::ReadOrJoin {
            read: |keys, call, reply| read(Form::Around, keys, call, reply),
            join: |keys, call, reply| join(Form::Around, keys, call, reply),
        },
        ..WINDOW
    },
];

/// Which of the two commands it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Top,
    Around,
}

/// The rows that a request asks for.
#[derive(Clone, Copy, Debug)]
enum Selection<'c> {
    /// So many rows from a place on.
    From { place: usize, count: usize },
    /// A member with so many rows above and below it.
    Around {
        member: &'c [u8],
        count: usize,
        /// Whether the window moves where the board ends, so that it keeps its size.
        fills: bool,
    },
}

/// A request.
#[derive(Clone, Debug)]
struct WindowRequest<'c> {
    selection: Selection<'c>,
    mode: Numbering,
    gets: GetPatterns<'c>,
}

impl<'c> WindowRequest<'c> {
    /// Reads a request. The options may come in any order; those but GET once.
    fn parse(form: Form, call: &Call<'c>) -> Result<Self, CommandError> {
        let mut cursor = call.cursor(2);
        let mut selection = match form {
            Form::Top => Selection::From { place: 0, count: cursor.non_negative()? },
            Form::Around => {
                Selection::Around { member: cursor.required()?, count: cursor.non_negative()?, fills: false }
            }
        };
        let (mut mode, mut gets, mut has_option) = (None, GetPatterns::default(), false);
        while cursor.remaining() > 0 {
            if mode.is_none() && cursor.take_word("mode") {
                mode = Some(Numbering::parse(&mut cursor)?);
            } else if !has_option && selection.take_option(&mut cursor)? {
                has_option = true;
            } else if !gets.take(&mut cursor)? {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(Self { selection, mode: mode.unwrap_or_default(), gets })
    }

    /// The places of the rows, and the numbering that begins with the first of them.
    fn resolve(&self, board: BestFirst<'_>, call: &Call<'_>) -> Result<(Range<usize>, RowRanks), Stop> {
        let places = self.selection.places(board);
        call.announce(places.len().saturating_mul(1 + self.gets.columns()))?;
        let mut rank = places.start;
        let mut first = None;
        if self.mode != Numbering::Row && !places.is_empty() {
            board.visit(places.start..places.start + 1, |_, score| first = Some(score));
        }
        if let Some(score) = first {
            let mut looked_at = 0;
            let announce = |members: usize| {
                looked_at += members;
                call.announce(looked_at)
            };
            rank = self.mode.rank(board, (places.start, score), &mut ScoreSteps::new(board), announce)?;
        }
        let ranks = RowRanks::new(self.mode, places.start, rank);
        Ok((places, ranks))
    }
}

impl<'c> Selection<'c> {
    /// Takes the option that only this selection has, if that comes next.
    fn take_option(&mut self, cursor: &mut Cursor<'c>) -> Result<bool, CommandError> {
        match self {
            Self::From { place, .. } if cursor.take_word("offset") => *place = cursor.non_negative()?,
            Self::Around { fills, .. } if cursor.take_word("fill") => *fills = true,
            Self::From { .. } | Self::Around { .. } => return Ok(false),
        }
        Ok(true)
    }

    fn places(self, board: BestFirst<'_>) -> Range<usize> {
        let len = board.len();
        match self {
            Self::From { place, count } => {
                let start = place.min(len);
                start..start.saturating_add(count).min(len)
            }
            Self::Around { member, count, fills } => {
                let Some((place, _)) = board.place(member) else { return 0..0 };
                let (mut start, end) =
                    (place.saturating_sub(count), place.saturating_add(count).saturating_add(1));
                let mut end = end.min(len);
                if fills {
                    let size = count.saturating_mul(2).saturating_add(1);
                    end = start.saturating_add(size).min(len);
                    start = end.saturating_sub(size);
                }
                start..end
            }
        }
    }
}

/// Whether a request has GET patterns, which name keys.
fn finds_keys(form: Form, call: &Call<'_>) -> Option<&'static str> {
    WindowRequest::parse(form, call).ok().filter(|request| !request.gets.is_empty()).map(|_| "GET")
}

/// Answers a request without GET patterns.
fn read(form: Form, keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = WindowRequest::parse(form, call)?;
    let Some(board) = keys.get::<Board>(call.argument(1))?.map(BestFirst::of) else {
        reply.array(0);
        return Ok(());
    };
    let (places, ranks) = request.resolve(board, call)?;
    write_rows(reply, board, places, ranks);
    Ok(())
}

/// Answers a request with GET patterns: first it copies the rows under the board's lock, then it reads the values.
fn join(form: Form, keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let AllKeys { host, session, shards } = keys;
    let request = WindowRequest::parse(form, call)?;
    let mut rows = Entries::default();
    let mut ranks = RowRanks::new(request.mode, 0, 0);
    let hold = shards.look(&[host.store.shard_of(call.argument(1))]);
    if let Some(board) = hold.reader(session.database).get::<Board>(call.argument(1))? {
        let board = BestFirst::of(board);
        let (places, numbered) = request.resolve(board, call)?;
        board.visit(places, |member, score| rows.push(member, score));
        ranks = numbered;
    }
    drop(hold);
    let values = request.gets.read(&host.store, shards, session.database, rows.members());
    reply.array(rows.len());
    reply.stream(rows.len(), JoinedRows { rows, ranks, values, written: 0 });
    Ok(())
}
