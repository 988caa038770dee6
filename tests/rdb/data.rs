//! Writes data of every type and encoding, and reads all data of a server for comparison.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;

/// A key's value as clients see it. Scores are the server's text, which is different for different doubles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    String(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    Ranking(Vec<Vec<u8>>),
    /// By field: its value, and when it expires in unix milliseconds.
    Hash(BTreeMap<Vec<u8>, (Vec<u8>, i64)>),
    /// All that XINFO STREAM FULL tells, but for how the entries are kept, and when consumers were seen.
    Stream(String),
}

/// Database and name to value.
pub(crate) type Contents = BTreeMap<(usize, Vec<u8>), Value>;

/// Every key of the types that rankd has, with its value.
pub(crate) fn contents(client: &mut Client) -> Contents {
    let mut contents = Contents::new();
    for database in 0..16 {
        assert!(!client.call(&["SELECT", &database.to_string()]).is_error());
        for key in keys(client) {
            let mut ask = |words: &[&[u8]]| -> Reply { client.call(words) };
            let list =
                |reply: Reply| reply.items().iter().map(|item| item.bytes().to_vec()).collect::<Vec<_>>();
            let value = match ask(&[b"TYPE", &key]).text().as_str() {
                "string" => Value::String(ask(&[b"GET", &key]).bytes().to_vec()),
                "list" => Value::List(list(ask(&[b"LRANGE", &key, b"0", b"-1"]))),
                "set" => Value::Set(list(ask(&[b"SMEMBERS", &key])).into_iter().collect()),
                "zset" => Value::Ranking(list(ask(&[b"ZRANGE", &key, b"0", b"-1", b"WITHSCORES"]))),
                "hash" => {
                    let fields = list(ask(&[b"HGETALL", &key]));
                    let fields = fields.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
                    let dated = |(field, value): (Vec<u8>, Vec<u8>)| {
                        let reply = ask(&[b"HPEXPIRETIME", &key, b"FIELDS", b"1", &field]);
                        let at_ms = reply.items()[0].integer();
                        (field, (value, at_ms))
                    };
                    Value::Hash(fields.map(dated).collect())
                }
                "stream" => {
                    let told = ask(&[b"XINFO", b"STREAM", &key, b"FULL", b"COUNT", b"0"]);
                    let mut facts = String::new();
                    tell(&told, &mut facts);
                    Value::Stream(facts)
                }
                _ => continue,
            };
            contents.insert((database, key), value);
        }
    }
    assert!(!client.call(&["SELECT", "0"]).is_error());
    contents
}

/// Writes a reply of XINFO in one line, without what depends on the server and the time.
fn tell(reply: &Reply, line: &mut String) {
    const LEFT_OUT: [&str; 11] = [
        "radix-tree-keys",
        "radix-tree-nodes",
        "idmp-duration",
        "idmp-maxsize",
        "pids-tracked",
        "iids-tracked",
        "iids-added",
        "iids-duplicates",
        "seen-time",
        "active-time",
        "lag",
    ];
    let Reply::Array(items) = reply else {
        line.push_str(&format!(" {reply:?}"));
        return;
    };
    line.push_str(" [");
    let mut items = items.iter();
    while let Some(item) = items.next() {
        if matches!(item, Reply::Bulk(name) if LEFT_OUT.iter().any(|left_out| left_out.as_bytes() == &**name))
        {
            items.next();
        } else {
            tell(item, line);
        }
    }
    line.push_str(" ]");
}

fn keys(client: &mut Client) -> BTreeSet<Vec<u8>> {
    let (mut keys, mut cursor) = (BTreeSet::new(), "0".to_owned());
    loop {
        let reply = client.call(&["SCAN", &cursor, "COUNT", "1000"]);
        keys.extend(reply.items()[1].items().iter().map(|key| key.bytes().to_vec()));
        cursor = reply.items()[0].text();
        if cursor == "0" {
            return keys;
        }
    }
}

