//! A script is one moment for all other clients, and one record in the journal, whether it declares its keys or not.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::reply::Reply;
use crate::support::server::Server;

/// Moves one from a key to another. Their shards differ from each other's.
const MOVES: [(&str, &[&str]); 3] = [
    // Both are declared.
    ("redis.call('DECR', KEYS[1]) return redis.call('INCR', KEYS[2])", &["2", "from", "to"]),
    // None is declared: the script is begun anew with all locks.
    ("redis.call('DECR', 'from') return redis.call('INCR', 'to')", &["0"]),
    // The second is not declared, and the first has changed already.
    ("redis.call('DECR', KEYS[1]) return redis.call('INCR', 'to')", &["1", "from"]),
];

#[test]
fn a_reader_sees_all_of_a_script_or_none() {
    const ROUNDS: usize = 400;
    let server = Server::rankd_with(&["--appendonly", "no", "--threads", "2"]);
    assert!(!server.client().ask("MSET from 0 to 0").is_error());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = MOVES
            .iter()
            .map(|(script, keys)| {
                let mut client = server.client();
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        // A script of its own each time: it is not yet known to use other keys.
                        let text =
                            if round % 2 == 0 { format!("{script} --{round}") } else { (*script).to_owned() };
                        let mut words = vec!["EVAL", &text];
                        words.extend(*keys);
                        assert!(!client.call(&words).is_error());
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut client = server.client();
            while !over.load(Ordering::Relaxed) {
                let values = client.ask("MGET from to");
                let sum: i64 =
                    values.items().iter().map(|value| value.text().parse::<i64>().expect("a number")).sum();
                assert_eq!(sum, 0);
                let script = "return redis.call('GET', KEYS[1]) + redis.call('GET', KEYS[2])";
                assert_eq!(client.call(&["EVAL_RO", script, "2", "from", "to"]), Reply::Integer(0));
            }
        });
        let results: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        reader.join().expect("a reader that has seen no part");
        results.into_iter().for_each(|result| result.expect("a writer without errors"));
    });
    let moved = (ROUNDS * MOVES.len()).to_string();
    assert_eq!(server.client().ask("GET to").text(), moved);
}

/// Kills the server while scripts run; afterwards no script is there in part.
#[test]
fn no_part_of_a_script_is_there_after_a_kill() {
    let mut server =
        Server::rankd_with(&["--appendonly", "yes", "--appendfsync", "always", "--threads", "2"]);
    for _ in 0..3 {
        std::thread::scope(|scope| {
            let clients: Vec<_> =
                MOVES.iter().map(|(script, keys)| (server.client(), *script, *keys)).collect();
            let workers: Vec<_> = clients
                .into_iter()
                .map(|(mut client, script, keys)| {
                    scope.spawn(move || {
                        let mut words = vec!["EVAL", script];
                        words.extend(keys);
                        let mut done = 0;
                        while client.try_call(&words).is_ok_and(|reply| !reply.is_error()) {
                            done += 1;
                        }
                        done
                    })
                })
                .collect();
            let mut watcher = server.client();
            while watcher.ask("GET to").is_nil() || watcher.ask("INCR turns").integer() % 50 != 0 {}
            server.kill();
            let done: usize = workers.into_iter().map(|worker| worker.join().expect("a worker")).sum();
            assert!(done > 0);
        });
        server = server.restart();
        let values = server.client().ask("MGET from to");
        let sum: i64 =
            values.items().iter().map(|value| value.text().parse::<i64>().expect("a number")).sum();
        assert_eq!(sum, 0);
    }
}

/// As in Redis, what a script has changed before its error stays. So it is in a transaction, and a script's SELECT ends with it.
#[test]
fn a_script_that_fails_keeps_what_it_has_changed() {
    let server = Server::rankd();
    let mut client = server.client();
    assert!(client.call(&["EVAL", "redis.call('SET', KEYS[1], 'kept') error('x')", "1", "k"]).is_error());
    assert_eq!(client.ask("GET k").text(), "kept");
    client.ask("MULTI");
    client.call(&[
        "EVAL",
        "redis.call('SELECT', 1) redis.call('SET', 'other', 'v') return redis.call('GET', 'other')",
        "0",
    ]);
    client.ask("GET k");
    let replies = client.ask("EXEC");
    assert_eq!(replies.items().iter().map(Reply::text).collect::<Vec<_>>(), ["v", "kept"]);
    assert!(client.ask("GET other").is_nil());
    client.ask("SELECT 1");
    assert_eq!(client.ask("GET other").text(), "v");
}
