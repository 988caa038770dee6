//! rankd as the master of real servers, and of hostile ones: all data beside writers, the stream, what replicas acknowledge.

use crate::following::wait_for_link;
use crate::following::writers::EndOfWriters;
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const DATABASES: usize = 2;

/// A peer that is a replica of `master`, once it has all data.
fn replica(peer: Peer, master: &Server) -> Option<Server> {
    let port = master.address.port().to_string();
    let replica = Server::peer(peer, &["--replicaof", "127.0.0.1", &port])?;
    wait_for_link(&mut replica.client());
    Some(replica)
}

/// A random command of a writer. All types, and everything that ends, moves or expires a key.
fn command(chance: &mut Chance) -> Vec<String> {
    let key = |chance: &mut Chance| format!("k{}", chance.below(40));
    let value = |chance: &mut Chance| format!("v{}", chance.below(50));
    let (one, other, some) = (key(chance), key(chance), value(chance));
    let (more, number) = (value(chance), chance.below(60_000));
    let text = match chance.below(34) {
        0 => format!("SET {one} {some}"),
        1 => format!("SET {one} {some} PX {}", 1 + chance.below(400)),
        2 | 3 => format!("RPUSH {one} {some} {more}"),
        4 => format!("LPUSH {one} {some}"),
        5 => format!("LPOP {one}"),
        6 => format!("RPOP {one} 2"),
        7 => format!("LSET {one} {} {some}", chance.below(3)),
        8 => format!("LINSERT {one} BEFORE {some} {more}"),
        9 => format!("LREM {one} -1 {some}"),
        10 => format!("SADD {one} {some} {more}"),
        11 => format!("SPOP {one}"),
        12 => format!("ZADD {one} {}.125 {some}", chance.below(100)),
        13 => format!("ZINCRBY {one} 0.1 {some}"),
        14 => format!("ZPOPMIN {one}"),
        15 => format!("HSET {one} {some} {more}"),
        16 => format!("HDEL {one} {some}"),
        17 => format!("INCR {one}"),
        18 => format!("APPEND {one} {some}"),
        19 => format!("SETRANGE {one} {} {some}", chance.below(20)),
        20 => format!("PEXPIRE {one} {}", 1 + chance.below(500)),
        21 => format!("PERSIST {one}"),
        22 => format!("DEL {one}"),
        23 => format!("RENAME {one} {other}"),
        24 => format!("COPY {one} {other} REPLACE"),
        25 => format!("XADD stream * {some} {more}"),
        26 => format!("XTRIM stream MAXLEN {}", chance.below(50)),
        27 => format!("RPUSH biglist {some}"),
        28 => "LPOP biglist".to_owned(),
        29 => format!("ZADD big {} m{number}", chance.below(1000)),
        30 => format!("ZREM big m{number}"),
        31 => format!("LMOVE biglist {one} LEFT RIGHT"),
        32 if chance.below(20) == 0 => "RENAME biglist otherlist".to_owned(),
        32 => format!("BLPOP {one} 0.001"),
        _ => format!("HSET bighash f{number} {some}"),
    };
    text.split(' ').map(str::to_owned).collect()
}

fn write(server: &Server, seed: u64, must_end: &AtomicBool) {
    let mut chance = Chance::new(seed);
    let mut client = server.client();
    while !must_end.load(Ordering::Relaxed) {
        match chance.below(2000) {
            0 if chance.below(5) == 0 => drop(client.ask("FLUSHDB")),
            1..4 => drop(client.call(&["SELECT", &chance.below(DATABASES).to_string()])),
            4 => drop(client.ask("SWAPDB 0 1")),
            5 => drop(client.ask("BGREWRITEAOF")),
            6..100 => {
                client.ask("MULTI");
                for _ in 0..1 + chance.below(4) {
                    client.call(&command(&mut chance));
                }
                client.ask("EXEC");
            }
            _ => drop(client.call(&command(&mut chance))),
        }
    }
}

