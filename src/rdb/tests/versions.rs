//! Versions 13 to 15: files and DUMP payloads that Redis 8.6.2 and 8.10.2 have written, and newer ones still.

use super::{NOW_MS, file, load, shown, store};
use crate::rdb::encoding::{put_length, put_string};
use crate::rdb::{CHECKSUM, Error, LoadTally, Problem, RdbReader};
use crate::store::Store;

/// A file of `tests/data`.
fn data(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("the file")
}

fn foreign(tally: &LoadTally) -> Vec<(&str, u64)> {
    tally.foreign_keys.iter().map(|(name, keys)| (name.as_str(), *keys)).collect()
}

/// A payload as Redis gives it: the value, a version, the checksum.
fn payload(value: &[u8], version: u16) -> Vec<u8> {
    let mut bytes = [value, &version.to_le_bytes()].concat();
    bytes.extend(CHECKSUM.checksum(&bytes).to_le_bytes());
    bytes
}

fn load_payload(bytes: &[u8]) -> Result<(Store, LoadTally), Error> {
    let store = store();
    let mut reader = RdbReader::new(&store);
    reader.payload(bytes, 0, b"k", None, false)?;
    let tally = reader.tally().clone();
    Ok((store, tally))
}

/// Redis 8.6 writes version 13, 8.8 writes 14, 8.10 writes 15. Each file was refused as a whole, although its one
/// sorted set is written as since version 8.
#[test]
fn versions_13_to_15_are_read() {
    for version in ["0013", "0014", "0015"] {
        let (store, tally) = load(&file(version, b"\xfe\0\x05\x02lb\x01\x01a\0\0\0\0\0\0\xf0\x3f")).unwrap();
        assert_eq!(shown(&store, 0, "lb"), "[a=1.0]");
        assert_eq!(tally.origin, format!("Redis, RDB {}", &version[2..]));
    }
}

#[test]
fn everything_that_redis_8_6_writes_is_read_or_passed_over() {
    let bytes = data("redis-8.6.2.rdb");
    let (store, tally) = load(&bytes).unwrap();
    let expected = [
        ("lb", "[a=1.0 b=2.5]"),
        ("s", "{7 x y}"),
        ("str", "value"),
        ("dated", "x until 2000000000123"),
        (
            "stream",
            "stream 1795943641594-0 f=v 1795943641618-0 f=w; 1795943641618-0 2 0-0; g 1795943641618-0 Some(2), c1 1795943641594-0 1795943641629 1 1795943641618-0 1795943641629 1; ProducerBounds { kept_s: 100, most_ids: 100 } 1 0, p1 i1 1795943641594-0",
        ),
    ];
    for (key, value) in expected {
        assert_eq!(shown(&store, 0, key), value, "{key}");
    }
    // The stream is one with ids of producers: type 26.
    assert_eq!(foreign(&tally), []);
    assert_eq!((tally.keys, tally.miscount), (6, None));
    assert_eq!((tally.bytes, tally.origin.as_str()), (bytes.len() as u64, "Redis 8.6.2, RDB 13"));
}

/// Streams with ids of producers and with entries that were given back, arrays of every kind of element, hashes with
/// templates in both forms, vector sets, functions.
#[test]
fn everything_that_redis_8_10_writes_is_read_or_passed_over() {
    let bytes = data("redis-8.10.2.rdb");
    let (store, tally) = load(&bytes).unwrap();
    let expected = [
        (0, "lb", "[a=1.0 b=2.5]"),
        (0, "s", "{7 x y}"),
        (0, "ints", "{1 2 3}"),
        (0, "str", "value"),
        (0, "dated", "x until 2000000000123"),
        (9, "other", "9"),
        (
            0,
            "stream",
            "stream 1795943241498-0 f=v 1795943241510-0 f=w; 1795943241510-0 2 0-0; g 1795943241510-0 Some(2), c1 1795943241498-0 1795943241530 1 1795943241510-0 1795943241530 1; ProducerBounds { kept_s: 100, most_ids: 100 } 1 0, p1 i1 1795943241498-0",
        ),
        (0, "stream:plain", "stream 1-1 f=v; 1-1 1 0-0"),
        (0, "nacked", "stream 1-1 f=v 1-2 f=v; 1-2 2 0-0; g 1-2 Some(2),  1-1 0 0, c1 1-2 1795943241587 1"),
    ];
    for (database, key, value) in expected {
        assert_eq!(shown(&store, database, key), value, "{key}");
    }
    let expected = [("array", 2), ("hash with a template", 3), ("vectorset (of a module)", 1)];
    assert_eq!(foreign(&tally), expected);
    assert_eq!((tally.keys, tally.function_libraries, tally.miscount), (12, 1, None));
    assert_eq!((tally.bytes, tally.origin.as_str()), (bytes.len() as u64, "Redis 8.10.2, RDB 15"));
    for len in 0..bytes.len() {
        assert!(load(&bytes[..len]).is_err(), "{len}");
    }
}

