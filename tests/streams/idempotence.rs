//! Ids under which producers add entries: a request that is sent again adds nothing, whatever has happened in between.

use crc::{CRC_64_REDIS, Crc};

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;

/// Adds the entry of each request once, and returns their ids.
fn add(client: &mut Client, key: &str) -> Vec<String> {
    let requests = (0..40).map(|number| {
        let id = match number % 3 {
            0 => format!("IDMPAUTO p{}", number % 4),
            _ => format!("IDMP p{} id:{number}", number % 4),
        };
        client.ask(&format!("XADD {key} {id} * n {number} user ann")).text()
    });
    requests.collect()
}

/// The requests of [`add`] once more add nothing.
fn retry(client: &mut Client, key: &str, ids: &[String], when: &str) {
    let before = client.ask(&format!("XLEN {key}"));
    let told = facts(client, key);
    assert_eq!(add(client, key), ids, "{when}");
    assert_eq!(client.ask(&format!("XLEN {key}")), before, "{when}");
    let retried = facts(client, key);
    assert_eq!(retried[..5], told[..5], "{when}");
    assert_eq!(retried[5], told[5] + ids.len() as i64, "{when}");
}

/// What XINFO tells of the ids: six numbers.
pub(super) fn facts(client: &mut Client, key: &str) -> Vec<i64> {
    let told = client.ask(&format!("XINFO STREAM {key}")).items().to_vec();
    let names =
        ["idmp-duration", "idmp-maxsize", "pids-tracked", "iids-tracked", "iids-added", "iids-duplicates"];
    let place = told.iter().position(|fact| *fact == Reply::Bulk(names[0].into())).expect("the ids are told");
    let facts = told[place..place + 12].chunks(2);
    facts
        .zip(names)
        .map(|(fact, name)| {
            assert_eq!(fact[0].text(), name);
            fact[1].integer()
        })
        .collect()
}

#[test]
fn a_request_that_comes_again_adds_nothing_whatever_has_happened() {
    let arguments = ["--appendonly", "yes", "--appendfsync", "everysec", "--enable-debug-command", "yes"];
    let mut server = Server::rankd_with(&arguments);
    let mut client = server.client();
    client.ask("XADD s * first 1");
    let ids = add(&mut client, "s");
    assert_eq!(facts(&mut client, "s"), [100, 100, 4, 40, 40, 0]);
    retry(&mut client, "s", &ids, "at once");
    client.ask("RENAME s other");
    retry(&mut client, "other", &ids, "after RENAME");
    client.ask("COPY other s");
    retry(&mut client, "s", &ids, "after COPY");
    client.ask("MOVE other 1");
    client.ask("SELECT 1");
    retry(&mut client, "other", &ids, "after MOVE");
    client.ask("SELECT 0");
    client.ask("XTRIM s MAXLEN 3");
    retry(&mut client, "s", &ids, "of entries that are gone");
    assert_eq!(client.ask("XLEN s").integer(), 3);
    let told = facts(&mut client, "s");
    server.kill();
    server = server.restart();
    client = server.client();
    assert_eq!(facts(&mut client, "s"), told, "after kill -9");
    retry(&mut client, "s", &ids, "after kill -9");
    client.ask("BGREWRITEAOF");
    wait_for("the checkpoint", || {
        client.ask("INFO persistence").text().contains("aof_rewrite_in_progress:0").then_some(())
    });
    let told = facts(&mut client, "s");
    server.kill();
    server = server.restart();
    client = server.client();
    assert_eq!(facts(&mut client, "s"), told, "from a checkpoint");
    retry(&mut client, "s", &ids, "from a checkpoint");
    assert_eq!(client.ask("DEBUG RELOAD"), Reply::Simple(b"OK".to_vec()));
    retry(&mut client, "s", &ids, "after DEBUG RELOAD");

    // Another rankd gets them by DUMP.
    let sibling = Server::rankd();
    let mut theirs = sibling.client();
    let payload = client.ask("DUMP s").bytes().to_vec();
    assert_eq!(payload[0], 26, "the type that Redis 8.6 has for it");
    assert_eq!(theirs.call(&[&b"RESTORE"[..], b"s", b"0", &payload]), Reply::Simple(b"OK".to_vec()));
    assert_eq!(facts(&mut theirs, "s"), facts(&mut client, "s"));
    retry(&mut theirs, "s", &ids, "after RESTORE");
    // A part of the payload is refused and changes nothing.
    let body = &payload[..payload.len() - 10];
    for len in 1..body.len() {
        let mut part = body[..len].to_vec();
        part.extend_from_slice(&13_u16.to_le_bytes());
        let sum = Crc::<u64>::new(&CRC_64_REDIS).checksum(&part);
        part.extend_from_slice(&sum.to_le_bytes());
        let reply = theirs.call(&[&b"RESTORE"[..], b"part", b"0", &part]);
        assert!(reply.is_error(), "{len}: {reply:?}");
    }
    assert_eq!(theirs.ask("EXISTS part").integer(), 0);
}

/// A dump file has the ids, and a Redis that does not know them loads the stream.
#[test]
fn dump_files_have_the_ids_and_older_servers_load_them() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    let ids = add(&mut client, "s");
    client.ask("XGROUP CREATE s g 0");
    client.ask("XREADGROUP GROUP g c COUNT 7 STREAMS s >");
    client.ask("XADD plain 1-1 f v");
    client.ask("XADD short IDMP p i * f v");
    client.ask("PEXPIRE short 1");
    let told = facts(&mut client, "s");
    client.ask("SAVE");
    let file = server.directory().join("dump.rdb");
    for peer in [Peer::Redis, Peer::Valkey] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::copy(&file, directory.path().join("dump.rdb")).expect("a copy");
        let Some(other) = Server::peer(peer, &["--dir", directory.path().to_str().expect("UTF-8")]) else {
            continue;
        };
        let mut theirs = other.client();
        for question in ["XRANGE s - +", "XINFO GROUPS s", "XPENDING s g - + 100", "XRANGE plain - +"] {
            let found = |reply: Reply| match question.starts_with("XPENDING") {
                // Without the time since the delivery.
                true => reply.items().iter().map(|row| row.items()[0].clone()).collect(),
                false => reply.items().to_vec(),
            };
            assert_eq!(found(theirs.ask(question)), found(client.ask(question)), "{question}");
        }
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::copy(&file, directory.path().join("dump.rdb")).expect("a copy");
    let again = Server::rankd_in(directory, &["--appendonly", "no"]).expect("it starts");
    let mut client = again.client();
    assert_eq!(client.ask("EXISTS short").integer(), 0);
    assert_eq!(facts(&mut client, "s"), told);
    retry(&mut client, "s", &ids, "from a dump file");
}

#[test]
fn ids_are_forgotten_after_their_time() {
    let server = Server::rankd_with(&["--stream-idmp-duration", "1"]);
    let mut client = server.client();
    let first = client.ask("XADD s IDMP p i * n 1").text();
    client.ask("XADD s IDMP other i * n 1");
    let again = wait_for("the id to be forgotten", || {
        Some(client.ask("XADD s IDMP p i * n 2").text()).filter(|id| *id != first)
    });
    assert_eq!(client.ask("XADD s IDMP p i * n 3").text(), again);
    // Nobody asks for the other one any more.
    let told = wait_for("the other producer to be forgotten", || {
        Some(facts(&mut client, "s")).filter(|told| told[2] == 1)
    });
    assert_eq!(told[..5], [1, 100, 1, 1, 3]);
}
