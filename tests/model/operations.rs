//! Runs random operations on each implementation of `RankedMembers` and compares it with the oracle after each.

use proptest::prelude::*;
use rankd::ranking::{BlockRanking, RankedMembers, Ranking, Score, SkipListRanking, Timed, Whole};

use super::keys::TestKey;
use super::oracle::Oracle;
use super::steps::{Step, apply, compare, member, step};

fn agrees_with_oracle<R: RankedMembers<Key: TestKey>>(
    seed: u64,
    steps: &[Step<R::Key>],
    probes: &[(Vec<u8>, R::Key)],
    a: u16,
    b: u16,
) {
    let mut ranking = R::with_seed(seed);
    let mut oracle = Oracle::default();
    for step in steps {
        apply(&mut ranking, &mut oracle, step);
        compare(&ranking, &oracle, probes, a, b);
    }
}

fn steps<K: TestKey>() -> impl Strategy<Value = Vec<Step<K>>> {
    proptest::collection::vec(step(), 1..60)
}

fn probes<K: TestKey>() -> impl Strategy<Value = Vec<(Vec<u8>, K)>> {
    proptest::collection::vec((member(), K::any()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blocks_agree_with_oracle(seed: u64, steps in steps(), probes in probes(), a: u16, b: u16) {
        agrees_with_oracle::<Ranking>(seed, &steps, &probes, a, b);
    }

    #[test]
    fn skip_list_agrees_with_oracle(seed: u64, steps in steps(), probes in probes(), a: u16, b: u16) {
        agrees_with_oracle::<SkipListRanking>(seed, &steps, &probes, a, b);
    }
}

/// The other kinds of key differ from doubles only in the column of keys, so they get half as many cases.
mod other_kinds {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn blocks_of_integers_agree_with_oracle(seed: u64, steps in steps(), probes in probes(), a: u16, b: u16) {
            agrees_with_oracle::<BlockRanking<Whole>>(seed, &steps, &probes, a, b);
        }

        #[test]
        fn blocks_of_timed_doubles_agree_with_oracle(
            seed: u64, steps in steps(), probes in probes(), a: u16, b: u16,
        ) {
            agrees_with_oracle::<BlockRanking<Timed<Score>>>(seed, &steps, &probes, a, b);
        }

        #[test]
        fn blocks_of_timed_integers_agree_with_oracle(
            seed: u64, steps in steps(), probes in probes(), a: u16, b: u16,
        ) {
            agrees_with_oracle::<BlockRanking<Timed<Whole>>>(seed, &steps, &probes, a, b);
        }
    }
}

/// `ZADD z 9007199254740991 a 9007199254740992 b` and `ZCOUNT z -inf 9007199254740992` returned 1. A block of whole scores
/// searched for scores up to 2^53 as scores below 2^53 + 1, which is not a double. Members with equal scores there were in
/// arbitrary order. The limit is now one number higher, not one score higher.
fn numbers_from_one_to_the_next<R: RankedMembers<Key: TestKey>>(scores: [R::Key; 2]) {
    let steps: Vec<_> = [(b"a", 0), (b"b", 1), (b"c", 1), (b"0", 1), (b"d", 0), (b"b", 0), (b"b", 1)]
        .map(|(member, score)| Step::Set(member.to_vec(), scores[score]))
        .into();
    agrees_with_oracle::<R>(
        5,
        &steps,
        &[(b"b".to_vec(), scores[0]), (b"aa".to_vec(), scores[1])],
        0,
        u16::MAX,
    );
}

#[test]
fn scores_of_two_to_53_are_counted_and_their_ties_in_order() {
    let two_to_53 = 9_007_199_254_740_992.0;
    for scores in [[two_to_53 - 1.0, two_to_53], [-two_to_53, 1.0 - two_to_53], [two_to_53, two_to_53 + 2.0]]
    {
        let scores = scores.map(|score| Score::new(score).unwrap());
        numbers_from_one_to_the_next::<Ranking>(scores);
        numbers_from_one_to_the_next::<BlockRanking<Timed<Score>>>(scores.map(|score| Timed::new(score, 3)));
    }
}

#[test]
fn integers_at_both_ends_are_counted_and_their_ties_in_order() {
    for scores in [[i64::MAX - 1, i64::MAX], [i64::MIN, i64::MIN + 1], [i64::MIN, i64::MAX]] {
        let scores = scores.map(Whole);
        numbers_from_one_to_the_next::<BlockRanking<Whole>>(scores);
        for moments in [[0, 0], [u64::MAX, u64::MAX], [u64::MAX, 0]] {
            let scores = [0, 1].map(|i| Timed::new(scores[i], moments[i]));
            numbers_from_one_to_the_next::<BlockRanking<Timed<Whole>>>(scores);
        }
    }
}

/// Of equal scores, the one that was set first is the lower, whatever the names of the members are.
#[test]
fn equal_scores_are_ordered_by_their_moments() {
    let mut ranking = BlockRanking::<Timed<Whole>>::with_seed(9);
    for (moment, member) in (0u64..).zip([b"d", b"b", b"c", b"a"]) {
        ranking.update(member, |_| Some(Timed::new(Whole(10), moment)));
    }
    ranking.update(b"b", |_| Some(Timed::new(Whole(10), 9)));
    let mut members = Vec::new();
    ranking.visit(0..4, rankd::ranking::Order::Ascending, |member, _| members.extend_from_slice(member));
    assert_eq!(members, b"dcab");
}

/// The ZADD of redis-benchmark gives every member the score 0, so only the members decide the order.
fn all_scores_equal<R: RankedMembers<Key: TestKey>>() {
    let steps = [
        Step::Fill { prefix: "element:", start: 0, count: 3000, stride: 7, scores: 1 },
        Step::RemoveRange(20_000, 40_000),
        Step::Fill { prefix: "element:", start: 3, count: 3000, stride: 5, scores: 1 },
        Step::Scan { count: 10, meanwhile: Vec::new() },
        Step::RemoveRange(0, u16::MAX),
    ];
    let key = |score| R::Key::of(score, 500);
    let probes =
        [(b"element:000000000777".to_vec(), key(0)), (Vec::new(), key(0)), (b"zzz".to_vec(), key(1))];
    agrees_with_oracle::<R>(1, &steps, &probes, 9_000, 50_000);
}

/// Members that are much larger than a block.
fn large_members<R: RankedMembers<Key: TestKey>>() {
    let mut ranking = R::with_seed(2);
    let mut oracle = Oracle::default();
    for round in 0u32..3 {
        for n in 0u32..120 {
            let mut member = vec![b'm'; if n % 3 == 0 { 64 * 1024 } else { 20 }];
            member.extend(n.to_be_bytes());
            let set = |_| Some(R::Key::of(i64::from(n * (round + 1) % 7), u64::from(n % 5)));
            assert_eq!(ranking.update(&member, set), oracle.update(&member, set));
        }
        compare(&ranking, &oracle, &[(vec![b'm'; 64 * 1024], R::Key::of(3, 2))], 10_000, 30_000);
    }
    for (member, score) in oracle.pairs().to_vec() {
        assert_eq!(ranking.remove(&member), Some(score));
        ranking.check_invariants();
    }
    assert!(ranking.is_empty());
}

#[test]
fn skip_list_with_all_scores_equal() {
    all_scores_equal::<SkipListRanking>();
}

#[test]
fn skip_list_with_large_members() {
    large_members::<SkipListRanking>();
}

#[test]
fn blocks_with_all_scores_equal() {
    all_scores_equal::<Ranking>();
    all_scores_equal::<BlockRanking<Timed<Whole>>>();
}

#[test]
fn blocks_with_large_members() {
    large_members::<Ranking>();
    large_members::<BlockRanking<Timed<Whole>>>();
}
