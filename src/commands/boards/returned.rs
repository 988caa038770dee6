//! RETURN: what became of each pair that was submitted.

use super::submission::Submission;
use crate::commands::call::points::PointsReply;
use crate::commands::sorted_sets::PREFETCHED_MEMBERS;
use crate::resp::reply::Reply;
use crate::store::{BestFirst, Board, Points, SubmitStatus};
use smallvec::SmallVec;

/// The places and scores of the members before the call, in the order of the pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Before(SmallVec<[Option<(usize, Points)>; 2]>);

impl Before {
    /// What the members have on the board.
    pub(super) fn of<'c>(board: &Board, members: impl ExactSizeIterator<Item = &'c [u8]> + Clone) -> Self {
        let board = BestFirst::of(board);
        let mut places = SmallVec::new();
        for_each_ahead(board, members, |member| places.push(board.place(member)));
        Self(places)
    }
}

/// Calls `visit` with each member. The memory of some members' places is loaded together.
fn for_each_ahead<'c>(
    board: BestFirst<'_>,
    members: impl ExactSizeIterator<Item = &'c [u8]> + Clone,
    mut visit: impl FnMut(&'c [u8]),
) {
    let are_many = members.len() > 1;
    let mut ahead = members.clone();
    for (index, member) in members.enumerate() {
        if are_many && index % PREFETCHED_MEMBERS == 0 {
            board.prefetch_places(ahead.clone().take(PREFETCHED_MEMBERS));
            ahead.nth(PREFETCHED_MEMBERS - 1);
        }
        visit(member);
    }
}

/// The word for what became of a pair; `None`: the request is a repeat.
fn word(status: Option<SubmitStatus>) -> &'static [u8] {
    match status {
        Some(SubmitStatus::Applied) => b"applied",
        Some(SubmitStatus::Kept) => b"kept",
        Some(SubmitStatus::Capped) => b"capped",
        None => b"repeated",
    }
}

/// Writes a row for each pair: `[status, score, rank, old-score, old-rank, ahead-member, ahead-score]`. `statuses` is `None` for
/// a repeat, whose rows have no old values.
pub(super) fn write_returned(
    board: Option<&Board>,
    submission: &Submission<'_>,
    statuses: Option<&[SubmitStatus]>,
    Before(before): &Before,
    reply: &mut Reply<'_>,
) {
    reply.array(submission.len());
    let mut index = 0;
    let mut write = |present: Option<(BestFirst<'_>, usize, Points)>| {
        reply.array(7);
        reply.bulk(word(statuses.map(|statuses| statuses[index])));
        write_place(present.map(|(_, place, score)| (place, score)), reply);
        write_place(before.get(index).copied().flatten(), reply);
        match present.filter(|(_, place, _)| *place > 0) {
            Some((board, place, _)) => board.visit(place - 1..place, |ahead, score| {
                reply.bulk(ahead);
                reply.shown_points(score);
            }),
            None => {
                reply.null();
                reply.null();
            }
        }
        index += 1;
    };
    match board.map(BestFirst::of) {
        Some(board) => for_each_ahead(board, submission.members(), |member| {
            write(board.place(member).map(|(place, score)| (board, place, score)));
        }),
        None => (0..submission.len()).for_each(|_| write(None)),
    }
}

/// Writes a score and a rank, nulls for a member that is not there.
fn write_place(place: Option<(usize, Points)>, reply: &mut Reply<'_>) {
    match place {
        Some((place, score)) => {
            reply.shown_points(score);
            reply.count(place);
        }
        None => {
            reply.null();
            reply.null();
        }
    }
}
