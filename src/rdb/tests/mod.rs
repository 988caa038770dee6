//! Files made by hand: every form that servers no longer write, and every error that a file can have.

mod counts;
mod versions;

use super::error::{Error, Problem};
use super::{CHECKSUM, LoadTally, RdbReader, write};
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::ranking::{Order, Score};
use crate::store::change::ChangeBuffer;
use crate::store::{Access, Board, Element, Hold, Missing, Store, Stream, StreamId, StreamPart, Value};
use std::fmt::Write as _;
use std::io::{Cursor, Read};
use std::sync::LazyLock;

const NOW_MS: u64 = 1_800_000_000_000;

/// Every type and encoding that Redis 8.2.3 writes, those that rankd does not have among them.
static REDIS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/redis-8.2.3.rdb")).expect("the file")
});

fn store() -> Store {
    Store::new(2, 16, 1, Clock::manual(NOW_MS))
}

fn load(bytes: &[u8]) -> Result<(Store, LoadTally), Error> {
    let store = store();
    let mut reader = RdbReader::leaving_out_expired(&store);
    reader.file(bytes)?;
    let tally = reader.tally().clone();
    Ok((store, tally))
}

/// A file of this version with `body` and a checksum.
fn file(version: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("REDIS{version}").into_bytes();
    bytes.extend(body);
    bytes.push(255);
    bytes.extend(CHECKSUM.checksum(&bytes).to_le_bytes());
    bytes
}

/// A stream as a line: its entries, what it knows of itself, and its groups with what is pending for each consumer.
fn shown_stream(stream: &Stream) -> String {
    let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut line = "stream".to_owned();
    for entry in stream.range(StreamId::MIN, StreamId::MAX) {
        let _ = write!(line, " {}", entry.id);
        for (name, value) in entry.pairs() {
            let (name, value) = (name.bytes(&mut one), value.bytes(&mut other));
            let _ = write!(line, " {}={}", name.escape_ascii(), value.escape_ascii());
        }
    }
    let head = stream.head();
    let _ = write!(line, "; {} {} {}", head.last, head.added, head.max_deleted);
    for (name, group) in stream.groups() {
        let position = group.position();
        let _ = write!(line, "; {} {} {:?}", name.escape_ascii(), position.last, position.entries_read);
        for consumer in group.consumers() {
            let _ = write!(line, ", {}", consumer.name().escape_ascii());
            for (id, _, delivery) in group.pending(Some(consumer), StreamId::MIN, StreamId::MAX) {
                let _ = write!(line, " {id} {} {}", delivery.at_ms, delivery.count);
            }
        }
    }
    line
}

/// A key as a line: its type, its value, and when it expires.
fn shown(store: &Store, database: u32, key: &str) -> String {
    let shard = store.shard_of(key.as_bytes());
    let hold = Hold::on(store, &[shard], Access::Read, ChangeBuffer::default());
    let reader = hold.reader(database);
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let value = match reader.value(key.as_bytes()) {
        None => return "none".to_owned(),
        Some(Value::String(value)) => text(value),
        Some(Value::List(list)) => {
            let mut elements = Vec::new();
            list.visit(0..list.len(), |element| {
                elements.push(element.escape_ascii().to_string());
                true
            });
            format!("list {}", elements.join(" "))
        }
        Some(Value::Set(members)) => {
            let mut names = Vec::new();
            let mut digits = itoa::Buffer::new();
            members.iter().for_each(|member| names.push(text(member.bytes(&mut digits))));
            names.sort();
            format!("{{{}}}", names.join(" "))
        }
        Some(Value::SortedSet(ranking)) => {
            let mut entries = Vec::new();
            ranking.visit(0..ranking.len(), Order::Ascending, |member, score| {
                entries.push(format!("{}={:?}", text(member), score.nearest().get()));
            });
            format!("[{}]", entries.join(" "))
        }
        Some(Value::Hash(fields)) => {
            let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
            let living = fields.at(0);
            let entries = living.iter().map(|(field, value)| {
                let (field, value) = (field.bytes(&mut one), value.bytes(&mut other));
                let expiry = living.expiry(field).flatten().map(|at_ms| format!("@{at_ms}"));
                format!("{}={}{}", text(field), text(value), expiry.unwrap_or_default())
            });
            let mut entries: Vec<_> = entries.collect();
            entries.sort();
            format!("{{{}}}", entries.join(" "))
        }
        Some(value @ Value::Stream(stream)) => {
            let mut line = shown_stream(stream);
            value.visit(&mut |element| match element {
                Element::Part(StreamPart::Producers(head)) => {
                    let _ = write!(line, "; {:?} {} {}", head.bounds, head.added, head.duplicates);
                }
                Element::Part(StreamPart::RequestId(request)) => {
                    let (producer, id) = (text(request.producer), text(request.id));
                    let _ = write!(line, ", {producer} {id} {}", request.place.entry);
                }
                _ => {}
            });
            line
        }
    };
    match reader.expiry(key.as_bytes()).flatten() {
        None => value,
        Some(at_ms) => format!("{value} until {at_ms}"),
    }
}

