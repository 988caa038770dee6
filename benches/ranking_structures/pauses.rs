//! The longest single operations of a ranking structure: none may stop a shard for long.

use super::{NAME_BYTES, ROUNDS, Report, Scored, processor_time, random_score, shuffled, write_name};
use rankd::machine::chance::Chance;
use rankd::ranking::RankedMembers;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The operations of a sequence that is run several times. Each operation is timed alone, by the clock and by the processor
/// time of this thread. The clock includes the time of other programs; both include page faults.
///
/// On a virtual machine the processor time includes time of the host and of interrupts, which affects different operations
/// in every run. The real time of an operation is the least over the runs.
struct Pauses {
    what: &'static str,
    /// The least processor time of each operation so far, in nanoseconds.
    least: Vec<u32>,
    /// The growth of the ranking in a long operation, in bytes, which shows what the operation did.
    growth: HashMap<usize, isize>,
    run: Run,
}

/// One run of a sequence.
#[derive(Default)]
struct Run {
    operations: usize,
    longest_by_clock: Duration,
    /// The processor time of the longest operation by the clock.
    processor_of_it: Duration,
    longest_by_processor: Duration,
    too_long_by_clock: usize,
    too_long_by_processor: usize,
}

/// No operation may stop a shard for longer.
const PAUSE_MAX: Duration = Duration::from_millis(5);

/// Operations that took longer are examined.
const LONG: Duration = Duration::from_micros(50);

impl Pauses {
    /// The times of a sequence of at most `operations`.
    fn new(what: &'static str, operations: usize) -> Self {
        // Written to before anything is timed: a page fault of this table would count for an operation.
        Self { what, least: vec![u32::MAX - 1; operations], growth: HashMap::new(), run: Run::default() }
    }

    fn time<R: RankedMembers, T>(&mut self, ranking: &mut R, operation: impl FnOnce(&mut R) -> T) -> T {
        let bytes_before = ranking.memory_bytes();
        let (start, processor_start) = (Instant::now(), processor_time());
        let result = operation(ranking);
        let (processor, clock) = (processor_time() - processor_start, start.elapsed());
        let run = &mut self.run;
        if processor > LONG {
            self.growth.insert(run.operations, ranking.memory_bytes() as isize - bytes_before as isize);
        }
        if clock > run.longest_by_clock {
            (run.longest_by_clock, run.processor_of_it) = (clock, processor);
        }
        run.longest_by_processor = run.longest_by_processor.max(processor);
        run.too_long_by_clock += usize::from(clock > PAUSE_MAX);
        run.too_long_by_processor += usize::from(processor > PAUSE_MAX);
        let least = &mut self.least[run.operations];
        *least = (*least).min(processor.as_nanos() as u32);
        run.operations += 1;
        result
    }

    /// Prints the times of the longest operations of the run.
    fn end_run(&mut self, report: &Report) {
        let run = std::mem::take(&mut self.run);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let figure = format!(
            "{:.2} ms of processor time, {:.2} ms by the clock ({:.2} on the processor); above {} ms: {} and {}",
            ms(run.longest_by_processor),
            ms(run.longest_by_clock),
            ms(run.processor_of_it),
            PAUSE_MAX.as_millis(),
            run.too_long_by_processor,
            run.too_long_by_clock
        );
        report.row(&format!("longest {}", self.what), &figure);
        self.least.truncate(run.operations);
    }

    /// Prints the least times, over all runs, of the longest operations.
    fn end(&mut self, report: &Report) {
        let mut order: Vec<usize> = (0..self.least.len()).collect();
        order.sort_unstable_by_key(|&operation| std::cmp::Reverse(self.least[operation]));
        let longest = order.iter().take(5).map(|operation| {
            let growth = self.growth.get(operation).copied().unwrap_or_default();
            format!(
                "{:.2} ms (number {operation}, {growth:+} bytes)",
                f64::from(self.least[*operation]) / 1e6
            )
        });
        let what = format!("longest {}, least of {ROUNDS}", self.what);
        report.row(&what, &longest.collect::<Vec<_>>().join(", "));
    }
}

/// How often this thread has been preempted so far; 0 if the system does not show it.
fn preemptions() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// Measures the longest single operations of a load, of the removal of half in slices, and of a drop of the rest in steps.
/// Every run has the same operations. None may stop a shard for long.
pub(super) fn measure<R: RankedMembers<Key: Scored>>(report: &Report) {
    const SLICE: usize = 1000;
    let members = report.members as usize;
    let mut insertions = Pauses::new("insertion of a load", members);
    let mut slices = Pauses::new("slice removed", members / 2 / SLICE + 1);
    let mut steps = Pauses::new("step of a drop", members);
    for _ in 0..ROUNDS {
        let mut chance = Chance::seeded(42);
        let preemptions_before = preemptions();
        let mut ranking = R::with_seed(2);
        let mut name = [0; NAME_BYTES];
        for number in shuffled(report.members) {
            write_name(number, &mut name);
            let score = random_score(&mut chance);
            insertions.time(&mut ranking, |ranking| ranking.update(&name, |_| Some(score)));
        }
        insertions.end_run(report);
        report.row("preemptions of that load", &format!("{}", preemptions() - preemptions_before));
        while ranking.len() > members / 2 {
            let start = chance.below((ranking.len() - SLICE) as u64) as usize;
            slices.time(&mut ranking, |ranking| ranking.remove_range(start..start + SLICE, |_, _| {}));
        }
        slices.end_run(report);
        while !steps.time(&mut ranking, R::drop_step) {}
        steps.end_run(report);
    }
    for pauses in [&mut insertions, &mut slices, &mut steps] {
        pauses.end(report);
    }
}
