//! The subcommands `rankd journal ...`, and the requests of monitoring tools.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server, rankd, run_rankd};

/// A key that both servers must have.
struct Key {
    database: usize,
    name: String,
    /// -1 for never, as PEXPIRETIME says it.
    expires_at_ms: i64,
}

/// Writes keys of every type to three databases, with members and scores that need escapes or many digits.
fn fill(client: &mut Client) -> Vec<Key> {
    let mut chance = Chance::new(11);
    let mut keys = Vec::new();
    for database in [0, 3, 9] {
        client.call(&["SELECT", &database.to_string()]);
        let mut key = |name: &str| {
            keys.push(Key { database, name: format!("{name}:{database}"), expires_at_ms: -1 });
            keys.last().expect("pushed").name.clone()
        };
        let board = key("board");
        for number in 0..3_000u32 {
            let score = match number % 5 {
                0 => f64::from_bits(chance.next()),
                1 => f64::from(number % 7),
                2 => f64::from(number) / 10.0,
                3 => [f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, f64::MAX][number as usize % 25 / 5],
                _ => chance.below(1 << 50) as f64,
            };
            if !score.is_nan() {
                let member = [&chance.next().to_le_bytes()[..], b"\r\n\"", &number.to_le_bytes()].concat();
                let score = format!("{score:e}");
                client.call(&[&b"ZADD"[..], board.as_bytes(), score.as_bytes(), &member]);
            }
        }
        let set = key("set");
        for number in 0..2_000 {
            client.call(&["SADD", &set, &format!("member {number}")]);
        }
        for number in 0..50 {
            let name = key(&format!("string{number}"));
            client.call(&[&b"SET"[..], name.as_bytes(), &chance.next().to_le_bytes()]);
        }
        let dated = key("dated");
        client.call(&["ZADD", &dated, "1", "m"]);
        for (number, key) in keys.iter_mut().filter(|key| key.database == database).enumerate() {
            if number % 3 == 0 {
                key.expires_at_ms = 4_000_000_000_000 + number as i64;
                client.call(&["PEXPIREAT", &key.name, &key.expires_at_ms.to_string()]);
            }
        }
        if database == 3 {
            client.call(&["BGREWRITEAOF"]);
        }
        client.call(&["ZADD", "gone", "1", "m"]);
        client.call(&["DEL", "gone"]);
        client.call(&["ZREM", &board, "nobody"]);
        client.call(&["ZREMRANGEBYRANK", &board, "10", "20"]);
    }
    keys
}

/// All requests about the value of a key.
fn facts(client: &mut Client, Key { database, name: key, .. }: &Key) -> String {
    client.call(&["SELECT", &database.to_string()]);
    let kind = client.call(&["TYPE", key]).text();
    let value = match kind.as_str() {
        "zset" => format!("{:?}", client.call(&["ZRANGE", key, "0", "-1", "WITHSCORES"])),
        "set" => {
            let mut members: Vec<_> =
                client.call(&["SMEMBERS", key]).items().iter().map(|m| format!("{m:?}")).collect();
            members.sort();
            members.join(" ")
        }
        "string" => format!("{:?}", client.call(&["GET", key])),
        _ => String::new(),
    };
    format!("{kind} {value}")
}

