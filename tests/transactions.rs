//! Transactions and blocking pops with concurrent clients and crashes: atomic, one record, every member exactly once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

/// Keys of different shards: a transaction over them takes several locks.
const BOARDS: [&str; 3] = ["board:1", "board:2", "board:3"];

fn in_memory() -> Server {
    Server::rankd_with(&["--appendonly", "no", "--threads", "2"])
}

/// The replies of the requests, run as a transaction; `None` if a watched key had changed.
fn transaction(client: &mut Client, requests: &[Vec<String>]) -> std::io::Result<Option<Vec<Reply>>> {
    client.try_call(&["MULTI"])?;
    for request in requests {
        client.try_call(request)?;
    }
    let reply = client.try_call(&["EXEC"])?;
    assert!(!reply.is_error(), "{reply:?}");
    Ok((!reply.is_nil()).then(|| reply.items().to_vec()))
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Points move between boards of different shards. A client that reads all boards in one transaction always sees the same
/// sum.
#[test]
fn a_reader_sees_all_of_a_transaction_or_none() {
    let server = in_memory();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 0..3 {
            let (server, over) = (&server, &over);
            scope.spawn(move || {
                let (mut client, mut chance) = (server.client(), Chance::new(seed));
                while !over.load(Ordering::Relaxed) {
                    let (from, to) = (BOARDS[chance.below(3)], BOARDS[chance.below(3)]);
                    let moves = [
                        words(&format!("ZINCRBY {from} -5 player")),
                        words(&format!("ZINCRBY {to} 5 player")),
                    ];
                    transaction(&mut client, &moves).expect("the server lives");
                }
            });
        }
        let mut client = server.client();
        let reads = BOARDS.map(|board| words(&format!("ZSCORE {board} player")));
        let mut sums = BTreeSet::new();
        for _ in 0..2_000 {
            let scores =
                transaction(&mut client, &reads).expect("the server lives").expect("nothing watched");
            let points = scores.iter().filter(|score| !score.is_nil()).map(|score| score.score() as i64);
            sums.insert(points.sum::<i64>());
        }
        over.store(true, Ordering::Relaxed);
        assert_eq!(sums, BTreeSet::from([0]));
    });
}

/// Clients increment a number by GET and SET in a transaction. With WATCH no increment is lost.
#[test]
fn watch_prevents_lost_updates() {
    const INCREMENTS: i64 = 200;
    let server = in_memory();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = server.client();
                let mut done = 0;
                while done < INCREMENTS {
                    client.call(&["WATCH", "counter"]);
                    let found = client.call(&["GET", "counter"]);
                    let count: i64 = if found.is_nil() { 0 } else { found.text().parse().expect("a number") };
                    let set = [words(&format!("SET counter {}", count + 1))];
                    done += i64::from(transaction(&mut client, &set).expect("the server lives").is_some());
                }
            });
        }
    });
    assert_eq!(server.client().call(&["GET", "counter"]).text(), (4 * INCREMENTS).to_string());
}

/// kill -9 under transactions over several shards: after the restart a transaction exists completely or not at all, and
/// acknowledged ones exist.
#[test]
fn a_transaction_survives_a_crash_completely_or_not_at_all() {
    for policy in ["always", "everysec"] {
        let mut server = Server::rankd_with(&["--appendfsync", policy]);
        let mut acknowledged = 0;
        let mut chance = Chance::new(7);
        for _ in 0..4 {
            let address = server.address;
            let enough = 100 + chance.below(300);
            let killed = std::thread::scope(|scope| {
                let writer = scope.spawn(move || {
                    let mut client = Client::connect(address);
                    let mut round = acknowledged;
                    loop {
                        round += 1;
                        let writes = BOARDS.map(|board| words(&format!("ZADD {board} {round} player")));
                        if transaction(&mut client, &writes).is_err() {
                            return round - 1;
                        }
                    }
                });
                let mut client = server.client();
                wait_for("the writer", || {
                    let score = client.call(&["ZSCORE", BOARDS[0], "player"]);
                    (!score.is_nil() && score.score() as usize > acknowledged + enough).then_some(())
                });
                server.kill();
                writer.join().expect("the writer's count")
            });
            server = server.restart();
            let mut client = server.client();
            let scores = BOARDS.map(|board| client.call(&["ZSCORE", board, "player"]).score() as usize);
            assert!(scores.iter().all(|score| *score == scores[0]), "{policy}: {scores:?}");
            assert!(scores[0] >= killed, "{policy}: {} of {killed} acknowledged", scores[0]);
            acknowledged = scores[0];
        }
    }
}

