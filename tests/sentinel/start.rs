//! What a server asks sentinels at its start. These sentinels only answer.

use super::oracle::{Oracle, ok, start};
use crate::following::{fact, wait_for_link};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;
use std::sync::Arc;

const UNKNOWN: &str = "MASTERDOWN The sentinels have not said yet which server is the master. Until they have, this server accepts no writes.";

fn unknown() -> Reply {
    Reply::Error(UNKNOWN.as_bytes().to_vec())
}

#[test]
fn no_write_is_accepted_before_a_sentinel_has_answered() {
    let oracle = Oracle::start(None);
    let server = start(&[&oracle], &[]);
    let mut client = server.client();
    for request in ["SET k 1", "ZADD board 1 a", "FLUSHALL", "EVAL \"return redis.call('SET','k','1')\" 0"] {
        let reply = client.ask(request);
        let Reply::Error(text) = &reply else { panic!("{request}: {reply:?}") };
        assert!(String::from_utf8_lossy(text).contains("MASTERDOWN"), "{request}: {reply:?}");
    }
    assert_eq!(client.ask("SET k 1"), unknown());
    assert!(client.ask("GET k").is_nil());
    assert_eq!(client.ask("PING"), Reply::Simple(b"PONG".to_vec()));
    assert_eq!(fact(&mut client, "role").as_deref(), Some("master"));
    client.ask("CONFIG SET replica-serve-stale-data no");
    assert!(client.ask("GET k").is_error());
    client.ask("CONFIG SET replica-serve-stale-data yes replica-read-only no");
    assert_eq!(client.ask("SET k 1"), unknown());
    // It is the master, but they think that it is dead.
    oracle.say(Some((server.address, "s_down,master", 1)));
    server.says("hold it for dead");
    assert_eq!(client.ask("SET k 1"), unknown());
    oracle.say(Some((server.address, "master", 1)));
    wait_for("the answer", || (client.ask("SET k 1") == ok()).then_some(()));
    assert_eq!(fact(&mut client, "role").as_deref(), Some("master"));
}

#[test]
fn a_server_follows_whom_the_newest_answer_names() {
    let master = Server::rankd();
    master.client().ask("SET from master");
    let (away, old) = (Server::rankd(), Oracle::start(None));
    old.say(Some((away.address, "master", 3)));
    let new = Oracle::start(Some((master.address, "master", 4)));
    let nobody = Oracle { address: "127.0.0.1:1".parse().expect("an address"), said: Arc::default() };
    let server = start(&[&nobody, &old, &new], &[]);
    wait_for("the link", || (fact(&mut server.client(), "master_link_status")? == "up").then_some(()));
    assert_eq!(server.client().ask("GET from").text(), "master");
    // A configuration that names an old master is no reason to follow it.
    let place = format!("127.0.0.1 {}", away.address.port());
    let other = start(&[&new], &["--replicaof", &place]);
    wait_for("the other master", || {
        (fact(&mut other.client(), "master_port")? == master.address.port().to_string()).then_some(())
    });
    wait_for_link(&mut other.client());
    // Or to follow somebody although it is the master itself.
    new.say(Some((server.address, "master", 5)));
    assert!(server.client().ask("SET k 1").is_error(), "a replica");
    let mut server = server;
    server.terminate();
    let place = server.address.port().to_string();
    let server = server
        .restart_with(&[
            "--sentinel",
            &new.address.to_string(),
            "--sentinel-master",
            "first-one",
            "--port",
            &place,
            "--replicaof",
            "127.0.0.1 1",
        ])
        .expect("a start");
    wait_for("its own part", || (server.client().ask("SET k 1") == ok()).then_some(()));
    assert_eq!(server.client().ask("GET from").text(), "master", "it has what it had");
}

#[test]
fn somebody_who_knows_may_decide_before_the_sentinels() {
    let oracle = Oracle::start(None);
    let server = start(&[&oracle], &[]);
    let mut client = server.client();
    assert_eq!(client.ask("SET k 1"), unknown());
    assert_eq!(client.ask("REPLICAOF NO ONE"), ok());
    assert_eq!(client.ask("SET k 1"), ok());
}
