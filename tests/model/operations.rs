//! Each structure behind `RankedMembers`, driven by random operations and compared with the oracle after every one.

use proptest::prelude::*;
use rankd::ranking::{BlockRanking, RankedMembers, Score, SkipListRanking};

use super::oracle::Oracle;
use super::steps::{Step, apply, compare, member, step, value};

fn agrees_with_oracle<R: RankedMembers>(
    seed: u64,
    steps: &[Step],
    probes: &[(Vec<u8>, f64)],
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

fn probes() -> impl Strategy<Value = Vec<(Vec<u8>, f64)>> {
    proptest::collection::vec((member(), value()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blocks_agree_with_oracle(
        seed: u64, steps in proptest::collection::vec(step(), 1..60), probes in probes(), a: u16, b: u16,
    ) {
        agrees_with_oracle::<BlockRanking>(seed, &steps, &probes, a, b);
    }

    #[test]
    fn skip_list_agrees_with_oracle(
        seed: u64, steps in proptest::collection::vec(step(), 1..60), probes in probes(), a: u16, b: u16,
    ) {
        agrees_with_oracle::<SkipListRanking>(seed, &steps, &probes, a, b);
    }
}

/// redis-benchmark's own ZADD gives every member score 0: the order is then the members' alone.
fn all_scores_equal<R: RankedMembers>() {
    let steps = [
        Step::Fill { prefix: "element:", start: 0, count: 3000, stride: 7, scores: 1 },
        Step::RemoveRange(20_000, 40_000),
        Step::Fill { prefix: "element:", start: 3, count: 3000, stride: 5, scores: 1 },
        Step::Scan { count: 10, meanwhile: Vec::new() },
        Step::RemoveRange(0, u16::MAX),
    ];
    let probes = [(b"element:000000000777".to_vec(), 0.0), (Vec::new(), 0.0), (b"zzz".to_vec(), 1.0)];
    agrees_with_oracle::<R>(1, &steps, &probes, 9_000, 50_000);
}

/// Members far larger than a block must neither be lost nor make their neighbours slow.
fn large_members<R: RankedMembers>() {
    let mut ranking = R::with_seed(2);
    let mut oracle = Oracle::default();
    for round in 0u32..3 {
        for n in 0u32..120 {
            let mut member = vec![b'm'; if n % 3 == 0 { 64 * 1024 } else { 20 }];
            member.extend(n.to_be_bytes());
            let set = |_| Score::new(f64::from(n * (round + 1) % 7));
            assert_eq!(ranking.update(&member, set), oracle.update(&member, set));
        }
        compare(&ranking, &oracle, &[(vec![b'm'; 64 * 1024], 3.0)], 10_000, 30_000);
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
    all_scores_equal::<BlockRanking>();
}

#[test]
fn blocks_with_large_members() {
    large_members::<BlockRanking>();
}
