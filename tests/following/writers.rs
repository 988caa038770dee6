//! Writers of everything: all types, what expires, transactions, clients that wait, databases that end or are exchanged, scripts,
//! functions, and on a rankd boards with policies. And the comparison of what two servers hold.

use super::{fact, wait_for_link};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the master of a test is, and so what is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Redis,
    Rankd,
}

/// The databases that are written.
const DATABASES: usize = 2;

const LIBRARY: &str = "#!lua name=LIB\nredis.register_function('FUN', function(keys, args) \
                       return redis.call('INCRBY', keys[1], NUMBER) end)";

const POLICIES: [&str; 6] = [
    "SCORE INTEGER TIES FIRST IDS 20",
    "SCORE INTEGER KEEP BEST CAP 30",
    "SCORE DECIMAL 3 ORDER ASC TIES FIRST KEEP BEST TTL 2",
    "TIES FIRST KEEP SUM IDS 5",
    "SCORE INTEGER RANGE -9223372036854775808 9223372036854775807 SATURATE KEEP SUM",
    "ORDER ASC CAP 5",
];

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// A random command on keys of any type.
fn command(chance: &mut Chance) -> Vec<String> {
    let (one, other) = (format!("k{}", chance.below(60)), format!("k{}", chance.below(60)));
    let (some, more) = (format!("v{}", chance.below(50)), format!("v{}", chance.below(50)));
    let number = chance.below(3000);
    words(&match chance.below(46) {
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
        11 => format!("SPOP {one} 2"),
        12 => format!("ZADD {one} {}.125 {some}", chance.below(100)),
        13 => format!("ZINCRBY {one} 0.1 {some}"),
        14 => format!("ZPOPMIN {one}"),
        15 => format!("HSET {one} {some} {more}"),
        16 => format!("HDEL {one} {some}"),
        17 => format!("HINCRBYFLOAT {one} n 0.1"),
        18 => format!("HPEXPIRE {one} {} FIELDS 1 {some}", 1 + chance.below(300)),
        19 => format!("INCR {one}"),
        20 => format!("APPEND {one} {some}"),
        21 => format!("SETRANGE {one} {} {some}", chance.below(20)),
        22 => format!("PEXPIRE {one} {}", 1 + chance.below(500)),
        23 => format!("PERSIST {one}"),
        24 => format!("DEL {one}"),
        25 => format!("RENAME {one} {other}"),
        26 => format!("COPY {one} {other} REPLACE"),
        27 => format!("MOVE {one} {}", chance.below(DATABASES)),
        28 => format!("SUNIONSTORE {one} {one} {other}"),
        29 => format!("ZUNIONSTORE {one} 2 {one} {other}"),
        30 => format!("XADD stream{} * {some} {more}", chance.below(2)),
        31 => format!("XTRIM stream{} MAXLEN {}", chance.below(2), chance.below(50)),
        32 => format!("XGROUP CREATE stream{} group{} 0", chance.below(2), chance.below(2)),
        33 => format!(
            "XREADGROUP GROUP group{} {some} COUNT 2 STREAMS stream{} >",
            chance.below(2),
            chance.below(2)
        ),
        34 => format!("XAUTOCLAIM stream{} group{} {some} 0 0 COUNT 2", chance.below(2), chance.below(2)),
        35 => format!("XGROUP DELCONSUMER stream{} group{} {some}", chance.below(2), chance.below(2)),
        36 => format!("RPUSH biglist {some}"),
        37 => "LPOP biglist".to_owned(),
        38 => format!("ZADD big {} m{number}", chance.below(1000)),
        39 => format!("ZREM big m{number}"),
        40 => format!("LMOVE biglist {one} LEFT RIGHT"),
        41 => format!("BLPOP {one} {other} 0.001"),
        42 => format!("FCALL fun{} 1 {one}", chance.below(2)),
        43 => format!("PFADD {one} {some} {more}"),
        44 => format!("SETBIT {one} {number} 1"),
        _ => format!("HSET bighash f{number} {some}"),
    })
}

