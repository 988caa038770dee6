//! Templates and seasons over restarts: what was set and closed is there again from the journal, from a base, and from dump
//! files, to the last moment and request id.

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};

fn digest(client: &mut Client) -> String {
    client.ask("DEBUG DIGEST").text()
}

/// The templates, the state of the boards that are named, and a digest of everything.
fn state(client: &mut Client, boards: &[String]) -> Vec<Reply> {
    let mut state = vec![client.ask("LB.TEMPLATE LIST"), client.ask("DEBUG DIGEST")];
    state.extend(boards.iter().map(|board| client.call(&["LB.INFO", board])));
    state
}

#[test]
fn templates_and_archives_are_there_after_every_kind_of_restart() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut server = Server::rankd_with(&["--appendonly", "yes", "--enable-debug-command", "yes"]);
    let mut boards: Vec<String> = Vec::new();
    let mut seasons = 0;
    for round in 0..4 {
        let mut client = server.client();
        for _ in 0..40 {
            let league = format!("league{}", chance.below(3));
            match chance.below(8) {
                0 => {
                    let ids = 1 + chance.below(20);
                    let set =
                        format!("LB.TEMPLATE SET league* SCORE INTEGER TIES FIRST TTL 100000 IDS {ids}");
                    assert_eq!(client.ask(&set), Reply::Simple(b"OK".to_vec()));
                }
                1 => drop(client.ask(&format!("LB.TEMPLATE SET other{}* IDS 5", chance.below(5)))),
                2 => drop(client.ask(&format!("LB.TEMPLATE DEL other{}*", chance.below(5)))),
                3 => {
                    seasons += 1;
                    let archive = format!("archive{seasons}");
                    if client.ask(&format!("LB.CLOSE {league} {archive}")) == Reply::Integer(1) {
                        boards.push(archive);
                    }
                }
                // Some boards are small and some so large that the journal has their names only.
                _ => {
                    let (from, count) = (chance.below(5_000), [3, 900][chance.below(2)]);
                    let mut words = vec!["LB.SUBMIT".to_owned(), league.clone()];
                    words.extend(["ID".to_owned(), format!("request-{}", chance.below(1_000_000))]);
                    for number in from..from + count {
                        words.extend([chance.below(1_000).to_string(), format!("member:{number}")]);
                    }
                    client.call(&words);
                }
            }
            if round % 2 == 0 && chance.below(10) == 0 {
                client.ask("BGREWRITEAOF");
            }
        }
        boards.extend((0..3).map(|number| format!("league{number}")));
        let before = state(&mut client, &boards);
        server.kill();
        server = server.restart();
        let mut client = server.client();
        assert_eq!(state(&mut client, &boards), before, "round {round}");
    }
    assert!(boards.len() > 12, "some seasons were closed");
    // A dump file and no journal.
    let mut client = server.client();
    let before = state(&mut client, &boards);
    assert_eq!(client.ask("SAVE"), Reply::Simple(b"OK".to_vec()));
    assert_eq!(client.ask("DEBUG RELOAD"), Reply::Simple(b"OK".to_vec()));
    assert_eq!(state(&mut client, &boards), before);
    server.kill();
    let file = server.directory().join("dump.rdb");
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(&file, directory.path().join("dump.rdb")).unwrap();
    let arguments = ["--appendonly", "no", "--enable-debug-command", "yes"];
    let other = Server::rankd_in(directory, &arguments).expect("a start from the file");
    assert_eq!(state(&mut other.client(), &boards), before);
}

/// Redis skips what it does not know of a file, and has plain sorted sets of the nearest doubles.
#[test]
fn redis_loads_a_file_with_templates_and_archives() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    client.ask("LB.TEMPLATE SET league* SCORE INTEGER TIES FIRST IDS 5");
    client.ask("LB.SUBMIT league ID one 9007199254740993 ann 7 bob");
    assert_eq!(client.ask("LB.CLOSE league archive"), Reply::Integer(1));
    assert_eq!(client.ask("SAVE"), Reply::Simple(b"OK".to_vec()));
    let directory = server.directory().to_str().expect("a path in UTF-8");
    let Some(redis) = Server::peer(Peer::Redis, &["--dir", directory, "--dbfilename", "dump.rdb"]) else {
        return;
    };
    let mut redis = redis.client();
    assert_eq!(redis.ask("DBSIZE"), Reply::Integer(1));
    let shown = redis.ask("ZRANGE archive 0 -1 WITHSCORES");
    let texts = ["bob", "7", "ann", "9007199254740992"].map(|text| Reply::Bulk(text.into()));
    assert_eq!(shown, Reply::Array(texts.to_vec()));
}

#[test]
fn a_digest_tells_what_only_a_policy_has() {
    let server = Server::rankd_with(&["--appendonly", "no", "--enable-debug-command", "yes"]);
    let mut client = server.client();
    let mut seen = Vec::new();
    for (score, submits) in [
        ("FLOAT", ["9007199254740992", "5"]),
        ("INTEGER", ["9007199254740992", "5"]),
        ("INTEGER", ["9007199254740993", "5"]),
    ] {
        client.ask("FLUSHALL");
        client.ask(&format!("LB.CREATE board SCORE {score} TIES FIRST IDS 2"));
        let before = digest(&mut client);
        client.ask(&format!("LB.SUBMIT board ID one AT 5 {} ann", submits[0]));
        let one = digest(&mut client);
        client.ask(&format!("LB.SUBMIT board AT 6 {} bob", submits[1]));
        let two = digest(&mut client);
        client.ask("ZREM board bob");
        assert_eq!(digest(&mut client), one, "the order of events does not matter");
        client.ask(&format!("LB.SUBMIT board AT 7 {} bob", submits[1]));
        seen.extend([before, one, two, digest(&mut client)]);
        client.ask("LB.SUBMIT board ID two AT 5 0 bob");
        seen.push(digest(&mut client));
        client.ask("LB.CLOSE board other");
        seen.push(digest(&mut client));
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count);
}