#[test]
fn the_commands_of_a_journal_dump_recreate_the_data_in_redis() {
    let Some(redis) = Server::peer(Peer::Redis, &[]) else { return };
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    let mut client = server.client();
    let keys = fill(&mut client);
    assert!(server.terminate().success());
    let dumped = rankd()
        .args(["journal", "dump", "--resp"])
        .arg(server.directory())
        .output()
        .expect("the rankd binary runs");
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    let mut pipe = Command::new("redis-cli")
        .args(["-p", &redis.address.port().to_string(), "--pipe"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli is there where Redis is");
    pipe.stdin.take().expect("piped").write_all(&dumped.stdout).expect("redis-cli reads");
    let said = pipe.wait_with_output().expect("redis-cli ends");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("errors: 0"), "{said}");

    let server = server.restart();
    let (mut ours, mut theirs) = (server.client(), redis.client());
    for key in &keys {
        assert_eq!(facts(&mut ours, key), facts(&mut theirs, key), "{}", key.name);
        assert_eq!(
            theirs.call(&["PEXPIRETIME", &key.name]),
            Reply::Integer(key.expires_at_ms),
            "{}",
            key.name
        );
    }
    for database in 0..16 {
        let sizes = [&mut ours, &mut theirs].map(|client| {
            client.call(&["SELECT", &database.to_string()]);
            client.call(&["DBSIZE"])
        });
        assert_eq!(sizes[0], sizes[1], "database {database}");
    }
}

#[test]
fn repair_reports_first_and_cuts_only_with_its_flag() {
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    let mut client = server.client();
    for number in 0..100 {
        client.call(&["ZADD", "board", &number.to_string(), &format!("member{number}")]);
    }
    assert!(server.terminate().success());
    let directory = server.directory().to_str().expect("UTF-8").to_owned();
    let segment = server.directory().join("journal/segment-0000000001");
    let mut bytes = std::fs::read(&segment).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, &bytes).expect("a writable segment");

    let (status, said, complained) = run_rankd(&["journal", "repair", &directory]);
    assert_eq!(status.code(), Some(1), "{said}{complained}");
    assert!(complained.contains("whole records") && complained.contains("--cut"), "{complained}");
    assert_eq!(std::fs::read(&segment).expect("a segment"), bytes);
    let (status, said, complained) = run_rankd(&["journal", "repair", "--cut", &directory]);
    assert_eq!(status.code(), Some(0), "{said}{complained}");
    assert!(said.contains("cut off, and kept"), "{said}");
    let (status, said, _) = run_rankd(&["journal", "repair", "--cut", &directory]);
    assert_eq!((status.code(), said.as_str()), (Some(0), "nothing to repair\n"));
    let server = server.restart();
    let Reply::Integer(left) = server.client().call(&["ZCARD", "board"]) else { panic!("no number") };
    assert!((48..=51).contains(&left), "{left} of 100 members, the damage in the middle");
}

/// Some fields of INFO that exporters and dashboards read were missing, and showed as gaps.
#[test]
fn info_has_the_fields_that_exporters_ask_for() {
    let server = Server::rankd();
    let (mut client, mut other) = (server.client(), server.client());
    client.ask("WATCH a b");
    other.ask("WATCH b c");
    other.ask("ZADD board 1 ann");
    let mut info = |section: &str| match client.call(&["INFO", section]) {
        Reply::Bulk(text) => String::from_utf8(text).expect("text"),
        other => panic!("{other:?}"),
    };
    let text = info("everything");
    let fields = [
        "total_watched_keys:3",
        "total_blocking_keys_on_nokey:0",
        "used_memory_dataset:",
        "used_memory_dataset_perc:",
        "used_memory_overhead:",
        "used_memory_startup:",
        "used_memory_peak_perc:",
        "instantaneous_input_kbps:",
        "instantaneous_output_kbps:",
        "client_output_buffer_limit_disconnections:0",
        "acl_access_denied_auth:0",
        "acl_access_denied_cmd:0",
        "acl_access_denied_key:0",
        "acl_access_denied_channel:0",
        "latency_percentiles_usec_zadd:p50=",
    ];
    for field in fields {
        assert!(text.contains(&format!("\n{field}")), "no {field} in\n{text}");
    }
    let number = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
        line.trim_start_matches(':').parse().expect("a number")
    };
    let used = number("used_memory");
    assert!(number("used_memory_startup") <= number("used_memory_overhead"));
    assert_eq!(number("used_memory_overhead") + number("used_memory_dataset"), used);
    assert!(!info("default").contains("# Latencystats"), "as in Redis, only when it is asked for");
    client.ask("CONFIG RESETSTAT");
    let mut info = |section: &str| client.call(&["INFO", section]).lines().join("\n");
    assert!(!info("latencystats").contains("zadd"));
}
