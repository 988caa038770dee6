//! What follows from the answers of a round.

use super::asking::SentinelAnswer;
use crate::replication::upstream::state::MasterAddress;
use std::time::Duration;

/// The part that the sentinels give to this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It follows the master at this place.
    Follow(MasterAddress),
    /// It is the master, which they know by this place.
    Lead(MasterAddress),
}

impl Verdict {
    /// Another server is followed if the newest answer names it: nobody loses by that what he was promised. This server leads if
    /// more than half of the sentinels name it, and none that has answered holds it for dead or knows of an election.
    ///
    /// # Errors
    /// Why nothing follows from the answers, one for each sentinel.
    pub(super) fn of(answers: &[Result<SentinelAnswer, String>]) -> Result<Self, String> {
        let failures: Vec<&str> =
            answers.iter().filter_map(|it| it.as_ref().err().map(|why| &why[..])).collect();
        let Some(newest) = newest(answers) else { return Err(failures.join("; ")) };
        if !newest.is_own {
            return Ok(Self::Follow(newest.master.clone()));
        }
        let place = &newest.master;
        let own = || answers.iter().flatten().filter(|answer| answer.is_own);
        if own().any(|answer| answer.is_in_doubt) || knows_of_election(answers) {
            return Err(format!(
                "the sentinels name this server, {place}, and hold it for dead or elect another one"
            ));
        }
        let (named_by, all) = (own().count(), answers.len());
        if named_by * 2 <= all {
            let rest = if failures.is_empty() { String::new() } else { format!(": {}", failures.join("; ")) };
            return Err(format!(
                "{named_by} of {all} sentinels name this server, {place}, which is not most of them{rest}"
            ));
        }
        Ok(Self::Lead(place.clone()))
    }
}

/// The newest answer, the first one of several.
fn newest(answers: &[Result<SentinelAnswer, String>]) -> Option<&SentinelAnswer> {
    answers.iter().flatten().rev().max_by_key(|answer| answer.epoch)
}

/// Whether the answers show that nobody was promoted in the place of this server before the questions: more than half name it, none
/// names another one that is newer, and none knows of an election. That a sentinel does not reach it, as for a second behind its
/// promotion, promotes nobody.
pub(super) fn vouch(answers: &[Result<SentinelAnswer, String>]) -> bool {
    let own = || answers.iter().flatten().filter(|answer| answer.is_own);
    // Those that do not say what they are do not tell their votes either.
    let may_elect = own().any(|answer| answer.is_in_doubt && answer.id.is_none());
    let is_newest = newest(answers).is_some_and(|newest| newest.is_own);
    is_newest && own().count() * 2 > answers.len() && !may_elect && !knows_of_election(answers)
}

/// Whether a sentinel that has answered elects somebody, whomever it names, or has voted for one that may do so now: one that has not
/// answered itself. More than half have voted in any election, so of more than half that have answered at least one knows of it.
fn knows_of_election(answers: &[Result<SentinelAnswer, String>]) -> bool {
    let answered = || answers.iter().flatten();
    let has_open_vote = |answer: &SentinelAnswer| {
        let Some(vote) = &answer.vote else { return false };
        vote.epoch > answer.epoch && !answered().any(|other| other.id.as_ref() == Some(&vote.leader))
    };
    answered().any(|answer| answer.elects || has_open_vote(answer))
}

/// How long a master may be silent until the most impatient of the sentinels holds it for dead, if one has said it.
pub(super) fn shortest_silence(answers: &[Result<SentinelAnswer, String>]) -> Option<Duration> {
    answers.iter().flatten().filter_map(|answer| answer.down_after).min()
}

#[cfg(test)]
mod tests {
    use super::super::asking::SentinelVote;
    use super::*;

    fn answer(port: u16, epoch: u64) -> SentinelAnswer {
        let master = MasterAddress { host: "h".into(), port };
        let (id, vote) = (Some(format!("sentinel-{epoch}")), None);
        SentinelAnswer {
            master,
            epoch,
            is_own: port == 1,
            is_in_doubt: false,
            elects: false,
            down_after: None,
            id,
            vote,
        }
    }

    fn results(answers: &[Option<SentinelAnswer>]) -> Vec<Result<SentinelAnswer, String>> {
        answers.iter().map(|it| it.clone().ok_or_else(|| "silent".to_owned())).collect()
    }

