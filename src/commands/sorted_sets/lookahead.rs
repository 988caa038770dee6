//! Loads ahead what neighbouring commands of a pipeline will touch in a board, so that the batch waits for memory once.
//!
//! Requests with options (as of ZADD) are left out.

use crate::ranking::{Aim, Score};
use crate::resp::double;
use crate::resp::request::Arguments;
use crate::store::{Board, Value};

/// The scores of the members that are argument 2.
pub(super) fn scores(value: &Value, requests: &[Arguments<'_>]) {
    if let Some(board) = board(value) {
        board.prefetch_members(members(requests));
    }
}

/// The ranks of the members that are argument 2.
pub(in crate::commands) fn ranks(value: &Value, requests: &[Arguments<'_>]) {
    if let Some(board) = board(value) {
        board.prefetch_ranks(members(requests));
    }
}

/// The members that are argument 3, whose scores become argument 2.
pub(super) fn updates(value: &Value, requests: &[Arguments<'_>]) {
    if let Some(board) = board(value) {
        board.prefetch_updates(
            amounts(requests)
                .filter_map(|(member, score)| Score::new(score).map(|score| (member, Aim::Score(score)))),
        );
    }
}

/// The members that are the last argument, whose scores become the one before it.
pub(in crate::commands) fn last_pairs(value: &Value, requests: &[Arguments<'_>]) {
    if let Some(board) = board(value) {
        board.prefetch_updates(requests.iter().filter_map(last_pair));
    }
}

/// The members that are argument 3, to whose scores argument 2 is added.
pub(super) fn increments(value: &Value, requests: &[Arguments<'_>]) {
    if let Some(board) = board(value) {
        board.prefetch_updates(amounts(requests).map(|(member, amount)| (member, Aim::Increment(amount))));
    }
}

/// Nothing is loaded of a value of another type: each command will reply with an error.
fn board(value: &Value) -> Option<&Board> {
    if let Value::SortedSet(board) = value { Some(board) } else { None }
}

fn last_pair<'a>(request: &Arguments<'a>) -> Option<(&'a [u8], Aim)> {
    let from_end = |back: usize| request.get(request.len().checked_sub(back)?);
    let score = from_end(2).and_then(double::parse).and_then(Score::new)?;
    Some((from_end(1)?, Aim::Score(score)))
}

fn members<'a>(requests: &[Arguments<'a>]) -> impl Iterator<Item = &'a [u8]> + Clone {
    requests.iter().filter_map(|request| request.get(2))
}

fn amounts<'a>(requests: &[Arguments<'a>]) -> impl Iterator<Item = (&'a [u8], f64)> + Clone {
    requests.iter().filter(|request| request.len() == 4).filter_map(|request| {
        let amount = request.get(2).and_then(double::parse)?;
        Some((request.get(3)?, amount))
    })
}
