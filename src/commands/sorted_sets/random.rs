//! ZRANDMEMBER: members drawn at random.

use crate::commands::call::Call;
use crate::commands::call::draw::Draw;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::points::PointsReply;
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::limits;
use crate::machine::chance::Chance;
use crate::ranking::Order;
use crate::resp::reply::Reply;
use crate::store::{Board, Points, Reader};
use std::collections::HashSet;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "zrandmember",
    group: Group::SortedSet,
    syntax: "key [count [WITHSCORES]]",
    summary: "Returns members drawn at random",
    since: "6.2.0",
    complexity: "O(M log N) with M members returned",
    arity: -2,
    flags: &[Flag::Readonly],
    tips: &["nondeterministic_output"],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
    run: Handler::Read(zrandmember),
    ..CommandSpec::BASE
}];

fn zrandmember(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut chance = Chance::drawn();
    if call.arguments.len() == 2 {
        match keys.get::<Board>(call.argument(1))? {
            Some(board) if !board.is_empty() => {
                visit_rank(board, random_rank(board, &mut chance), |member, _| reply.bulk(member));
            }
            _ => reply.null(),
        }
        return Ok(());
    }
    let Draw { count, with_repeats, with_values: with_scores } =
        Draw::parse(call, Some("withscores"), "members")?;
    let Some(board) = keys.get::<Board>(call.argument(1))?.filter(|board| !board.is_empty()) else {
        reply.array(0);
        return Ok(());
    };
    let count = if with_repeats { count } else { count.min(board.len()) };
    call.announce(count)?;
    if with_scores {
        reply.scored_list(count);
    } else {
        reply.array(count);
    }
    let mut show = |member: &[u8], score: Points| {
        if with_scores { reply.scored_points(member, score) } else { reply.bulk(member) }
    };
    if with_repeats {
        let mut member_bytes = 0;
        for _ in 0..count {
            visit_rank(board, random_rank(board, &mut chance), |member, score| {
                member_bytes += member.len();
                show(member, score);
            });
            if member_bytes > limits::REPEATED_MEMBERS_BYTES {
                return Err(CommandError::text(
                    "ERR the members take more than 64 MiB, draw fewer at a time",
                )
                .into());
            }
        }
    } else {
        for rank in distinct_ranks(board.len(), count, &mut chance) {
            visit_rank(board, rank, &mut show);
        }
    }
    Ok(())
}

/// The board must not be empty.
fn random_rank(board: &Board, chance: &mut Chance) -> usize {
    chance.below(board.len() as u64) as usize
}

fn visit_rank(board: &Board, rank: usize, visit: impl FnMut(&[u8], Points)) {
    board.visit(rank..rank + 1, Order::Ascending, visit);
}

/// `count` different ranks below `len`, ascending so that neighbours are read together. Every choice is equally likely.
/// O(count) (R. W. Floyd, "A sample of brilliance", Communications of the ACM 30, 1987).
fn distinct_ranks(len: usize, count: usize, chance: &mut Chance) -> Vec<usize> {
    let mut chosen = HashSet::with_capacity(count);
    for last in len - count..len {
        let rank = chance.below(last as u64 + 1) as usize;
        if !chosen.insert(rank) {
            chosen.insert(last);
        }
    }
    let mut ranks: Vec<usize> = chosen.into_iter().collect();
    ranks.sort_unstable();
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_is_drawn_about_as_often_as_any_other() {
        let mut chance = Chance::seeded(5);
        for count in [1, 3, 7, 9, 10] {
            let mut drawn = [0; 10];
            for _ in 0..10_000 {
                let ranks = distinct_ranks(10, count, &mut chance);
                assert!(ranks.len() == count && ranks.is_sorted_by(|one, other| one < other));
                ranks.iter().for_each(|&rank| drawn[rank] += 1);
            }
            assert!(drawn.iter().all(|&times| (times - 1_000 * count as i32).abs() < 250), "{drawn:?}");
        }
        assert!(distinct_ranks(0, 0, &mut chance).is_empty());
    }
}
