//! The answer of a FRIENDRANK: which rows it has, their ranks, and what is written for each.

use super::request::{Request, Selection};
use super::standing::{Row, Standing};
use crate::commands::boards::numbering::{Numbering, RowRanks, percentile};
use crate::commands::call::points::PointsReply;
use crate::commands::sorted_sets::PREFETCHED_MEMBERS;
use crate::commands::state::host::Host;
use crate::limits;
use crate::resp::reply::Reply;
use crate::store::{Board, DatabaseIndex, Looking, Shards};
use std::ops::Range;

/// One request that is being answered.
pub(super) struct Ranker<'r, 's> {
    pub(super) host: &'r Host,
    pub(super) shards: &'r Shards<'r, 's>,
    pub(super) database: DatabaseIndex,
    pub(super) request: &'r Request<'r>,
}

/// Where the ranks on the whole board are taken from.
#[derive(Clone, Copy)]
pub(super) enum Globals<'r> {
    /// The board, whose lock is held.
    Held(Option<&'r Board>),
    /// The board, which is locked for some rows at a time.
    InSteps,
}

/// What is written, apart from what is read for GET.
pub(super) struct Answer {
    /// The places of the rows; none for SELF.
    window: Range<usize>,
    /// The rows' ranks on the whole board; empty if they are not asked for.
    globals: Vec<Option<usize>>,
}

impl Ranker<'_, '_> {
    /// A read lock on a key.
    pub(super) fn look_at(&self, key: &[u8]) -> Looking<'_> {
        self.shards.look(&[self.host.store.shard_of(key)])
    }

    /// Answers from a standing that is sorted as a whole and may be shared.
    pub(super) fn answer_sorted(&self, standing: &Standing, reply: &mut Reply<'_>) {
        let window = self.window(standing);
        self.write(standing, &self.answer(standing, window, Globals::InSteps), reply);
    }

    /// What is answered from a standing that is not sorted. Sorts only what the answer needs.
    pub(super) fn prepare(&self, standing: &mut Standing, globals: Globals<'_>) -> Answer {
        let window = self.window(standing);
        // A dense rank in the middle needs the number of different scores above it, which is cheapest to count when sorted.
        if window.start > 0 && self.request.mode == Numbering::Dense {
            standing.sort();
        }
        let ranked = window.start.min(standing.ranked.len())..window.end.min(standing.ranked.len());
        standing.sort_window(ranked);
        if self.request.with_unranked && !standing.is_sorted {
            standing.sort_unranked();
        }
        self.answer(standing, window, globals)
    }

    fn answer(&self, standing: &Standing, window: Range<usize>, globals: Globals<'_>) -> Answer {
        let globals = match self.request.with_global {
            true => self.global_ranks(standing, self.ranked_rows(standing, &window), globals),
            false => Vec::new(),
        };
        Answer { window, globals }
    }

    /// The rows of an answer that have a rank.
    fn ranked_rows<'w>(&self, standing: &'w Standing, window: &Range<usize>) -> &'w [Row] {
        let ranked = standing.ranked.len();
        match self.request.selection {
            Selection::Own => standing.own.as_slice(),
            Selection::All | Selection::Top(_) | Selection::Around(_) => {
                &standing.ranked[window.start.min(ranked)..window.end.min(ranked)]
            }
        }
    }

    /// The rows that are asked for. The unranked are counted behind the ranked.
    fn window(&self, standing: &Standing) -> Range<usize> {
        let ranked = standing.ranked.len();
        let all = ranked + if self.request.with_unranked { standing.unranked.len() } else { 0 };
        match self.request.selection {
            Selection::All => 0..all,
            Selection::Top(count) => 0..count.min(all),
            Selection::Own => 0..0,
            Selection::Around(count) => standing.own.map_or(0..0, |own| {
                let position = standing.position(&own);
                position.saturating_sub(count)..position.saturating_add(count).saturating_add(1).min(all)
            }),
        }
    }

    pub(super) fn write(&self, standing: &Standing, answer: &Answer, reply: &mut Reply<'_>) {
        let Request { selection, mode, with_percentile, .. } = *self.request;
        let Answer { window, globals } = answer;
        let ranked = self.ranked_rows(standing, window);
        let unranked = &standing.unranked[..window.len().saturating_sub(ranked.len())];
        let names = ranked.iter().map(|row| row.name).chain(unranked.iter().copied());
        let members = names.map(|name| standing.name(name));
        let values = self.request.gets.read(&self.host.store, self.shards, self.database, members);
        let is_own = selection == Selection::Own;
        let position = match ranked.first() {
            // A user who is not on the board gets the null of ZRANK WITHSCORE.
            None if is_own => return reply.null_array(),
            Some(own) if is_own => standing.position(own),
            _ => window.start,
        };
        let ranks_in = |mode| {
            let first = ranked.first().map_or(0, |first| standing.rank(first, position, mode));
            RowRanks::new(mode, position, first)
        };
        let mut ranks = ranks_in(mode);
        let mut competition = with_percentile.then(|| ranks_in(Numbering::Competition));
        let optional = usize::from(self.request.with_global) + usize::from(with_percentile);
        let columns = 3 + optional + values.columns();
        if !is_own {
            reply.array(ranked.len() + unranked.len());
        }
        for (at, row) in ranked.iter().enumerate() {
            reply.array(columns);
            if !is_own {
                reply.bulk(standing.name(row.name));
            }
            let score = standing.points(row);
            reply.shown_points(score);
            reply.count(ranks.next(score));
            if is_own {
                // In place of the name: how many there are.
                reply.count(standing.ranked.len());
            }
            if let Some(rank) = globals.get(at) {
                write_rank(*rank, reply);
            }
            if let Some(competition) = &mut competition {
                reply.double(percentile(competition.next(score), standing.ranked.len()));
            }
            values.write(at, reply);
        }
        for (at, name) in unranked.iter().enumerate() {
            reply.array(columns);
            reply.bulk(standing.name(*name));
            (0..2 + optional).for_each(|_| reply.null());
            values.write(ranked.len() + at, reply);
        }
    }

    /// The rows' ranks on the whole board.
    fn global_ranks(&self, standing: &Standing, rows: &[Row], globals: Globals<'_>) -> Vec<Option<usize>> {
        let rank_on = |board: Option<&Board>, rows: &[Row]| -> Vec<Option<usize>> {
            let name = |row: &Row| standing.name(row.name);
            let Some(board) = board else { return vec![None; rows.len()] };
            let mut ranks = Vec::with_capacity(rows.len());
            for rows in rows.chunks(PREFETCHED_MEMBERS) {
                board.prefetch_ranks(rows.iter().map(name));
                let rank = |row: &Row| board.rank(name(row), standing.order).map(|(rank, _)| rank);
                ranks.extend(rows.iter().map(rank));
            }
            ranks
        };
        match globals {
            Globals::Held(board) => rank_on(board, rows),
            Globals::InSteps => {
                let in_step = |rows: &[Row]| {
                    let hold = self.look_at(self.request.board);
                    // If the key holds another type by now, no row has a rank on it.
                    let board = hold.reader(self.database).get::<Board>(self.request.board).unwrap_or(None);
                    rank_on(board, rows)
                };
                rows.chunks(limits::MEMBERS_PER_LOCK).flat_map(in_step).collect()
            }
        }
    }
}

fn write_rank(rank: Option<usize>, reply: &mut Reply<'_>) {
    match rank {
        Some(rank) => reply.count(rank),
        None => reply.null(),
    }
}
