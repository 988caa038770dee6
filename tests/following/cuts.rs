//! Links that are cut, at any byte of a full sync and of the stream behind it, and replicas that read too slowly.

use super::chains::syncs;
use super::line::{Fate, Line};
use super::writers::{
    Dialect, EndOfWriters, assert_same, wait_for_expiries, wait_for_same_offset, write_everything,
};
use super::{fact, follow, rankd, seed, wait_for_link};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Members of the board that makes a file large enough for a walk of several steps.
const MEMBERS: usize = 20_000;

/// Gives the server some of each type.
pub(super) fn fill(server: &Server) {
    let mut client = server.client();
    for first in (0..MEMBERS).step_by(500) {
        let members = (first..first + 500).flat_map(|number| [number.to_string(), format!("member{number}")]);
        client.call(&["ZADD".to_owned(), "large".to_owned()].into_iter().chain(members).collect::<Vec<_>>());
    }
    for request in [
        "LB.CREATE board SCORE INTEGER TIES FIRST IDS 5",
        "LB.SUBMIT board ID r1 9007199254740993 ann",
        "LB.CREATE none SCORE INTEGER",
        "LB.TEMPLATE SET day:* TIES FIRST",
        "RPUSH list a b c",
        "HSET hash f v",
        "SADD set a b",
        "XADD stream 1-1 f v",
        "SET string value",
    ] {
        assert!(!client.ask(request).is_error(), "{request}");
    }
}

/// The places of the bytes at which something ends, and others by chance. The file begins with `magic`.
fn places(sent: &[u8], magic: &[u8], chance: &mut Chance) -> Vec<usize> {
    let file = sent.windows(magic.len()).position(|bytes| bytes == magic).expect("a file");
    let lines = sent[..file].iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let mut places: Vec<usize> = lines.flat_map(|at| [at - 1, at, at + 1]).collect();
    places.extend([0, 1, file + 5, file + 9, file + 10, sent.len() - 49, sent.len() - 48, sent.len() - 41]);
    places.extend([sent.len() - 40, sent.len() - 9, sent.len() - 8, sent.len() - 1]);
    places.extend((0..30).map(|_| chance.below(sent.len())));
    places.retain(|place| *place < sent.len());
    places.sort_unstable();
    places.dedup();
    places
}

#[test]
fn a_full_sync_that_is_cut_anywhere_leaves_the_old_data_as_they_were() {
    let seed = seed();
    let mut chance = Chance::new(seed);
    let dump = b"REDIS00";
    for (magic, diskless) in [(&b"rankdbas"[..], "no"), (dump, "yes"), (dump, "no")] {
        let master = Server::rankd_with(&[
            "--enable-debug-command",
            "yes",
            "--repl-diskless-sync",
            diskless,
            "--repl-ping-replica-period",
            "3600",
        ]);
        fill(&master);
        let line = Line::to(master.address);
        if magic == dump {
            line.hide_version();
        }
        line.record();
        let first = rankd();
        follow(&mut first.client(), line.port);
        wait_for_link(&mut first.client());
        assert_same(&master, &first, Dialect::Rankd, "without a cut");
        let sent = line.recorded();
        let replica = rankd();
        let mut client = replica.client();
        client.ask("SET old value");
        client.ask("LB.CREATE own SCORE INTEGER TIES FIRST");
        client.ask("LB.SUBMIT own 5 ann");
        let old = client.ask("DEBUG DIGEST");
        for place in places(&sent, magic, &mut chance) {
            let cuts = line.cuts();
            line.set(Fate::CutAt(place));
            follow(&mut client, line.port);
            line.wait_for_cut(cuts);
            assert_eq!(client.ask("DEBUG DIGEST"), old, "cut at {place} of {}, seed {seed}", sent.len());
            assert_eq!(client.ask("GET old").text(), "value");
            client.ask("REPLICAOF NO ONE");
            assert_eq!(client.ask("DEBUG DIGEST"), old, "cut at {place} of {}, seed {seed}", sent.len());
        }
        line.set(Fate::Passes);
        follow(&mut client, line.port);
        wait_for_same_offset(&master, &replica);
        assert_same(&master, &replica, Dialect::Rankd, &format!("after all cuts, seed {seed}"));
    }
}

