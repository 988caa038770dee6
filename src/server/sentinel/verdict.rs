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
    /// more than half of the sentinels name it, and none that has answered holds it for dead, or elects another one, whomever it
    /// names. More than half have voted in any election, so at least one of those that have answered knows of it.
    ///
    /// # Errors
    /// Why nothing follows from the answers, one for each sentinel.
    pub(super) fn of(answers: &[Result<SentinelAnswer, String>]) -> Result<Self, String> {
        let mut newest: Option<&SentinelAnswer> = None;
        for answer in answers.iter().flatten() {
            if newest.is_none_or(|known| known.epoch < answer.epoch) {
                newest = Some(answer);
            }
        }
        let failures: Vec<&str> =
            answers.iter().filter_map(|it| it.as_ref().err().map(|why| &why[..])).collect();
        let Some(newest) = newest else { return Err(failures.join("; ")) };
        if !newest.is_own {
            return Ok(Self::Follow(newest.master.clone()));
        }
        let place = &newest.master;
        let own = || answers.iter().flatten().filter(|answer| answer.is_own);
        let is_doubted = own().any(|answer| answer.is_in_doubt || has_open_vote(answer, answers));
        if is_doubted || answers.iter().flatten().any(|answer| answer.elects) {
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

/// Whether the sentinel has voted for one that may replace this server now: one that has not answered itself.
fn has_open_vote(answer: &SentinelAnswer, answers: &[Result<SentinelAnswer, String>]) -> bool {
    let has_answered =
        |leader: &String| answers.iter().flatten().any(|other| other.id.as_ref() == Some(leader));
    answer.vote.as_ref().is_some_and(|vote| vote.epoch > answer.epoch && !has_answered(&vote.leader))
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

    fn verdict(answers: &[Option<SentinelAnswer>]) -> Result<Verdict, String> {
        let answers: Vec<_> =
            answers.iter().map(|it| it.clone().ok_or_else(|| "silent".to_owned())).collect();
        Verdict::of(&answers)
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
        assert!(verdict(&[own(), voted(6), None]).is_err(), "the one that was elected may be at work");
        assert!(verdict(&[own(), voted(5), None]).is_ok(), "the election in which this server was promoted");
        assert!(verdict(&[own(), voted(6), Some(answer(2, 4))]).is_ok(), "it was elected, and does nothing");
        let elects = Some(SentinelAnswer { elects: true, ..answer(2, 4) });
        assert!(verdict(&[own(), voted(6), elects]).is_err());
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
