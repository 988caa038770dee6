//! A reply or a message waits for the last record that it depends on, whichever client caused that record.
//!
//! The reply to a write always waited for its own record. The reply to a read did not. A pipeline had changed a board and
//! not written its records yet; another client read the new score, and a write that changed nothing was answered from it.
//! After kill -9 the score was lost, although both clients had seen it.

use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use rankd::commands::engine::run_batch;
use rankd::commands::state::host::Host;
use rankd::commands::state::session::Session;
use rankd::config::{Config, EventClasses};
use rankd::machine::clock::Clock;
use rankd::resp::request::{RequestBatch, RequestLimits, RequestReader};
use rankd::store::change::sink::{Count, Seq};
use rankd::store::event::EventSink;
use rankd::store::{Access, Store};

use crate::support::client::encode;
use crate::support::escape::words;
use crate::support::server::Server;

/// Clients of one store, without a server, so that tests can inspect the record that a batch waits for.
struct Table {
    host: Host,
}

impl Table {
    fn new() -> Self {
        let store = Arc::new(Store::new(64, 16, 1, Clock::system()));
        store.attach(Arc::new(Count::default()));
        let host = Host::headless(store, Config::default());
        host.store.attach_events(Arc::clone(&host.channels) as Arc<dyn EventSink>);
        Self { host }
    }

    /// Runs a pipeline of requests, one a line. Returns the replies and the record that they depend on.
    fn run(&self, session: &mut Session, lines: &[&str]) -> (String, Seq) {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| encode(&words(line))).collect();
        let bounds = RequestLimits { unauthenticated: false, bulk_bytes: 1 << 20, requests: usize::MAX };
        let (mut batch, mut out) = (RequestBatch::default(), Vec::new());
        let bytes = &mut bytes.clone()[..];
        RequestReader::default().read(bytes, &bounds, &mut batch).expect("requests");
        let ran = run_batch(
            &self.host,
            &self.host.config(),
            session,
            batch.requests(bytes),
            &mut out,
            self.host.local_terms(),
        );
        assert_eq!(ran.count, lines.len(), "{lines:?}");
        (out.escape_ascii().to_string(), ran.seq)
    }
}

const SETTING: [&str; 6] = [
    "ZADD board 1 alice 2 bob",
    "ZADD friends:alice 0 bob",
    "SADD set m",
    "SET text old",
    "SET counter 5",
    "ZADD other 1 alice",
];

/// A write, and then requests of other clients that depend on it: reads, and writes that change nothing.
const TOLD: [(&str, &[&str]); 8] = [
    (
        "ZADD board 5 alice",
        &[
            "ZSCORE board alice",
            "ZADD board 5 alice",
            "ZADD board GT 4 alice",
            "ZADD board NX 9 alice",
            "ZRANGE board 0 -1 WITHSCORES",
            "ZREVRANK board alice",
            "ZREM board nobody",
            "ZUNION 2 other board",
            "ZRANGESTORE nowhere board 100 200",
            "FRIENDRANK board alice MEMBERS 1 bob",
            "FRIENDRANK board alice",
        ],
    ),
    ("SET text new", &["GET text", "SET text other NX", "EXISTS text", "TYPE text", "MEMORY USAGE text"]),
    ("INCR counter", &["GET counter"]),
    ("PEXPIRE board 100000", &["TTL board", "PTTL board"]),
    ("SADD set another", &["SADD set another", "SISMEMBER set another", "SMEMBERS set", "SCARD set"]),
    (
        "DEL set",
        &["DEL set", "SCARD set", "SREM set m", "EXISTS set", "SCAN 0 COUNT 1000", "KEYS *", "DBSIZE"],
    ),
    ("FLUSHDB", &["GET text", "DBSIZE", "SCAN 0", "ZCARD board", "FRIENDRANK board alice"]),
    ("SET text again", &["KEYS *", "SCAN 0 COUNT 1000", "DBSIZE"]),
];