/// Many producers and consumers: every member is popped exactly once, and no consumer blocks while there is a member.
#[test]
fn blocked_clients_get_every_member_exactly_once() {
    const MEMBERS: usize = 400;
    let server = in_memory();
    let taken: Vec<Vec<String>> = std::thread::scope(|scope| {
        let consumers: Vec<_> = (0..6)
            .map(|number| {
                let server = &server;
                scope.spawn(move || {
                    let mut client = server.client();
                    let mut taken = Vec::new();
                    loop {
                        let reply = match number % 3 {
                            0 => client.call(&["BZPOPMIN", "a", "b", "c", "0"]),
                            1 => client.call(&["BZPOPMAX", "c", "a", "b", "0"]),
                            _ => client.call(&["BZMPOP", "0", "3", "b", "c", "a", "MIN", "COUNT", "3"]),
                        };
                        let members: Vec<String> = match number % 3 {
                            2 => reply.items()[1].items().iter().map(|pair| pair.items()[0].text()).collect(),
                            _ => vec![reply.items()[1].text()],
                        };
                        let is_last = members.iter().any(|member| member.starts_with("end"));
                        taken.extend(members);
                        if is_last {
                            return taken;
                        }
                    }
                })
            })
            .collect();
        for producer in 0..3 {
            let server = &server;
            scope.spawn(move || {
                let (mut client, mut chance) = (server.client(), Chance::new(producer as u64));
                for number in 0..MEMBERS {
                    let key = ["a", "b", "c"][chance.below(3)];
                    client.call(&["ZADD", key, "1", &format!("{producer}:{number}")]);
                }
            });
        }
        let mut client = server.client();
        let mut round = 0;
        while !consumers.iter().all(|consumer| consumer.is_finished()) {
            let is_idle = blocked_clients(&mut client) > 0
                && ["a", "b", "c"].iter().all(|key| client.call(&["EXISTS", key]) == Reply::Integer(0));
            if is_idle {
                client.call(&["ZADD", "a", "1", &format!("end:{round}")]);
                round += 1;
            }
        }
        consumers.into_iter().map(|consumer| consumer.join().expect("a consumer")).collect()
    });
    let mut seen = BTreeSet::new();
    for member in taken.iter().flatten() {
        assert!(seen.insert(member), "{member} was taken twice");
    }
    let mut left = BTreeSet::new();
    let mut client = server.client();
    for key in ["a", "b", "c"] {
        left.extend(client.call(&["ZRANGE", key, "0", "-1"]).items().iter().map(Reply::text));
    }
    let produced = |name: &&String| !name.starts_with("end");
    assert_eq!(seen.into_iter().filter(produced).count() + left.iter().filter(produced).count(), 3 * MEMBERS);
}

fn blocked_clients(client: &mut Client) -> usize {
    let info = client.ask("INFO clients").text();
    let count = info.lines().find_map(|line| line.strip_prefix("blocked_clients:"));
    count.and_then(|count| count.trim().parse().ok()).expect("INFO counts blocked clients")
}

/// A member that was given to a disconnected client would be lost.
#[test]
fn a_disconnected_client_is_not_served() {
    let server = in_memory();
    let mut client = server.client();
    let mut leaving = server.client();
    leaving.send(&["BZPOPMIN", "lb", "other", "0"]);
    wait_for("the client to wait", || (blocked_clients(&mut client) == 1).then_some(()));
    let keys = |client: &mut Client| {
        let info = client.ask("INFO clients").text();
        info.lines().any(|line| line.trim() == "total_blocking_keys:2")
    };
    assert!(keys(&mut client));
    drop(leaving);
    wait_for("the client to be gone", || (blocked_clients(&mut client) == 0).then_some(()));
    assert_eq!(client.ask("ZADD lb 1 a"), Reply::Integer(1));
    assert_eq!(client.ask("ZCARD lb"), Reply::Integer(1));
    assert!(client.ask("INFO clients").text().contains("total_blocking_keys:0"));
}

/// CLIENT UNBLOCK ends a wait with the reply of a timeout or with an error.
#[test]
fn client_unblock_ends_a_wait() {
    let server = in_memory();
    let mut client = server.client();
    let mut waiting = server.client();
    let Reply::Integer(id) = waiting.ask("CLIENT ID") else { panic!("a number") };
    let id = id.to_string();
    for (words, expected) in [(vec!["TIMEOUT"], None), (vec![], None), (vec!["ERROR"], Some("UNBLOCKED"))] {
        waiting.send(&["BZPOPMIN", "lb", "0"]);
        wait_for("the client to wait", || (blocked_clients(&mut client) == 1).then_some(()));
        let line = client.call(&["CLIENT", "LIST", "ID", &id]).text();
        assert!(line.contains(" flags=b "), "{line}");
        let request = [vec!["CLIENT", "UNBLOCK", &id], words].concat();
        assert_eq!(client.call(&request), Reply::Integer(1));
        let reply = waiting.reply();
        match expected {
            None => assert!(reply.is_nil(), "{reply:?}"),
            Some(code) => assert!(reply.lines()[0].starts_with(&format!("-{code} ")), "{reply:?}"),
        }
        assert_eq!(client.call(&request), Reply::Integer(0));
    }
    // Nothing remains of these waits.
    client.ask("ZADD lb 1 a");
    assert_eq!(client.ask("ZCARD lb"), Reply::Integer(1));
}

