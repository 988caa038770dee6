//! A replica is equal to its master to the bit, whatever happens to it on the way: records, moments, ids and functions too.

use super::chains::syncs;
use super::writers::{Dialect, assert_same, wait_for_expiries, wait_for_same_offset, write_everything};
use super::{fact, follow, seed, wait_for_link};
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A replica restarts in order and by kill -9, writes checkpoints, and gets all data, beside writers of everything. Another kind
/// of replica comes and goes beside it.
#[test]
fn a_replica_that_restarts_beside_writers_of_everything_is_equal_in_the_end() {
    let seed = seed();
    let master = Server::rankd_with(&["--enable-debug-command", "yes", "--repl-backlog-size", "256mb"]);
    let place = format!("127.0.0.1 {}", master.address.port());
    let arguments = ["--replicaof", &place, "--enable-debug-command", "yes"];
    let must_end = AtomicBool::new(false);
    let mut replica = Server::rankd_with(&arguments);
    wait_for_link(&mut replica.client());
    thread::scope(|scope| {
        for writer in 0..3 {
            let (client, must_end) = (master.client(), &must_end);
            scope
                .spawn(move || write_everything(client, Dialect::Rankd, seed.wrapping_add(writer), must_end));
        }
        for round in 0..6 {
            thread::park_timeout(Duration::from_millis(150));
            if round % 2 == 0 {
                replica.client().ask("BGREWRITEAOF");
            }
            match round % 3 {
                0 => replica.kill(),
                1 => drop(replica.terminate()),
                _ => {
                    // It is a master for a moment, and has to get all data again.
                    let mut client = replica.client();
                    client.ask("REPLICAOF NO ONE");
                    client.ask("LB.CREATE own SCORE INTEGER");
                    follow(&mut client, master.address.port());
                    wait_for_link(&mut client);
                    continue;
                }
            }
            replica =
                std::mem::replace(&mut replica, Server::rankd()).restart_with(&arguments).expect("a start");
            wait_for_link(&mut replica.client());
        }
        must_end.store(true, Ordering::Relaxed);
    });
    wait_for_expiries(&master);
    wait_for_same_offset(&master, &replica);
    assert_same(&master, &replica, Dialect::Rankd, &format!("seed {seed}"));
    assert_eq!(fact(&mut replica.client(), "rankd_failed_commands").as_deref(), Some("0"));
    // What it has is what it would find on its disk.
    replica.client().ask("WAITAOF 1 0 5000");
    replica.terminate();
    let replica = replica.restart_with(&arguments).expect("a start");
    wait_for_same_offset(&master, &replica);
    assert_same(&master, &replica, Dialect::Rankd, &format!("after a restart, seed {seed}"));
    assert!(syncs(&master, "sync_partial_ok") > 0);
}