#[test]
fn a_reply_depends_on_changes_of_other_clients() {
    let table = Table::new();
    let (mut writer, mut reader) = (table.host.local_session(), table.host.local_session());
    table.run(&mut writer, &SETTING);
    for (write, questions) in TOLD {
        let (_, record) = table.run(&mut writer, &[write]);
        assert_eq!(record, table.host.store.last_seq(), "{write}");
        for question in questions {
            let (reply, rests_on) = table.run(&mut reader, &[question]);
            assert!(!reply.starts_with("-"), "{question}: {reply}");
            assert_eq!(rests_on, record, "{write}, then {question}: {reply}");
        }
    }
}

/// A thread gives each of its connections a millisecond. A batch without a connection ended after that time as well, so that
/// on a busy machine these tests had requests that were not run.
#[test]
fn a_batch_without_a_connection_runs_to_its_end() {
    let table = Table::new();
    let mut session = table.host.local_session();
    let members: Vec<String> = (0..4_000).map(|n| format!("{n} member:{n}")).collect();
    let add = |board: &str| format!("ZADD {board} {}", members.join(" "));
    let slow = ["ZINTERCARD 2 one two"; 40];
    table.run(&mut session, &[&[add("one").as_str(), add("two").as_str()], &slow[..]].concat());
}

#[test]
fn a_reply_depends_only_on_records_of_the_shards_it_read() {
    let table = Table::new();
    let (mut writer, mut reader) = (table.host.local_session(), table.host.local_session());
    let elsewhere = (0..).map(|n| format!("key{n}"));
    let far = |key: &String| table.host.store.shard_of(key.as_bytes()) != table.host.store.shard_of(b"board");
    let elsewhere = elsewhere.into_iter().find(far).expect("a key of another shard");
    let (_, first) = table.run(&mut writer, &[&format!("SET {elsewhere} 1")]);
    let (_, second) = table.run(&mut writer, &["ZADD board 1 alice"]);
    assert!(second > first);
    assert_eq!(table.run(&mut reader, &[&format!("GET {elsewhere}")]).1, first);
    // Commands about the server must not wait for the disk.
    for question in ["PING", "INFO", "ECHO x", "CONFIG GET dir", "COMMAND COUNT"] {
        assert_eq!(table.run(&mut reader, &[question]).1, Seq(0), "{question}");
    }
}

#[test]
fn a_transaction_depends_on_what_it_read_and_on_what_broke_it() {
    let table = Table::new();
    let (mut writer, mut reader) = (table.host.local_session(), table.host.local_session());
    table.run(&mut reader, &["WATCH text"]);
    let (_, record) = table.run(&mut writer, &["SET text new"]);
    let (reply, rests_on) = table.run(&mut reader, &["MULTI", "PING", "EXEC"]);
    assert!(reply.ends_with("*-1\\r\\n"), "{reply}");
    assert_eq!(rests_on, record, "that the key has changed is told too");
    let (_, record) = table.run(&mut writer, &["SET text newer"]);
    assert_eq!(table.run(&mut reader, &["MULTI", "GET text", "EXEC"]).1, record);
}

/// A kept friend ranking is returned without a lock. It depends on the records that it was computed from.
#[test]
fn a_kept_friend_ranking_depends_on_the_records_it_was_computed_from() {
    let table = Table::new();
    let mut session = table.host.local_session();
    let friends: Vec<String> = (0..5_000).map(|n| format!("0 f{n}")).collect();
    let (_, record) = table
        .run(&mut session, &["ZADD board 1 alice", &format!("ZADD friends:alice {}", friends.join(" "))]);
    let question = "FRIENDRANK board alice MAXAGE 60000 SELF";
    assert_eq!(table.run(&mut session, &[question]).1, record);
    table.run(&mut session, &["DEL board"]);
    assert_eq!(table.run(&mut session, &[question]).1, record, "kept, and as of then");
    assert_eq!(table.host.friend_rankings.stats().hits, 1);
}

