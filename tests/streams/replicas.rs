//! Real replicas get streams: entries, groups, consumers, deliveries, claims and acknowledgements, all of them and then the stream.
//! A rankd gets the ids of producers, too.

use crate::following::wait_for_link;
use crate::rdb::data::contents;
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;

const COMMANDS: usize = 1_500;

/// How a Redis or a Valkey may differ that follows a master.
///
/// Redis 8.2.3 takes no count of read entries above that of all entries where its master tells it one, so the counts of
/// added entries only grow here. What is trimmed with ACKED is told as XDEL, which is noted in the stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Histories {
    /// Any but RENAME and COPY.
    InPlace,
    /// With RENAME and COPY, which are told as XADD and XCLAIM: of a removed entry nothing may be pending, as XCLAIM takes none.
    Relocating,
}

/// A random command on one of three streams, the one numbered `step`.
fn command(chance: &mut Chance, histories: Histories, step: usize) -> String {
    let relocates = histories == Histories::Relocating;
    let (key, group) = (format!("s{}", chance.below(3)), format!("g{}", chance.below(3)));
    let (consumer, count) = (format!("c{}", chance.below(3)), 1 + chance.below(8));
    // Small ids, so that commands find each other's entries.
    let id = format!("{}-{}", 1 + chance.below(300), chance.below(3));
    let (other, references) = (1 + chance.below(300), ["KEEPREF", "DELREF", "ACKED"][chance.below(3)]);
    let references = if relocates { "DELREF" } else { references };
    let of_trimmed = if references == "ACKED" { "KEEPREF" } else { references };
    match chance.below(40) {
        0..10 => format!("XADD {key} {id} user u{other} steps {count}"),
        10 => format!("XADD {key} {other}-* steps {count}"),
        11 => format!("XADD {key} IDMP p{count} {other} * steps {count}"),
        12 => format!("XADD {key} IDMPAUTO p * steps {other}"),
        13 => format!("XADD {key} MAXLEN {} {of_trimmed} * n 1", 20 + count),
        14 => format!("XTRIM {key} MINID {} {of_trimmed}", chance.below(100)),
        15 if !relocates => format!("XDEL {key} {id} {other}-0"),
        15 | 16 => format!("XDELEX {key} {references} IDS 2 {id} {other}-1"),
        17 | 18 => format!("XGROUP CREATE {key} {group} {} MKSTREAM", chance.below(60)),
        19 if count == 1 => format!("XGROUP DESTROY {key} {group}"),
        19 => format!("XGROUP SETID {key} {group} {} ENTRIESREAD 0", chance.below(60)),
        20 => format!("XGROUP CREATECONSUMER {key} {group} {consumer}"),
        21 => format!("XGROUP DELCONSUMER {key} {group} {consumer}"),
        22..28 => format!("XREADGROUP GROUP {group} {consumer} COUNT {count} STREAMS {key} >"),
        28 => format!("XREADGROUP GROUP {group} {consumer} COUNT {count} STREAMS {key} 0"),
        29 => format!("XREADGROUP GROUP {group} {consumer} COUNT {count} NOACK STREAMS {key} >"),
        30..32 => format!("XACK {key} {group} {id} {other}-0 {other}-1 {other}-2"),
        32 => format!("XACKDEL {key} {group} {references} IDS 2 {id} {other}-0"),
        33 => format!("XCLAIM {key} {group} {consumer} 0 {id} {other}-0 {other}-1 RETRYCOUNT {count}"),
        34 => format!("XCLAIM {key} {group} {consumer} 0 {id} {other}-2 FORCE JUSTID IDLE {other}"),
        35 => format!("XAUTOCLAIM {key} {group} {consumer} 0 {other} COUNT {count}"),
        36 => format!("XSETID {key} {} ENTRIESADDED {}", 400 + other, 1000 + step),
        37 if relocates && count < 3 => format!("RENAME {key} s0"),
        37 if relocates => format!("COPY {key} s1 REPLACE"),
        38 if count < 3 => format!("DEL {key}"),
        38 => format!("XCFGSET {key} IDMP-MAXSIZE {count}"),
        _ => format!("XADD {key} NOMKSTREAM {id} n {other}"),
    }
}

