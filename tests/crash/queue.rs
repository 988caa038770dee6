//! A queue survives: what was added is there, what was delivered and not acknowledged is delivered again, and what was
//! acknowledged never. An XADD with the id of a producer that was not answered is sent again, and counts once.
//!
//! The server is killed under producers and consumers, and consumers crash too: one that does takes some entries, drops its
//! connection without a word, and comes back under another name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Mutex;

use super::GROWTH;
use super::ledger::{Over, SetOnDrop};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

const PRODUCERS: usize = 2;
const CONSUMERS: usize = 3;
const GROUPS: [&str; 2] = ["boards", "audit"];

/// What clients know of the queue.
#[derive(Default)]
struct Book {
    /// The numbers whose XADD was answered, with their ids.
    added: BTreeMap<u64, String>,
    groups: [GroupBook; GROUPS.len()],
}

#[derive(Clone, Default)]
struct GroupBook {
    delivered: BTreeSet<String>,
    /// Those whose XACK was answered.
    acknowledged: BTreeSet<String>,
    /// Those whose XACK was sent.
    maybe_acknowledged: BTreeSet<String>,
}

type SharedBook = Mutex<Book>;

fn produce(address: SocketAddr, producer: usize, next: &mut u64, book: &SharedBook, over: &Over) {
    let Ok(mut client) = Client::try_connect(address) else { return };
    let name = format!("p{producer}");
    while !over.is_set() {
        let number = *next * PRODUCERS as u64 + producer as u64;
        let text = number.to_string();
        let has_id = !next.is_multiple_of(4);
        let words = if has_id {
            vec!["XADD", "queue", "IDMP", &name, &text, "*", "n", &text]
        } else {
            // Sent once, whether or not it is answered.
            *next += 1;
            vec!["XADD", "queue", "*", "n", &text]
        };
        let Ok(reply) = client.try_call(&words) else { return };
        book.lock().expect("no panic").added.insert(number, reply.text());
        if has_id {
            if *next % 8 == 1 {
                let Ok(again) = client.try_call(&words) else { return };
                assert_eq!(again, reply, "{words:?} a second time");
            }
            *next += 1;
        }
    }
}

/// The ids of the entries in a reply to XREADGROUP.
fn entries(reply: &Reply) -> Vec<String> {
    let Some(stream) = reply.items().first() else { return Vec::new() };
    stream.items()[1].items().iter().map(|entry| entry.items()[0].text()).collect()
}

/// Notes what was delivered. Nothing of it may have been acknowledged before.
fn note_delivered(book: &SharedBook, group: usize, ids: &[String]) {
    let group = &mut book.lock().expect("no panic").groups[group];
    for id in ids {
        assert!(!group.acknowledged.contains(id), "{id} was acknowledged and is delivered again");
        group.delivered.insert(id.clone());
    }
}

/// Reads and acknowledges until the server has ended.
fn consume(address: SocketAddr, consumer: usize, chance: &mut Chance, book: &SharedBook, over: &Over) {
    let group = consumer % GROUPS.len();
    let mut life = 0;
    while !over.is_set() {
        life += 1;
        let name = format!("c{consumer}-{}", life % 3);
        let Ok(mut client) = Client::try_connect(address) else { return };
        let mut read = |from: &str| {
            let words = ["XREADGROUP", "GROUP", GROUPS[group], &name, "COUNT", "7", "STREAMS", "queue", from];
            client.try_call(&words).map(|reply| entries(&reply))
        };
        // First what an earlier life under this name has left behind.
        let Ok(mut ids) = read("0") else { return };
        let lives_for = chance.below(40);
        for _ in 0..lives_for {
            note_delivered(book, group, &ids);
            if !ids.is_empty() && chance.percent(90) {
                let some = 1 + chance.below(ids.len());
                let mut words = vec!["XACK".to_owned(), "queue".to_owned(), GROUPS[group].to_owned()];
                words.extend_from_slice(&ids[..some]);
                book.lock().expect("no panic").groups[group]
                    .maybe_acknowledged
                    .extend(ids[..some].iter().cloned());
                let Ok(reply) = client.try_call(&words) else { return };
                assert_eq!(reply, Reply::Integer(some as i64), "{words:?}");
                book.lock().expect("no panic").groups[group].acknowledged.extend(ids[..some].iter().cloned());
            }
            let words = ["XREADGROUP", "GROUP", GROUPS[group], &name, "COUNT", "7", "STREAMS", "queue", ">"];
            let Ok(reply) = client.try_call(&words) else { return };
            ids = entries(&reply);
        }
    }
}