    fn verdict(answers: &[Option<SentinelAnswer>]) -> Result<Verdict, String> {
        Verdict::of(&results(answers))
    }

    #[test]
    fn a_server_leads_if_most_sentinels_name_it_and_nobody_doubts() {
        let place = |port| MasterAddress { host: "h".into(), port };
        let own = || Some(answer(1, 5));
        let doubt = Some(SentinelAnswer { is_in_doubt: true, ..answer(1, 5) });
        for answers in [
            &[own()][..],
            &[own(), own(), None],
            &[own(), own(), own()],
            &[None, own(), own(), None, own()],
            // It has not heard of the last election.
            &[own(), Some(answer(2, 4)), own()],
        ] {
            assert_eq!(verdict(answers), Ok(Verdict::Lead(place(1))), "{answers:?}");
        }
        for answers in [
            &[None][..],
            &[own(), None],
            &[own(), None, None],
            &[own(), own(), None, None],
            &[own(), Some(answer(2, 4)), None],
            &[own(), own(), doubt.clone()],
            &[doubt, own(), own(), own()],
            // It holds the server before this one for dead, and has not heard that this one was elected.
            &[own(), Some(SentinelAnswer { elects: true, ..answer(2, 4) }), own()],
        ] {
            assert!(verdict(answers).is_err(), "{answers:?}");
        }
        let newest = Some(answer(2, 6));
        for answers in [&[newest.clone()][..], &[own(), newest.clone(), own()], &[None, None, newest]] {
            assert_eq!(verdict(answers), Ok(Verdict::Follow(place(2))), "{answers:?}");
        }
    }

    #[test]
    fn a_vote_that_is_open_is_a_doubt_unless_the_elected_one_has_answered() {
        let voted = |epoch| {
            let vote = Some(SentinelVote { leader: "sentinel-4".into(), epoch });
            Some(SentinelAnswer { vote, ..answer(1, 5) })
        };
        let own = || Some(answer(1, 5));
        let elects = Some(SentinelAnswer { elects: true, ..answer(2, 4) });
        for (answers, is_closed) in [
            // The one that was elected may be at work.
            ([own(), voted(6), None], false),
            // The election in which this server was promoted.
            ([own(), voted(5), None], true),
            // It was elected, and does nothing.
            ([own(), voted(6), Some(answer(2, 4))], true),
            ([own(), voted(6), elects], false),
        ] {
            assert_eq!(verdict(&answers).is_ok(), is_closed, "{answers:?}");
            assert_eq!(vouch(&results(&answers)), is_closed, "{answers:?}");
        }
    }

    #[test]
    fn sentinels_vouch_for_a_server_that_they_do_not_reach_if_they_tell_their_votes() {
        let own = || Some(answer(1, 5));
        let unreached = Some(SentinelAnswer { is_in_doubt: true, ..answer(1, 5) });
        let silent = Some(SentinelAnswer { is_in_doubt: true, id: None, ..answer(1, 5) });
        for (answers, is_vouched) in [
            (vec![own()], true),
            (vec![own(), own(), None], true),
            (vec![own(), unreached.clone(), None], true),
            (vec![unreached.clone(), unreached.clone(), unreached], true),
            (vec![own(), own(), silent], false),
            (vec![own(), None, None], false),
            (vec![own(), own(), None, None], false),
            (vec![own(), Some(answer(2, 4)), None], false),
            (vec![own(), own(), Some(answer(2, 4))], true),
            (vec![own(), own(), Some(answer(2, 6))], false),
        ] {
            assert_eq!(vouch(&results(&answers)), is_vouched, "{answers:?}");
        }
    }

    #[test]
    fn the_most_impatient_sentinel_counts() {
        let says = |down_after_ms| SentinelAnswer {
            down_after: Some(Duration::from_millis(down_after_ms)),
            ..answer(1, 1)
        };
        assert_eq!(
            shortest_silence(&[Ok(says(5_000)), Ok(says(1_000)), Err(String::new())]),
            Some(Duration::from_secs(1))
        );
        assert_eq!(shortest_silence(&[Ok(answer(1, 1)), Err(String::new())]), None);
    }
}
