//! The rows of a reply: member, score, rank, and the values of GET patterns.
//!
//! Very many rows are copied under the board's lock and written while they are sent.

use super::join::JoinedValues;
use super::numbering::RowRanks;
use crate::commands::call::points::PointsReply;
use crate::commands::sorted_sets::entries::Entries;
use crate::resp::reply::{Reply, ReplySource};
use crate::store::{BestFirst, BoardExcerpt, Points, Scores};
use crate::text::name_run::NameRun;
use std::ops::Range;

/// The values of each row without options: member, score and rank.
pub(super) const COLUMNS: usize = 3;

/// Writes the start of a row of `columns` values: member, score and rank.
pub(super) fn write_row(
    reply: &mut Reply<'_>,
    columns: usize,
    member: [&[u8]; 2],
    score: Points,
    rank: usize,
) {
    reply.array(columns);
    reply.bulk_joined(member);
    reply.shown_points(score);
    reply.count(rank);
}

/// Writes the members at `places`, which are numbered by `ranks`.
pub(super) fn write_rows(
    reply: &mut Reply<'_>,
    board: BestFirst<'_>,
    places: Range<usize>,
    mut ranks: RowRanks,
) {
    reply.array(places.len());
    if reply.streams(places.len()) {
        reply.leave(CopiedRows { excerpt: board.excerpt(places), ranks });
    } else {
        board.visit_runs(places, |members, scores| write_run(reply, &mut ranks, members, scores));
    }
}

fn write_run(reply: &mut Reply<'_>, ranks: &mut RowRanks, members: &NameRun<'_>, scores: Scores<'_>) {
    let mut index = 0;
    members.for_each_tail(|tail| {
        let score = scores.at(index);
        index += 1;
        write_row(reply, COLUMNS, [members.prefix(), tail], score, ranks.next(score));
    });
}

/// Many rows, copied under their lock. The whole is a snapshot.
#[derive(Debug)]
struct CopiedRows {
    excerpt: BoardExcerpt,
    ranks: RowRanks,
}

impl ReplySource for CopiedRows {
    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
        let Self { excerpt, ranks } = self;
        excerpt.visit_block(|members, scores| write_run(reply, ranks, members, scores))
    }

    fn memory_bytes(&self) -> usize {
        self.excerpt.memory_bytes()
    }
}

/// Rows with the values of GET patterns.
#[derive(Debug)]
pub(super) struct JoinedRows {
    pub(super) rows: Entries<Points>,
    pub(super) ranks: RowRanks,
    pub(super) values: JoinedValues,
    /// How many rows have been written.
    pub(super) written: usize,
}

/// Rows that are written at a time.
const ROWS_AT_A_TIME: usize = 64;

impl ReplySource for JoinedRows {
    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
        let Self { rows, ranks, values, written } = self;
        let part = *written..rows.len().min(*written + ROWS_AT_A_TIME);
        for (at, (member, score)) in part.clone().zip(rows.slice(part.clone())) {
            write_row(reply, COLUMNS + values.columns(), [member, &[]], score, ranks.next(score));
            values.write(at, reply);
        }
        *written = part.end;
        part.end < rows.len()
    }

    fn memory_bytes(&self) -> usize {
        self.rows.memory_bytes() + self.values.memory_bytes()
    }
}
