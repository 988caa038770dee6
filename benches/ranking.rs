//! Benchmarks of the ranking structures in process: time of an operation, bytes a member, the longest single operation.
//!
//! ```text
//! cargo bench --bench ranking                       # 1 M members, all structures
//! RANKD_BENCH_MEMBERS=10000000 cargo bench --bench ranking -- blocks    # or pauses, btree, skiplist,
//!                                                   # whole, timed: blocks of integers, of integers and moments
//! ```
//!
//! Members are `user:%012d` in random order with random whole scores below 100,000, as in the project's
//! server benchmark. A row is the median of a few rounds of processor time on one structure that stays
//! loaded. Memory is the growth of the resident set of the process. The longest operations are measured by the clock and by
//! processor time; the difference shows whether the machine was busy. There is no statistics engine: a round of a million
//! operations is an average, and the medians remove the influence of other programs on a shared machine.

use std::hint::black_box;
use std::sync::atomic::{self, AtomicU64};
use std::time::Duration;

use rankd::machine::chance::Chance;
use rankd::machine::usage::{CountingAllocator, allocated_bytes, resident_bytes};
use rankd::ranking::{
    Aim, BlockRanking, Bound, Order, RankedMembers, Ranking, Score, SkipListRanking, SortKey, Timed, Whole,
};
use rankd::resp::Protocol;
use rankd::resp::reply::Reply;

#[path = "ranking_structures/btree.rs"]
mod btree;
#[path = "ranking_structures/pauses.rs"]
mod pauses;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const SCORES: u64 = 100_000;
const ROUNDS: usize = 5;
const BATCH: usize = 16;
/// The names of a batch are in one buffer, so that creating them takes little of the measured time.
const NAME_BYTES: usize = 17;

fn write_name(number: u64, name: &mut [u8; NAME_BYTES]) {
    name[..5].copy_from_slice(b"user:");
    let mut rest = number;
    for digit in name[5..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// A key type that can be made from a whole score below [`SCORES`].
trait Scored: SortKey {
    fn of(score: u64) -> Self;

    /// The increment that adds `score` to a key.
    fn increment(score: u64) -> Self::Increment;
}

impl Scored for Score {
    fn of(score: u64) -> Self {
        Self::new(score as f64).unwrap_or_default()
    }

    fn increment(score: u64) -> f64 {
        score as f64
    }
}

impl Scored for Whole {
    fn of(score: u64) -> Self {
        Self(score as i64)
    }

    fn increment(score: u64) -> i64 {
        score as i64
    }
}

/// Moments of a board with ten thousand new scores a second: milliseconds, and a sequence number of 16 bits.
impl Scored for Timed<Whole> {
    fn of(score: u64) -> Self {
        Self::new(Whole::of(score), next_moment())
    }

    fn increment(score: u64) -> (i64, u64) {
        (score as i64, next_moment())
    }
}

fn next_moment() -> u64 {
    static SO_FAR: AtomicU64 = AtomicU64::new(17_000_000_000_000);
    let number = SO_FAR.fetch_add(1, atomic::Ordering::Relaxed);
    let (ms, sequence) = (number / 10, number % 10);
    ms << 16 | sequence
}

fn random_score<K: Scored>(chance: &mut Chance) -> K {
    K::of(chance.below(SCORES))
}

/// The processor time of this thread. Other programs on the machine affect it less than the clock.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// The numbers 0..n in a sufficiently random order, without memory: multiples of a unit modulo a prime above n.
fn shuffled(n: u64) -> impl Iterator<Item = u64> {
    let prime =
        (n.max(3)..).find(|p| (2..).take_while(|d| d * d <= *p).all(|d| p % d != 0)).expect("a prime");
    let unit = (prime as f64 * 0.618_033_988) as u64;
    (1..=prime)
        .map(move |i| (u128::from(i) * u128::from(unit) % u128::from(prime)) as u64)
        .filter(move |&i| i < n)
}

struct Report {
    structure: &'static str,
    members: u64,
}

impl Report {
    fn row(&self, what: &str, figure: &str) {
        println!("{:<10} {:>9}  {what:<34} {figure}", self.structure, self.members);
    }

    /// Prints the median, over all rounds, of the time of an operation; `round` runs `operations` of them.
    fn time(&self, what: &str, operations: usize, mut round: impl FnMut()) {
        let mut rounds: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = processor_time();
                round();
                (processor_time() - start).as_nanos() as f64 / operations as f64
            })
            .collect();
        rounds.sort_by(f64::total_cmp);
        self.row(
            what,
            &format!("{:>9.0} ns  ({:.0} to {:.0})", rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]),
        );
    }
}

