//! Streams in files of real servers, one for each layout: 15 of Redis 6.2, 19 of 7.0, 21 of 8.2 and of Valkey 9.1. rankd must
//! have of each what Redis 8.2.3 or Valkey has, and these must read what rankd writes.
//!
//! The files have a stream `events` of 35 entries in small blocks, with names that are shared and others, removed entries, an id
//! at the end of its millisecond, and three groups with consumers and pending entries; a stream whose only entry was removed;
//! and one that has never had any.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};

/// The files, and who reads them beside rankd.
const FILES: [(&str, Peer); 4] = [
    ("streams-redis-6.2.5.rdb", Peer::Redis),
    ("streams-redis-7.0.15.rdb", Peer::Redis),
    ("streams-redis-8.2.3.rdb", Peer::Redis),
    ("streams-valkey-9.1.2.rdb", Peer::Valkey),
];

const KEYS: [&str; 3] = ["events", "empty", "bare"];

/// All that XINFO tells, but for the sizes of trees and blocks, which depend on the server.
fn facts(client: &mut Client) -> Vec<Reply> {
    let facts = KEYS.map(|key| {
        let mut facts = client.ask(&format!("XINFO STREAM {key} FULL COUNT 0")).items().to_vec();
        facts.drain(2..6);
        if facts[1] == Reply::Integer(0) {
            // Of an empty stream of the oldest layout, Redis says that the first entry has the highest id.
            facts.drain(8..10);
        }
        [Reply::Array(facts), client.ask(&format!("DEBUG DIGEST-VALUE {key}"))]
    });
    facts.into_iter().flatten().collect()
}

#[test]
fn streams_of_every_layout_are_read_and_written() {
    let debug = ["--enable-debug-command", "yes"];
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for (file, peer) in FILES {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::copy(data.join(file), directory.path().join("dump.rdb")).expect("a copy");
        let rankd =
            Server::rankd_in(directory, &[&["--appendonly", "no"], &debug[..]].concat()).expect("it starts");
        let mut ours = rankd.client();
        assert_eq!(ours.ask("XLEN events"), Reply::Integer(35), "{file}");
        let pending = ours.ask("XPENDING events boards");
        assert_eq!(pending.items()[0], Reply::Integer(11), "{file}");

        let copy = tempfile::tempdir().expect("a temporary directory");
        std::fs::copy(data.join(file), copy.path().join("dump.rdb")).expect("a copy");
        let at = copy.path().to_str().expect("UTF-8");
        let Some(other) = Server::peer(peer, &["--dir", at]) else { return };
        let mut theirs = other.client();
        let expected = facts(&mut theirs);
        assert_eq!(facts(&mut ours), expected, "{file}");

        // And back: the other server has the same of what rankd dumps.
        for key in KEYS {
            let payload = ours.ask(&format!("DUMP {key}")).bytes().to_vec();
            let words: [&[u8]; 5] = [b"RESTORE", key.as_bytes(), b"0", &payload, b"REPLACE"];
            assert_eq!(theirs.call(&words), Reply::Simple(b"OK".to_vec()), "{file}: {key}");
        }
        assert_eq!(facts(&mut theirs), expected, "{file}, written by rankd");
    }
}
