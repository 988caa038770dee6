//! Moving in from a running server: rankd follows it under writes, and takes its place when the writers stop. Nothing is lost,
//! and every score is the same double.

use super::{contents, follow, seed, wait_for_all, wait_for_link};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Writes commands of every type until it is told to stop.
pub(crate) fn write(mut client: Client, seed: u64, stop: &AtomicBool) {
    let mut chance = Chance::new(seed);
    while !stop.load(Ordering::Relaxed) {
        let (a, b) = (chance.below(500), chance.below(20));
        let score = f64::from_bits(chance.next());
        let score = if score.is_finite() { score } else { 0.1 };
        let requests: &[String] = &match chance.below(14) {
            0 => vec![format!("ZADD board {score:e} m{a}")],
            1 => vec![format!("ZINCRBY sums 0.{b}1 m{a}")],
            2 => vec![format!("SET s{a} {b} PX {}", 1 + chance.below(400))],
            3 => vec![format!("RPUSH l{b} {a}")],
            4 => vec![format!("LPOP l{b}")],
            5 => vec![format!("HINCRBYFLOAT h f{b} 0.1")],
            6 => vec![format!("SADD set{b} {a}")],
            7 => vec![format!("SPOP set{b}")],
            8 => ["MULTI", "INCR n", "LPUSH last x", "LTRIM last 0 50", "EXEC"].map(str::to_owned).to_vec(),
            9 => vec![format!("XADD x MAXLEN 100 * f {a}")],
            10 => vec!["ZPOPMIN board".to_owned()],
            11 => vec![format!("RENAME s{a} s{b}")],
            12 => vec![format!("EXPIRE l{b} 1")],
            _ => vec!["SELECT 3".to_owned(), format!("INCR other{b}"), "SELECT 0".to_owned()],
        };
        for request in requests {
            client.ask(request);
        }
    }
}

fn moves_in_from(master: Option<Server>) {
    let Some(master) = master else { return };
    let seed = seed();
    let replica = super::rankd();
    let (mut at_master, mut at_replica) = (master.client(), replica.client());
    at_master.ask(
        "ZADD board 1e-320 tiny 0.1 tenth 1.7976931348623157e308 huge 123456789.123456789 many inf infinity",
    );
    at_master.ask("ZADD ties 0.30000000000000004 a 0.3 b");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..3 {
            let (client, stop) = (master.client(), &stop);
            scope.spawn(move || write(client, seed + writer, stop));
        }
        follow(&mut at_replica, master.address.port());
        wait_for_link(&mut at_replica);
        // Long enough for the stream to pass through everything a few times.
        thread::park_timeout(Duration::from_millis(800));
        stop.store(true, Ordering::Relaxed);
    });
    // Whatever expires does so before the comparison.
    thread::park_timeout(Duration::from_millis(1100));
    at_master.ask("SET last-write 1");
    wait_for_all(&mut at_master);
    for database in ["SELECT 0", "SELECT 3"] {
        at_master.ask(database);
        at_replica.ask(database);
        let (theirs, ours) = (contents(&mut at_master), contents(&mut at_replica));
        assert!(theirs.len() > 5);
        for (theirs, ours) in theirs.iter().zip(&ours) {
            assert!(same(theirs, ours), "{theirs:?}\n{ours:?}");
        }
        assert_eq!(theirs.len(), ours.len());
    }
    assert_eq!(super::fact(&mut at_replica, "rankd_failed_commands").as_deref(), Some("0"));
    // The cut over.
    assert!(matches!(at_replica.ask("SET k v"), Reply::Error(text) if text.starts_with(b"READONLY")));
    at_replica.ask("REPLICAOF NO ONE");
    assert_eq!(at_replica.ask("SET k v"), Reply::Simple(b"OK".to_vec()));
}

/// Whether two keys are the same. Older servers print doubles with other digits, so scores are compared as doubles.
pub(super) fn same(theirs: &(Vec<u8>, Reply, Reply), ours: &(Vec<u8>, Reply, Reply)) -> bool {
    fn same_reply(theirs: &Reply, ours: &Reply) -> bool {
        match (theirs, ours) {
            (Reply::Array(theirs), Reply::Array(ours)) => {
                theirs.len() == ours.len()
                    && theirs.iter().zip(ours).all(|(theirs, ours)| same_reply(theirs, ours))
            }
            (Reply::Bulk(theirs), Reply::Bulk(ours)) => {
                let double = |bytes: &[u8]| {
                    std::str::from_utf8(bytes)
                        .ok()
                        .and_then(|text| text.parse::<f64>().ok())
                        .map(f64::to_bits)
                };
                theirs == ours || double(theirs).is_some() && double(theirs) == double(ours)
            }
            _ => theirs == ours,
        }
    }
    theirs.0 == ours.0 && theirs.2 == ours.2 && same_reply(&theirs.1, &ours.1)
}

#[test]
fn from_redis_8() {
    moves_in_from(Server::peer(Peer::Redis, &["--repl-diskless-sync-delay", "0"]));
}

#[test]
fn from_valkey_9() {
    moves_in_from(Server::peer(Peer::Valkey, &["--repl-diskless-sync-delay", "0"]));
}

#[test]
fn from_redis_7() {
    moves_in_from(Server::peer(Peer::Redis7, &["--repl-diskless-sync-delay", "0"]));
}

/// A disk-based sync announces the length of the file.
#[test]
fn from_redis_8_by_a_file() {
    moves_in_from(Server::peer(Peer::Redis, &["--repl-diskless-sync", "no"]));
}
