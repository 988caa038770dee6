//! Loads ahead what neighbouring commands of a pipeline will touch, so that the batch waits for memory once.

use crate::commands::spec::Lookahead;
use crate::ranking::{Aim, RankedMembers, Ranking, Score};
use crate::resp::double;
use crate::resp::request::Arguments;

/// Starts loading what `requests`, all of one command and on `ranking`, will touch. Requests that are not of the plain
/// form (ZADD with options, say) are left out; a wrong guess costs time and nothing else.
pub(in crate::commands) fn prefetch<'a>(
    lookahead: Lookahead,
    ranking: &Ranking,
    requests: impl Iterator<Item = Arguments<'a>> + Clone,
) {
    let member = |request: Arguments<'a>| request.get(2);
    let amount = |request: Arguments<'a>| {
        let amount = request.get(2).and_then(double::parse).filter(|_| request.len() == 4)?;
        Some((request.get(3)?, amount))
    };
    match lookahead {
        Lookahead::Key => {}
        Lookahead::Score => ranking.prefetch(requests.filter_map(member)),
        Lookahead::Rank => ranking.prefetch_ranks(requests.filter_map(member)),
        Lookahead::Update => ranking.prefetch_updates(requests.filter_map(|request| {
            let (member, score) = amount(request)?;
            Some((member, Aim::Score(Score::new(score)?)))
        })),
        Lookahead::Increment => ranking.prefetch_updates(
            requests.filter_map(amount).map(|(member, amount)| (member, Aim::Increment(amount))),
        ),
    }
}
