//! Counts the allocations of each command, as a connection runs them: in pipelines of 64, in process, on existing keys and
//! members.
//!
//! `cargo bench --bench allocations`. docs/performance.md quotes it. The journal is not included.

use rankd::commands::engine::run_batch;
use rankd::commands::state::host::Host;
use rankd::config::Config;
use rankd::machine::chance::Chance;
use rankd::machine::clock::Clock;
use rankd::resp::request::{RequestBatch, RequestLimits, RequestReader};
use rankd::store::Store;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PIPELINE: usize = 64;

/// Pipelines that are counted for each command, after the same number for warm-up.
const ROUNDS: usize = 200;

/// Number of existing keys and members.
const NAMES: u64 = 1000;

/// The text of each command; `{n}` is the number of a name, `{x}` a number that changes every time.
const COMMANDS: [&str; 12] = [
    "PING",
    "GET key:{n}",
    "SET key:{n} value-{n}",
    "SET long:{n} a-value-that-is-kept-beside-its-entry-{n}",
    "INCR counter:{n}",
    "SADD set:{n} member",
    "ZSCORE board user:{n}",
    "ZREVRANK board user:{n}",
    "ZADD board {x} user:{n}",
    "ZINCRBY board 3 user:{n}",
    "ZRANGE board 0 99 REV WITHSCORES",
    "ZMSCORE board user:{n} user:{x}",
];

fn pipeline(command: &str, chance: &mut Chance) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..PIPELINE {
        let name = format!("{:06}", chance.below(NAMES));
        let other = format!("{:06}", chance.below(NAMES));
        let request = command.replace("{n}", &name).replace("{x}", &other);
        bytes.extend_from_slice(request.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn main() {
    let store = Store::new(64, 16, 1, Clock::system());
    let host = Host::headless(Arc::new(store), Config::default());
    let (config, mut session) = (host.config(), host.local_session());
    let (mut reader, mut batch, mut out) = (RequestReader::default(), RequestBatch::default(), Vec::new());
    let bounds = RequestLimits { unauthenticated: false, bulk_bytes: 1 << 20, requests: usize::MAX };
    let mut chance = Chance::seeded(1);
    println!("allocations a command, in pipelines of {PIPELINE}");
    for command in COMMANDS {
        // The names are all there, and buffers as large as they get.
        let first = (0..2 * ROUNDS).map(|_| pipeline(command, &mut chance)).collect::<Vec<_>>();
        let mut run = |mut bytes: Vec<u8>| {
            reader.read(&mut bytes[..], &bounds, &mut batch).expect("requests");
            let region = Region::new(ALLOCATOR);
            let requests = batch.requests(&bytes);
            let ran = run_batch(&host, &config, &mut session, requests, &mut out, host.local_terms());
            let counted = region.change();
            assert_eq!(ran.count, PIPELINE);
            reader.consumed(batch.consumed_bytes());
            assert!(!out.starts_with(b"-"), "{command}: {}", out.escape_ascii());
            out.clear();
            counted.allocations + counted.reallocations
        };
        let counts = first.into_iter().map(&mut run).collect::<Vec<_>>();
        let allocations = counts[ROUNDS..].iter().sum::<usize>();
        println!("{:8.3}  {command}", allocations as f64 / (ROUNDS * PIPELINE) as f64);
    }
}
