//! Scores of boards in replies: exact scores with all their digits, doubles as Redis prints them.

use crate::ranking::Score;
use crate::resp::double::DoubleText;
use crate::resp::reply::Reply;
use crate::store::{Points, Scores};
use crate::text::fixed_point::FixedPointText;
use crate::text::name_run::NameRun;

/// Writes scores with the types that Redis's replies have: bulk strings in RESP2, doubles in RESP3.
pub(in crate::commands) trait PointsReply {
    /// A score.
    fn points(&mut self, points: Points);

    /// A score as the commands of boards show it: exact scores are bulk strings in both protocols.
    fn shown_points(&mut self, points: Points);

    /// One pair of a [`Reply::scored_list`].
    fn scored_points(&mut self, member: &[u8], points: Points);

    /// Some pairs of a [`Reply::scored_list`]: the members and as many scores.
    fn scores_run(&mut self, members: &NameRun<'_>, scores: Scores<'_>);
}

impl PointsReply for Reply<'_> {
    #[inline]
    fn points(&mut self, points: Points) {
        match points {
            Points::Float(score) => self.double(score.get()),
            Points::Exact { digits, units } => self.digits(FixedPointText::of(units, digits).as_bytes()),
        }
    }

    fn shown_points(&mut self, points: Points) {
        match points {
            Points::Float(score) => self.double(score.get()),
            Points::Exact { .. } => with_text(points, |text| self.bulk(text)),
        }
    }

    #[inline]
    fn scored_points(&mut self, member: &[u8], points: Points) {
        match points {
            Points::Float(score) => self.scored(member, score.get()),
            Points::Exact { .. } => {
                self.pair();
                self.bulk(member);
                self.points(points);
            }
        }
    }

    #[inline]
    fn scores_run(&mut self, members: &NameRun<'_>, scores: Scores<'_>) {
        match scores {
            Scores::Floats(scores) => self.scored_run::<Score>(members, scores),
            Scores::Exact { .. } => {
                let (mut name, mut index) = (Vec::new(), 0);
                members.for_each(&mut name, |member| {
                    self.scored_points(member, scores.at(index));
                    index += 1;
                });
            }
        }
    }
}

/// Calls `show` with the text of a score.
pub(in crate::commands) fn with_text<R>(points: Points, show: impl FnOnce(&[u8]) -> R) -> R {
    match points {
        Points::Float(score) => show(DoubleText::of(score.get()).as_bytes()),
        Points::Exact { digits, units } => show(FixedPointText::of(units, digits).as_bytes()),
    }
}
