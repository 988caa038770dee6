//! What rankings of a few members, and of members long gone, cost by their own account.

use rankd::ranking::{BlockRanking, RankedMembers, Score};

fn filled(count: u32) -> BlockRanking {
    let mut ranking = BlockRanking::with_seed(8);
    for n in 0..count {
        let member = format!("user:{:012}", u64::from(n) * 7_919 % 1_000_003);
        ranking.update(member.as_bytes(), |_| Score::new(f64::from(n.wrapping_mul(2_654_435_761) >> 15)));
    }
    ranking
}

#[test]
fn a_small_ranking_costs_little_more_than_its_entries() {
    // A friends' board: two hundred bytes of entries, the leaf that holds them, and the ranking itself.
    assert!(filled(50).memory_bytes() < 1200, "{} bytes", filled(50).memory_bytes());
    assert!(filled(1).memory_bytes() < 600, "{} bytes", filled(1).memory_bytes());
}

#[test]
fn a_large_ranking_of_numbered_users_costs_less_than_their_names() {
    let ranking = filled(100_000);
    let bytes_per_member = ranking.memory_bytes() as f64 / ranking.len() as f64;
    assert!(bytes_per_member < 17.0, "{bytes_per_member} bytes a member");
}

#[test]
fn removed_members_give_most_of_their_bytes_back() {
    let mut ranking = filled(100_000);
    let full = ranking.memory_bytes();
    ranking.remove_range(500..100_000, |_, _| {});
    assert!(ranking.memory_bytes() < full / 8, "{} of {full} bytes", ranking.memory_bytes());
    ranking.check_invariants();
}