/// When each key expires, in unix milliseconds. The server must have PEXPIRETIME.
pub(crate) fn expiries(client: &mut Client, contents: &Contents) -> BTreeMap<(usize, Vec<u8>), i64> {
    let ask = |(database, key): &(usize, Vec<u8>)| {
        assert!(!client.call(&["SELECT", &database.to_string()]).is_error());
        let at_ms = client.call(&[b"PEXPIRETIME".as_slice(), key]).integer();
        ((*database, key.clone()), at_ms)
    };
    contents.keys().map(ask).collect()
}

/// Scores that lose bits if they are not stored and printed exactly.
const SCORES: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "inf",
    "-inf",
    "0.1",
    "1e17",
    "1e23",
    "1.7976931348623157e308",
    "5e-324",
    "-5e-324",
    "2.2250738585072014e-308",
    "9007199254740993",
    "3.0000000000000004",
    "123456789.12345679",
];

fn word(chance: &mut Chance) -> Vec<u8> {
    match chance.below(8) {
        0 => chance.below(300).to_string().into_bytes(),
        1 => (chance.next() as i64).to_string().into_bytes(),
        2 => (chance.next() as i32).to_string().into_bytes(),
        3 => (chance.next() as i16).to_string().into_bytes(),
        // Compressible.
        4 => vec![b'a' + chance.below(3) as u8; 30 + chance.below(600)],
        5 => (0..chance.below(60)).map(|_| chance.next() as u8).collect(),
        6 => format!("0{}", chance.below(100)).into_bytes(),
        _ => format!("member:{:x}", chance.next()).into_bytes(),
    }
}

fn score(chance: &mut Chance) -> String {
    match chance.below(4) {
        0 => (*chance.pick(SCORES)).to_owned(),
        1 => (chance.next() as i32).to_string(),
        2 => format!("{}.5", chance.below(100_000)),
        _ => {
            let bits = f64::from_bits(chance.next());
            if bits.is_nan() { "1.5".to_owned() } else { format!("{bits:e}") }
        }
    }
}

/// Writes strings, lists, sets, sorted sets and hashes of every size, by a server's own commands.
pub(crate) fn fill(client: &mut Client, chance: &mut Chance) {
    for database in [0, 3, 15] {
        assert!(!client.call(&["SELECT", &database.to_string()]).is_error());
        for kind in 0..50 {
            let mut key = word(chance);
            key.extend_from_slice(format!(":{kind}").as_bytes());
            // Sizes around the bounds of the packed encodings.
            let size = [1, 2, 30, 127, 128, 129, 300, 700][chance.below(8)];
            let mut request: Vec<Vec<u8>> = Vec::new();
            match kind % 6 {
                0 => request.extend([b"SET".to_vec(), key.clone(), word(chance)]),
                1 => {
                    // All integers, of one width or another, or any strings.
                    let width = chance.below(4);
                    request.extend([b"SADD".to_vec(), key.clone()]);
                    request.extend((0..size).map(|_| match width {
                        0 => (chance.next() as i16).to_string().into_bytes(),
                        1 => (chance.next() as i32).to_string().into_bytes(),
                        2 => (chance.next() as i64).to_string().into_bytes(),
                        _ => word(chance),
                    }));
                }
                2 => {
                    let short = chance.percent(60);
                    request.extend([b"HSET".to_vec(), key.clone()]);
                    for _ in 0..size {
                        let pair = [word(chance), word(chance)];
                        request.extend(
                            pair.map(|word| if short { word[..word.len().min(60)].to_vec() } else { word }),
                        );
                    }
                }
                3 => {
                    request.extend([b"RPUSH".to_vec(), key.clone()]);
                    request.extend((0..size).map(|_| word(chance)));
                    // Redis keeps and writes so long an element in a node of its own.
                    request.extend(chance.percent(30).then(|| vec![b'x'; 9_000]));
                }
                _ => {
                    let short = chance.percent(50);
                    request.extend([b"ZADD".to_vec(), key.clone()]);
                    for _ in 0..size {
                        let name = word(chance);
                        let name = if short { name[..name.len().min(60)].to_vec() } else { name };
                        request.extend([score(chance).into_bytes(), name]);
                    }
                }
            }
            let reply = client.call(&request);
            assert!(!reply.is_error(), "{reply:?}");
            if chance.percent(30) {
                let at_ms = 1_900_000_000_000 + chance.below(1 << 40) as u64;
                assert_eq!(
                    client.call(&[b"PEXPIREAT".as_slice(), &key, at_ms.to_string().as_bytes()]).integer(),
                    1
                );
            }
        }
    }
    assert!(!client.call(&["SELECT", "0"]).is_error());
    fill_streams(client, chance);
    client.call(&["SET", "empty", ""]);
    client.call(&["ZADD", "", "1", "", "2", "\0"]);
}