/// Everything that a server holds, as text.
fn contents(server: &Server) -> BTreeMap<String, String> {
    let mut client = server.client();
    let mut found = BTreeMap::new();
    for database in 0..DATABASES {
        client.call(&["SELECT", &database.to_string()]);
        for key in client.ask("KEYS *").items() {
            let key = key.text();
            let kind = client.call(&["TYPE", &key]).text();
            let mut value = match kind.as_str() {
                "string" => vec![client.call(&["GET", &key])],
                "list" => client.call(&["LRANGE", &key, "0", "-1"]).items().to_vec(),
                "set" => client.call(&["SMEMBERS", &key]).items().to_vec(),
                "zset" => client.call(&["ZRANGE", &key, "0", "-1", "WITHSCORES"]).items().to_vec(),
                "hash" => {
                    let pairs = client.call(&["HGETALL", &key]);
                    pairs.items().chunks(2).map(|pair| Reply::Array(pair.to_vec())).collect()
                }
                "stream" => vec![client.call(&["XRANGE", &key, "-", "+"])],
                _ => continue,
            };
            if matches!(kind.as_str(), "set" | "hash") {
                value.sort_by_key(|element| format!("{element:?}"));
            }
            let expiry = client.call(&["PEXPIRETIME", &key]);
            found.insert(format!("{database} {key}"), format!("{kind} {expiry:?} {value:?}"));
        }
    }
    found
}

#[test]
fn peers_that_get_all_data_beside_writers_have_the_masters_data() {
    let seed = Chance::seed_from_env();
    println!("seed {seed}");
    let master = Server::rankd_with(&["--appendonly", "yes", "--appendfsync", "no"]);
    let mut client = master.client();
    for first in (0..30_000).step_by(500) {
        let numbers = first..first + 500;
        let words = |begin: [&str; 2], each: &dyn Fn(i32) -> Vec<String>| -> Vec<String> {
            begin.map(str::to_owned).into_iter().chain(numbers.clone().flat_map(each)).collect()
        };
        client.call(&words(["ZADD", "big"], &|number| {
            vec![(number * 7 % 1000).to_string(), format!("m{number}")]
        }));
        client.call(&words(["RPUSH", "biglist"], &|number| vec![number.to_string()]));
        client.call(&words(["HSET", "bighash"], &|number| vec![format!("f{number}"), number.to_string()]));
    }
    let must_end = AtomicBool::new(false);
    let replicas = thread::scope(|scope| {
        let end = EndOfWriters(&must_end);
        for writer in 0..3 {
            let (master, must_end) = (&master, &must_end);
            scope.spawn(move || write(master, seed.wrapping_add(writer), must_end));
        }
        let mut replicas = Vec::new();
        for peer in [Peer::Redis, Peer::Valkey, Peer::Redis, Peer::Valkey] {
            replicas.extend(replica(peer, &master));
            // All of them lose their connections, and go on.
            for replica in &replicas {
                let mut client = replica.client();
                client.ask("CLIENT KILL TYPE master");
                wait_for_link(&mut client);
            }
        }
        drop(end);
        replicas
    });
    if replicas.is_empty() {
        return;
    }
    client.ask("SET end 1");
    let count = replicas.len() as i64;
    assert_eq!(client.call(&["WAIT", &count.to_string(), "20000"]), Reply::Integer(count));
    // What expires by now is in the stream as well.
    let expires = |text: &String| text.contains("Integer(1");
    wait_for("the expiries", || {
        let own = contents(&master);
        (!own.values().any(|value| value.split(" [").next().is_some_and(|head| expires(&head.to_owned()))))
            .then_some(())
    });
    client.ask("SET end 2");
    assert_eq!(client.call(&["WAIT", &count.to_string(), "20000"]), Reply::Integer(count));
    let own = contents(&master);
    assert!(own.len() > 10, "{} keys", own.len());
    for replica in &replicas {
        let other = contents(replica);
        let keys: std::collections::BTreeSet<&String> = own.keys().chain(other.keys()).collect();
        for key in keys {
            assert_eq!(own.get(key), other.get(key), "{key}, seed {seed}");
        }
    }
    assert!(client.fact("sync_partial_ok").parse::<u64>().expect("a number") > 0);
}

/// The next line that is not empty: a master sends empty ones while it writes the file.
fn line(client: &mut Client) -> String {
    loop {
        let line = client.line();
        if !line.is_empty() {
            return line;
        }
    }
}

/// A replica that says what it is told to. It has got all data and the line `+FULLRESYNC` when this returns; also returns the
/// offset.
fn false_replica(server: &Server) -> (Client, u64) {
    let mut client = server.client();
    assert_eq!(client.ask("REPLCONF listening-port 7 capa psync2"), Reply::Simple(b"OK".to_vec()));
    client.send(&["PSYNC", "?", "-1"]);
    let line = line(&mut client);
    let offset = line.strip_prefix("+FULLRESYNC ").and_then(|rest| rest.split(' ').nth(1));
    let offset = offset.and_then(|offset| offset.parse().ok()).unwrap_or_else(|| panic!("{line}"));
    let head = self::line(&mut client);
    let len = head.strip_prefix('$').and_then(|len| len.parse().ok()).unwrap_or_else(|| panic!("{head}"));
    let file = client.bytes(len);
    assert!(file.starts_with(b"REDIS00"), "{}", file.escape_ascii());
    (client, offset)
}