/// A random command on boards with policies.
fn board_command(chance: &mut Chance) -> Vec<String> {
    let (one, other) = (format!("b{}", chance.below(8)), format!("b{}", chance.below(8)));
    let member = format!("m{}", chance.below(60));
    let score = match chance.below(4) {
        0 => chance.next() as i64,
        1 => (1 << 53) + chance.below(9) as i64,
        _ => chance.below(20) as i64,
    };
    words(&match chance.below(24) {
        0 | 1 => format!("LB.CREATE {one} {}", POLICIES[chance.below(POLICIES.len())]),
        2 => format!("LB.ALTER {one} IDS {} KEEP LATEST", chance.below(9)),
        3 => format!("LB.CLOSE {one} closed{}", chance.below(5)),
        4 => format!("DEL closed{}", chance.below(5)),
        5 => format!("LB.TEMPLATE SET day{}:* {}", chance.below(3), POLICIES[chance.below(POLICIES.len())]),
        6 => format!("LB.TEMPLATE DEL day{}:*", chance.below(3)),
        7 => format!("LB.SUBMIT day{}:{} {score} {member}", chance.below(4), chance.below(3)),
        8 => format!("DEL day{}:{}", chance.below(4), chance.below(3)),
        9..12 => format!("LB.SUBMIT {one} ID r{} {score} {member}", chance.below(30)),
        12 => format!(
            "LB.SUBMIT {one} AT {} {score} {member}",
            1_700_000_000_000_u64 + chance.below(1000) as u64
        ),
        13 => format!("LB.MSUBMIT 2 {one} {other} {score} {member} 3 m1"),
        14 | 15 => format!("ZADD {one} {score} {member} 5 m2"),
        16 => format!("ZINCRBY {one} {score} {member}"),
        17 => format!("ZREM {one} {member}"),
        18 => format!("ZPOPMAX {one} 2"),
        19 => format!("RENAME {one} {other}"),
        20 => format!("COPY {one} {other} REPLACE"),
        21 => format!("DEL {one}"),
        22 => format!("PEXPIRE {one} {}", 1 + chance.below(500)),
        _ => format!("ZRANGESTORE {one} {other} 0 -1"),
    })
}

/// Ends the writers when it is dropped, also by a failure of the test.
pub(crate) struct EndOfWriters<'a>(pub(crate) &'a AtomicBool);

impl Drop for EndOfWriters<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Writes until it is told to stop.
pub(crate) fn write_everything(mut client: Client, dialect: Dialect, seed: u64, must_end: &AtomicBool) {
    let mut chance = Chance::new(seed);
    let next = |chance: &mut Chance| {
        if dialect == Dialect::Rankd && chance.percent(30) { board_command(chance) } else { command(chance) }
    };
    while !must_end.load(Ordering::Relaxed) {
        match chance.below(2000) {
            0 if chance.below(5) == 0 => drop(client.ask("FLUSHDB")),
            0 if chance.below(5) == 0 => drop(client.ask("FLUSHALL")),
            1..4 => drop(client.call(&["SELECT", &chance.below(DATABASES).to_string()])),
            4 => drop(client.ask("SWAPDB 0 1")),
            5 if dialect == Dialect::Rankd => drop(client.ask("BGREWRITEAOF")),
            6 => {
                let text = LIBRARY.replace("LIB", &format!("lib{}", chance.below(2)));
                let text = text.replace("FUN", &format!("fun{}", chance.below(2)));
                client.call(&[
                    "FUNCTION",
                    "LOAD",
                    "REPLACE",
                    &text.replace("NUMBER", &chance.below(9).to_string()),
                ]);
            }
            7 if chance.below(3) == 0 => {
                client.call(&["FUNCTION", "DELETE", &format!("lib{}", chance.below(2))]);
            }
            8..100 => {
                client.ask("MULTI");
                for _ in 0..1 + chance.below(4) {
                    client.call(&next(&mut chance));
                }
                client.ask("EXEC");
            }
            100..200 => {
                let text = "redis.call('RPUSH', KEYS[1], ARGV[1]); return redis.call('INCR', KEYS[2])";
                let (one, other) = (format!("k{}", chance.below(60)), format!("n{}", chance.below(9)));
                client.call(&["EVAL", text, "2", &one, &other, &seed.to_string()]);
            }
            _ => drop(client.call(&next(&mut chance))),
        }
    }
}