/// Scores beyond doubles, ties by time and request ids are the same on a rankd, and a Redis beside it gets what doubles can tell.
#[test]
fn policies_reach_a_rankd_and_nearest_doubles_any_other() {
    let master = Server::rankd_with(&["--enable-debug-command", "yes"]);
    let mut client = master.client();
    client.ask("LB.CREATE before SCORE INTEGER TIES FIRST IDS 5");
    client.ask("LB.SUBMIT before ID r1 9007199254740993 ann");
    client.ask("LB.TEMPLATE SET day:* SCORE DECIMAL 2 ORDER ASC TIES FIRST");
    let replica = Server::rankd_with(&["--enable-debug-command", "yes"]);
    follow(&mut replica.client(), master.address.port());
    let port = master.address.port().to_string();
    let plain = Server::peer(Peer::Redis, &["--replicaof", "127.0.0.1", &port]);
    wait_for_link(&mut replica.client());
    for request in [
        "LB.SUBMIT before ID r2 9007199254740995 bob",
        "LB.SUBMIT before AT 1700000000000 9007199254740993 eve",
        "LB.CREATE after SCORE INTEGER CAP 2",
        "ZADD after 9007199254740993 a 9007199254740995 b 9007199254740997 c",
        "LB.SUBMIT day:1 1.10 ann 1.1 bob",
        "LB.CLOSE before before:1",
        "LB.ALTER after CAP 3",
        "LB.TEMPLATE SET week:* TIES FIRST",
        "LB.TEMPLATE DEL none:*",
        // Made from others, it has no template's policy, on the replica as little as here.
        "ZUNIONSTORE week:1 1 plain",
        "ZADD plain 1 x",
        "ZUNIONSTORE week:2 1 plain",
    ] {
        assert!(!client.ask(request).is_error(), "{request}");
    }
    wait_for_same_offset(&master, &replica);
    assert_same(&master, &replica, Dialect::Rankd, "policies");
    let mut at_replica = replica.client();
    let rows = |client: &mut crate::support::client::Client| {
        [
            client.ask("LB.RANK before:1 MEMBERS 3 ann bob eve WITHTIME"),
            client.ask("LB.TOP after 5"),
            client.ask("LB.RANK day:1 MEMBERS 2 ann bob WITHTIME"),
            client.ask("LB.INFO before"),
            client.ask("LB.INFO before:1"),
            client.ask("LB.INFO week:2"),
            client.ask("LB.TEMPLATE LIST"),
        ]
    };
    assert_eq!(rows(&mut client), rows(&mut at_replica));
    assert_eq!(at_replica.ask("ZSCORE before:1 ann").text(), "9007199254740993");
    assert_eq!(fact(&mut at_replica, "rankd_failed_commands").as_deref(), Some("0"));
    // The request ids count there after a promotion.
    at_replica.ask("REPLICAOF NO ONE");
    assert_eq!(at_replica.ask("LB.SUBMIT before ID r2 1 bob"), Reply::Integer(-1));
    if let Some(plain) = plain {
        wait_for_same_offset(&master, &plain);
        assert_eq!(plain.client().ask("ZSCORE before:1 ann").text(), "9007199254740992");
        assert_eq!(plain.client().ask("ZCARD after"), Reply::Integer(2));
    }
}

/// A plain replica has a board with a policy as long as it has members, until it expires, and what it replaces is gone.
#[test]
fn a_plain_replica_has_the_expiries_of_boards_and_no_remains_of_what_an_empty_board_replaces() {
    let master = Server::rankd_with(&["--enable-debug-command", "yes"]);
    let port = master.address.port().to_string();
    let Some(plain) = Server::peer(Peer::Redis, &["--replicaof", "127.0.0.1", &port]) else { return };
    wait_for_link(&mut plain.client());
    let mut client = master.client();
    for request in [
        "LB.TEMPLATE SET day:* TTL 5000 TIES FIRST",
        "LB.SUBMIT day:1 1 ann",
        "LB.CREATE made TTL 6000 TIES FIRST",
        "LB.SUBMIT made 1 ann",
        "ZREM made ann",
        "ZADD made 2 bob",
        "LB.CREATE dated TIES FIRST",
        "PEXPIRE dated 7000000",
        "ZADD dated 1 ann",
        "LB.CREATE free TTL 6000 TIES FIRST",
        "PERSIST free",
        "ZADD free 1 ann",
        "LB.CREATE empty TIES FIRST IDS 1000",
    ] {
        assert!(!client.ask(request).is_error(), "{request}");
    }
    // A board whose request ids are large, and which is empty, takes the place of a value.
    for number in 0..500 {
        client.ask(&format!("LB.SUBMIT empty ID {number}{} 1 ann", "x".repeat(40)));
    }
    for request in ["ZREM empty ann", "SET taken value", "RENAME empty taken", "ZADD taken 3 eve"] {
        assert!(!client.ask(request).is_error(), "{request}");
    }
    wait_for_same_offset(&master, &plain);
    let mut at_plain = plain.client();
    for key in ["day:1", "made", "dated", "free"] {
        let of = |client: &mut crate::support::client::Client| client.call(&["PEXPIRETIME", key]);
        let expiry = of(&mut client);
        assert_eq!(of(&mut at_plain), expiry, "{key}");
        assert_eq!(expiry.integer() > 0, key != "free", "{key}");
    }
    assert_eq!(at_plain.ask("ZRANGE taken 0 -1 WITHSCORES"), client.ask("ZRANGE taken 0 -1 WITHSCORES"));
    assert_eq!(at_plain.ask("EXISTS empty"), Reply::Integer(0));
    assert!(!plain.said().contains("CRITICAL"), "{}", plain.said());
}
