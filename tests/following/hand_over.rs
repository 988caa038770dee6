//! FAILOVER: a master hands its part over to a replica, with rankd, Redis and Valkey on either side, while clients write.

use super::{contents, fact, rankd, wait_for_link};
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;
use std::thread;

const OK: &[u8] = b"OK";

fn start(peer: Option<Peer>) -> Option<Server> {
    match peer {
        None => Some(rankd()),
        Some(peer) => Server::peer(peer, &["--repl-diskless-sync-delay", "0"]),
    }
}

fn error(text: &str) -> Reply {
    Reply::Error(text.as_bytes().to_vec())
}

fn state(client: &mut Client) -> String {
    fact(client, "master_failover_state").expect("a state")
}

/// A master and its replica, which has all data.
fn pair(master: Option<Peer>, replica: Option<Peer>) -> Option<(Server, Server)> {
    let (master, replica) = (start(master)?, start(replica)?);
    super::follow(&mut replica.client(), master.address.port());
    wait_for_link(&mut replica.client());
    super::wait_for_all(&mut master.client());
    Some((master, replica))
}

fn count_of(server: &Server, field: &str) -> u64 {
    let stats = server.client().ask("INFO stats").text();
    let line = stats.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(str::to_owned));
    line.expect("a count").trim().parse().expect("a number")
}

/// Increments until the server says that it is no master any more. Returns how many times it has.
fn increment(mut client: Client, key: &str) -> i64 {
    let mut done = 0;
    loop {
        match client.call(&["INCR", key]) {
            Reply::Integer(count) => done = count,
            Reply::Error(text) if text.starts_with(b"READONLY") => return done,
            other => panic!("not a count: {other:?}"),
        }
    }
}

#[test]
fn a_master_hands_over_and_no_write_is_lost() {
    let (redis, valkey) = (Some(Peer::Redis), Some(Peer::Valkey));
    for (old, new) in [(None, None), (None, redis), (None, valkey), (redis, None), (valkey, None)] {
        let Some((old_master, new_master)) = pair(old, new) else { continue };
        let (mut at_old, mut at_new) = (old_master.client(), new_master.client());
        at_old.ask("ZADD board 0.1 a 2.5 b");
        let partial = count_of(&new_master, "sync_partial_ok");
        let counts = thread::scope(|scope| {
            let writers: Vec<_> = (0..3)
                .map(|writer| {
                    let client = old_master.client();
                    scope.spawn(move || increment(client, &format!("count{writer}")))
                })
                .collect();
            wait_for("writes", || {
                (at_old.ask("EXISTS count0 count1 count2") == Reply::Integer(3)).then_some(())
            });
            let port = new_master.address.port().to_string();
            let asked = at_old.call(&["FAILOVER", "TO", "127.0.0.1", &port, "TIMEOUT", "20000"]);
            assert_eq!(asked, Reply::Simple(OK.to_vec()), "{old:?} to {new:?}");
            writers.into_iter().map(|writer| writer.join().expect("a writer")).collect::<Vec<_>>()
        });
        wait_for("the new master", || (fact(&mut at_new, "role")? == "master").then_some(()));
        wait_for_link(&mut at_old);
        assert_eq!((state(&mut at_old), state(&mut at_new)), ("no-failover".into(), "no-failover".into()));
        for (writer, count) in counts.iter().enumerate() {
            assert_eq!(
                at_new.ask(&format!("GET count{writer}")).text(),
                count.to_string(),
                "{old:?} to {new:?}"
            );
        }
        assert_eq!(
            count_of(&new_master, "sync_partial_ok"),
            partial + 1,
            "{old:?} to {new:?}: no data were sent again"
        );
        assert_eq!(at_new.ask("SET written-to new"), Reply::Simple(OK.to_vec()));
        super::wait_for_all(&mut at_new);
        assert_eq!(contents(&mut at_old), contents(&mut at_new), "{old:?} to {new:?}");
        // And back again.
        assert_eq!(at_new.ask("FAILOVER TIMEOUT 20000"), Reply::Simple(OK.to_vec()));
        wait_for("the old master", || (fact(&mut at_old, "role")? == "master").then_some(()));
        wait_for_link(&mut at_new);
        assert_eq!(at_old.ask("SET written-to old"), Reply::Simple(OK.to_vec()));
        super::wait_for_all(&mut at_old);
        assert_eq!(contents(&mut at_old), contents(&mut at_new), "{new:?} back to {old:?}");
    }
}

#[test]
fn a_hand_over_that_waits_holds_writes_back_and_can_be_called_off() {
    let (master, replica) = pair(None, None).expect("rankd starts");
    let port = replica.address.port().to_string();
    let mut client = master.client();
    replica.freeze();
    client.ask("SET before 1");
    let mut writer = master.client();
    // One is called off by a client, the other one by the clock.
    for timeout_ms in ["60000", "300"] {
        let asked = client.call(&["FAILOVER", "TO", "127.0.0.1", &port, "TIMEOUT", timeout_ms]);
        assert_eq!(asked, Reply::Simple(OK.to_vec()));
        assert_eq!(state(&mut client), "waiting-for-sync");
        writer.send(&["INCR", "held-back"]);
        if timeout_ms == "60000" {
            client.ask("CLIENT UNPAUSE");
            assert_eq!(client.ask("FAILOVER"), error("ERR FAILOVER already in progress."));
            let refused = error("ERR REPLICAOF not allowed while failing over.");
            assert_eq!(client.ask("REPLICAOF NO ONE"), refused);
            let refused = error("NOMASTERLINK Can't SYNC while failing over");
            assert_eq!(client.ask("PSYNC ? -1"), refused);
            assert!(client.ask("GET held-back").is_nil(), "CLIENT UNPAUSE lets nothing through");
            assert_eq!(client.ask("FAILOVER ABORT"), Reply::Simple(OK.to_vec()));
        }
        assert!(matches!(writer.reply(), Reply::Integer(_)));
        assert_eq!(state(&mut client), "no-failover");
    }
    replica.wake();
    super::wait_for_all(&mut writer);
    assert_eq!(replica.client().ask("GET held-back").text(), "2");
}