/// Cuts links by chance, in the file and behind it, beside writers of everything.
fn cut_beside_writers(kind: Option<Peer>) {
    let seed = seed();
    let mut chance = Chance::new(seed);
    let master = Server::rankd_with(&["--enable-debug-command", "yes", "--repl-backlog-size", "64mb"]);
    let replica = match kind {
        None => rankd(),
        Some(peer) => match Server::peer(peer, &[]) {
            Some(peer) => peer,
            None => return,
        },
    };
    let dialect = if kind.is_none() { Dialect::Rankd } else { Dialect::Redis };
    for first in (0..MEMBERS).step_by(500) {
        let members = (first..first + 500).flat_map(|number| [number.to_string(), format!("m{number}")]);
        let words = ["ZADD".to_owned(), "large".to_owned()].into_iter().chain(members);
        master.client().call(&words.collect::<Vec<_>>());
    }
    let line = Line::to(master.address);
    let must_end = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = EndOfWriters(&must_end);
        for writer in 0..2 {
            let (client, must_end) = (master.client(), &must_end);
            scope.spawn(move || write_everything(client, dialect, seed.wrapping_add(writer), must_end));
        }
        let mut client = replica.client();
        follow(&mut client, line.port);
        wait_for_link(&mut client);
        let whole = line.passed();
        for round in 0..10 {
            let (cuts, place) = (line.cuts(), chance.below(whole + whole / 2));
            line.set(Fate::CutAt(place));
            if round % 2 == 0 {
                // As a master of its own it has to get all data again.
                client.ask("REPLICAOF NO ONE");
                client.ask("SET own 1");
                follow(&mut client, line.port);
            }
            line.wait_for_cut(cuts);
        }
        line.set(Fate::Passes);
        wait_for_link(&mut client);
    });
    wait_for_expiries(&master);
    wait_for_same_offset(&master, &replica);
    assert_same(&master, &replica, dialect, &format!("{kind:?}, seed {seed}"));
}

#[test]
fn a_rankd_whose_links_are_cut_beside_writers_is_equal_in_the_end() {
    cut_beside_writers(None);
}

#[test]
fn a_redis_whose_links_are_cut_beside_writers_is_equal_in_the_end() {
    cut_beside_writers(Some(Peer::Redis));
}

/// Reads a line that is not empty.
fn reply_line(client: &mut Client) -> String {
    std::iter::repeat_with(|| client.line()).find(|line| !line.is_empty()).expect("an endless iterator")
}

/// A full sync for a reader that knows nothing of rankd. Returns the connection behind the file, the history and the offset.
fn plain_sync(server: &Server) -> (Client, String, u64) {
    let mut client = server.client();
    client.ask("REPLCONF capa psync2");
    client.send(&["PSYNC", "?", "-1"]);
    let line = reply_line(&mut client);
    let words: Vec<&str> = line.split(' ').collect();
    let ["+FULLRESYNC", id, offset] = words[..] else { panic!("{line}") };
    let (id, offset) = (id.to_owned(), offset.parse().expect("an offset"));
    let length = reply_line(&mut client);
    let length = length.strip_prefix('$').and_then(|length| length.parse().ok()).expect("a length");
    client.bytes(length);
    (client, id, offset)
}

