//! Allocations of each command, as a connection runs them: in pipelines of 64, in process, on keys and members that are
//! there already.
//!
//! `cargo bench --bench allocations`. docs/performance.md quotes it. The journal is left out: its buffers are its own.

use rankd::chance::Chance;
use rankd::clock::Clock;
use rankd::commands::clients::Clients;
use rankd::commands::execute::run_batch;
use rankd::commands::host::{AtEnd, Host, Loading, Persistence, Process, Saves};
use rankd::commands::pubsub::Channels;
use rankd::commands::session::Session;
use rankd::commands::stats::{Errors, Rates, Stats};
use rankd::commands::table::table;
use rankd::config::{Config, SavePoint, Settings};
use rankd::resp::request::{Batch, RequestLimits, RequestReader};
use rankd::store::{KeptResults, Store};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PIPELINE: usize = 64;

/// Pipelines counted for each command, after as many that are not.
const ROUNDS: usize = 200;

/// Keys and members that there are.
const NAMES: u64 = 1000;

/// What each command says; `{n}` is a name's number, `{x}` a number that changes every time.
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

/// A process with no journal.
struct NoJournal;

impl Process for NoJournal {
    fn write_refusal(&self) -> Option<String> {
        None
    }
    fn loading(&self) -> Loading {
        Loading::default()
    }
    fn start_checkpoint(&self) -> Result<(), String> {
        Ok(())
    }
    fn persistence(&self) -> Persistence {
        Persistence::default()
    }
    fn save(&self) -> Result<(), String> {
        Ok(())
    }
    fn start_save(&self) -> Result<(), String> {
        Ok(())
    }
    fn save_if_due(&self, _: &[SavePoint]) {}
    fn reload(&self) -> Result<(), String> {
        Ok(())
    }
    fn saves(&self) -> Saves {
        Saves::default()
    }
    fn configure(&self, _: &Config) {}
    fn shut_down(&self, _: AtEnd) -> Result<(), String> {
        Ok(())
    }
}

fn host() -> Host {
    let clock = Clock::system();
    let config = Config::default();
    Host {
        store: Arc::new(Store::new(64, 16, 1, clock.clone())),
        channels: Arc::new(Channels::default()),
        clients: Clients::default(),
        stats: (0..2).map(|_| Arc::new(Stats::new(table().entries().len()))).collect(),
        errors: Errors::default(),
        rates: Rates::default(),
        friend_rankings: KeptResults::with_bound(0),
        process: Arc::new(NoJournal),
        clock,
        started_ms: 0,
        run_id: String::new(),
        port: 0,
        config_file: String::new(),
        is_loading: AtomicBool::new(false),
        expires_actively: AtomicBool::new(false),
        startup_bytes: 0,
        settings: Settings::new(config),
    }
}

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
    let host = host();
    let peer = "127.0.0.1:1".parse().expect("an address");
    let client = host.clients.register(peer, peer, 0);
    let mut session = Session::new(client, Arc::clone(&host.stats[0]), &host.config());
    let (mut reader, mut batch, mut out) = (RequestReader::default(), Batch::default(), Vec::new());
    let bounds = RequestLimits { unauthenticated: false, bulk_bytes: 1 << 20, requests: usize::MAX };
    let mut chance = Chance::seeded(1);
    println!("allocations a command, in pipelines of {PIPELINE}");
    for command in COMMANDS {
        // The names are all there, and buffers as large as they get.
        let first = (0..2 * ROUNDS).map(|_| pipeline(command, &mut chance)).collect::<Vec<_>>();
        let mut run = |mut bytes: Vec<u8>| {
            reader.read(&mut bytes[..], &bounds, &mut batch).expect("requests");
            let region = Region::new(ALLOCATOR);
            let ran = run_batch(&host, &mut session, batch.requests(&bytes), &mut out);
            let counted = region.change();
            assert_eq!(ran, PIPELINE);
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
