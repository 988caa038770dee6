//! Many clients at once: other clients see all of a command's changes or none, and a long reply is correct while its keys
//! change.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::chance::Chance;
use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::Server;

/// Is set when a scope ends, also by a panic, so that its threads end too.
struct Flag<'a>(&'a AtomicBool);

impl Drop for Flag<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A ZADD of several members is atomic: a reader never sees a part of it. The boards are in two shards.
#[test]
fn a_reader_sees_all_of_a_command_or_none() {
    let server = Server::rankd_with(&["--appendonly", "no", "--threads", "2"]);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Flag(&over);
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = server.client();
                let mut chance = Chance::new(1);
                while !over.load(Ordering::Relaxed) {
                    let score = chance.below(1_000).to_string();
                    client.call(&["ZADD", "board", &score, "a", &score, "b", &score, "c"]);
                }
            });
        }
        let mut client = server.client();
        for _ in 0..3_000 {
            let scores = client.call(&["ZMSCORE", "board", "a", "b", "c"]);
            assert!(scores.items().windows(2).all(|pair| pair[0] == pair[1]), "{scores:?}");
            let range = client.call(&["ZRANGE", "board", "0", "-1", "WITHSCORES"]);
            assert!(range.items().is_empty() || range.items().len() == 6, "{range:?}");
        }
    });
}

/// The workers of a contended board run each other's batches. Every reply must go to its own client, in order. The pipelines
/// contain a request that blocks and one that runs on a second thread, and some clients do not wait for their replies.
#[test]
fn pipelines_on_one_board_get_their_own_replies_in_order() {
    const PLAYERS: usize = 40;
    const ROUNDS: usize = 25;
    let server = Server::rankd_with(&["--appendonly", "no", "--threads", "2"]);
    let bystanders: Vec<String> = (0..9_000).flat_map(|name| ["-1".to_owned(), name.to_string()]).collect();
    server.client().call(&[vec!["ZADD".to_owned(), "board".to_owned()], bystanders].concat());
    let add = |member: &str, times: usize| encode(&["ZINCRBY", "board", "1", member]).repeat(times);
    std::thread::scope(|scope| {
        for player in 0..PLAYERS {
            let (server, member) = (&server, format!("player:{player}"));
            scope.spawn(move || {
                let mut client = server.client();
                let mut score = 0.0;
                let mut expect_increments = |client: &mut Client, times: usize| {
                    for _ in 0..times {
                        score += 1.0;
                        assert_eq!(client.reply().score(), score, "{member}");
                    }
                };
                for round in 0..ROUNDS {
                    let mut requests = add(&member, 40);
                    requests.extend(encode(&["BZPOPMIN", "nothing here", "0.001"]));
                    requests.extend(add(&member, 3));
                    if round == player {
                        requests.extend(encode(&["ZRANGE", "board", "0", "-1"]));
                    }
                    requests.extend(encode(&["ECHO", &member]));
                    client.send_raw(&requests);
                    expect_increments(&mut client, 40);
                    assert!(client.reply().is_nil());
                    expect_increments(&mut client, 3);
                    if round == player {
                        assert!(client.reply().items().len() > 9_000);
                    }
                    assert_eq!(client.reply().text(), member);
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                server.client().send_raw(&add("gone", 50));
            }
        });
    });
    let mut client = server.client();
    for player in 0..PLAYERS {
        let score = client.call(&["ZSCORE", "board", &format!("player:{player}")]).score();
        assert_eq!(score, (ROUNDS * 43) as f64);
    }
}

/// Clients wait with BLMOVE along a chain of lists in several shards. A writer to the first list must hold the locks of all
/// lists that its elements pass. No element is lost or duplicated, and there is no deadlock.
#[test]
fn elements_pass_through_a_chain_of_blocked_blmoves_exactly_once() {
    const LISTS: usize = 7;
    const ELEMENTS: usize = 600;
    let server = Server::rankd_with(&["--appendonly", "no", "--threads", "2"]);
    let list = |number: usize| format!("list:{number}");
    std::thread::scope(|scope| {
        for number in 0..LISTS - 1 {
            for _ in 0..2 {
                let mut client = server.client();
                scope.spawn(move || {
                    for _ in 0..ELEMENTS / 2 {
                        let moved =
                            client.call(&["BLMOVE", &list(number), &list(number + 1), "LEFT", "RIGHT", "60"]);
                        assert!(!moved.is_nil() && !moved.is_error(), "{moved:?}");
                    }
                });
            }
        }
        for writer in 0..2 {
            let mut client = server.client();
            scope.spawn(move || {
                for number in (writer..ELEMENTS).step_by(4) {
                    client.call(&["RPUSH", "list:0", &number.to_string()]);
                    for request in ["MULTI", "SELECT 0", &format!("RPUSH list:0 {}", number + 2), "EXEC"] {
                        let reply = client.ask(request);
                        assert!(!reply.is_error(), "{request}: {reply:?}");
                    }
                }
            });
        }
    });
    let mut client = server.client();
    let arrived = client.call(&["LRANGE", &list(LISTS - 1), "0", "-1"]);
    let arrived: Vec<String> = arrived.items().iter().map(Reply::text).collect();
    assert_eq!(arrived.len(), ELEMENTS);
    assert_eq!(arrived.iter().collect::<BTreeSet<_>>().len(), ELEMENTS);
    assert_eq!(client.call(&["EXISTS", "list:0", "list:1", "list:3"]), Reply::Integer(0));
}

/// FRIENDADD and FRIENDREM change keys of several shards. A reader of both users' keys never sees a friendship of only one
/// of them, and requests with the same keys in opposite order do not deadlock.
#[test]
fn a_reader_never_sees_a_one_way_friendship() {
    let server = Server::rankd_with(&["--appendonly", "no", "--threads", "2"]);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.client();
                let mut chance = Chance::new(writer);
                for _ in 0..500 {
                    let command = if chance.percent(60) { "FRIENDADD" } else { "FRIENDREM" };
                    let people: Vec<String> = (0..4).map(|_| format!("p{}", chance.below(12))).collect();
                    let reply = client.call(&[command, &people[0], &people[1], &people[2], &people[3]]);
                    assert!(matches!(reply, Reply::Integer(0..=3)), "{reply:?}");
                }
            });
        }
    });
    let mut client = server.client();
    let mut friendships = 0;
    for person in 0..12 {
        for friend in client.call(&["SMEMBERS", &format!("friends:p{person}")]).items() {
            let key = format!("friends:{}", friend.text());
            let back = client.call(&["SISMEMBER", &key, &format!("p{person}")]);
            assert_eq!(back, Reply::Integer(1), "p{person} and {}", friend.text());
            friendships += 1;
        }
    }
    assert!(friendships > 0);
}