/// Commands that the file has already are left out for those who get it, and count for all others: so nobody goes on between.
#[test]
fn nobody_goes_on_from_within_what_was_left_out_behind_a_file() {
    let master = rankd();
    fill(&master);
    let mut client = master.client();
    let must_end = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = EndOfWriters(&must_end);
        for writer in 0..2 {
            let (mut client, must_end) = (master.client(), &must_end);
            scope.spawn(move || {
                while !must_end.load(Ordering::Relaxed) {
                    for list in 0..50 {
                        client.call(&["RPUSH", &format!("list{writer}:{list}"), "element"]);
                    }
                }
            });
        }
        let mut left_out = 0;
        for _ in 0..20 {
            let (mut reader, id, offset) = plain_sync(&master);
            let bytes = reader.bytes(4096);
            let mut other = master.client();
            other.send(&["PSYNC", &id, &(offset + 1).to_string()]);
            let answer = reply_line(&mut other);
            // Bytes of the stream that were left out are line feeds, and no command begins with one.
            let has_blanks = bytes.windows(8).any(|eight| eight == b"\n\n\n\n\n\n\n\n");
            assert!(!has_blanks || answer.starts_with("+FULLRESYNC"), "{answer}");
            left_out += usize::from(has_blanks);
            if left_out > 2 {
                break;
            }
        }
        assert!(left_out > 0, "no list was written during a walk");
    });
    assert!(client.ask("LLEN list0:0").integer() > 0);
}

/// The same place is asked for twice, and a later one before an earlier one: each gets its own bytes.
#[test]
fn reconnects_that_come_twice_or_in_the_wrong_order_get_their_own_bytes() {
    let master = Server::rankd_with(&["--repl-ping-replica-period", "3600"]);
    let mut client = master.client();
    let (mut reader, id, offset) = plain_sync(&master);
    for number in 0..200 {
        client.call(&["SET", &format!("key{number}"), &"x".repeat(number)]);
    }
    let end = wait_for("the writes in the stream", || {
        let end: u64 = fact(&mut client, "master_repl_offset")?.parse().ok()?;
        (end > offset + 200 * 30).then_some(end)
    });
    let whole = reader.bytes((end - offset) as usize);
    let mut chance = Chance::new(seed());
    let mut open = Vec::new();
    for _ in 0..20 {
        let at = chance.below(whole.len());
        for _ in 0..2 {
            let mut other = master.client();
            other.ask("REPLCONF capa psync2");
            other.send(&["PSYNC", &id, &(offset + at as u64 + 1).to_string()]);
            open.push((at, other));
        }
    }
    for (at, mut other) in open.into_iter().rev() {
        assert!(other.line().starts_with("+CONTINUE"));
        assert_eq!(other.bytes(whole.len() - at), whole[at..], "from {at} on");
        // One that says less than before is believed, and none of them disturbs the others.
        other.send(&["REPLCONF", "ACK", "1"]);
    }
    assert_eq!(client.ask("PING"), Reply::Simple(b"PONG".to_vec()));
    assert_eq!(syncs(&master, "sync_partial_ok"), 40);
}

/// A replica, and then a replica of that one, reads nothing while more is written than the limit of the output buffer: it is
/// dropped, its master goes on, and it comes back.
#[test]
fn a_replica_that_reads_too_slowly_is_dropped_and_comes_back() {
    let limits = [
        "--client-output-buffer-limit",
        "replica 1mb 0 0",
        "--repl-backlog-size",
        "16kb",
        "--enable-debug-command",
        "yes",
    ];
    let [first, middle, last] = [(); 3].map(|()| Server::rankd_with(&limits));
    let (upper, lower) = (Line::to(first.address), Line::to(middle.address));
    follow(&mut middle.client(), upper.port);
    wait_for_link(&mut middle.client());
    follow(&mut last.client(), lower.port);
    wait_for_link(&mut last.client());
    let mut client = first.client();
    let text = "x".repeat(100_000);
    for (line, giver) in [(&lower, &middle), (&upper, &first)] {
        line.set(Fate::HeldAt(0));
        let mut at_giver = giver.client();
        let mut number = 0;
        wait_for("the end of the slow replica", || {
            client.call(&["SET", &format!("key{}", number % 20), &text]);
            number += 1;
            (fact(&mut at_giver, "connected_slaves").as_deref() == Some("0")).then_some(())
        });
        line.set(Fate::Passes);
        thread::park_timeout(Duration::from_millis(10));
        wait_for_same_offset(&first, &middle);
        wait_for_same_offset(&middle, &last);
        assert_same(&first, &middle, Dialect::Rankd, "the middle");
        assert_same(&middle, &last, Dialect::Rankd, "the last");
    }
}