#[test]
fn every_encoding_that_redis_8_writes() {
    let (store, tally) = load(&REDIS).unwrap();
    let expected = [
        (0, "string", "value"),
        (0, "int8", "12"),
        (0, "int16", "-3000"),
        (0, "int32", "123456789"),
        (0, "lzf", &"a".repeat(100)),
        (0, "dated", "x until 2000000000123"),
        (0, "intset", "{1 2 70000}"),
        (0, "set:listpack", "{-5 1 a}"),
        (0, "set:hash", "{3 a b}"),
        (0, "zset:listpack", "[b=-2.5 a=1.0 7=70000.0 c=inf]"),
        (0, "zset:skiplist", "[b=-inf c=0.1 a=1.5]"),
        (9, "other", "9"),
        (0, "hash:listpack", "{f=v}"),
        (0, "hash:table", "{f=v g=w}"),
        (0, "hash:dated", "{f=v@2000000000000}"),
        (0, "hash:table-dated", "{f=v@2000000000000 g=w}"),
        (0, "list", "list a 1"),
        (0, "stream", "stream 1-1 a=1; 1-1 1 0-0; g 1-1 Some(1), c 1-1 1795341410323 1"),
    ];
    for (database, key, value) in expected {
        assert_eq!(shown(&store, database, key), value, "{key}");
    }
    assert_eq!((tally.keys, tally.expired_keys, tally.function_libraries), (18, 0, 1));
    let foreign: Vec<_> = tally.foreign_keys.iter().map(|(name, keys)| (name.as_str(), *keys)).collect();
    assert_eq!(foreign, [("vectorset (of a module)", 1)]);
    assert_eq!((tally.bytes, tally.origin.as_str()), (REDIS.len() as u64, "Redis 8.2.3, RDB 12"));
}

#[test]
fn forms_of_old_versions() {
    let mut body = vec![0xfe, 1, 0xfb, 5, 0];
    // Scores as text, and the three lengths that stand for NaN and the infinities.
    body.extend(b"\x03\x04zset\x04\x01a\x042.25\x01b\xfe\x01c\xff\x01d\x18-1.7976931348623157e+308");
    // A ziplist: a=1.5 b=-3 c=inf 12=255.
    body.extend(b"\x0c\x07ziplist\x27\x27\0\0\0\0\0\0\0\x08\0\0\x01a\x03\x031.5\x05\x01b\x03\xfe\xfd\x03\x01c\x03\x03inf");
    body.extend(b"\x05\xfd\x02\xc0\xff\0\xff");
    // Seconds, and a key that has expired.
    body.extend(b"\xfd\x80\xc4\xb6\x6b\0\x05dated\x01x");
    body.extend(b"\xfc\x01\0\0\0\0\0\0\0\x02\x04past\x01\x01x");
    // Idle time, access frequency, and slots.
    body.extend(b"\xf8\x05\xf9\x07\xf4\x01\x02\x03\0\x04used\x01x");
    // Lists: plain, a ziplist, two of them.
    let ziplist = b"\x10\x10\0\0\0\0\0\0\0\x02\0\0\x01a\x03\xf4\xff";
    body.extend(b"\x01\x01p\x02\x01x\x01y\x0a\x01l");
    body.extend(ziplist);
    body.extend(b"\x0e\x01q\x02");
    (0..2).for_each(|_| body.extend(ziplist));
    // Other types in their first forms.
    // A module's value and what it keeps beside: letters of six bits, then parts of each kind.
    let number = 0x0102_0304_0506_0708_u64;
    for opcode in [&b"\x07\x03mod"[..], b"\xf7"] {
        body.extend(opcode);
        body.push(0x81);
        body.extend(number.to_be_bytes());
        body.extend(b"\x01\x05\x02\x40\x40\x03abcd\x04abcdefgh\x05\x02xy\0");
    }
    // Hashes: plain, a zipmap of f=v with a byte free behind it and ff=w, a ziplist of f=12.
    body.extend(b"\x04\x01h\x01\x01f\x01v");
    body.extend(b"\x09\x01m\x0e\x02\x01f\x01\x01v.\x02ff\x01\x00w\xff");
    body.extend(b"\x0d\x01z\x11\x11\0\0\0\x0d\0\0\0\x02\0\0\x01f\x03\xfe\x0c\xff");
    let (store, tally) = load(&file("0006", &body)).unwrap();
    let zset = "[c=-inf d=-1.7976931348623157e308 a=2.25 b=inf]";
    for (key, value) in [
        ("zset", zset),
        ("ziplist", "[b=-3.0 a=1.5 12=255.0 c=inf]"),
        ("dated", "x until 1807139968000"),
        ("past", "none"),
        ("used", "x"),
        ("h", "{f=v}"),
        ("m", "{f=v ff=w}"),
        ("z", "{f=12}"),
        ("p", "list x y"),
        ("l", "list a 3"),
        ("q", "list a 3 a 3"),
    ] {
        assert_eq!(shown(&store, 1, key), value, "{key}");
    }
    assert_eq!((tally.keys, tally.expired_keys, tally.module_data.len()), (10, 1, 1));
    assert_eq!(tally.foreign_keys.values().sum::<u64>(), 1);
    // In front of an append-only file, whose commands may renew it, or in a RELOAD, what is past stays.
    let store = self::store();
    let mut reader = RdbReader::new(&store);
    reader.file(file("0006", &body).as_slice()).map(drop).unwrap();
    assert_eq!((reader.tally().keys, reader.tally().expired_keys), (11, 0));
    assert_eq!(shown(&store, 1, "past"), "{x} until 1");
    // Before version 5 there is no checksum, and the bytes behind the end are returned.
    let mut rest = Vec::new();
    let store = self::store();
    let mut reader = RdbReader::new(&store);
    reader.file(&b"REDIS0003\xfe\0\0\x01k\x01v\xff*1\r\n"[..]).unwrap().read_to_end(&mut rest).unwrap();
    assert_eq!((shown(&store, 0, "k").as_str(), rest.as_slice()), ("v", &b"*1\r\n"[..]));
}