/// Writes streams with groups, consumers and pending entries, with gaps, and empty ones.
fn fill_streams(client: &mut Client, chance: &mut Chance) {
    let mut ask = |line: String| {
        let reply = client.ask(&line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    };
    for number in 0..6 {
        let key = format!("stream:{number}");
        ask(format!("XGROUP CREATE {key} late $ MKSTREAM"));
        for entry in 0..[0, 1, 50, 300][chance.below(4)] {
            let id = format!("{}-{entry}", 1 + entry / 7);
            let fields = match chance.below(5) {
                0 => format!("user {} more {}", chance.below(1_000_000), "x".repeat(1 + chance.below(90))),
                1 => format!("steps {}", chance.next() as i64 >> chance.below(64)),
                _ => format!("user {} steps {}", chance.below(1_000_000), chance.below(40_000)),
            };
            ask(format!("XADD {key} {id} {fields}"));
        }
        // First, because an append-only file cannot tell what is pending of entries that are gone.
        ask(format!("XDEL {key} 1-2 1-5 2-7"));
        if chance.percent(40) {
            ask(format!("XTRIM {key} MAXLEN = {}", chance.below(20)));
        }
        ask(format!("XGROUP CREATE {key} readers 0"));
        for consumer in ["one", "two"] {
            ask(format!(
                "XREADGROUP GROUP readers {consumer} COUNT {} STREAMS {key} >",
                1 + chance.below(30)
            ));
        }
        ask(format!("XACK {key} readers 1-1 1-3"));
        ask(format!("XGROUP CREATECONSUMER {key} readers three"));
    }
}

/// Lets fields of a hash expire.
pub(crate) fn date_fields(client: &mut Client, key: &[u8], at_ms: u64, fields: &[Vec<u8>]) {
    let (at_ms, count) = (at_ms.to_string(), fields.len().to_string());
    let mut request: Vec<&[u8]> = vec![b"HPEXPIREAT", key, at_ms.as_bytes(), b"FIELDS", count.as_bytes()];
    request.extend(fields.iter().map(Vec::as_slice));
    let reply = client.call(&request);
    assert!(!reply.is_error(), "{reply:?}");
}

/// Writes keys of every type that rankd does not have, in every encoding. Returns the number of keys of each type.
pub(crate) fn fill_foreign(client: &mut Client) -> BTreeMap<&'static str, usize> {
    let library =
        "FUNCTION LOAD \"#!lua name=library\\nredis.register_function('f', function() return 1 end)\"";
    let reply = client.ask(library);
    assert!(!reply.is_error(), "{reply:?}");
    let mut counts = BTreeMap::new();
    // Redis 8 has vector sets, which it saves as a module's values.
    if !client.ask("VADD vectors VALUES 2 0.5 0.25 element").is_error() {
        counts.insert("vectorset (of a module)", 1);
    }
    counts
}