/// After a crash, members that were given to waiting clients do not exist, and all others do.
#[test]
fn a_member_that_a_blocked_client_got_does_not_return_after_a_crash() {
    let mut server = Server::rankd_with(&["--appendfsync", "always"]);
    let address = server.address;
    let (added, taken) = std::thread::scope(|scope| {
        let producer = scope.spawn(move || {
            let mut client = Client::connect(address);
            let mut added = 0usize;
            while client.try_call(&["ZADD", "lb", "1", &format!("m{added}")]).is_ok() {
                added += 1;
            }
            added
        });
        let consumer = scope.spawn(move || {
            let mut client = Client::connect(address);
            let mut taken = BTreeSet::new();
            while let Ok(reply) = client.try_call(&["BZPOPMIN", "lb", "0"]) {
                taken.insert(reply.items()[1].text());
            }
            taken
        });
        let mut client = server.client();
        wait_for("some to be taken", || {
            let said = client.ask("INFO commandstats").text();
            let calls = said.lines().find_map(|line| line.strip_prefix("cmdstat_zadd:calls="));
            let calls = calls.and_then(|rest| rest.split(',').next()).and_then(|calls| calls.parse().ok());
            (calls.unwrap_or(0) > 300).then_some(())
        });
        server.kill();
        (producer.join().expect("the producer"), consumer.join().expect("the consumer"))
    });
    let server = server.restart();
    let left: BTreeSet<String> =
        server.client().ask("ZRANGE lb 0 -1").items().iter().map(Reply::text).collect();
    assert!(left.is_disjoint(&taken), "taken and there again: {:?}", left.intersection(&taken));
    let lost = (0..added)
        .map(|number| format!("m{number}"))
        .filter(|name| !left.contains(name) && !taken.contains(name));
    // One member may have been popped whose reply was not received.
    assert!(lost.count() <= 1);
}

/// Clients disconnect while they are blocked, and transactions list all clients. Each needs the locks of the other.
#[test]
fn disconnecting_clients_do_not_block_transactions() {
    let server = in_memory();
    let keys = (0..50).map(|number| format!("k{number}")).collect::<Vec<_>>().join(" ");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut other = server.client();
            while !over.load(Ordering::Relaxed) {
                server.client().send(&words(&format!("BZPOPMIN {keys} 0")));
                other.call(&["PING"]);
            }
        });
        let mut client = server.client();
        let requests =
            [words(&format!("DEL {keys}")), words("CLIENT LIST"), words("INFO"), words("SET end 1")];
        for _ in 0..100 {
            transaction(&mut client, &requests).expect("the server lives");
        }
        over.store(true, Ordering::Relaxed);
    });
}

/// A subscriber gets all messages before the confirmation of its UNSUBSCRIBE, and none after it.
#[test]
fn no_message_follows_the_end_of_a_subscription() {
    let server = in_memory();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut publisher = server.client();
            while !over.load(Ordering::Relaxed) {
                publisher.call(&["PUBLISH", "news", "x"]);
            }
        });
        let mut client = server.client();
        for round in 0..1_000 {
            client.send(&["SUBSCRIBE", "news"]);
            let end = ["UNSUBSCRIBE", "RESET"][round % 2];
            client.send(&[end]);
            loop {
                let reply = client.reply();
                match reply.items().first().map(Reply::text).as_deref() {
                    Some("subscribe" | "message") => {}
                    Some("unsubscribe") => break,
                    _ => {
                        assert_eq!(reply, Reply::Simple(b"RESET".to_vec()));
                        break;
                    }
                }
            }
            assert_eq!(client.call(&["PING"]), Reply::Simple(b"PONG".to_vec()));
        }
        over.store(true, Ordering::Relaxed);
    });
}

/// Many clients that wait for many keys disconnect at the same time, and one names a key thousands of times. In the end each
/// has been served or removed.
#[test]
fn many_blocked_clients_are_all_served_or_removed() {
    let server = in_memory();
    let mut client = server.client();
    let keys: Vec<String> = (0..500).map(|number| format!("k{number}")).collect();
    let request = [vec!["BZPOPMIN".to_owned()], keys, vec!["0".to_owned()]].concat();
    let crowd: Vec<Client> = (0..500)
        .map(|_| {
            let mut waiting = server.client();
            waiting.send(&request);
            waiting
        })
        .collect();
    wait_for("the crowd", || (blocked_clients(&mut client) == 500).then_some(()));
    drop(crowd);
    wait_for("the crowd to be gone", || (blocked_clients(&mut client) == 0).then_some(()));
    let mut waiting = server.client();
    let request =
        [vec!["BZPOPMIN".to_owned()], vec!["dup".to_owned(); 20_000], vec!["0".to_owned()]].concat();
    waiting.send(&request);
    wait_for("the client to wait", || (blocked_clients(&mut client) == 1).then_some(()));
    for round in 0..100 {
        assert_eq!(client.ask(&format!("SADD dup {round}")), Reply::Integer(1));
    }
    client.ask("DEL dup");
    client.ask("ZADD dup 1 a");
    assert_eq!(waiting.reply().items().len(), 3);
}
