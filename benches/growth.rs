//! The longest single command while a large value grows: none may stop a shard for long.
//!
//! `cargo bench --bench growth` runs HSET, SADD and RPUSH of one element each in process, a million of them
//! (`RANKD_BENCH_MEMBERS`), and times each alone. docs/performance.md quotes it. The journal is not included.

use rankd::commands::engine::run_batch;
use rankd::commands::state::host::Host;
use rankd::config::Config;
use rankd::machine::clock::Clock;
use rankd::resp::request::{RequestBatch, RequestLimits, RequestReader};
use rankd::store::Store;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Every round runs the same commands: what a virtual machine adds to one of them it does not add in each round.
const ROUNDS: usize = 5;

/// The text of each command; `{n}` is a number that is new every time.
const COMMANDS: [&str; 3] = ["HSET hash user:{n} {n}", "SADD set user:{n}", "RPUSH list user:{n}"];

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// The longest command by the clock, and the least time of each command over the rounds.
fn run(command: &str, elements: usize, least: &mut [Duration]) -> Duration {
    let host = Host::headless(Arc::new(Store::new(64, 16, 1, Clock::system())), Config::default());
    let (config, mut session) = (host.config(), host.local_session());
    let (mut reader, mut batch, mut out) = (RequestReader::default(), RequestBatch::default(), Vec::new());
    let bounds = RequestLimits { unauthenticated: false, bulk_bytes: 1 << 20, requests: usize::MAX };
    let mut longest = Duration::ZERO;
    for (number, least) in (0..elements).zip(least) {
        let mut bytes = command.replace("{n}", &format!("{number:012}")).into_bytes();
        bytes.extend_from_slice(b"\r\n");
        reader.read(&mut bytes[..], &bounds, &mut batch).expect("a request");
        let (start, processor_start) = (Instant::now(), processor_time());
        let ran =
            run_batch(&host, &config, &mut session, batch.requests(&bytes), &mut out, host.local_terms());
        let (processor, clock) = (processor_time() - processor_start, start.elapsed());
        assert!(ran.count == 1 && out.starts_with(b":"), "{command}: {}", out.escape_ascii());
        reader.consumed(batch.consumed_bytes());
        out.clear();
        longest = longest.max(clock);
        *least = (*least).min(processor);
    }
    longest
}

fn main() {
    let elements =
        std::env::var("RANKD_BENCH_MEMBERS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    for command in COMMANDS {
        let mut least = vec![Duration::MAX; elements];
        let by_clock: Vec<String> =
            (0..ROUNDS).map(|_| format!("{:.2}", ms(run(command, elements, &mut least)))).collect();
        let mut order: Vec<usize> = (0..elements).collect();
        order.sort_unstable_by_key(|&number| std::cmp::Reverse(least[number]));
        let longest =
            order.iter().take(3).map(|&number| format!("{:.3} (number {number})", ms(least[number])));
        println!("{command}: longest of {elements} by the clock in each round {} ms", by_clock.join(", "));
        println!(
            "  on the processor, least of {ROUNDS} rounds: {} ms",
            longest.collect::<Vec<_>>().join(", ")
        );
    }
}
