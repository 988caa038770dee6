//! Random operations. Each is applied to a structure and to the oracle.

use std::collections::BTreeSet;
use std::ops::Range;

use proptest::prelude::*;
use rankd::ranking::{Aim, Bound, Order, RankedMembers};

use super::keys::TestKey;
use super::oracle::{Oracle, Pair};

/// One operation. Ranks are given as fractions (of 2^16) of the present length.
#[derive(Clone, Debug)]
pub(crate) enum Step<K: TestKey> {
    Set(Vec<u8>, K),
    Add(Vec<u8>, K::Increment),
    SetIfPresent(Vec<u8>, K),
    SetIfAbsent(Vec<u8>, K),
    Decline(Vec<u8>),
    Remove(Vec<u8>),
    RemoveRange(u16, u16),
    /// A complete scan, with removals and additions between its calls.
    Scan {
        count: usize,
        meanwhile: Vec<(Vec<u8>, Option<K>)>,
    },
    Prefetch(Vec<Vec<u8>>),
    /// Sets a run of members `prefix` + number at once, so that structures grow past their small forms.
    Fill {
        prefix: &'static str,
        start: u32,
        count: u16,
        stride: u8,
        scores: u16,
    },
}

pub(crate) fn ranks(len: usize, a: u16, b: u16) -> Range<usize> {
    let place = |fraction: u16| (usize::from(fraction) * (len + 1)) >> 16;
    place(a.min(b))..place(a.max(b))
}

/// Applies `step` to both and compares what they answered.
pub(crate) fn apply<K: TestKey>(
    ranking: &mut impl RankedMembers<Key = K>,
    oracle: &mut Oracle<K>,
    step: &Step<K>,
) {
    let mut both = |member: &[u8], decide: &dyn Fn(Option<K>) -> Option<K>| {
        assert_eq!(ranking.update(member, decide), oracle.update(member, decide));
    };
    match step {
        Step::Set(member, key) => both(member, &|_| Some(*key)),
        Step::Add(member, increment) => {
            both(member, &|before| Some(before.unwrap_or_default().plus(*increment)));
        }
        Step::SetIfPresent(member, key) => both(member, &|before| before.map(|_| *key)),
        Step::SetIfAbsent(member, key) => {
            both(member, &|before| if before.is_none() { Some(*key) } else { None });
        }
        Step::Decline(member) => both(member, &|_| None),
        Step::Remove(member) => assert_eq!(ranking.remove(member), oracle.remove(member)),
        Step::RemoveRange(a, b) => {
            let ranks = ranks(oracle.pairs().len(), *a, *b);
            let mut removed = Vec::new();
            ranking.remove_range(ranks.clone(), |m, s| removed.push((m.to_vec(), s)));
            assert_eq!(removed, oracle.remove_range(ranks));
        }
        Step::Scan { count, meanwhile } => scan(ranking, oracle, *count, meanwhile),
        Step::Prefetch(members) => {
            let members = members.iter().map(Vec::as_slice);
            ranking.prefetch(members.clone());
            ranking.prefetch_ranks(members.clone());
            let aims = members.enumerate().map(|(i, member)| {
                let (n, moment) = (i as i64, i as u64);
                let aim = if i % 2 == 0 {
                    Aim::Score(K::of(n, moment))
                } else {
                    Aim::Increment(K::increment(n, moment))
                };
                (member, aim)
            });
            ranking.prefetch_updates(aims);
        }
        Step::Fill { prefix, start, count, stride, scores } => {
            for i in 0..u32::from(*count) {
                let number = start + i * u32::from(*stride);
                let member = format!("{prefix}{number:012}");
                // Not in the order of the run, but in an order that does not depend on a seed.
                let mixed = number.wrapping_mul(2_654_435_761);
                let score = i64::from(mixed >> 7) % i64::from(*scores);
                both(member.as_bytes(), &|_| Some(K::of(score, u64::from(mixed % 1000))));
            }
        }
    }
}

fn scan<K: TestKey>(
    ranking: &mut impl RankedMembers<Key = K>,
    oracle: &mut Oracle<K>,
    count: usize,
    meanwhile: &[(Vec<u8>, Option<K>)],
) {
    let mut throughout: BTreeSet<Vec<u8>> = oracle.pairs().iter().map(|(m, _)| m.clone()).collect();
    let mut seen = BTreeSet::new();
    let mut changes = meanwhile.iter();
    let mut cursor = 0;
    loop {
        cursor = ranking.scan(cursor, count, |member, score| {
            assert_eq!(oracle.score(member), Some(score), "a scan shows what is there");
            seen.insert(member.to_vec());
        });
        if cursor == 0 {
            break;
        }
        if let Some((member, change)) = changes.next() {
            match change {
                Some(key) => {
                    let set = |_| Some(*key);
                    assert_eq!(ranking.update(member, set), oracle.update(member, set));
                }
                None => {
                    assert_eq!(ranking.remove(member), oracle.remove(member));
                    throughout.remove(member);
                }
            }
        }
    }
    let missed: Vec<_> = throughout.difference(&seen).collect();
    assert!(missed.is_empty(), "a scan missed {missed:?}");
}