#[test]
fn a_message_depends_on_earlier_writes_of_its_sender() {
    let table = Table::new();
    table.host.store.set_event_classes(EventClasses::parse("KEA").expect("classes"));
    let (mut sender, mut listener) = (table.host.local_session(), table.host.local_session());
    let channels = "SUBSCRIBE news __keyevent@0__:zadd __keyevent@0__:set";
    assert_eq!(table.run(&mut listener, &[channels]).1, Seq(0));
    let heard = || {
        let mut out = Vec::new();
        let seq = listener.client.mailbox.take_into(&mut out).expect("room");
        (out.escape_ascii().to_string(), seq)
    };
    for lines in [
        &["ZADD board 1 alice"][..],
        &["SET text v", "PUBLISH news done"],
        &["MULTI", "PUBLISH news begun", "SET text w", "PUBLISH news done", "EXEC"],
    ] {
        let (_, record) = table.run(&mut sender, lines);
        assert_eq!(record, table.host.store.last_seq());
        let (messages, rests_on) = heard();
        assert!(messages.contains("message"), "{lines:?}");
        assert_eq!(rests_on, record, "{lines:?}: {messages}");
    }
}

#[test]
fn the_reply_to_a_blocked_client_depends_on_the_record_that_served_it() {
    let table = Table::new();
    let (mut waiter, mut writer) = (table.host.local_session(), table.host.local_session());
    table.run(&mut waiter, &["BZPOPMIN board 0"]);
    let (_, record) = table.run(&mut writer, &["ZADD board 1 alice"]);
    let waiting = waiter.client.waiting.lock().clone().expect("it waits");
    let Poll::Ready(ending) = waiting.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("not served")
    };
    assert_eq!(ending.seq, Some(record));
}

/// A pipeline changes a board and continues with slow reads, so that its records are written late. Another client sees the
/// change, and the server is killed. After the restart the change must exist.
#[test]
fn a_change_that_a_client_has_read_survives_a_kill() {
    for policy in ["always", "everysec", "no"] {
        let mut server =
            Server::rankd_with(&["--appendonly", "yes", "--appendfsync", policy, "--threads", "2"]);
        let mut client = server.client();
        for board in ["one", "two"] {
            let members: Vec<String> =
                (0..4_000).flat_map(|n| [n.to_string(), format!("member:{n}")]).collect();
            client.call(&[vec!["ZADD".to_owned(), board.to_owned()], members].concat());
        }
        let mut pipeline = encode(&["ZADD", "board", "5", "alice"]);
        // Each takes a fraction of a millisecond, and they make one batch.
        pipeline.extend(encode(&["ZINTERCARD", "2", "one", "two"]).repeat(4_000));
        client.send_raw(&pipeline);
        let (seen, saw) = mpsc::channel();
        std::thread::scope(|scope| {
            // One of them is on another thread than the pipeline.
            for mut reader in [server.client(), server.client()] {
                let seen = seen.clone();
                scope.spawn(move || {
                    while let Ok(reply) = reader.try_call(&["ZSCORE", "board", "alice"]) {
                        if !reply.is_nil() {
                            // Sends fail while the server is being killed.
                            let _ = seen.send(());
                            return;
                        }
                    }
                });
            }
            saw.recv().expect("the change is seen");
            server.kill();
        });
        let server = server.restart();
        assert_eq!(server.client().call(&["ZSCORE", "board", "alice"]).text(), "5", "{policy}");
    }
}

/// A change is not visible to others before its lock is released, and neither is a message about it.
#[test]
fn a_hold_without_changes_depends_on_the_last_change() {
    let table = Table::new();
    let mut session = table.host.local_session();
    let (_, record) = table.run(&mut session, &["SET text v"]);
    let store = &table.host.store;
    let shards = [store.shard_of(b"text")];
    for access in [Access::Read, Access::Write] {
        let mut hold = rankd::store::Hold::on(store, &shards, access, Default::default());
        assert_eq!(hold.release().0, record);
    }
}