#[test]
fn a_target_must_be_a_replica_that_is_there() {
    let (master, replica) = pair(None, None).expect("rankd starts");
    let port = replica.address.port().to_string();
    let mut client = master.client();
    for words in [["TO", "127.0.0.1", "1"], ["TO", "10.0.0.1", &port], ["TO", "127.0.0.1", "-1"]] {
        let refused = error("ERR FAILOVER target HOST and PORT is not a replica.");
        assert_eq!(client.call(&[&["FAILOVER"], &words[..]].concat()), refused);
    }
    let refused = error("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
    assert_eq!(client.call(&["FAILOVER", "TO", "127.0.0.1", &port, "FORCE"]), refused);
    assert_eq!(client.call(&["FAILOVER", "FORCE", "TIMEOUT", "5"]), refused);
    assert_eq!(state(&mut client), "no-failover");
}

#[test]
fn a_forced_hand_over_does_not_wait_for_the_rest_and_can_be_called_off() {
    let (master, replica) = pair(None, None).expect("rankd starts");
    let port = replica.address.port().to_string();
    let mut client = master.client();
    let force = |client: &mut Client| {
        let words = ["FAILOVER", "TO", "127.0.0.1", &port, "FORCE", "TIMEOUT", "100"];
        assert_eq!(client.call(&words), Reply::Simple(OK.to_vec()));
        wait_for("the end of the wait", || (state(client) == "failover-in-progress").then_some(()));
    };
    replica.freeze();
    client.ask("SET unknown-there 1");
    force(&mut client);
    assert_eq!(fact(&mut client, "role").as_deref(), Some("slave"));
    assert_eq!(client.ask("FAILOVER ABORT"), Reply::Simple(OK.to_vec()));
    assert_eq!(fact(&mut client, "role").as_deref(), Some("master"));
    assert_eq!(client.ask("SET again 1"), Reply::Simple(OK.to_vec()));
    replica.wake();
    // The request to take over may have reached it before it was called off.
    wait_for("the replica, or a second master", || {
        let mut at_replica = replica.client();
        let role = fact(&mut at_replica, "role")?;
        if role == "slave" {
            (at_replica.ask("EXISTS again") == Reply::Integer(1)).then_some(())
        } else {
            super::follow(&mut at_replica, master.address.port());
            None
        }
    });
    replica.freeze();
    force(&mut client);
    replica.wake();
    wait_for("the new master", || (fact(&mut replica.client(), "role")? == "master").then_some(()));
    wait_for_link(&mut client);
    assert_eq!(state(&mut client), "no-failover");
}

/// The place that a replica has named is that of a server which follows nobody.
#[test]
fn a_target_that_does_not_take_over_leaves_the_master_what_it_was() {
    let (master, other) = (rankd(), rankd());
    let port = other.address.port().to_string();
    let mut replica = master.client();
    assert_eq!(replica.call(&["REPLCONF", "listening-port", &port]), Reply::Simple(OK.to_vec()));
    replica.send(&["PSYNC", "?", "-1"]);
    let mut client = master.client();
    wait_for("the replica", || {
        let slave = fact(&mut client, "slave0")?;
        slave.contains("state=online").then_some(())
    });
    let words = ["FAILOVER", "TO", "127.0.0.1", &port, "FORCE", "TIMEOUT", "50"];
    assert_eq!(client.call(&words), Reply::Simple(OK.to_vec()));
    let mut writer = master.client();
    assert_eq!(writer.ask("SET k 1"), Reply::Simple(OK.to_vec()), "it was held back, and goes on");
    assert_eq!(state(&mut client), "no-failover");
    assert_eq!(fact(&mut client, "role").as_deref(), Some("master"));
    assert_eq!(fact(&mut other.client(), "role").as_deref(), Some("master"));
    // A replica goes on as before, and gets what is written from now on.
    let replica = rankd();
    super::follow(&mut replica.client(), master.address.port());
    super::wait_for_link(&mut replica.client());
    writer.ask("SET k 2");
    super::wait_for_all(&mut writer);
    assert_eq!(replica.client().ask("GET k").text(), "2");
}

/// A master that was told to follow somebody who is not there, and is the master again.
#[test]
fn a_master_that_was_none_for_a_moment_sends_its_stream_on() {
    let (master, replica) = pair(None, None).expect("rankd starts");
    let mut client = master.client();
    for round in 0..5 {
        client.ask("REPLICAOF 127.0.0.1 1");
        if round % 2 == 0 {
            wait_for("an attempt", || {
                (fact(&mut client, "master_current_sync_attempts")? != "0").then_some(())
            });
        }
        client.ask("REPLICAOF NO ONE");
        client.call(&["SET", "round", &round.to_string()]);
        super::wait_for_all(&mut client);
        assert_eq!(replica.client().ask("GET round").text(), round.to_string());
    }
    assert_eq!(count_of(&master, "sync_full"), 1);
}
