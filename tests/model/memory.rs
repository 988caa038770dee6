//! The memory of small rankings, and of rankings whose members were removed, by `memory_bytes`.

use rankd::ranking::{BlockRanking, RankedMembers, Ranking, Score, Timed, Whole};

use super::keys::TestKey;

fn filled(count: u32) -> Ranking {
    filled_with(count)
}

fn filled_with<K: TestKey>(count: u32) -> BlockRanking<K> {
    let mut ranking = BlockRanking::with_seed(8);
    for n in 0..count {
        let member = format!("user:{:012}", u64::from(n) * 7_919 % 1_000_003);
        // One score in each millisecond. The lower 16 bits of a moment are a sequence number.
        let key =
            K::of(i64::from(n.wrapping_mul(2_654_435_761) >> 15), (1_700_000_000_000 + u64::from(n)) << 16);
        ranking.update(member.as_bytes(), |_| Some(key));
    }
    ranking
}

#[test]
fn a_small_ranking_costs_little_more_than_its_entries() {
    // A board of friends: two hundred bytes of entries, their leaf, and the ranking.
    assert!(filled(50).memory_bytes() < 1200, "{} bytes", filled(50).memory_bytes());
    assert!(filled(1).memory_bytes() < 600, "{} bytes", filled(1).memory_bytes());
}

#[test]
fn a_large_ranking_of_numbered_users_costs_less_than_their_names() {
    fn bytes_per_member<K: TestKey>() -> f64 {
        let ranking = filled_with::<K>(100_000);
        ranking.memory_bytes() as f64 / ranking.len() as f64
    }
    let doubles = bytes_per_member::<Score>();
    assert!(doubles < 17.0, "{doubles} bytes a member");
    let (integers, timed) = (bytes_per_member::<Whole>(), bytes_per_member::<Timed<Whole>>());
    assert!(integers <= doubles, "{integers} bytes a member with integers, {doubles} with doubles");
    assert!(timed < doubles + 7.0, "{timed} bytes a member with moments, {doubles} without");
}

#[test]
fn removing_members_frees_most_of_their_bytes() {
    let mut ranking = filled(100_000);
    let full = ranking.memory_bytes();
    ranking.remove_range(500..100_000, |_, _| {});
    assert!(ranking.memory_bytes() < full / 8, "{} of {full} bytes", ranking.memory_bytes());
    ranking.check_invariants();
}
