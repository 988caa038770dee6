//! A replica that is killed goes on where its journal ends, and has nothing twice.

use super::migration::write;
use super::{contents, seed, wait_for_all, wait_for_link};
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How many syncs of a kind the master has served.
fn syncs(master: &Server, kind: &str) -> u64 {
    let Reply::Bulk(text) = master.client().ask("INFO stats") else { panic!("no INFO") };
    let text = String::from_utf8(text).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':')).expect("a count");
    line.trim().parse().expect("a number")
}

/// Waits until the data of a full sync are on disk.
fn wait_for_base(replica: &Server) {
    wait_for("the new base", || {
        let Reply::Bulk(text) = replica.client().ask("INFO persistence") else { panic!("no INFO") };
        let text = String::from_utf8(text).expect("text");
        (text.contains("aof_rewrites:1\r") && text.contains("aof_last_write_status:ok")).then_some(())
    });
}

#[test]
fn a_killed_replica_asks_for_what_its_disk_lacks() {
    let arguments = ["--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb"];
    let Some(master) = Server::peer(Peer::Redis, &arguments) else { return };
    let seed = seed();
    let place = format!("127.0.0.1 {}", master.address.port());
    let mut replica = Server::rankd_with(&["--replicaof", &place, "--enable-debug-command", "yes"]);
    wait_for_link(&mut replica.client());
    wait_for_base(&replica);
    let stop = AtomicBool::new(false);
    let before = syncs(&master, "sync_full");
    let replica = thread::scope(|scope| {
        for writer in 0..2 {
            let (client, stop) = (master.client(), &stop);
            scope.spawn(move || write(client, seed + writer, stop));
        }
        for round in 0..4 {
            thread::park_timeout(Duration::from_millis(150));
            if round == 2 {
                // A checkpoint in the middle.
                replica.client().ask("BGREWRITEAOF");
            }
            replica = replica.restart();
            wait_for_link(&mut replica.client());
        }
        stop.store(true, Ordering::Relaxed);
        replica
    });
    thread::park_timeout(Duration::from_millis(1100));
    let (mut at_master, mut at_replica) = (master.client(), replica.client());
    at_master.ask("SET last-write 1");
    wait_for_all(&mut at_master);
    assert_eq!(contents(&mut at_master), contents(&mut at_replica));
    assert_eq!(syncs(&master, "sync_full"), before, "all restarts went on with the stream");
    assert!(syncs(&master, "sync_partial_ok") >= 4);
}

/// A server that was a replica and is a master now must not go on as if it had followed all the time.
#[test]
fn a_promoted_replica_forgets_where_it_was() {
    let Some(master) = Server::peer(Peer::Redis, &["--repl-diskless-sync-delay", "0"]) else { return };
    let place = format!("127.0.0.1 {}", master.address.port());
    let replica = Server::rankd_with(&["--replicaof", &place]);
    wait_for_link(&mut replica.client());
    master.client().ask("SET k 1");
    wait_for_all(&mut master.client());
    replica.client().ask("REPLICAOF NO ONE");
    replica.client().ask("SET own 1");
    let before = syncs(&master, "sync_full");
    let replica = replica.restart();
    wait_for_link(&mut replica.client());
    assert_eq!(syncs(&master, "sync_full"), before + 1);
    assert_eq!(replica.client().ask("EXISTS own k"), Reply::Integer(1));
}

/// A restart between the swap of the data and the end of the new base finds the old data or the new ones.
#[test]
fn a_replica_killed_behind_a_full_sync_has_the_old_data_or_the_new() {
    let Some(master) = Server::peer(Peer::Redis, &["--repl-diskless-sync-delay", "0"]) else { return };
    let mut at_master = master.client();
    at_master.ask("DEBUG POPULATE 20000 new 100");
    let place = format!("127.0.0.1 {}", master.address.port());
    for round in 0..4 {
        let mut replica = Server::rankd_with(&["--replica-priority", "1"]);
        replica.client().ask("SET old value");
        let mut client = replica.client();
        super::follow(&mut client, master.address.port());
        if round < 3 {
            wait_for("the new data", || (client.ask("EXISTS old") == Reply::Integer(0)).then_some(()));
            thread::park_timeout(Duration::from_millis(round * 7));
        } else {
            wait_for("the beginning of the sync", || {
                let phase = super::fact(&mut client, "master_sync_in_progress")?;
                (phase == "1" || client.ask("EXISTS old") == Reply::Integer(0)).then_some(())
            });
        }
        replica.kill();
        // Without a master it shows what was on its disk.
        let mut replica = replica.restart();
        let (old, size) = (replica.client().ask("EXISTS old"), replica.client().ask("DBSIZE"));
        assert!(
            [(1, 1), (0, 20_000)].contains(&(number(&old), number(&size))),
            "round {round}: {old:?} {size:?}"
        );
        replica.kill();
        let replica = replica.restart_with(&["--replicaof", &place]).expect("a start");
        wait_for_link(&mut replica.client());
        assert_eq!(number(&replica.client().ask("DBSIZE")), 20_000);
    }
}

fn number(reply: &Reply) -> i64 {
    match reply {
        Reply::Integer(number) => *number,
        other => panic!("not a number: {other:?}"),
    }
}
