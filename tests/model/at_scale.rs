//! Compares the two structures on rankings of several levels while they grow, change and shrink to nothing.

use std::ops::Range;

use rankd::machine::chance::Chance;
use rankd::ranking::{
    BlockRanking, Bound, Order, RankedMembers, Ranking, Score, SkipListRanking, Timed, Whole,
};

use super::keys::TestKey;
use super::oracle::Pair;

fn pairs<R: RankedMembers>(ranking: &R, ranks: Range<usize>, order: Order) -> Vec<Pair<R::Key>> {
    let mut pairs = Vec::new();
    ranking.visit(ranks, order, |member, score| pairs.push((member.to_vec(), score)));
    pairs
}

/// The name of a member number. Most names are a prefix and digits, so that blocks of every form are neighbours.
fn name(number: u64) -> Vec<u8> {
    match number % 16 {
        0 => format!("{:x}-{number}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).into_bytes(),
        1 => number.to_string().into_bytes(),
        _ => format!("user:{number:012}").into_bytes(),
    }
}

struct Both<K: TestKey> {
    blocks: BlockRanking<K>,
    list: SkipListRanking<K>,
}

impl<K: TestKey> Both<K> {
    fn update(&mut self, member: &[u8], key: K) {
        let set = |_| Some(key);
        assert_eq!(self.blocks.update(member, set), self.list.update(member, set));
    }

    fn remove(&mut self, member: &[u8]) {
        assert_eq!(self.blocks.remove(member), self.list.remove(member));
    }

    fn compare(&self, chance: &mut Chance) {
        self.blocks.check_invariants();
        let len = self.list.len();
        assert_eq!(self.blocks.len(), len);
        assert!(pairs(&self.blocks, 0..len, Order::Ascending) == pairs(&self.list, 0..len, Order::Ascending));
        for _ in 0..200 {
            let (a, b) = (chance.below(len as u64 + 1) as usize, chance.below(len as u64 + 1) as usize);
            let ranks = a.min(b)..a.max(b).min(a.min(b) + 300);
            assert_eq!(
                pairs(&self.blocks, ranks.clone(), Order::Descending),
                pairs(&self.list, ranks, Order::Descending)
            );
            let member = name(chance.below(1 << 20));
            assert_eq!(
                self.blocks.rank(&member, Order::Descending),
                self.list.rank(&member, Order::Descending)
            );
            let score = K::of(chance.below(1100) as i64 - 50, chance.below(MOMENTS));
            for bound in
                [Bound::BelowScore(score), Bound::AboveScore(score), Bound::BelowEntry(score, &member)]
            {
                assert_eq!(self.blocks.position(bound), self.list.position(bound));
            }
        }
    }
}

/// The number of moments in an hour, in milliseconds.
const MOMENTS: u64 = 3_600_000;

#[test]
fn blocks_and_skip_list_agree_through_growth_churn_and_shrinkage() {
    agree_through_growth_churn_and_shrinkage::<Score>();
}

#[test]
fn blocks_and_skip_list_of_integers_agree_through_growth_churn_and_shrinkage() {
    agree_through_growth_churn_and_shrinkage::<Whole>();
}

#[test]
fn blocks_and_skip_list_of_timed_doubles_agree_through_growth_churn_and_shrinkage() {
    agree_through_growth_churn_and_shrinkage::<Timed<Score>>();
}

#[test]
fn blocks_and_skip_list_of_timed_integers_agree_through_growth_churn_and_shrinkage() {
    agree_through_growth_churn_and_shrinkage::<Timed<Whole>>();
}

fn agree_through_growth_churn_and_shrinkage<K: TestKey>() {
    let seed = 20_250_912;
    let mut chance = Chance::seeded(seed);
    let mut both =
        Both::<K> { blocks: BlockRanking::with_seed(seed), list: SkipListRanking::with_seed(seed) };
    let names = 60_000;
    for _ in 0..50_000 {
        let key = K::of(chance.below(1000) as i64, chance.below(MOMENTS));
        both.update(&name(chance.below(names)), key);
    }
    both.compare(&mut chance);
    // Members that ascend at the end or descend at the start: these splits leave full blocks.
    for n in 0..3_000u32 {
        let (score, moment) = (i64::from(n), u64::from(n));
        both.update(&name(1_000_000 + u64::from(n)), K::of(1000 + score, moment));
        both.update(&name(2_000_000 + u64::from(n)), K::of(-score, moment));
    }
    both.compare(&mut chance);
    for _ in 0..50_000 {
        let member = name(chance.below(names));
        match chance.below(3) {
            0 => both.remove(&member),
            // A single distant key, or a fraction, excludes the narrow forms of a block.
            1 => both.update(&member, K::apart(chance.below(4000) as i64, chance.below(MOMENTS))),
            _ => both.update(&member, K::of(chance.below(1000) as i64, chance.below(MOMENTS))),
        }
    }
    both.compare(&mut chance);
    while both.list.len() > 20 {
        let len = both.list.len() as u64;
        let start = chance.below(len);
        let ranks = start as usize..(start + 1 + chance.below(len / 8 + 1)).min(len) as usize;
        let (mut from_blocks, mut from_list) = (Vec::new(), Vec::new());
        both.blocks.remove_range(ranks.clone(), |m, s| from_blocks.push((m.to_vec(), s)));
        both.list.remove_range(ranks, |m, s| from_list.push((m.to_vec(), s)));
        assert!(from_blocks == from_list);
        both.blocks.check_invariants();
        for (member, score) in from_list.into_iter().step_by(3) {
            both.update(&member, score.plus(K::increment(-500, 0)));
            both.remove(&member);
        }
    }
    both.compare(&mut chance);
}

#[test]
fn a_bulk_build_equals_a_ranking_built_by_insertion() {
    for count in [0u32, 1, 64, 129, 5_000, 30_000] {
        let mut inserted = Ranking::with_seed(3);
        for n in 0..count {
            inserted
                .update(&name(u64::from(n)), |_| Score::new(f64::from(n.wrapping_mul(2_654_435_761) >> 22)));
        }
        let sorted = pairs(&inserted, 0..inserted.len(), Order::Ascending);
        let mut built = Ranking::from_sorted(4, sorted.iter().map(|(m, s)| (m.as_slice(), *s)));
        built.check_invariants();
        assert!(pairs(&built, 0..built.len(), Order::Ascending) == sorted);
        // A ranking that was built in bulk can be changed like any other.
        for (member, _) in sorted.iter().step_by(2) {
            built.remove(member);
        }
        built.check_invariants();
        assert_eq!(built.len(), sorted.len() / 2);
    }
}

#[test]
fn a_ranking_is_dropped_in_steps_and_is_empty_from_the_first() {
    let mut ranking = Ranking::with_seed(5);
    for n in 0..30_000u32 {
        ranking.update(&name(u64::from(n)), |_| Score::new(f64::from(n % 77)));
    }
    let mut steps = 0;
    while !ranking.drop_step() {
        assert!(ranking.is_empty());
        assert_eq!(ranking.score(&name(2)), None);
        ranking.check_invariants();
        steps += 1;
    }
    assert!(steps > 1);
    ranking.update(b"again", |_| Score::new(1.0));
    ranking.check_invariants();
    assert_eq!(ranking.len(), 1);
}

#[test]
fn a_whole_scan_of_a_large_ranking_visits_each_member_once() {
    let mut ranking = Ranking::with_seed(6);
    for n in 0..20_000u32 {
        ranking.update(&name(u64::from(n)), |_| Score::new(f64::from(n % 5)));
    }
    let mut seen = Vec::new();
    let mut cursor = 0;
    loop {
        let before = seen.len();
        cursor = ranking.scan(cursor, 10, |member, _| seen.push(member.to_vec()));
        assert!(seen.len() - before < 40, "a call visits about as many as asked");
        assert!(cursor < 1 << 48);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), 20_000);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20_000);
}