/// What the server has after a restart agrees with what clients know.
fn check(client: &mut Client, book: &Book) {
    let all = client.ask("XRANGE queue - +");
    let there: BTreeMap<u64, String> = all
        .items()
        .iter()
        .map(|entry| (entry.items()[1].items()[1].text().parse().expect("a number"), entry.items()[0].text()))
        .collect();
    assert_eq!(there.len(), all.items().len(), "a number is there twice");
    for (number, id) in &book.added {
        assert_eq!(there.get(number), Some(id), "the answered XADD of {number}");
    }
    for (name, group) in GROUPS.iter().zip(&book.groups) {
        let pending = client.ask(&format!("XPENDING queue {name} - + 10000000"));
        let pending: BTreeSet<String> = pending.items().iter().map(|row| row.items()[0].text()).collect();
        assert!(pending.is_disjoint(&group.acknowledged), "acknowledged and pending");
        let open = group.delivered.difference(&group.maybe_acknowledged).cloned().collect::<BTreeSet<_>>();
        assert!(pending.is_superset(&open), "delivered, not acknowledged, and not pending");
    }
}

/// Takes everything that is pending or not delivered, and acknowledges it. Each entry must have been delivered then.
fn drain(client: &mut Client, book: &SharedBook) {
    for (place, group) in GROUPS.iter().enumerate() {
        let mut cursor = "0-0".to_owned();
        loop {
            let reply = client.ask(&format!("XAUTOCLAIM queue {group} last 0 {cursor} COUNT 1000 JUSTID"));
            let ids: Vec<String> = reply.items()[1].items().iter().map(Reply::text).collect();
            note_delivered(book, place, &ids);
            cursor = reply.items()[0].text();
            if cursor == "0-0" {
                break;
            }
        }
        let reply = client.ask(&format!("XREADGROUP GROUP {group} last STREAMS queue >"));
        note_delivered(book, place, &entries(&reply));
        let all: BTreeSet<String> =
            client.ask("XRANGE queue - +").items().iter().map(|entry| entry.items()[0].text()).collect();
        let book = book.lock().expect("no panic");
        assert_eq!(book.groups[place].delivered, all, "{group}: what was added was delivered");
    }
}

fn run(policy: &str) {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut server =
        Server::rankd_with(&[&["--appendonly", "yes", "--appendfsync", policy], &GROWTH[..]].concat());
    let book = SharedBook::default();
    for group in GROUPS {
        server.client().ask(&format!("XGROUP CREATE queue {group} 0 MKSTREAM"));
    }
    let mut next = [0; PRODUCERS];
    for round in 0..number_from_env("RANKD_CRASH_ROUNDS", 60) / 5 {
        let (address, over) = (server.address, Over::default());
        let before = book.lock().expect("no panic").added.len();
        let enough = before + 50 + chance.below(400);
        std::thread::scope(|scope| {
            let _over = SetOnDrop(&over);
            let (book, over) = (&book, &over);
            for (producer, next) in next.iter_mut().enumerate() {
                scope.spawn(move || produce(address, producer, next, book, over));
            }
            for consumer in 0..CONSUMERS {
                let mut chance = Chance::new(chance.next());
                scope.spawn(move || consume(address, consumer, &mut chance, book, over));
            }
            if chance.percent(40) {
                server.client().ask("BGREWRITEAOF");
            }
            wait_for("the producers", || {
                (book.lock().expect("no panic").added.len() >= enough).then_some(())
            });
            server.kill();
        });
        server = server.restart();
        check(&mut server.client(), &book.lock().expect("no panic"));
        println!("round {round}: {enough} added");
    }
    drain(&mut server.client(), &book);
    let acknowledged = book.lock().expect("no panic").groups.each_ref().map(|group| group.acknowledged.len());
    assert!(acknowledged.iter().all(|count| *count > 100), "{acknowledged:?} acknowledged");
}

#[test]
fn a_queue_survives_kills_with_appendfsync_always() {
    run("always");
}

#[test]
fn a_queue_survives_kills_with_appendfsync_everysec() {
    run("everysec");
}
