//! Replicas of replicas: rankd in the middle of rankds and real servers, its full syncs beside commands that count once, and what
//! becomes of the chain when the middle is promoted and the former master comes back.

use super::writers::{Dialect, assert_same, wait_for_expiries, wait_for_same_offset, write_everything};
use super::{fact, follow, seed, wait_for_link};
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A server of a chain.
fn server(kind: Option<Peer>) -> Option<Server> {
    match kind {
        None => Some(Server::rankd_with(&[
            "--enable-debug-command",
            "yes",
            "--repl-ping-replica-period",
            "3600",
            "--repl-backlog-size",
            "64mb",
        ])),
        Some(peer) => Server::peer(
            peer,
            &[
                "--repl-diskless-sync-delay",
                "0",
                "--repl-ping-replica-period",
                "3600",
                "--repl-backlog-size",
                "64mb",
            ],
        ),
    }
}

/// How many syncs of a kind the server has served.
pub(super) fn syncs(server: &Server, kind: &str) -> u64 {
    let text = server.client().ask("INFO stats").text();
    let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':')).expect("a count");
    line.trim().parse().expect("a number")
}

/// Writes. Behind a full sync a server that was promoted has the write wait until its journal has a new base.
fn write_one(client: &mut Client, request: &str) {
    let reply = client.ask(request);
    assert!(!reply.is_error(), "{request}: {reply:?}");
}

/// A master, a replica, and a replica of that one, which gets all data several times beside writers. Then the middle is promoted,
/// the last goes on with it, and so does the former master, as a replica.
fn chain(kinds: [Option<Peer>; 3]) {
    let [Some(first), Some(middle), Some(last)] = kinds.map(server) else { return };
    let seed = seed();
    let dialect = if kinds == [None; 3] { Dialect::Rankd } else { Dialect::Redis };
    for number in 0..20 {
        let members = (0..500).flat_map(|member| [member.to_string(), format!("m{}", member + 500 * number)]);
        let words: Vec<String> = ["ZADD".to_owned(), "large".to_owned()].into_iter().chain(members).collect();
        first.client().call(&words);
    }
    follow(&mut middle.client(), first.address.port());
    wait_for_link(&mut middle.client());
    let must_end = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..3 {
            let (client, must_end) = (first.client(), &must_end);
            scope.spawn(move || write_everything(client, dialect, seed.wrapping_add(writer), must_end));
        }
        for round in 0..4 {
            let mut client = last.client();
            if round > 0 {
                // As a master it writes something of its own, so it has to get all data again.
                client.ask("REPLICAOF NO ONE");
                write_one(&mut client, "SET own 1");
            }
            follow(&mut client, middle.address.port());
            wait_for_link(&mut client);
            thread::park_timeout(std::time::Duration::from_millis(100));
        }
        must_end.store(true, Ordering::Relaxed);
    });
    let about = format!("{kinds:?}, seed {seed}");
    wait_for_expiries(&first);
    wait_for_same_offset(&first, &middle);
    wait_for_same_offset(&middle, &last);
    assert_same(&first, &middle, dialect, &format!("{about}: the middle"));
    assert_same(&middle, &last, dialect, &format!("{about}: the last"));
    // All of them count the same bytes.
    let ids = [&first, &middle, &last].map(|server| fact(&mut server.client(), "master_replid"));
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "{ids:?}");

    let (full, partial) = (syncs(&middle, "sync_full"), syncs(&middle, "sync_partial_ok"));
    middle.client().ask("REPLICAOF NO ONE");
    write_one(&mut middle.client(), "INCR after-promotion");
    follow(&mut first.client(), middle.address.port());
    for server in [&first, &last] {
        wait_for("the new history", || {
            let [own, other] = [server, &middle].map(|server| fact(&mut server.client(), "master_replid"));
            (own == other).then_some(())
        });
        wait_for_same_offset(&middle, server);
        assert_eq!(server.client().ask("GET after-promotion").text(), "1", "{about}");
        assert_same(&middle, server, dialect, &format!("{about}: after the promotion"));
    }
    assert_eq!(syncs(&middle, "sync_full"), full, "{about}: nobody needed all data");
    assert!(syncs(&middle, "sync_partial_ok") >= partial + 2, "{about}");
    let failed = fact(&mut middle.client(), "rankd_failed_commands");
    assert!(failed.is_none_or(|count| count == "0"), "{about}");
}

#[test]
fn three_rankds_are_one_chain() {
    chain([None, None, None]);
}

