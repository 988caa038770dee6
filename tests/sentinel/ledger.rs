//! Writers keep a ledger of what was acknowledged while masters die or are stopped: what WAIT 1 has confirmed is never lost, also
//! where there are two replicas, of which a stopped master that wakes up still has one.
//!
//! `just failover N` runs N failovers: RANKD_FAILOVERS names their number, RANKD_FAILOVER_SERVERS that of the servers.

use super::group::{Group, Machine};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const WRITERS: usize = 3;

/// How long a writer waits for a reply until it looks for another master.
const PATIENCE: Duration = Duration::from_millis(400);

/// What became of the writes of one writer, by their numbers.
#[derive(Default)]
struct Ledger {
    /// Acknowledged, and then confirmed by WAIT on the same connection.
    confirmed: Vec<u64>,
    /// Acknowledged, and no more.
    acknowledged: Vec<u64>,
    /// When WAIT has confirmed something.
    confirmations: Vec<Instant>,
}

/// Writes until it is over. Each write has a number and a field of its own.
fn write(writer: usize, sentinels: &[SocketAddr], seed: u64, over: &AtomicBool) -> Ledger {
    let mut chance = Chance::new(seed);
    let (mut ledger, mut number) = (Ledger::default(), 0);
    while !over.load(Ordering::Relaxed) {
        let Some(mut client) = connect(sentinels, &mut chance) else {
            thread::park_timeout(Duration::from_millis(20));
            continue;
        };
        // Those of this connection that no WAIT has confirmed yet.
        let mut open = Vec::new();
        while !over.load(Ordering::Relaxed) {
            number += 1;
            let (key, field) = (format!("ledger:{writer}"), number.to_string());
            match client.try_call(&["HSET", &key, &field, "1"]) {
                Ok(Reply::Integer(1)) => open.push(number),
                _ => break,
            }
            if chance.below(8) == 0 {
                match client.try_call(&["WAIT", "1", "200"]) {
                    Ok(Reply::Integer(replicas)) if replicas >= 1 => {
                        ledger.confirmed.append(&mut open);
                        ledger.confirmations.push(Instant::now());
                    }
                    Ok(Reply::Integer(_)) => {}
                    _ => break,
                }
            }
        }
        ledger.acknowledged.append(&mut open);
    }
    ledger
}

/// Asks a sentinel for the master, as a client does.
fn connect(sentinels: &[SocketAddr], chance: &mut Chance) -> Option<Client> {
    let sentinel = sentinels[chance.below(sentinels.len())];
    let connect = |address| {
        let mut client = Client::try_connect(address).ok()?;
        client.set_read_timeout(PATIENCE);
        Some(client)
    };
    let place = connect(sentinel)?.try_call(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"]).ok()?;
    let Reply::Array(words) = place else { return None };
    let address = format!("{}:{}", words[0].text(), words[1].text()).parse().ok()?;
    connect(address)
}

/// Ends the writers, also when the test fails.
struct EndOfWriters<'a>(&'a AtomicBool);

impl Drop for EndOfWriters<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_wait_has_confirmed_survives_failovers() {
    let servers = number_from_env("RANKD_FAILOVER_SERVERS", 3);
    let Some(mut group) = Group::of(servers as usize, &Machine::here(), &[]) else { return };
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let failovers = number_from_env("RANKD_FAILOVERS", 2);
    let sentinels: Vec<SocketAddr> = group.sentinels.iter().map(|sentinel| sentinel.address).collect();
    let over = AtomicBool::new(false);
    let (mut times, mut begins) = (Vec::new(), Vec::new());
    let ledgers: Vec<Ledger> = thread::scope(|scope| {
        let end = EndOfWriters(&over);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (sentinels, over) = (&sentinels, &over);
                scope.spawn(move || write(writer, sentinels, seed.wrapping_add(writer as u64), over))
            })
            .collect();
        for round in 0..failovers {
            let old = group.settle("the roles before a failover");
            let begun = Instant::now();
            begins.push(begun);
            let dies = round % 2 == 0;
            if dies {
                group.kill(old);
            } else {
                group.node(old).freeze();
            }
            let (new, lasted) = group.wait_for_another(old, begun);
            println!(
                "failover {round}, {}: {lasted:?}, {old} to {new}",
                if dies { "kill -9" } else { "SIGSTOP" }
            );
            times.push(lasted);
            if dies { group.restart(old) } else { group.node(old).wake() }
        }
        group.settle("the roles at the end");
        drop(end);
        writers.into_iter().map(|writer| writer.join().expect("a writer")).collect()
    });
    let mut client = group.client(group.settle("the end"));
    let (mut confirmed, mut lost, mut acknowledged, mut gone) = (0, Vec::new(), 0, 0);
    for (writer, ledger) in ledgers.iter().enumerate() {
        let mut is_there = |number: &u64| {
            client.call(&["HEXISTS", &format!("ledger:{writer}"), &number.to_string()]) == Reply::Integer(1)
        };
        lost.extend(
            ledger.confirmed.iter().filter(|number| !is_there(number)).map(|number| (writer, *number)),
        );
        gone += ledger.acknowledged.iter().filter(|number| !is_there(number)).count();
        (confirmed, acknowledged) =
            (confirmed + ledger.confirmed.len(), acknowledged + ledger.acknowledged.len());
    }
    times.sort();
    let mut confirmations: Vec<Instant> =
        ledgers.iter().flat_map(|ledger| &ledger.confirmations).copied().collect();
    confirmations.sort();
    let gap = |begun: &Instant| {
        let first = confirmations.partition_point(|at| at < begun).saturating_sub(1);
        let around =
            confirmations[first..].windows(2).take_while(|pair| pair[0] < *begun + Duration::from_secs(8));
        around.map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    };
    let mut gaps: Vec<Duration> = begins.iter().map(gap).collect();
    gaps.sort();
    println!(
        "{failovers} failovers, median {:?}, longest {:?}",
        times[times.len() / 2],
        times[times.len() - 1]
    );
    println!("without a confirmation: median {:?}, longest {:?}", gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
    println!("confirmed by WAIT 1: {confirmed} writes, {} lost", lost.len());
    println!("acknowledged without WAIT: {acknowledged} writes, {gone} lost");
    assert!(confirmed > 0, "WAIT confirmed nothing");
    let runs = lost.chunk_by(|one, next| one.0 == next.0 && one.1 + 1 == next.1);
    let runs: Vec<_> = runs.map(|run| (run[0].0, run[0].1, run.len())).take(20).collect();
    assert!(
        lost.is_empty(),
        "seed {seed}: {} confirmed and lost, (writer, number, how many): {runs:?}",
        lost.len()
    );
}