fn load<R: RankedMembers<Key: Scored>>(report: &Report, chance: &mut Chance) -> R {
    let (before, allocated_before) = (resident_bytes(), allocated_bytes());
    let mut ranking = R::with_seed(1);
    let mut name = [0; NAME_BYTES];
    let start = processor_time();
    for number in shuffled(report.members) {
        write_name(number, &mut name);
        let score = random_score(chance);
        ranking.update(&name, |_| Some(score));
    }
    let each = (processor_time() - start).as_nanos() as f64 / report.members as f64;
    report.row("insert, random", &format!("{each:>9.0} ns"));
    let resident = (resident_bytes() - before) as f64 / report.members as f64;
    let counted = ranking.memory_bytes() as f64 / report.members as f64;
    let allocated = allocated_bytes() - allocated_before;
    let allocated = allocated as f64 / report.members as f64;
    report.row(
        "memory a member",
        &format!("{resident:>9.1} bytes resident, {allocated:.1} allocated, {counted:.1} by its own account"),
    );
    ranking
}

/// Measures an operation one by one and in prefetched batches. The operation gets a name and a score below [`SCORES`].
fn single_and_batched<R: RankedMembers<Key: Scored>>(
    report: &Report,
    what: &str,
    ranking: &mut R,
    chance: &mut Chance,
    prefetch: impl Fn(&R, &[([u8; NAME_BYTES], R::Key)]),
    operation: impl Fn(&mut R, &[u8], R::Key),
) {
    let operations = 400_000;
    let members = report.members;
    let mut batch = [([0; NAME_BYTES], R::Key::default()); BATCH];
    for size in [1, BATCH] {
        let label = if size == 1 { what.to_owned() } else { format!("{what}, batches of {BATCH}") };
        report.time(&label, operations, || {
            for _ in 0..operations / size {
                for (name, score) in &mut batch[..size] {
                    write_name(chance.below(members), name);
                    *score = random_score(chance);
                }
                if size > 1 {
                    prefetch(ranking, &batch);
                }
                for (name, score) in &batch[..size] {
                    operation(ranking, name, *score);
                }
            }
        });
    }
}

fn names<K>(batch: &[([u8; NAME_BYTES], K)]) -> impl Iterator<Item = &[u8]> + Clone {
    batch.iter().map(|(name, _)| name.as_slice())
}

fn operations<R: RankedMembers<Key: Scored>>(report: &Report, ranking: &mut R, chance: &mut Chance) {
    let prefetch = |ranking: &R, batch: &[_]| ranking.prefetch(names(batch));
    single_and_batched(report, "score", ranking, chance, prefetch, |ranking, name, _| {
        black_box(ranking.score(name));
    });
    let operations = 400_000;
    let mut members = vec![[0; NAME_BYTES]; 200];
    report.time("score, 200 together", operations, || {
        for _ in 0..operations / members.len() {
            members.iter_mut().for_each(|name| write_name(chance.below(report.members), name));
            ranking.scores(members.iter().map(|name| name.as_slice()), |score| {
                black_box(score);
            });
        }
    });
    let prefetch = |ranking: &R, batch: &[_]| ranking.prefetch_ranks(names(batch));
    single_and_batched(report, "rank", ranking, chance, prefetch, |ranking, name, _| {
        black_box(ranking.rank(name, Order::Descending));
    });
    let prefetch = |ranking: &R, batch: &[([u8; NAME_BYTES], R::Key)]| {
        ranking.prefetch_updates(batch.iter().map(|(name, score)| (name.as_slice(), Aim::Score(*score))));
    };
    single_and_batched(report, "update, random score", ranking, chance, prefetch, |ranking, name, score| {
        black_box(ranking.update(name, |_| Some(score)));
    });
    let prefetch = |ranking: &R, batch: &[([u8; NAME_BYTES], R::Key)]| {
        ranking.prefetch_updates(names(batch).map(|name| (name, Aim::Increment(R::Key::increment(1)))));
    };
    single_and_batched(report, "increment by 1", ranking, chance, prefetch, |ranking, name, _| {
        black_box(ranking.update(name, |before| Some(before.unwrap_or_default().plus(R::Key::increment(1)))));
    });
    let members = report.members as usize;
    report.time("position of a score", 100_000, || {
        for _ in 0..100_000 {
            let score = random_score(chance);
            black_box(ranking.position(Bound::BelowScore(score)));
        }
    });
    report.time("top 100", 10_000, || {
        for _ in 0..10_000 {
            ranking.visit(members - 100..members, Order::Descending, |member, score| {
                black_box((member, score));
            });
        }
    });
    report.time("100 from a random rank", 10_000, || {
        for _ in 0..10_000 {
            let start = chance.below(report.members - 100) as usize;
            ranking.visit(start..start + 100, Order::Ascending, |member, score| {
                black_box((member, score));
            });
        }
    });
}