#[test]
fn replicas_that_send_what_is_no_acknowledgement_are_disconnected() {
    let server = Server::rankd();
    let mut client = server.client();
    client.ask("SET a 1");
    let long = vec![b'x'; 100_000];
    let huge = [b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$5000\r\n".to_vec(), vec![b'1'; 5000]].concat();
    let lies: [&[u8]; 8] = [
        b"SET a 2\r\n",
        b"REPLCONF ACK 99999999999\r\n",
        b"REPLCONF ACK -1\r\n",
        b"REPLCONF ACK\r\n",
        b"REPLCONF junk 1\r\n",
        b"*1\r\n*1\r\n",
        &long,
        &huge,
    ];
    for lie in lies {
        let (mut replica, _) = false_replica(&server);
        // It may be disconnected before all of it is sent.
        let _ = replica.try_send_raw(lie);
        wait_for("the end of its connection", || replica.is_closed().then_some(()));
        assert_eq!(client.ask("GET a").text(), "1", "{}", lie.escape_ascii());
        wait_for("its end", || (client.fact("connected_slaves") == "0").then_some(()));
    }
}

#[test]
fn a_replica_that_does_not_read_is_dropped_and_a_wait_counts_only_what_was_acknowledged() {
    let server = Server::rankd();
    let mut client = server.client();
    client.call(&[
        "CONFIG",
        "SET",
        "client-output-buffer-limit",
        "replica 2mb 0 0",
        "repl-backlog-size",
        "16kb",
    ]);
    let (mut replica, offset) = false_replica(&server);
    client.ask("SET a 1");
    assert_eq!(client.ask("WAIT 1 50"), Reply::Integer(0));
    let end = client.fact("master_repl_offset");
    assert!(end.parse::<u64>().expect("a number") > offset);
    replica.send(&["REPLCONF", "ACK", &end]);
    assert_eq!(client.ask("WAIT 1 20000"), Reply::Integer(1));
    assert_eq!(client.fact("slave0").split(',').nth(2), Some("state=online"));
    let text = "x".repeat(100_000);
    wait_for("its end", || {
        client.call(&["SET", "a", &text]);
        (client.fact("connected_slaves") == "0").then_some(())
    });
    assert_eq!(client.ask("WAIT 1 10"), Reply::Integer(0));
}

#[test]
fn writes_are_refused_while_there_are_fewer_replicas_than_there_have_to_be() {
    let server = Server::rankd();
    let mut client = server.client();
    client.ask("CONFIG SET min-replicas-to-write 1");
    let refusal = Reply::Error(b"NOREPLICAS Not enough good replicas to write.".to_vec());
    assert_eq!(client.ask("SET a 1"), refusal);
    assert_eq!(client.ask("GET a"), Reply::NullBulk);
    client.ask("MULTI");
    assert_eq!(client.ask("SET a 1"), refusal);
    assert!(matches!(client.ask("EXEC"), Reply::Error(_)));
    let (_replica, _) = false_replica(&server);
    wait_for("the replica", || (client.ask("SET a 1") == Reply::Simple(b"OK".to_vec())).then_some(()));
}

#[test]
fn a_master_that_ended_in_order_goes_on_with_its_replicas() {
    let mut master = Server::rankd_with(&[
        "--appendonly",
        "yes",
        "--shutdown-timeout",
        "0",
        "--repl-ping-replica-period",
        "3600",
    ]);
    let (mut replica, _) = false_replica(&master);
    let mut client = master.client();
    client.ask("SET a 1");
    let (id, end) = wait_for("the write in the stream", || {
        let end = client.fact("master_repl_offset");
        (end != "0").then(|| (client.fact("master_replid"), end))
    });
    let next = (end.parse::<u64>().expect("a number") + 1).to_string();
    replica.send(&["REPLCONF", "ACK", &end]);
    master.terminate();
    master = master.restart();
    let mut client = master.client();
    assert_eq!(client.fact("master_replid2"), id);
    for (next, answer) in [(next.as_str(), "+CONTINUE "), ("1", "+FULLRESYNC ")] {
        let mut replica = master.client();
        replica.ask("REPLCONF capa psync2");
        replica.send(&["PSYNC", &id, next]);
        let line = line(&mut replica);
        assert!(line.starts_with(answer), "{line}");
    }
    // After a kill nothing is known of the history.
    master = master.restart();
    let mut replica = master.client();
    replica.send(&["PSYNC", &id, &next]);
    let line = line(&mut replica);
    assert!(line.starts_with("+FULLRESYNC "), "{line}");
}