/// What DUMP of Redis 8.10.2 gives for hashes with fields of their own, packed and not, and for an array.
#[test]
fn dumps_of_redis_8_10() {
    let dumps: [(&str, &[u8]); 4] = [
        ("hash with a template", b"\x1d\x00\x12\x12\0\0\0\x02\0\x83age\x04\x84name\x05\xff\x10\x10\0\0\0\x03\0\0\x01*\x01\x83Ann\x04\xff\x0f\0e\x89\xc3\xccY\xa9\x015"),
        ("hash with a template", b"\x1f\x01\x02\x03one\x03two\xc0\x01\xc0\x02\x0f\0p\xe1W\xff\xfd\xfd\x91\xcb"),
        ("hash with a template", b"\x1f\x01\x02\x03two\xc3\x14@x\x0ca-long-fielda\xe0`\x0b\x01ld\xc0\x02\xc0\x01\x0f\0\x1f\xad,2o\x1d\xa3\x13"),
        ("array", b"\x1c\x02\0\0\x01\x0a\0\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\xf8?\x0f\0\x96D-W\xc3\x922\x8a"),
    ];
    for (name, bytes) in dumps {
        let (_, tally) = load_payload(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(foreign(&tally), [(name, 1)]);
        assert_eq!(tally.bytes, bytes.len() as u64);
        for len in 0..bytes.len() {
            assert!(load_payload(&bytes[..len]).is_err(), "{name}: {len}");
        }
    }
    // Fields in a listpack, values as strings; and forms that do not exist.
    let (_, tally) =
        load_payload(&payload(b"\x1f\0\x0b\x0b\0\0\0\x02\0\x01\x01\x02\x01\xff\x01v\x01w", 15)).unwrap();
    assert_eq!(foreign(&tally), [("hash with a template", 1)]);
    let refused = |value: &[u8]| load_payload(&payload(value, 15)).map(drop).unwrap_err().to_string();
    assert!(refused(b"\x1f\x02\x01f\x01v").contains("fields in an unknown form"));
    assert!(refused(b"\x20\x00\x01v").contains("a hash whose template is missing"));
    assert!(refused(b"\x1c\x01\x02\x00\x00\x01v").contains("an array in an unknown form"));
    assert!(refused(b"\x1c\x01\x00\x00\x04\x01v").contains("an array's element of an unknown kind"));
}

/// Data of modules for a key comes in front of its type. It is skipped and named, and the key is read.
#[test]
fn data_that_modules_keep_for_a_key() {
    // The letters "TEST" of six bits each, version 1, no flags; then a part of each kind.
    let kind = (0x13_u32 << 26 | 0x04 << 20 | 0x12 << 14 | 0x13 << 8 | 1 << 3).to_le_bytes();
    let data = [b"\xf3\x01", &kind[..], b"\x02\x40\x40\x05\x02xy\x03abcd\0"].concat();
    let body = [b"\xfc\x15\xcd\x5b\x07\0\0\0\x70", &data[..], b"\x00\x01k\x01v\xf2\x01\x01\x01f"].concat();
    let (store, tally) = load(&file("0015", &body)).unwrap();
    assert!(shown(&store, 0, "k").starts_with("v until "));
    assert_eq!(tally.key_data.iter().collect::<Vec<_>>(), [(&"TEST".to_owned(), &1)]);

    let (store, tally) = load_payload(&payload(&[&data[..], b"\x00\x01v"].concat(), 13)).unwrap();
    assert_eq!((shown(&store, 0, "k").as_str(), tally.key_data.len()), ("v", 1));
}

#[test]
fn a_wrong_template_is_an_error() {
    let refused = |body: &[u8]| load(&file("0015", body)).map(drop).unwrap_err().to_string();
    assert!(refused(b"\xf2\x01\x01\x01f\xf2\x01\x01\x01g").contains("with the number of another one"));
    assert!(refused(b"\xf2\x01\x00").contains("a template without fields"));
    assert!(refused(b"\xf2\x01\x01\x01f\x20\x01h\x02\x01v").contains("template is missing"));
    let (_, tally) =
        load(&file("0015", b"\xf2\x02\x02\x01f\x01g\x20\x01h\x02\x01v\x01w\x21\x01r\x05")).unwrap();
    assert_eq!(foreign(&tally), [("hash with a template", 1), ("rate limiter", 1)]);
}

/// In Valkey the opcode of Redis's key data says which slots are being moved to the server. Its types have their own
/// numbers.
#[test]
fn valkey_has_numbers_of_its_own() {
    let valkey = |body: &[u8]| {
        let mut bytes = [b"VALKEY080", body, b"\xff"].concat();
        bytes.extend(CHECKSUM.checksum(&bytes).to_le_bytes());
        load(&bytes)
    };
    let (store, tally) = valkey(b"\xf3\x03job\x02\x01\x05\x07\x09\x00\x01k\x01v").unwrap();
    assert_eq!((shown(&store, 0, "k").as_str(), tally.slot_imports), ("v", 1));
    assert!(matches!(valkey(b"\x1a\x01k").unwrap_err().problem, Problem::UnknownType { number: 26, .. }));
    assert!(matches!(valkey(b"\xf2\x01\x01\x01f").unwrap_err().problem, Problem::UnknownOpcode(242)));
}

/// The length of a payload is known, so a value of an unknown type is skipped and counted. The checksum must be right
/// whatever the version. A sorted set of a future version is read: the number of its type says how it is written.
#[test]
fn unknown_types_in_a_payload_of_a_later_version_are_skipped_and_counted() {
    for len in [0, 1, 300_000] {
        let bytes = payload(&[&[99_u8][..], &vec![7; len]].concat(), 16);
        let (_, tally) = load_payload(&bytes).unwrap();
        assert_eq!(foreign(&tally), [("with the number 99", 1)]);
        assert_eq!((tally.keys, tally.bytes), (0, bytes.len() as u64));
        let mut flipped = bytes;
        flipped[len / 2] ^= 1;
        assert!(load_payload(&flipped).is_err());
    }
    let (store, _) = load_payload(&payload(b"\x05\x01\x01a\0\0\0\0\0\0\xf0\x3f", 17)).unwrap();
    assert_eq!(shown(&store, 0, "k"), "[a=1.0]");
    assert!(NOW_MS > 0 && load_payload(&payload(b"\x63", 16)[..9]).is_err());
}

/// Redis has no bounds for producers and their ids. What goes past this server's is refused, and the error names the bound.
#[test]
fn more_producers_than_are_kept_are_refused() {
    let stream = b"\x1a\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\0\x01\x01\0\x01\x01\x01\x81f\x02\0\x01\x02\x01\0\x01\0\x01\x81v\x02\x04\x01\xff\x01\x01\x01\x01\x01\0\0\x01\0@d@d";
    let with = |producers: u64, name: &[u8], id: &[u8]| {
        let mut bytes = stream.to_vec();
        put_length(&mut bytes, producers);
        put_string(&mut bytes, name);
        put_length(&mut bytes, 1);
        put_string(&mut bytes, id);
        for number in [1, 1, 1, 0] {
            put_length(&mut bytes, number);
        }
        load_payload(&payload(&bytes, 13))
            .map(|(store, _)| shown(&store, 0, "k"))
            .map_err(|error| error.to_string())
    };
    let found = with(1, b"p", b"i").expect("a stream");
    assert!(found.ends_with("ProducerBounds { kept_s: 100, most_ids: 100 } 1 0, p i 1-1"), "{found}");
    let [longest, longer] = [65_536, 65_537].map(|bytes| vec![b'x'; bytes]);
    assert!(with(1, &longest, &longest).is_ok());
    for (producers, name, id, words) in [
        (1, &longer[..], &b"i"[..], "an id of 65537 bytes: 65536 are kept at most"),
        (1, b"p", &longer, "an id of 65537 bytes: 65536 are kept at most"),
        (100_001, b"p", b"i", "ids of 100001 producers: those of 100000 are kept at most"),
        (1, b"", b"i", "producers of a stream that no server writes"),
        (1, b"p", b"", "producers of a stream that no server writes"),
    ] {
        let error = with(producers, name, id).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

/// What DUMP of Redis 8.10.2 gives for a stream.
#[test]
fn a_dumped_stream_of_redis_8_10() {
    let bytes = b"\x1b\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\0\x01\x01\0\x01\x01\x01\x81f\x02\0\x01\x02\x01\0\x01\0\x01\x81v\x02\x04\x01\xff\x01\x01\x01\x01\x01\0\0\x01\0@d@d\0\0\0\x0f\0>\xac\xbb\x82\xd0\x9c\x83^";
    let (store, tally) = load_payload(bytes).unwrap();
    assert_eq!(tally.keys, 1);
    assert_eq!(shown(&store, 0, "k"), "stream 1-1 f=v; 1-1 1 0-0");
    for len in 0..bytes.len() {
        assert!(load_payload(&bytes[..len]).is_err(), "{len}");
    }
}