/// Ranges written as replies, for doubles, which are the scores of replies.
fn replies<R: RankedMembers<Key = Score>>(report: &Report, ranking: &R) {
    let members = report.members as usize;
    for (label, protocol) in
        [("top 100 as a reply", Protocol::Resp2), ("top 100 as a RESP3 reply", Protocol::Resp3)]
    {
        let mut out = Vec::new();
        report.time(label, 10_000, || {
            for _ in 0..10_000 {
                out.clear();
                let mut reply = Reply::new(&mut out, protocol);
                reply.scored_list(100);
                ranking.visit_runs(members - 100..members, Order::Descending, |members, scores| {
                    reply.scored_run(members, scores);
                });
                black_box(&out);
            }
        });
    }
}

/// Loads a ranking and measures all operations on it.
fn measured<R: RankedMembers<Key: Scored>>(report: &Report, chance: &mut Chance) -> R {
    let mut ranking = load(report, chance);
    operations(report, &mut ranking, chance);
    ranking
}

fn bulk_build<K: SortKey>(report: &Report, ranking: &BlockRanking<K>) {
    let mut sorted = Vec::new();
    ranking.visit(0..ranking.len(), Order::Ascending, |member, score| {
        let name: [u8; NAME_BYTES] = member.try_into().expect("all names are of one length");
        sorted.push((name, score));
    });
    let start = processor_time();
    let built = BlockRanking::from_sorted(3, sorted.iter().map(|(name, score)| (name.as_slice(), *score)));
    let each = (processor_time() - start).as_nanos() as f64 / report.members as f64;
    let counted = built.memory_bytes() as f64 / report.members as f64;
    report.row("bulk build, sorted", &format!("{each:>9.0} ns, {counted:.1} bytes by its own account"));
}

fn main() {
    let members = std::env::var("RANKD_BENCH_MEMBERS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    // Cargo passes flags of its own; a bare word chooses a structure.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wants = |name: &str| chosen.is_empty() || chosen.iter().any(|c| c == name);
    let mut chance = Chance::seeded(42);
    if wants("pauses") {
        pauses::measure::<Ranking>(&Report { structure: "blocks", members });
    }
    if wants("blocks") {
        let report = Report { structure: "blocks", members };
        let ranking: Ranking = measured(&report, &mut chance);
        replies(&report, &ranking);
        bulk_build(&report, &ranking);
    }
    if wants("whole") {
        let report = Report { structure: "whole", members };
        let ranking: BlockRanking<Whole> = measured(&report, &mut chance);
        bulk_build(&report, &ranking);
    }
    if wants("timed") {
        let report = Report { structure: "timed", members };
        let ranking: BlockRanking<Timed<Whole>> = measured(&report, &mut chance);
        bulk_build(&report, &ranking);
    }
    if wants("btree") {
        let report = Report { structure: "btree", members };
        let ranking: btree::BTreeRanking = measured(&report, &mut chance);
        replies(&report, &ranking);
    }
    if wants("skiplist") {
        let report = Report { structure: "skiplist", members };
        let ranking: SkipListRanking = measured(&report, &mut chance);
        replies(&report, &ranking);
    }
}