#[test]
fn every_cut_is_an_error_and_every_flipped_bit_too() {
    for bytes in [&*REDIS, &file("0009", b"\xfe\0\x03\x01z\x02\x01a\x031.5\x01b\xfe")] {
        assert!(load(bytes).is_ok());
        for len in 0..bytes.len() {
            let error = load(&bytes[..len]).err().unwrap_or_else(|| panic!("{len} bytes pass"));
            assert!(matches!(error.problem, Problem::Truncated | Problem::NotRdb), "{len} bytes: {error}");
            assert!(error.offset <= len as u64);
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // The changed version may be one without a checksum.
            assert!(load(&flipped).is_err() || bit / 8 < 9, "bit {bit}");
        }
    }
}

#[test]
fn changed_bytes_never_panic_where_nothing_guards_them() {
    // With the checksum off, so that only the bytes themselves can show damage.
    let end = REDIS.len() - 8;
    for at in 9..end {
        for value in [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xfe, 0xff, REDIS[at].wrapping_add(1)] {
            let mut changed = REDIS.to_vec();
            changed[at] = value;
            changed[end..].fill(0);
            if let Ok((store, _)) = load(&changed) {
                let _ = store.census();
            }
        }
    }
}

/// Several changed bytes at once, and pieces of the file in place of others.
#[test]
fn shuffled_bytes_never_panic() {
    const ROUNDS: u64 = 3_000;
    for seed in 0..ROUNDS {
        let mut chance = Chance::seeded(seed);
        let mut at = |len: usize| chance.below(len as u64) as usize;
        let mut changed = REDIS.to_vec();
        for _ in 0..=at(6) {
            let (from, to) = (9 + at(REDIS.len() - 40), 9 + at(REDIS.len() - 40));
            let len = 1 + at(20);
            match at(3) {
                0 => changed[to] = at(256) as u8,
                1 => changed.copy_within(from..from + len, to),
                _ => drop(changed.drain(to..to + at(3).min(changed.len() - to))),
            }
            changed.resize(REDIS.len(), 0);
        }
        let end = changed.len() - 8;
        changed[end..].fill(0);
        if let Ok((store, _)) = load(&changed) {
            let mut out = Cursor::new(Vec::new());
            write(&mut out, store.export(), 0, || Ok(())).unwrap();
            let (again, _) = load(out.get_ref()).unwrap();
            assert_eq!(store.census(), again.census(), "seed {seed}");
        }
    }
}