/// Sends random commands, of which `steps` counts all.
fn write(client: &mut Client, chance: &mut Chance, histories: Histories, steps: &mut usize) {
    let mut next = |chance: &mut Chance| {
        *steps += 1;
        command(chance, histories, *steps)
    };
    for _ in 0..COMMANDS {
        if chance.below(20) > 0 {
            client.ask(&next(chance));
            continue;
        }
        client.ask("MULTI");
        for _ in 0..1 + chance.below(4) {
            client.ask(&next(chance));
        }
        client.ask("EXEC");
    }
}

fn replicas_have_the_streams_of_the_master(histories: Histories) {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let (mut chance, mut steps) = (Chance::new(seed), 0);
    let master = Server::rankd();
    let mut client = master.client();
    write(&mut client, &mut chance, histories, &mut steps);
    let port = master.address.port().to_string();
    let start = |peer| Server::peer(peer, &["--replicaof", "127.0.0.1", &port]);
    let replicas: Vec<Server> = [Peer::Redis, Peer::Valkey].into_iter().filter_map(start).collect();
    for replica in &replicas {
        wait_for_link(&mut replica.client());
    }
    for round in 0..3 {
        let count = Reply::Integer(replicas.len() as i64);
        client.ask(&format!("SET round {round}"));
        assert_eq!(client.ask(&format!("WAIT {} 20000", replicas.len())), count);
        let expected = contents(&mut client);
        for replica in &replicas {
            let found = contents(&mut replica.client());
            assert_eq!(found.len(), expected.len(), "round {round}, seed {seed}");
            for (key, value) in &expected {
                assert_eq!(found.get(key), Some(value), "round {round}, seed {seed}: {key:?}");
            }
        }
        write(&mut client, &mut chance, histories, &mut steps);
    }
}

#[test]
fn replicas_have_the_streams_of_the_master_after_a_random_history() {
    replicas_have_the_streams_of_the_master(Histories::InPlace);
}

#[test]
fn replicas_have_streams_that_were_renamed_and_copied() {
    replicas_have_the_streams_of_the_master(Histories::Relocating);
}

/// All that XINFO tells, but for times at which consumers were seen, which commands do not tell.
fn all_facts(client: &mut Client) -> Vec<String> {
    let told = (0..3).map(|number| client.ask(&format!("XINFO STREAM s{number}")));
    told.map(|reply| format!("{reply:?}")).collect()
}

#[test]
fn a_rankd_that_is_promoted_knows_the_ids_of_producers() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let (mut chance, mut steps) = (Chance::new(seed), 0);
    let master = Server::rankd();
    let mut client = master.client();
    write(&mut client, &mut chance, Histories::Relocating, &mut steps);
    // Of these the replica gets all data, of those behind it the stream.
    let before = client.ask("XADD s3 IDMP p before * n 1");
    let place = format!("127.0.0.1 {}", master.address.port());
    let replica = Server::rankd_with(&["--replicaof", &place]);
    let mut theirs = replica.client();
    wait_for_link(&mut theirs);
    write(&mut client, &mut chance, Histories::Relocating, &mut steps);
    let after = client.ask("XADD s3 IDMP p after * n 2");
    client.ask("XADD s3 IDMP p gone MAXLEN 0 * n 3");
    assert_eq!(client.ask("XADD s3 IDMP p after * n 2"), after);
    assert_eq!(client.ask("WAIT 1 20000"), Reply::Integer(1));
    assert_eq!(all_facts(&mut theirs), all_facts(&mut client), "seed {seed}");
    assert_eq!(theirs.ask("XINFO STREAM s3"), client.ask("XINFO STREAM s3"));
    let told = theirs.ask("INFO replication").text();
    assert!(
        !told.contains("rankd_failed_commands:") || told.contains("rankd_failed_commands:0\r\n"),
        "{told}"
    );
    theirs.ask("REPLICAOF NO ONE");
    let retried = wait_for("a write", || {
        Some(theirs.ask("XADD s3 IDMP p before * n 1")).filter(|reply| !reply.is_error())
    });
    assert_eq!(retried, before);
    assert_eq!(theirs.ask("XADD s3 IDMP p after * n 2"), after);
    assert_eq!(theirs.ask("XLEN s3").integer(), 0);
}
