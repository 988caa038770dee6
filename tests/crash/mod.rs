//! Acknowledged writes survive: kill -9 under writers, SIGTERM under load, SHUTDOWN.
//!
//! Each writer sends random commands on its own keys of every type, some as transactions, and keeps a ledger: a naive model
//! of what was acknowledged. A step that was sent and not acknowledged may have happened or not; nothing else may differ.
//! Tests of the journal simulate power failures: here a killed process leaves its writes in the kernel.

mod ledger;
mod model;
mod queue;
mod steps;
mod switching;

use self::ledger::{Ledger, Over, SetOnDrop};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use crate::support::server::{Server, run_rankd};
use crate::support::wait_for;
use std::path::PathBuf;

const WRITERS: usize = 4;

/// The journal grows by half soon: checkpoints begin by themselves, and each begins a segment.
const GROWTH: [&str; 4] = ["--auto-aof-rewrite-min-size", "64kb", "--auto-aof-rewrite-percentage", "50"];

/// How a round ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Kill,
    Terminate,
    Shutdown,
}

fn run(policy: &str, ends: &[End]) {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut server =
        Server::rankd_with(&[&["--appendonly", "yes", "--appendfsync", policy], &GROWTH[..]].concat());
    let mut ledgers: Vec<Ledger> = (0..WRITERS).map(|_| Ledger::default()).collect();
    let rounds = number_from_env("RANKD_CRASH_ROUNDS", 60) as usize;
    for round in 0..rounds {
        let end = ends[round % ends.len()];
        let address = server.address;
        let before: usize = ledgers.iter().map(|ledger| ledger.acknowledged).sum();
        // The server ends after a random number of acknowledged writes, which it counts itself.
        let enough = 300 + chance.below(1_500) as i64;
        // A checkpoint begins somewhere on the way; the later, the likelier the end comes in its middle.
        let rewrites = chance.percent(50).then(|| chance.below(enough as usize) as i64);
        let over = Over::default();
        let ended_well = std::thread::scope(|scope| {
            let _over = SetOnDrop(&over);
            for (writer, ledger) in ledgers.iter_mut().enumerate() {
                let mut chance = Chance::new(chance.next());
                let over = &over;
                scope.spawn(move || ledger.write_until_the_end(address, writer, &mut chance, over));
            }
            let mut client = server.client();
            let start = writes(&mut client);
            if let Some(some) = rewrites {
                wait_for("the writers", || (writes(&mut client) >= start + some).then_some(()));
                client.call(&["BGREWRITEAOF"]);
            }
            wait_for("the writers", || (writes(&mut client) >= start + enough).then_some(()));
            match end {
                End::Kill => {
                    server.kill();
                    true
                }
                End::Terminate => server.terminate().success(),
                End::Shutdown => {
                    // There is no reply: the connection ends.
                    assert!(client.try_call(&["SHUTDOWN"]).is_err());
                    server.exit().success()
                }
            }
        });
        assert!(ended_well, "{end:?} in round {round}:\n{}", server.said());
        let after: usize = ledgers.iter().map(|ledger| ledger.acknowledged).sum();
        assert!(after > before, "round {round} wrote nothing");
        server = server.restart();
        let mut client = server.client();
        ledgers.iter_mut().enumerate().for_each(|(writer, ledger)| ledger.check(&mut client, writer));
    }
    server.terminate();
    let directory = server.directory().to_str().expect("a temporary directory in UTF-8").to_owned();
    let (status, said, complained) = run_rankd(&["journal", "check", &directory]);
    assert!(status.success(), "journal check: {said}{complained}");
}

/// How many commands the server has completed.
fn writes(client: &mut Client) -> i64 {
    let information = client.call(&["INFO", "stats"]).text();
    let count = information.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
    count.expect("total_commands_processed in INFO").trim().parse().expect("a number")
}

#[test]
fn nothing_acknowledged_is_lost_with_appendfsync_always() {
    run("always", &[End::Kill, End::Kill, End::Terminate, End::Kill]);
}

#[test]
fn nothing_acknowledged_is_lost_with_appendfsync_everysec() {
    run("everysec", &[End::Kill, End::Terminate, End::Kill, End::Shutdown, End::Kill, End::Kill]);
}

/// Two servers on one journal would overwrite each other's acknowledged writes.
#[test]
fn a_directory_serves_one_server() {
    let server = Server::rankd_with(&["--appendonly", "yes"]);
    let directory = server.directory().to_str().expect("UTF-8").to_owned();
    let (status, said, complained) = run_rankd(&["--port", "0", "--dir", &directory, "--appendonly", "yes"]);
    assert!(!status.success(), "a second server took the directory: {said}");
    assert!(
        format!("{said}{complained}").contains(&directory),
        "the refusal names the directory: {complained}"
    );
}

fn largest_file_of_the_journal(server: &Server) -> PathBuf {
    std::fs::read_dir(server.directory().join("journal"))
        .expect("the journal's directory")
        .map(|entry| entry.expect("an entry").path())
        .max_by_key(|path| path.metadata().map_or(0, |metadata| metadata.len()))
        .expect("a segment")
}

/// Damage of the journal stops the start, and the error gives its position.
#[test]
fn damage_before_the_tail_stops_the_start() {
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    let mut client = server.client();
    for number in 0..200 {
        client.call(&["ZADD", "board", &number.to_string(), &format!("member{number}")]);
    }
    assert!(server.terminate().success());
    let largest = largest_file_of_the_journal(&server);
    let mut bytes = std::fs::read(&largest).expect("a readable segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&largest, bytes).expect("a writable segment");

    let directory = server.directory().to_str().expect("UTF-8").to_owned();
    let name = largest.file_name().expect("a name").to_string_lossy().into_owned();
    let (status, said, complained) = run_rankd(&["--port", "0", "--dir", &directory, "--appendonly", "yes"]);
    let all = format!("{said}{complained}");
    assert!(!status.success(), "started on a damaged journal: {all}");
    assert!(
        all.contains(&name) && all.contains("offset") && all.contains("record"),
        "does not say where: {all}"
    );
    let (status, said, complained) = run_rankd(&["journal", "check", &directory]);
    assert!(!status.success(), "journal check: {said}{complained}");
    assert!(format!("{said}{complained}").contains(&name));
}

/// An incomplete record after a crash is cut off and reported, and the rest is served.
#[test]
fn a_torn_tail_is_cut_and_reported() {
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    let mut client = server.client();
    for number in 0..20 {
        client.call(&["ZADD", "board", &number.to_string(), &format!("member{number}")]);
    }
    server.kill();
    let largest = largest_file_of_the_journal(&server);
    let bytes = std::fs::read(&largest).expect("a readable segment");
    std::fs::write(&largest, &bytes[..bytes.len() - 3]).expect("a writable segment");
    let server = server.restart();
    assert_eq!(server.client().call(&["ZCARD", "board"]), Reply::Integer(19));
    server.says("cut off the journal's torn tail: ");
}