/// Waits until the replica has all of the master's stream. No client writes any more.
pub(crate) fn wait_for_same_offset(master: &Server, replica: &Server) {
    let (mut at_master, mut at_replica) = (master.client(), replica.client());
    wait_for_link(&mut at_replica);
    if fact(&mut at_master, "role").as_deref() == Some("master") {
        // A master's stream has its records a moment later.
        at_master.ask("INCR last-write");
        assert!(at_master.ask("WAIT 1 20000").integer() >= 1);
    }
    wait_for("the end of the stream", || {
        let of = |client: &mut Client| fact(client, "master_repl_offset");
        let end = of(&mut at_master)?;
        (of(&mut at_replica)? == end && of(&mut at_master)? == end).then_some(())
    });
}

/// Waits until nothing expires any more.
pub(crate) fn wait_for_expiries(server: &Server) {
    let mut client = server.client();
    wait_for("the expiries", || {
        let Reply::Bulk(text) = client.ask("INFO keyspace") else { panic!("no INFO") };
        let text = String::from_utf8(text).expect("text");
        (!text.contains("expires=") || text.split("expires=").skip(1).all(|rest| rest.starts_with("0,")))
            .then_some(())
    });
}

/// What the servers have to agree about: a digest of all data, and the libraries of functions.
fn state(server: &Server) -> (String, Reply) {
    let mut client = server.client();
    (client.ask("DEBUG DIGEST").text(), client.ask("FUNCTION LIST WITHCODE").unordered())
}

/// The servers hold the same data.
pub(crate) fn assert_same(one: &Server, other: &Server, dialect: Dialect, about: &str) {
    let boards = |server: &Server| match dialect {
        Dialect::Redis => Reply::NullBulk,
        Dialect::Rankd => server.client().ask("LB.TEMPLATE LIST"),
    };
    if state(one).0 != state(other).0 {
        differing_keys(one, other, about);
    }
    assert_eq!(state(one), state(other), "{about}");
    assert_eq!(boards(one), boards(other), "{about}");
}

/// Says which keys differ.
fn differing_keys(one: &Server, other: &Server, about: &str) {
    let (mut one, mut other) = (one.client(), other.client());
    for database in 0..16 {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for (client, keys) in [(&mut one, &mut own), (&mut other, &mut others)] {
            client.call(&["SELECT", &database.to_string()]);
            keys.extend(client.ask("KEYS *").items().iter().map(Reply::text));
        }
        let all: std::collections::BTreeSet<_> = own.into_iter().chain(others).collect();
        for key in all {
            let of = |client: &mut Client| client.call(&["DEBUG", "DIGEST-VALUE", &key]);
            if of(&mut one) != of(&mut other) {
                let shown = |client: &mut Client| {
                    let kind = client.call(&["TYPE", &key]).text();
                    let value = match kind.as_str() {
                        "string" => client.call(&["GET", &key]),
                        "list" => client.call(&["LRANGE", &key, "0", "-1"]),
                        "hash" => client.call(&["HGETALL", &key]),
                        "set" => client.call(&["SMEMBERS", &key]).unordered(),
                        "zset" => client.call(&["ZRANGE", &key, "0", "-1", "WITHSCORES"]),
                        _ => client.call(&["XINFO", "STREAM", &key, "FULL"]),
                    };
                    let (expiry, policy) =
                        (client.call(&["PEXPIRETIME", &key]), client.call(&["LB.INFO", &key]));
                    format!("{kind} {expiry:?} {value:?} {policy:?}")
                };
                println!(
                    "{about}: database {database}, {key}:\n  {}\n  {}",
                    shown(&mut one),
                    shown(&mut other)
                );
            }
        }
    }
}
