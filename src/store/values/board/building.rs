//! Boards built from entries that come in order, as a base has them: a tenth of the cost of insertions.

use super::keys::{BoardKey, KeyRules};
use super::points::{Attained, Points};
use super::policy::{Policy, Ties};
use super::ranked::AnyRanking;
use super::{Board, BoardRules, Content, Ruled, ScoreType};
use crate::ranking::{BlockRanking, RankingBuilder, Score, Timed, Whole};

/// A board that is being built from ascending entries.
#[derive(Debug)]
pub(in crate::store) struct BoardInOrder(Building);

#[derive(Debug)]
enum Building {
    Plain(InOrder<Score>),
    Ruled { rules: Box<BoardRules>, members: AnyInOrder, sum: i128 },
}

/// Ascending entries of one sort key.
#[derive(Debug)]
struct InOrder<K: BoardKey> {
    builder: RankingBuilder<K>,
    /// The last entry. The next one must be above it in the order (key, member).
    last_key: Option<K>,
    last_member: Vec<u8>,
}

#[derive(Debug)]
enum AnyInOrder {
    Floats(InOrder<Score>),
    Wholes(InOrder<Whole>),
    TimedFloats(InOrder<Timed<Score>>),
    TimedWholes(InOrder<Timed<Whole>>),
}

impl BoardInOrder {
    /// A board without a policy, or with these rules.
    pub(in crate::store) fn new(seed: u64, rules: Option<BoardRules>) -> Self {
        Self(match rules {
            None => Building::Plain(InOrder::with_seed(seed)),
            Some(rules) => Building::Ruled {
                members: AnyInOrder::new(&rules.policy, seed),
                rules: Box::new(rules),
                sum: 0,
            },
        })
    }

    /// Adds an entry of a board without a policy. Returns false, and adds nothing, if it is not above the last one or the board
    /// has a policy.
    pub(in crate::store) fn push_score(&mut self, member: &[u8], score: Score) -> bool {
        match &mut self.0 {
            Building::Plain(entries) => entries.push(member, score),
            Building::Ruled { .. } => false,
        }
    }

    /// Adds an entry of a board with a policy. Returns false, and adds nothing, if it is not above the last one or not of this
    /// board.
    pub(in crate::store) fn push_attained(&mut self, member: &[u8], attained: Attained) -> bool {
        let Building::Ruled { rules, members, sum } = &mut self.0 else { return false };
        let is_added = members.push(member, attained, KeyRules::of(&rules.policy));
        if is_added {
            *sum += attained.points.units();
        }
        is_added
    }

    /// Notes an id of a board with a policy.
    pub(in crate::store) fn note_id(&mut self, ordinal: u64, id: &[u8]) -> bool {
        let Building::Ruled { rules, .. } = &mut self.0 else { return false };
        let most = rules.policy.ids;
        rules.ids.note(ordinal, id, most);
        true
    }

    /// The board of all entries. Of a member that has several, one stays.
    pub(in crate::store) fn finish(self) -> Board {
        Board(match self.0 {
            Building::Plain(entries) => Content::Plain(entries.builder.finish_with_doubles(|_| ())),
            Building::Ruled { rules, members, mut sum } => {
                let key_rules = KeyRules::of(&rules.policy);
                let members = members.finish(key_rules, &mut |points| sum -= points.units());
                Content::Ruled(Box::new(Ruled { rules: *rules, members, sum }))
            }
        })
    }
}

impl<K: BoardKey> InOrder<K> {
    fn with_seed(seed: u64) -> Self {
        Self { builder: RankingBuilder::with_seed(seed), last_key: None, last_member: Vec::new() }
    }

    fn push(&mut self, member: &[u8], key: K) -> bool {
        let is_above =
            self.last_key.is_none_or(|last| key > last || (key == last && *member > *self.last_member));
        if is_above {
            self.last_key = Some(key);
            self.last_member.clear();
            self.last_member.extend_from_slice(member);
            self.builder.push(member, key);
        }
        is_above
    }
}

impl AnyInOrder {
    fn new(policy: &Policy, seed: u64) -> Self {
        match (policy.score, policy.ties) {
            (ScoreType::Float, Ties::Member) => Self::Floats(InOrder::with_seed(seed)),
            (ScoreType::Exact { .. }, Ties::Member) => Self::Wholes(InOrder::with_seed(seed)),
            (ScoreType::Float, Ties::First) => Self::TimedFloats(InOrder::with_seed(seed)),
            (ScoreType::Exact { .. }, Ties::First) => Self::TimedWholes(InOrder::with_seed(seed)),
        }
    }

    fn push(&mut self, member: &[u8], attained: Attained, rules: KeyRules) -> bool {
        fn of<K: BoardKey>(entries: &mut InOrder<K>, member: &[u8], key: Option<K>) -> bool {
            key.is_some_and(|key| entries.push(member, key))
        }
        match self {
            Self::Floats(entries) => of(entries, member, BoardKey::of(attained, rules)),
            Self::Wholes(entries) => of(entries, member, BoardKey::of(attained, rules)),
            Self::TimedFloats(entries) => of(entries, member, BoardKey::of(attained, rules)),
            Self::TimedWholes(entries) => of(entries, member, BoardKey::of(attained, rules)),
        }
    }

    /// `removed` gets the points of entries whose member has another one.
    fn finish(self, rules: KeyRules, removed: &mut dyn FnMut(Points)) -> AnyRanking {
        fn of<K: BoardKey>(
            entries: InOrder<K>,
            rules: KeyRules,
            removed: &mut dyn FnMut(Points),
        ) -> BlockRanking<K> {
            entries.builder.finish_with_doubles(|key| removed(key.attained(rules).points))
        }
        match self {
            Self::Floats(entries) => AnyRanking::Floats(of(entries, rules, removed)),
            Self::Wholes(entries) => AnyRanking::Wholes(of(entries, rules, removed)),
            Self::TimedFloats(entries) => AnyRanking::TimedFloats(of(entries, rules, removed)),
            Self::TimedWholes(entries) => AnyRanking::TimedWholes(of(entries, rules, removed)),
        }
    }
}
