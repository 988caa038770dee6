//! Runs the conversations of a script against a server, and records the replies of Redis.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::script::Script;
use super::step::{Party, Said, Step};
use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;

/// The script of this name. With `RANKD_RECORD=1` it is recorded first.
pub(super) fn open(name: &str) -> Script {
    if std::env::var("RANKD_RECORD").is_ok_and(|value| value == "1") {
        record(Script::named(name));
    }
    Script::named(name)
}

pub(super) fn rankd(script: &Script) {
    let mut arguments = vec!["--appendonly", "no"];
    arguments.extend(script.server_arguments.iter().map(String::as_str));
    run(script, Server::rankd_with(&arguments), Party::Rankd);
}

pub(super) fn redis(script: &Script) {
    if let Some(server) = peer(script, Peer::Redis) {
        run(script, server, Party::Redis);
    }
}

pub(super) fn valkey(script: &Script) {
    if let Some(server) = peer(script, Peer::Valkey) {
        run(script, server, Party::Valkey);
    }
}

fn peer(script: &Script, peer: Peer) -> Option<Server> {
    let arguments: Vec<&str> = script.server_arguments.iter().map(String::as_str).collect();
    Server::peer(peer, &arguments)
}

/// Writes the replies of Redis into the script.
fn record(mut script: Script) {
    let Some(server) = peer(&script, Peer::Redis) else { return };
    let arguments = script.server_arguments.clone();
    let mut connections = Connections::default();
    for step in script.steps_mut() {
        let client = connections.of(step, &server, &arguments);
        if step.is_for(Party::Redis) {
            until_blocked(&server, step.later, || step.record(client));
        }
    }
    script.drop_empty_waits();
    script.write();
}

/// Runs every conversation of `script`.
///
/// # Panics
/// When replies differ, with all of them.
fn run(script: &Script, mut server: Server, party: Party) {
    let mut wrong = Vec::new();
    let mut connections = Connections::default();
    let mut abandoned = false;
    for step in script.steps() {
        let client = connections.of(step, &server, &script.server_arguments);
        abandoned &= !step.starts_conversation;
        if abandoned || !step.is_for(party) {
            continue;
        }
        client.set_read_timeout(Duration::from_secs(20));
        let place = format!("{}:{}", script.name(), step.line);
        if let Err(what) = until_blocked(&server, step.later, || step.run(client)) {
            let said = match &step.said {
                Said::Nothing => "...",
                Said::Request(said) | Said::Bytes(said) => said,
            };
            wrong.push(format!("{place}: {said}\n     {what}"));
            abandoned = what.contains("no reply:") || what.starts_with("cannot send");
        }
        if !server.is_running() {
            wrong.push(format!("{place}: the server has ended\n{}", server.said()));
            break;
        }
    }
    assert!(wrong.is_empty(), "{} replies differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The connections of a conversation, by name.
#[derive(Default)]
struct Connections {
    open: HashMap<String, Client>,
    /// The connection in use.
    present: String,
}

impl Connections {
    /// The connection that `step` uses.
    fn of(&mut self, step: &Step, server: &Server, arguments: &[String]) -> &mut Client {
        if step.starts_conversation {
            *self = Connections::default();
            flush(server, arguments);
        }
        if let Some(name) = &step.on {
            self.present.clone_from(name);
        }
        if step.new_connection {
            self.open.remove(&self.present);
        }
        self.open.entry(self.present.clone()).or_insert_with(|| server.client())
    }
}

/// Empties the server. Waits first until it has closed the connections of the previous conversation, because their
/// subscriptions would remain.
fn flush(server: &Server, arguments: &[String]) {
    let mut client = server.client();
    if let Some(at) = arguments.iter().position(|argument| argument == "--requirepass") {
        assert!(!client.call(&["AUTH", &arguments[at + 1]]).is_error());
    }
    wait_for("the end of the previous connections", || {
        let clients = client.call(&["CLIENT", "LIST"]);
        (clients.text().lines().count() <= 1).then_some(())
    });
    assert_eq!(client.call(&["FLUSHALL"]), Reply::Simple(b"OK".to_vec()));
}

/// The number of blocked connections in INFO of `server`.
fn blocked_clients(server: &Server) -> usize {
    let info = server.client().ask("INFO clients").text();
    let count = info.lines().find_map(|line| line.strip_prefix("blocked_clients:"));
    count.and_then(|count| count.trim().parse().ok()).expect("INFO counts blocked clients")
}

/// Calls `send`, which sends a blocking request, and waits until its connection is blocked or has a reply.
fn until_blocked<T>(server: &Server, later: bool, send: impl FnOnce() -> T) -> T {
    if !later {
        return send();
    }
    let before = blocked_clients(server);
    let result = send();
    let deadline = Instant::now() + PATIENCE;
    while blocked_clients(server) == before && Instant::now() < deadline {
        std::thread::yield_now();
    }
    result
}
