//! Acknowledged writes survive: kill -9 under writers, SIGTERM under load, SHUTDOWN.
//!
//! Each writer keeps a ledger of acknowledged writes. A write that was sent and not acknowledged may exist or not; nothing
//! else may differ. Tests of the journal simulate power failures: here a killed process leaves its writes in the kernel.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use crate::support::server::{Server, run_rankd};
use crate::support::wait_for;

const WRITERS: usize = 4;
const MEMBERS: usize = 60;

/// The writes of one writer to its own board and counter.
#[derive(Default)]
struct Ledger {
    /// Member to acknowledged score.
    scores: BTreeMap<String, i64>,
    /// The unacknowledged write when the server ended: the member and its new score, `None` for a removal.
    uncertain: Option<(String, Option<i64>)>,
    counter: i64,
    counter_uncertain: bool,
    acknowledged: usize,
}

/// Is set when the round is over, also by a panic, so that the writers end.
#[derive(Default)]
struct Over(AtomicBool);

impl Over {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct SetOnDrop<'a>(&'a Over);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Writes until the server has ended.
fn write_until_the_end(
    address: SocketAddr,
    writer: usize,
    ledger: &mut Ledger,
    chance: &mut Chance,
    over: &Over,
) {
    let board = format!("board:{writer}");
    let counter = format!("counter:{writer}");
    let Ok(mut client) = Client::try_connect(address) else { return };
    while !over.is_set() {
        let member = format!("m{}", chance.below(MEMBERS));
        let score = chance.below(1_000_000) as i64;
        match chance.below(10) {
            0..6 => {
                ledger.uncertain = Some((member.clone(), Some(score)));
                match client.try_call(&["ZADD", &board, &score.to_string(), &member]) {
                    Ok(Reply::Integer(_)) => ledger.scores.insert(member, score),
                    _ => return,
                };
                ledger.uncertain = None;
            }
            6..8 => {
                ledger.uncertain = Some((member.clone(), None));
                match client.try_call(&["ZREM", &board, &member]) {
                    Ok(Reply::Integer(_)) => ledger.scores.remove(&member),
                    _ => return,
                };
                ledger.uncertain = None;
            }
            _ => {
                ledger.counter_uncertain = true;
                match client.try_call(&["INCR", &counter]) {
                    Ok(Reply::Integer(number)) => ledger.counter = number,
                    _ => return,
                }
                ledger.counter_uncertain = false;
            }
        }
        ledger.acknowledged += 1;
    }
}

/// Compares the data with the ledgers, and records the outcome of uncertain writes.
fn check(client: &mut Client, ledgers: &mut [Ledger]) {
    for (writer, ledger) in ledgers.iter_mut().enumerate() {
        let board = format!("board:{writer}");
        let found = client.call(&["ZRANGE", &board, "0", "-1", "WITHSCORES"]);
        let mut found: BTreeMap<String, i64> =
            found.items().chunks(2).map(|pair| (pair[0].text(), pair[1].score() as i64)).collect();
        if let Some((member, score)) = ledger.uncertain.take() {
            let there = found.get(&member).copied();
            let before = ledger.scores.get(&member).copied();
            assert!(
                there == before || there == score,
                "{board} {member}: {there:?}, not {before:?} or {score:?}"
            );
            found.remove(&member);
            ledger.scores.remove(&member);
            assert_eq!(found, ledger.scores, "{board}");
            ledger.scores.extend(there.map(|score| (member, score)));
        } else {
            assert_eq!(found, ledger.scores, "{board}");
        }
        let counter = client.call(&["GET", &format!("counter:{writer}")]);
        let counter: i64 = if counter.is_nil() { 0 } else { counter.text().parse().expect("a counter") };
        let may_be_one_more = i64::from(std::mem::take(&mut ledger.counter_uncertain));
        assert!(
            (ledger.counter..=ledger.counter + may_be_one_more).contains(&counter),
            "counter:{writer} is {counter}, acknowledged was {}",
            ledger.counter
        );
        ledger.counter = counter;
    }
}

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
    let mut server = Server::rankd_with(&["--appendonly", "yes", "--appendfsync", policy]);
    let mut ledgers: Vec<Ledger> = (0..WRITERS).map(|_| Ledger::default()).collect();
    let rounds = number_from_env("RANKD_CRASH_ROUNDS", 60) as usize;
    for round in 0..rounds {
        let end = ends[round % ends.len()];
        let address = server.address;
        let before: usize = ledgers.iter().map(|ledger| ledger.acknowledged).sum();
        // The server ends after a random number of acknowledged writes, which it counts itself.
        let enough = 300 + chance.below(1_500) as i64;
        let rewrites = chance.percent(50);
        let over = Over::default();
        let ended_well = std::thread::scope(|scope| {
            let _over = SetOnDrop(&over);
            for (writer, ledger) in ledgers.iter_mut().enumerate() {
                let mut chance = Chance::new(chance.next());
                let over = &over;
                scope.spawn(move || write_until_the_end(address, writer, ledger, &mut chance, over));
            }
            let mut client = server.client();
            let start = writes(&mut client);
            wait_for("the writers", || (writes(&mut client) >= start + enough / 2).then_some(()));
            if rewrites {
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
        check(&mut server.client(), &mut ledgers);
    }
    server.terminate();
    let directory = server.directory().to_str().expect("a temporary directory in UTF-8").to_owned();
    let (status, said, complained) = run_rankd(&["journal", "check", &directory]);
    assert!(status.success(), "journal check: {said}{complained}");
}

/// How many commands the writers have completed. Every counter and board is one of theirs.
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

/// Damage of the journal stops the start, and the error gives its position.
#[test]
fn damage_before_the_tail_stops_the_start() {
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    let mut client = server.client();
    for number in 0..200 {
        client.call(&["ZADD", "board", &number.to_string(), &format!("member{number}")]);
    }
    assert!(server.terminate().success());
    let journal = server.directory().join("journal");
    let largest = std::fs::read_dir(&journal)
        .expect("the journal's directory")
        .map(|entry| entry.expect("an entry").path())
        .max_by_key(|path| path.metadata().map_or(0, |metadata| metadata.len()))
        .expect("a segment");
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
    let journal = server.directory().join("journal");
    let largest = std::fs::read_dir(&journal)
        .expect("the journal's directory")
        .map(|entry| entry.expect("an entry").path())
        .max_by_key(|path| path.metadata().map_or(0, |metadata| metadata.len()))
        .expect("a segment");
    let bytes = std::fs::read(&largest).expect("a readable segment");
    std::fs::write(&largest, &bytes[..bytes.len() - 3]).expect("a writable segment");
    let server = server.restart();
    assert_eq!(server.client().call(&["ZCARD", "board"]), Reply::Integer(19));
    let said = server.said();
    assert!(said.contains("torn") || said.contains("cut"), "nothing said of the cut tail:\n{said}");
}
