//! DUMP and RESTORE between rankd and real servers, both ways; and what RESTORE has made is there after a kill.

use super::data::{Contents, Value, contents, date_fields, fill, fill_foreign};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};

/// Far away, in unix milliseconds.
const LATER_MS: u64 = 1_900_000_000_000;

/// Fills a server with values of every type and encoding, fields that expire and HyperLogLogs of both forms among them.
fn fill_all(client: &mut Client, chance: &mut Chance) -> Contents {
    fill(client, chance);
    for (sketch, elements) in [("sparse", 20), ("dense", 20_000)] {
        let mut request = vec!["PFADD".to_owned(), sketch.to_owned()];
        request.extend((0..elements).map(|element| format!("element {element}")));
        assert_eq!(client.call(&request).integer(), 1);
    }
    for count in [3, 600] {
        let mut request = vec!["HSET".to_owned(), format!("dated {count}")];
        request.extend((0..count).flat_map(|field| [format!("f{field}"), format!("v{field}")]));
        assert!(!client.call(&request).is_error());
        let fields: Vec<Vec<u8>> =
            (0..count).step_by(2).map(|field| format!("f{field}").into_bytes()).collect();
        date_fields(client, format!("dated {count}").as_bytes(), LATER_MS + count, &fields);
    }
    contents(client)
}

/// How long each key has left, in milliseconds; -1: for ever.
fn lifetimes(client: &mut Client, contents: &Contents) -> Vec<i64> {
    let ask = |(database, key): &(usize, Vec<u8>)| {
        assert!(!client.call(&["SELECT", &database.to_string()]).is_error());
        client.call(&[b"PTTL".as_slice(), key]).integer()
    };
    contents.keys().map(ask).collect()
}

/// As they were, less the time that the test takes.
fn assert_same_lifetimes(before_ms: &[i64], now_ms: &[i64]) {
    for (before_ms, now_ms) in before_ms.iter().zip(now_ms) {
        assert_eq!(*before_ms < 0, *now_ms < 0);
        assert!(before_ms.abs_diff(*now_ms) < 600_000, "{before_ms} and {now_ms}");
    }
}

/// Restores every key of `from` in `to`.
fn restore_all(from: &mut Client, to: &mut Client, contents: &Contents) {
    let times = lifetimes(from, contents);
    for ((database, key), left_ms) in contents.keys().zip(times) {
        for client in [&mut *from, &mut *to] {
            assert!(!client.call(&["SELECT", &database.to_string()]).is_error());
        }
        let payload = from.call(&[b"DUMP".as_slice(), key]);
        let left_ms = left_ms.max(0).to_string();
        let reply = to.call(&[b"RESTORE".as_slice(), key, left_ms.as_bytes(), payload.bytes()]);
        assert!(!reply.is_error(), "{}: {reply:?}", key.escape_ascii());
    }
}

/// Only Redis knows version 12, which a hash needs whose fields expire.
fn without_dated_hashes(mut contents: Contents) -> Contents {
    contents.retain(|_, value| match value {
        Value::Hash(fields) => fields.values().all(|(_, at_ms)| *at_ms < 0),
        _ => true,
    });
    contents
}

/// rankd has one zero, Redis two.
fn with_one_zero(mut contents: Contents) -> Contents {
    for value in contents.values_mut() {
        if let Value::Ranking(entries) = value {
            let scores = entries.iter_mut().skip(1).step_by(2);
            scores.filter(|score| *score == b"-0").for_each(|score| *score = b"0".to_vec());
        }
    }
    contents
}

#[test]
fn values_pass_between_rankd_and_real_servers() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    for peer in [Peer::Redis, Peer::Valkey] {
        for from_rankd in [true, false] {
            let ours = Server::rankd();
            let Some(theirs) = Server::peer(peer, &["--enable-debug-command", "yes"]) else { return };
            let (mut from, mut to) = (ours.client(), theirs.client());
            if !from_rankd {
                std::mem::swap(&mut from, &mut to);
            }
            let mut values = fill_all(&mut from, &mut Chance::new(seed));
            if peer == Peer::Valkey && from_rankd {
                values = without_dated_hashes(values);
            }
            restore_all(&mut from, &mut to, &values);
            let restored = with_one_zero(contents(&mut to));
            for (key, value) in &with_one_zero(values.clone()) {
                let is_same = restored.get(key) == Some(value);
                assert!(is_same, "{peer:?}, from rankd: {from_rankd}, {}", key.1.escape_ascii());
            }
            assert_same_lifetimes(&lifetimes(&mut from, &values), &lifetimes(&mut to, &values));
            // The estimates come from the very bytes.
            for sketch in ["sparse", "dense"] {
                assert_eq!(from.call(&["PFCOUNT", sketch]), to.call(&["PFCOUNT", sketch]));
            }
        }
    }
}

#[test]
fn what_was_restored_is_there_after_a_kill() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let source = Server::rankd();
    let mut server = Server::rankd_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (mut from, mut to) = (source.client(), server.client());
    let values = fill_all(&mut from, &mut Chance::new(seed));
    // In place of something else: that must not come back.
    for (database, key) in values.keys() {
        assert!(!to.call(&["SELECT", &database.to_string()]).is_error());
        to.call(&[b"RPUSH".as_slice(), key, b"old"]);
    }
    for (database, key) in values.keys() {
        for client in [&mut from, &mut to] {
            assert!(!client.call(&["SELECT", &database.to_string()]).is_error());
        }
        let payload = from.call(&[b"DUMP".as_slice(), key]);
        let request: [&[u8]; 5] = [b"RESTORE", key, b"100000000", payload.bytes(), b"REPLACE"];
        assert!(!to.call(&request).is_error());
    }
    let times = lifetimes(&mut to, &values);
    server.kill();
    let server = server.restart();
    let mut client = server.client();
    assert_eq!(contents(&mut client), values);
    assert_same_lifetimes(&times, &lifetimes(&mut client, &values));
}

/// A type that rankd does not have is told from bytes that are damaged.
#[test]
fn a_value_of_a_type_that_is_missing_is_refused_by_its_name() {
    let server = Server::rankd();
    let Some(peer) = Server::peer(Peer::Redis, &[]) else { return };
    let (mut client, mut theirs) = (server.client(), peer.client());
    fill_foreign(&mut theirs);
    let payload = theirs.call(&["DUMP", "vectors"]);
    let reply = client.call(&[b"RESTORE".as_slice(), b"vectors", b"0", payload.bytes()]);
    let expected = b"ERR Bad data format: rankd has no type vectorset (of a module)";
    assert!(matches!(&reply, Reply::Error(text) if *text == expected), "{reply:?}");
    assert_eq!(client.call(&["EXISTS", "vectors"]).integer(), 0);
}
