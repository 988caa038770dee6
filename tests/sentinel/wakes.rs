//! A master that was stopped: what it knew of its part and of its replicas may be old when it goes on. The sentinels only answer.

use super::group::DOWN_AFTER_MS;
use super::oracle::{Oracle, ok, start};
use crate::following::{fact, follow, wait_for_link};
use crate::support::client::Client;
use crate::support::escape::words;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;
use std::time::{Duration, Instant};

/// Stops the server for so long that sentinels may have elected another one. Meanwhile it gets `requests`.
fn stop_with(server: &Server, clients: &mut [(&mut Client, &[&str])]) {
    server.freeze();
    for (client, requests) in clients {
        for request in *requests {
            client.send(&words(request));
        }
    }
    let stopped = Instant::now();
    wait_for("the pause", || (stopped.elapsed() > Duration::from_millis(DOWN_AFTER_MS)).then_some(()));
    server.wake();
}

/// A master that has one replica, which asks nobody, and a connection whose write the replica has.
fn group(oracle: &Oracle) -> (Server, Server, Client) {
    let (server, replica) = (start(&[oracle], &[]), Server::rankd());
    oracle.say(Some((server.address, "master", 1)));
    let mut client = server.client();
    wait_for("the answer", || (client.ask("SET before 1") == ok()).then_some(()));
    follow(&mut replica.client(), server.address.port());
    wait_for_link(&mut replica.client());
    wait_for("the confirmation", || (client.ask("WAIT 1 1000") == Reply::Integer(1)).then_some(()));
    (server, replica, client)
}

/// A write that came during the stop: it is run before the server knows, or refused behind that.
fn assert_written_or_refused(reply: &Reply) {
    assert!(*reply == ok() || matches!(reply, Reply::Error(_)), "{reply:?}");
}

#[test]
fn a_master_that_wakes_up_confirms_nothing_before_the_sentinels_name_it() {
    let oracle = Oracle::start(None);
    let (server, replica, mut client) = group(&oracle);
    let mut patient = server.client();
    oracle.say(Some((server.address, "master,failover_in_progress", 1)));
    let at_once = ["MULTI", "WAIT 1 0", "EXEC", "EVAL \"return redis.call('WAIT', 1, 0)\" 0"];
    let later = ["SET during 1", "WAIT 1 300", "WAITAOF 0 1 1", "WAIT 0 0"];
    let requests = [&at_once[..], &later[..]].concat();
    let endless = ["SET patient 1", "WAIT 1 0"];
    stop_with(&server, &mut [(&mut client, &requests[..]), (&mut patient, &endless[..])]);
    // What the replica had before counts no more than what it acknowledges now.
    assert_eq!([client.reply(), client.reply()], [ok(), Reply::Simple(b"QUEUED".to_vec())]);
    assert_eq!(client.reply(), Reply::Array(vec![Reply::Integer(0)]), "WAIT in a transaction");
    assert_eq!(client.reply(), Reply::Integer(0), "WAIT in a script");
    let written = client.reply();
    assert_written_or_refused(&written);
    if written == ok() {
        wait_for("the replica, which still follows", || {
            (!replica.client().ask("GET during").is_nil()).then_some(())
        });
    }
    assert_eq!(client.reply(), Reply::Integer(0), "WAIT at its timeout");
    let Reply::Array(both) = client.reply() else { panic!("WAITAOF") };
    assert_eq!(both[1], Reply::Integer(0), "WAITAOF at its timeout");
    assert_eq!(client.reply(), Reply::Integer(0), "nobody is waited for");
    assert_written_or_refused(&patient.reply());
    assert_eq!(fact(&mut client, "connected_slaves").as_deref(), Some("1"));
    patient.set_read_timeout(Duration::from_millis(100));
    assert!(patient.try_reply().is_err(), "it waits on");
    patient.set_read_timeout(Duration::from_secs(60));
    oracle.say(Some((server.address, "master", 1)));
    assert_eq!(patient.reply(), Reply::Integer(1), "the master leads, and what has come counts");
    wait_for("the end of the doubt", || (client.ask("SET behind 1") == ok()).then_some(()));
    wait_for("the confirmation", || (client.ask("WAIT 1 1000") == Reply::Integer(1)).then_some(()));
    server.says("it asks whether it is still the master");
}

#[test]
fn a_wait_ends_where_a_master_wakes_up_and_is_none_any_more() {
    let (oracle, other) = (Oracle::start(None), Server::rankd());
    let (server, _replica, mut client) = group(&oracle);
    oracle.say(Some((other.address, "master", 2)));
    stop_with(&server, &mut [(&mut client, &["SET during 1", "WAIT 1 0"])]);
    assert_written_or_refused(&client.reply());
    let Reply::Error(why) = client.reply() else { panic!("no replica confirms it") };
    let why = String::from_utf8(why).expect("text");
    // The second where the server had changed its part before it ran the command.
    assert!(why.starts_with("UNBLOCKED ") || why.contains("WAIT cannot be used with replica"), "{why}");
    wait_for("the other master", || (fact(&mut client, "role")? == "slave").then_some(()));
}

#[test]
fn a_master_leads_again_only_if_most_sentinels_name_it() {
    let mut oracles = [Oracle::start(None), Oracle::start(None), Oracle::start(None)];
    let server = start(&oracles.each_ref(), &[]);
    let mut client = server.client();
    oracles[1].say(Some((server.address, "master", 1)));
    server.says("1 of 3 sentinels name this server");
    assert!(client.ask("SET k 1").is_error());
    oracles[0].say(Some((server.address, "master", 1)));
    wait_for("the answers of two", || (client.ask("SET k 1") == ok()).then_some(()));
    // The third has another opinion after a stop.
    oracles[2].say(Some((server.address, "o_down,master", 1)));
    stop_with(&server, &mut []);
    server.says("hold it for dead");
    assert!(client.ask("SET k 1").is_error());
    oracles.swap(0, 2);
    oracles[0].say(None);
    wait_for("the end of the doubt", || (client.ask("SET k 1") == ok()).then_some(()));
}

#[test]
fn a_server_that_was_stopped_asks_again() {
    let server = Server::rankd();
    let oracle = Oracle::start(None);
    let woken = start(&[&oracle], &[]);
    oracle.say(Some((woken.address, "master", 1)));
    let mut client = woken.client();
    wait_for("the answer", || (client.ask("SET k 1") == ok()).then_some(()));
    oracle.say(Some((server.address, "master", 2)));
    woken.freeze();
    let stopped = std::time::Instant::now();
    wait_for("the pause", || (stopped.elapsed().as_millis() > 2_600).then_some(()));
    woken.wake();
    wait_for("the other master", || (fact(&mut client, "role")? == "slave").then_some(()));
    woken.says("it asks whether it is still the master");
}
