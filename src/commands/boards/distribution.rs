//! LB.QUANTILE and LB.HISTOGRAM: how the scores of a board are distributed. The counts in the structure answer exactly.

use super::QUESTION;
use super::fraction::Fraction;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::points::PointsReply;
use crate::commands::sorted_sets::bounds::LowerEnd;
use crate::commands::spec::{CommandSpec, Handler};
use crate::resp::reply::Reply;
use crate::store::{BestFirst, Board, Reader, ScoreType};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "lb.quantile",
        syntax: "key quantile [quantile ...]",
        summary: "Returns the scores below which given shares of the members are",
        complexity: "O(Q log N) for Q quantiles",
        arity: -3,
        run: Handler::Read(quantile),
        ..QUESTION
    },
    CommandSpec {
        name: "lb.histogram",
        syntax: "key bound [bound ...]",
        summary: "Counts the members between bounds of scores",
        complexity: "O(B log N) for B bounds",
        arity: -3,
        run: Handler::Read(histogram),
        ..QUESTION
    },
];

fn quantile(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let shares = call.cursor(2);
    call.announce(shares.remaining())?;
    let parse = |text: &[u8]| {
        Fraction::parse(text).ok_or(CommandError::text("ERR a quantile is a decimal between 0 and 1"))
    };
    let shares = shares.map(parse).collect::<Result<Vec<_>, _>>()?;
    let board = keys.get::<Board>(call.argument(1))?.map(BestFirst::of);
    reply.array(shares.len());
    for share in shares {
        match board.filter(|board| !board.is_empty()) {
            Some(board) => board.visit(place_of_share(board, &share), |_, score| reply.shown_points(score)),
            None => reply.null(),
        }
    }
    Ok(())
}

/// The place of the member that has this share of the board behind it or is its last: counted from the worst, the first
/// that fills the share.
fn place_of_share(board: BestFirst<'_>, share: &Fraction) -> std::ops::Range<usize> {
    let place = board.len() - share.of(board.len()).max(1);
    place..place + 1
}

fn histogram(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let bounds = call.cursor(2);
    call.announce(bounds.remaining())?;
    let bounds: Vec<LowerEnd<'_>> = bounds.map(LowerEnd::parse).collect::<Result<_, _>>()?;
    let board = keys.get::<Board>(call.argument(1))?;
    let score_type = board.map_or(ScoreType::Float, Board::score_type);
    if !bounds.is_sorted_by(|one, next| one.is_below(next, score_type)) {
        return Err(CommandError::text("ERR bounds must be in strictly ascending order").into());
    }
    reply.array(bounds.len() + 1);
    let mut before = 0;
    for bound in bounds {
        let below = board.map_or(0, |board| bound.resolve(board));
        reply.count(below - before);
        before = below;
    }
    reply.count(board.map_or(0, Board::len) - before);
    Ok(())
}