#[test]
fn a_rankd_between_redis_servers_passes_the_stream_on() {
    chain([Some(Peer::Redis), None, Some(Peer::Redis)]);
}

#[test]
fn a_rankd_behind_a_rankd_behind_a_valkey_has_its_data() {
    chain([Some(Peer::Valkey), None, None]);
}

#[test]
fn a_redis_between_rankds_passes_the_stream_on() {
    chain([None, Some(Peer::Redis), None]);
}

/// A former master that ended in order, and starts as a replica of the one that was its replica, lacks only what that has written.
#[test]
fn a_former_master_that_ended_in_order_comes_back_with_what_it_has() {
    let [Some(mut first), Some(second)] = [None, None].map(server) else { return };
    first.client().ask("SET a 1");
    follow(&mut second.client(), first.address.port());
    wait_for_link(&mut second.client());
    first.client().ask("SET b 2");
    wait_for_same_offset(&first, &second);
    first.terminate();
    second.client().ask("REPLICAOF NO ONE");
    write_one(&mut second.client(), "SET c 3");
    let place = format!("127.0.0.1 {}", second.address.port());
    let first =
        first.restart_with(&["--replicaof", &place, "--enable-debug-command", "yes"]).expect("a start");
    wait_for_same_offset(&second, &first);
    assert_eq!(first.client().ask("EXISTS a b c"), Reply::Integer(3));
    assert_same(&first, &second, Dialect::Rankd, "after the return");
    assert_eq!((syncs(&second, "sync_full"), syncs(&second, "sync_partial_ok")), (0, 1));
    second.client().ask("CONFIG RESETSTAT");
    assert_eq!(syncs(&second, "sync_partial_ok"), 0);
}

/// A replica without a journal, with a dump file, that ends in order goes on with the stream as well.
#[test]
fn a_replica_with_a_dump_file_goes_on_behind_it() {
    let Some(first) = server(None) else { return };
    let place = format!("127.0.0.1 {}", first.address.port());
    let arguments =
        ["--appendonly", "no", "--save", "3600 1", "--replicaof", &place, "--enable-debug-command", "yes"];
    let mut second = Server::rankd_with(&arguments);
    wait_for_link(&mut second.client());
    let mut client = first.client();
    client.ask("SELECT 3");
    client.ask("SET a 1");
    wait_for_same_offset(&first, &second);
    client.ask("SET b 2");
    client.ask("WAIT 1 20000");
    second.terminate();
    // The stream does not select the database again.
    client.ask("SET c 3");
    let second = second.restart_with(&arguments).expect("a start");
    wait_for_same_offset(&first, &second);
    assert_same(&first, &second, Dialect::Rankd, "after a restart");
    assert_eq!(syncs(&first, "sync_full"), 1);
}

/// A former master that has written on for itself has what the new one does not have, and gets all data.
#[test]
fn a_former_master_that_has_written_on_gets_all_data() {
    for restarts in [false, true] {
        let [Some(first), Some(second)] = [None, None].map(server) else { return };
        follow(&mut second.client(), first.address.port());
        wait_for_link(&mut second.client());
        first.client().ask("SET a 1");
        wait_for_same_offset(&first, &second);
        second.client().ask("REPLICAOF NO ONE");
        first.client().ask("SET lost 1");
        let first = if restarts {
            // Killed, it does not even know its history.
            first.restart()
        } else {
            first
        };
        follow(&mut first.client(), second.address.port());
        wait_for_link(&mut first.client());
        wait_for_same_offset(&second, &first);
        assert_eq!(first.client().ask("EXISTS a lost"), Reply::Integer(1));
        assert_eq!(syncs(&second, "sync_full"), 1);
        assert_same(&first, &second, Dialect::Rankd, "after the return");
    }
}

/// A server that was told to follow a master which is not there, and then to be a master again, goes on with its replicas.
#[test]
fn a_master_that_followed_nobody_for_a_moment_keeps_its_stream() {
    let [Some(first), Some(second)] = [None, None].map(server) else { return };
    follow(&mut second.client(), first.address.port());
    wait_for_link(&mut second.client());
    let nowhere = crate::support::server::free_address();
    follow(&mut first.client(), nowhere.port());
    first.says("no link to the master");
    first.client().ask("REPLICAOF NO ONE");
    first.client().ask("SET a 1");
    wait_for_same_offset(&first, &second);
    assert_same(&first, &second, Dialect::Rankd, "after the moment");
    assert_eq!(syncs(&first, "sync_full"), 1);
}