#[test]
fn what_is_refused_is_named() {
    let refusal = |bytes: &[u8]| load(bytes).expect_err("refused").to_string();
    assert_eq!(refusal(b"not a dump"), "not an RDB file");
    assert_eq!(refusal(b"REDIS0016\xff"), "RDB version 0016 is not known (1 to 15 and Valkey's 80 are)");
    assert_eq!(refusal(b"REDIS00x3\xff"), "RDB version 00x3 is not known (1 to 15 and Valkey's 80 are)");
    assert_eq!(
        refusal(&file("0015", b"\x3f\x02k\xffx")),
        "key \"k\\xff\": value type 63 is not known, at byte 13"
    );
    assert_eq!(refusal(&file("0015", b"\xf1\x01k")), "opcode 241 is not known, at byte 10");
    assert_eq!(
        refusal(&file("0009", b"\xfe\x10\0\x01k\x01v")),
        "database 16 is beyond the configured number of databases, at byte 16"
    );
    assert_eq!(
        refusal(&file("0009", b"\x05\x01k\x01\x01m\0\0\0\0\0\0\xf8\x7f")),
        "a score that is NaN, at byte 23"
    );
    assert_eq!(refusal(&file("0009", b"\x03\x01k\x01\x01m\xfd")), "a score that is NaN, at byte 16");
    // A length of 2^62 takes no more memory than the bytes that are there.
    assert!(refusal(b"REDIS0009\x05\x01k\x81\x40\0\0\0\0\0\0\0").contains("ends too early"));
    assert!(refusal(&file("0009", b"\0\x01k\x81\x40\0\0\0\0\0\0\0")).contains("longer than the limit"));
    assert!(refusal(&file("0009", b"\0\x01k\xc3\x01\x80\x40\0\0\0x")).contains("does not decompress"));
}

#[test]
fn dumped_values_are_checked() {
    let store = store();
    let mut payload = b"\x05\x02\x01a\0\0\0\0\0\0\xf0\x3f\xc0\x07\0\0\0\0\0\0\0\xc0\x0b\0".to_vec();
    payload.extend(CHECKSUM.checksum(&payload).to_le_bytes());
    let load = |bytes: &[u8]| RdbReader::new(&store).payload(bytes, 2, b"k", Some(NOW_MS + 1), false);
    load(&payload).unwrap();
    assert_eq!(shown(&store, 2, "k"), format!("[7=-2.0 a=1.0] until {}", NOW_MS + 1));
    for len in 0..payload.len() {
        assert!(load(&payload[..len]).is_err(), "{len}");
    }
    for bit in 0..payload.len() * 8 {
        let mut flipped = payload.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(load(&flipped).is_err(), "bit {bit}");
    }
}

/// A written file reads back the same: small values, large ones in steps, and one whose length changed on the way.
#[test]
fn what_is_written_reads_back() {
    let store = store();
    let scores = [0.0, -1.5, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX, 0.1];
    edit(&store, "small", &mut scores.iter().enumerate().map(|(i, score)| (i.to_string(), *score)));
    edit(&store, "large", &mut (0..5000).map(|i| (format!("m{i}"), f64::from(i) / 8.0)));
    let mut out = Cursor::new(Vec::new());
    let mut steps = 0;
    let written = write(&mut out, store.export(), 1, || {
        steps += 1;
        // During the walk over the large value.
        edit(&store, "large", &mut std::iter::once((format!("later{steps}"), 1.0)));
        Ok(())
    });
    let bytes = out.into_inner();
    assert_eq!(written.unwrap().bytes, bytes.len() as u64);
    let (read, tally) = load(&bytes).unwrap();
    assert_eq!(shown(&read, 0, "small"), shown(&store, 0, "small"));
    let large = shown(&read, 0, "large");
    assert!((0..5000).all(|i| large.contains(&format!("m{i}={:?}", f64::from(i) / 8.0))));
    assert!(large.contains("later1=") && steps > 5, "{steps} steps");
    assert_eq!(
        (tally.keys, tally.origin.as_str()),
        (2, concat!("rankd ", env!("CARGO_PKG_VERSION"), ", RDB 9"))
    );
    // Two files of the same moment have the same bytes.
    let frozen = |store: &Store| {
        let mut out = Cursor::new(Vec::new());
        write(&mut out, store.freeze().export(), 1, || Ok(())).unwrap();
        out.into_inner()
    };
    assert_eq!(frozen(&store), frozen(&store));
    let (again, _) = load(&frozen(&store)).unwrap();
    assert_eq!(shown(&again, 0, "large"), shown(&store, 0, "large"));
}

fn edit(store: &Store, key: &str, entries: &mut dyn Iterator<Item = (String, f64)>) {
    let shard = store.shard_of(key.as_bytes());
    let mut hold = Hold::on(store, &[shard], Access::Write, ChangeBuffer::default());
    let edited = hold.writer(0).edit::<Board, _>(key.as_bytes(), Missing::Create, "zadd", |ranking| {
        for (member, score) in entries {
            ranking.plain().unwrap().update(member.as_bytes(), |_| Score::new(score));
        }
    });
    assert!(edited.is_ok());
}
