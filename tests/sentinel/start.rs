//! What a server asks sentinels at its start. These sentinels only answer; the others of this folder are real ones.

use crate::following::{fact, wait_for_link};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

const UNKNOWN: &str = "MASTERDOWN No sentinel has said yet which server is the master. Until one has, this server accepts no writes.";

/// What a sentinel says of the master: its address, its flags, the epoch.
type Said = Option<(SocketAddr, &'static str, u64)>;

/// A sentinel that answers what it is told to answer.
struct Oracle {
    address: SocketAddr,
    said: Arc<Mutex<Said>>,
}

impl Oracle {
    fn start(said: Said) -> Oracle {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (address, said) = (listener.local_addr().expect("an address"), Arc::new(Mutex::new(said)));
        let answers = Arc::clone(&said);
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &answers)));
        Oracle { address, said }
    }

    fn say(&self, said: Said) {
        *self.said.lock().expect("no panic") = said;
    }
}

/// Answers the requests of a connection, each of which comes alone.
fn answer(mut stream: TcpStream, said: &Mutex<Said>) {
    let mut piece = [0; 4096];
    while let Ok(len) = stream.read(&mut piece) {
        let request = String::from_utf8_lossy(&piece[..len]).into_owned();
        let said = *said.lock().expect("no panic");
        let bulks = |words: &[&str]| {
            let each = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect::<String>();
            format!("*{}\r\n{each}", words.len())
        };
        let reply = match said {
            _ if len == 0 || !request.contains("first-one") => "-ERR what?\r\n".to_owned(),
            None => "*-1\r\n".to_owned(),
            Some((address, ..)) if request.contains("GET-MASTER-ADDR-BY-NAME") => {
                bulks(&[&address.ip().to_string(), &address.port().to_string()])
            }
            Some((_, flags, epoch)) => bulks(&["flags", flags, "config-epoch", &epoch.to_string()]),
        };
        if len == 0 || stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn start(oracles: &[&Oracle], arguments: &[&str]) -> Server {
    let places = oracles.iter().map(|oracle| oracle.address.to_string()).collect::<Vec<_>>().join(",");
    Server::rankd_with(&[&["--sentinel", &places, "--sentinel-master", "first-one"], arguments].concat())
}

fn unknown() -> Reply {
    Reply::Error(UNKNOWN.as_bytes().to_vec())
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
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
    wait_for("the doubt", || server.said().contains("hold it for dead").then_some(()));
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
    assert!(woken.said().contains("it asks whether it is still the master"), "{}", woken.said());
}