/// A long friend list is read in steps, and its lock is released between them. Meanwhile the list may grow so much that its
/// table is rebuilt. No member that exists throughout may be missing, and none may occur twice.
#[test]
fn a_friend_list_that_grows_during_a_ranking_gives_each_friend_once() {
    const STAY: usize = 6_000;
    let server = Server::rankd_with(&["--appendonly", "no", "--threads", "2"]);
    let mut client = server.client();
    for start in (0..STAY).step_by(500) {
        let names: Vec<String> = (start..start + 500).map(|number| format!("stays:{number}")).collect();
        client.call(&[vec!["SADD".to_owned(), "many".to_owned()], names.clone()].concat());
        let scores = names.iter().flat_map(|name| ["1".to_owned(), name.clone()]);
        client.call(&[vec!["ZADD".to_owned(), "board".to_owned()], scores.collect()].concat());
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Flag(&over);
        scope.spawn(|| {
            let mut client = server.client();
            let mut round = 0;
            while !over.load(Ordering::Relaxed) {
                let names: Vec<String> =
                    (0..12_000).map(|number| format!("passes:{round}:{number}")).collect();
                for command in ["SADD", "SREM"] {
                    for chunk in names.chunks(1_000) {
                        client.call(&[vec![command.to_owned(), "many".to_owned()], chunk.to_vec()].concat());
                    }
                }
                round += 1;
            }
        });
        for _ in 0..15 {
            let answer = client.call(&["FRIENDRANK", "board", "nobody", "FRIENDS", "many"]);
            let names: Vec<String> = answer.items().iter().map(|row| row.items()[0].text()).collect();
            let different: BTreeSet<&String> = names.iter().collect();
            assert_eq!(different.len(), names.len(), "somebody is there twice");
            assert_eq!(
                names.len(),
                STAY,
                "somebody who stayed is missing, or somebody without a score is there"
            );
        }
    });
}

/// A result for many friends was kept although FLUSHALL ran while it was computed. For the next minute MAXAGE returned rows
/// of data that did not exist any more.
#[test]
fn a_result_computed_across_a_flush_is_not_kept() {
    const FRIENDS: usize = 12_000;
    let server = Server::rankd_with(&["--appendonly", "no", "--threads", "2"]);
    let (mut asking, mut flushing) = (server.client(), server.client());
    let names: Vec<String> = (0..FRIENDS).map(|friend| format!("friend:{friend}")).collect();
    let friends = [&["SADD".to_owned(), "friends".to_owned()][..], &names].concat();
    let scored = names.iter().flat_map(|name| ["1".to_owned(), name.clone()]);
    let board: Vec<String> = ["ZADD".to_owned(), "board".to_owned()].into_iter().chain(scored).collect();
    let words = ["FRIENDRANK", "board", "star", "FRIENDS", "friends", "TOP", "2", "MAXAGE", "60000"];
    for round in 0..16 {
        assert_eq!(asking.call(&friends).integer(), FRIENDS as i64);
        assert_eq!(asking.call(&board).integer(), FRIENDS as i64);
        asking.send(&words);
        // At a different moment of the computation each time.
        (0..round * 10).for_each(|_| assert!(!flushing.ask("PING").is_error()));
        assert!(!flushing.ask("FLUSHALL").is_error());
        assert!(!asking.reply().is_error());
        let after = asking.call(&words);
        assert!(after.items().is_empty(), "round {round}: {after:?}");
    }
}