/// Compares the results of all queries: all pairs in both directions, each member, and the bounds around `probes`.
pub(crate) fn compare<K: TestKey>(
    ranking: &impl RankedMembers<Key = K>,
    oracle: &Oracle<K>,
    probes: &[(Vec<u8>, K)],
    a: u16,
    b: u16,
) {
    ranking.check_invariants();
    let pairs = oracle.pairs();
    assert_eq!(ranking.len(), pairs.len());
    assert_eq!(ranking.is_empty(), pairs.is_empty());
    for range in [0..pairs.len(), ranks(pairs.len(), a, b)] {
        let visited = |order| {
            let mut visited: Vec<Pair<K>> = Vec::new();
            ranking.visit(range.clone(), order, |m, s| visited.push((m.to_vec(), s)));
            visited
        };
        let runs = |order| {
            let mut visited: Vec<Pair<K>> = Vec::new();
            ranking.visit_runs(range.clone(), order, |members, scores| {
                assert_eq!(members.count(), scores.len());
                let mut scores = scores.iter();
                members.for_each(&mut Vec::new(), |member| {
                    visited.push((member.to_vec(), *scores.next().expect("a score for each member")));
                });
            });
            visited
        };
        assert_eq!(runs(Order::Ascending), visited(Order::Ascending));
        assert_eq!(runs(Order::Descending), visited(Order::Descending));
        let expected = &pairs[range.clone()];
        assert_eq!(visited(Order::Ascending), expected);
        assert!(visited(Order::Descending).iter().eq(expected.iter().rev()));
    }
    // Only every n-th member of a long ranking is checked, so that the time of a test does not grow.
    for (rank, (member, score)) in pairs.iter().enumerate().step_by(1 + pairs.len() / 100) {
        // The rank of the first member with an equal score, from either end.
        let first = pairs.partition_point(|(_, other)| other < score);
        assert_eq!(ranking.position(Bound::BelowScore(*score)), first);
        let first_from_above = pairs.iter().rev().position(|(_, other)| other == score);
        assert_eq!(first_from_above, Some(pairs.len() - ranking.position(Bound::AboveScore(*score))));
        assert_eq!(ranking.score(member), Some(*score));
        assert_eq!(ranking.rank(member, Order::Ascending), Some((rank, *score)));
        assert_eq!(ranking.rank(member, Order::Descending), Some((pairs.len() - 1 - rank, *score)));
    }
    // Members that exist and members that do not, in more than one round of a batch.
    let asked = pairs.iter().map(|(member, _)| member.as_slice());
    let asked =
        asked.step_by(1 + pairs.len() / 100).chain(probes.iter().map(|(member, _)| member.as_slice()));
    let mut scores = Vec::new();
    ranking.scores(asked.clone(), |score| scores.push(score));
    assert!(scores.into_iter().eq(asked.map(|member| oracle.score(member))));
    for (member, score) in probes {
        assert_eq!(ranking.score(member), oracle.score(member));
        assert_eq!(ranking.rank(member, Order::Ascending).map(|(rank, _)| rank), oracle.rank(member));
        for bound in [
            Bound::BelowScore(*score),
            Bound::AboveScore(*score),
            Bound::BelowEntry(*score, member),
            Bound::AboveEntry(*score, member),
            Bound::BelowMember(member),
            Bound::AboveMember(member),
        ] {
            assert_eq!(ranking.position(bound), oracle.position(bound), "{bound:?}");
        }
    }
}

/// Members that are often equal: short ones, decimal ids of every length, the empty one, and long ones.
pub(crate) fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0u32..300).prop_map(|n| format!("user:{n:012}").into_bytes()),
        3 => (0u32..300).prop_map(|n| n.to_string().into_bytes()),
        2 => (0u32..60).prop_map(|n| format!("{n:03}").into_bytes()),
        1 => (0u64..40).prop_map(|n| (u64::MAX - n).to_string().into_bytes()),
        1 => (0u32..40).prop_map(|n| format!("{n}user:").into_bytes()),
        2 => proptest::collection::vec(prop_oneof![Just(0u8), Just(b'0'), Just(b'9'), Just(255u8)], 0..4),
        1 => Just(Vec::new()),
        1 => (0u8..4, 60_000usize..66_000).prop_map(|(byte, len)| vec![byte; len]),
        1 => (0u8..30).prop_map(|n| [vec![b'x'; 300], vec![n]].concat()),
    ]
}

pub(crate) fn step<K: TestKey>() -> impl Strategy<Value = Step<K>> {
    let prefix = prop_oneof![Just("user:"), Just(""), Just("a longer prefix than the others:")];
    prop_oneof![
        8 => (member(), K::any()).prop_map(|(m, v)| Step::Set(m, v)),
        4 => (member(), K::any_increment()).prop_map(|(m, v)| Step::Add(m, v)),
        1 => (member(), K::any()).prop_map(|(m, v)| Step::SetIfPresent(m, v)),
        1 => (member(), K::any()).prop_map(|(m, v)| Step::SetIfAbsent(m, v)),
        1 => member().prop_map(Step::Decline),
        4 => member().prop_map(Step::Remove),
        1 => (any::<u16>(), any::<u16>()).prop_map(|(a, b)| Step::RemoveRange(a, b)),
        1 => (1usize..40, proptest::collection::vec((member(), proptest::option::of(K::any())), 0..20))
            .prop_map(|(count, meanwhile)| Step::Scan { count, meanwhile }),
        1 => proptest::collection::vec(member(), 0..80).prop_map(Step::Prefetch),
        3 => (prefix, 0u32..2000, 1u16..400, 1u8..20, prop_oneof![Just(1u16), Just(7), Just(30_000)])
            .prop_map(|(prefix, start, count, stride, scores)| Step::Fill { prefix, start, count, stride, scores }),
    ]
}
