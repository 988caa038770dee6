//! RDB files of arbitrary bytes: their memory use is limited by the number of bytes that have been read.
//!
//! This is a separate binary, because its allocator counts all bytes that are allocated while a file is read. A limit of
//! that sum is a limit of the peak.

use crc::{CRC_64_REDIS, Crc};
use rankd::config::SetBounds;
use rankd::machine::chance::Chance;
use rankd::machine::clock::Clock;
use rankd::rdb::{RdbReader, payload, write};
use rankd::store::{Store, Value};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::io::Cursor;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a reader, its buffers and an almost empty store take, in bytes.
const FLOOR_BYTES: usize = 4 << 20;

fn store() -> Store {
    Store::new(1, 16, 1, Clock::manual(1_800_000_000_000))
}

/// Reads a file. Returns the store if the file was well formed, and the bytes that were allocated.
fn load(file: &[u8]) -> (Result<Store, String>, usize) {
    let store = store();
    let region = Region::new(ALLOCATOR);
    let read = RdbReader::new(&store).file(file).map(drop);
    let allocated = region.change().bytes_allocated;
    (read.map(|()| store).map_err(|error| error.to_string()), allocated)
}

/// Restores what DUMP gives for a value of these bytes. Returns whether it is one, and the bytes that were allocated.
fn restore(body: &[u8]) -> (Result<Value, String>, usize) {
    let mut bytes = [body, &9u16.to_le_bytes()].concat();
    let sum = Crc::<u64>::new(&CRC_64_REDIS).checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    let region = Region::new(ALLOCATOR);
    let read = payload::read(&bytes, 1, SetBounds::DEFAULT);
    let allocated = region.change().bytes_allocated;
    (read.map_err(|error| error.to_string()), allocated)
}

/// A file of version 4, which has no checksum, around a key of this type.
fn file(number: u8, value: &[u8]) -> Vec<u8> {
    [b"REDIS0004", &[number][..], b"\x01k", value, b"\xff"].concat()
}

/// A compressed string of `len` bytes: `head`, then `body` repeated, then `tail`.
fn compressed(head: &[u8], body: &[u8], tail: &[u8], len: usize) -> Vec<u8> {
    assert!(
        (len - head.len() - tail.len()).is_multiple_of(body.len()) && head.len() <= 32 && tail.len() <= 32
    );
    let mut bytes = [&[head.len() as u8 - 1], head, &[body.len() as u8 - 1], body].concat();
    let mut left = len - head.len() - body.len() - tail.len();
    while left > 0 {
        // The longest possible copy, from one body before.
        let here = left.min(264 / body.len() * body.len());
        let distance = body.len() - 1;
        if here >= 9 {
            bytes.extend([0xe0, (here - 9) as u8, distance as u8]);
        } else if here >= 3 {
            bytes.extend([((here - 2) << 5) as u8, distance as u8]);
        } else {
            bytes.extend([here as u8 - 1]);
            bytes.extend(&body[..here]);
        }
        left -= here;
    }
    bytes.extend([&[tail.len() as u8 - 1], tail].concat());
    let length = |len: usize| [&[0x80][..], &(len as u32).to_be_bytes()].concat();
    [&[0xc3][..], &length(bytes.len()), &length(len), &bytes].concat()
}

/// A listpack of 48 million elements of two bytes each, compressed to 1.1 MB, took 1.2 GB: its elements were gathered
/// before they were read, 24 bytes for each, and before that it was unpacked as a whole. This is one test, because
/// all of it counts the same allocator.
#[test]
fn memory_is_bounded_by_the_bytes_read() {
    // A sixteenth of that size, to save time.
    let len: usize = 6 << 20;
    let head = |len: usize| [&(len as u32).to_le_bytes()[..], &[0xff, 0xff]].concat();
    let ziplist_head = |len: usize| [&(len as u32).to_le_bytes()[..], &[0; 4], &[0xff, 0xff]].concat();
    let intset_head = |count: u32| [&2u32.to_le_bytes()[..], &count.to_le_bytes()].concat();
    let hostile: [(&str, u8, Vec<u8>); 7] = [
        ("set in a listpack", 20, compressed(&head(len + 7), b"\x01\x01", b"\xff", len + 7)),
        ("sorted set in a listpack", 17, compressed(&head(len + 7), b"\x01\x01\x02\x01", b"\xff", len + 7)),
        (
            "sorted set in a ziplist",
            12,
            compressed(&ziplist_head(len + 11), b"\x02\xf2\x02\xf3", b"\xff", len + 11),
        ),
        ("intset", 11, compressed(&intset_head(3 << 20), b"\x07\0", b"\x07\0", len + 8)),
        ("hash in a listpack", 16, compressed(&head(len + 7), b"\x01\x01", b"\xff", len + 7)),
        ("hash that is passed over", 30, compressed(&head(len + 7), b"\x01\x01", b"\xff", len + 7)),
        (
            "fields of a hash",
            31,
            [&[0][..], &compressed(&head(len + 7), b"\x01\x01", b"\xff", len + 7)].concat(),
        ),
    ];
    for (name, number, value) in hostile {
        let file = file(number, &value);
        let (read, allocated) = load(&file);
        println!("{name}: {} bytes, {allocated} allocated", file.len());
        assert!(allocated < FLOOR_BYTES + 2 * file.len(), "{name}: {allocated} bytes");
        let (restored, allocated) = restore(&[&[number][..], &value].concat());
        assert!(restored.is_err() && allocated < FLOOR_BYTES + 2 * file.len(), "{name}: {allocated} bytes");
        // All but the foreign one repeat one member millions of times, or end early.
        assert_eq!(read.is_ok(), number == 30, "{name}");
    }
    // An auxiliary field of a gigabyte, compressed to twelve megabytes, is skipped.
    let remark = [b"REDIS0004\xfa\x01n", &compressed(b"x", b"x", b"x", 1 << 30)[..], b"\xff"].concat();
    let (read, allocated) = load(&remark);
    assert!(read.is_ok() && allocated < FLOOR_BYTES, "{allocated} bytes for {}", remark.len());
    // Announced lengths without data.
    for number in (0..=33).chain([242, 243, 244, 245, 247, 250]) {
        let (read, allocated) =
            load(&file(number, b"\x81\0\0\0\0\x3f\xff\xff\xff\x81\0\0\0\0\x3f\xff\xff\xff"));
        assert!(read.is_err() && allocated < FLOOR_BYTES, "{number}: {allocated} bytes");
        let (restored, allocated) =
            restore(&[&[number][..], &[0x81, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff]].concat());
        assert!(restored.is_err() && allocated < FLOOR_BYTES, "{number}: {allocated} bytes");
    }
    mutations();
}

/// Real files with changed bytes: no panic, little memory, and data that were read can be written and read back unchanged.
fn mutations() {
    const ROUNDS: u64 = 4_000;
    let seed = std::env::var("RANKD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("RANKD_SEED={seed}");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let names = [
        "redis-8.2.3.rdb",
        "redis-8.6.2.rdb",
        "redis-8.10.2.rdb",
        "streams-redis-6.2.5.rdb",
        "streams-redis-7.0.15.rdb",
        "streams-redis-8.2.3.rdb",
    ];
    let files = names.map(|name| std::fs::read(data.join(name)).expect("the file"));
    let mut chance = Chance::seeded(seed);
    let mut whole = 0;
    for round in 0..ROUNDS {
        let mut at = |len: usize| chance.below(len as u64) as usize;
        let mut bytes = files[at(files.len())].clone();
        for _ in 0..=at(5) {
            let (from, to, len) = (9 + at(bytes.len() - 20), 9 + at(bytes.len() - 20), 1 + at(10));
            match at(5) {
                0 => bytes[to] = at(256) as u8,
                1 => bytes[to] = [0, 1, 0x3f, 0x7f, 0x80, 0x81, 0xc3, 0xf3, 0xfe, 0xff][at(10)],
                2 => bytes.copy_within(from..from + len, to),
                3 => drop(bytes.drain(to..to + len)),
                _ => {
                    let piece = bytes[from..from + len].to_vec();
                    drop(bytes.splice(to..to, piece));
                }
            }
        }
        // A checksum of zero is not checked.
        let end = bytes.len() - 8;
        bytes[end..].fill(0);
        let (read, allocated) = load(&bytes);
        // A compressed string expands to up to 88 times its bytes, and its buffer is doubled, recorded and stored.
        assert!(allocated < FLOOR_BYTES + 512 * bytes.len(), "round {round}: {allocated} bytes allocated");
        if let Ok(store) = read {
            whole += 1;
            let mut out = Cursor::new(Vec::new());
            write(&mut out, store.export(), 0, || Ok(())).expect("memory takes everything");
            let again = load(out.get_ref()).0.expect("what was written can be read");
            assert_eq!(store.census(), again.census(), "round {round}");
        }
    }
    println!("{whole} of {ROUNDS} changed files were read");
    assert!(whole > ROUNDS / 50);
    payload_mutations(&mut chance);
}

/// As [`mutations`], of payloads, whose checksum is made right again.
fn payload_mutations(chance: &mut Chance) {
    const ROUNDS: u64 = 20_000;
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let mut listpack = vec![17, 0x1d, 0x1d, 0, 0, 0, 6, 0];
    listpack.extend(b"\x81a\x02\x011\x01\x81b\x02\x831.5\x04\x81c\x02\xf1\x10\x20\x03\xff");
    bodies.push(listpack);
    bodies.push(b"\x0b\x0e\x02\0\0\0\x03\0\0\0\x01\0\x02\0\x03\0".to_vec());
    bodies.push(b"\x12\x02\x01\x03abc\x02\x0e\x0e\0\0\0\x02\0\x81a\x02\x05\x01\xff".to_vec());
    bodies.push(b"\x04\x02\x01a\x01b\xc0\x05\xc1\x05\x05".to_vec());
    bodies.push(b"\x18\x01\0\0\0\0\0\0\0\x02\x05\x01a\x01b\0\x01c\x01d".to_vec());
    bodies.push(b"\0\xc3\x09\x0d\x02abc\xe0\0\x02\0x".to_vec());
    // Streams in the layouts of Redis 5, 7.0 and 7.2: one block of two entries and a removed one, and a group with a consumer
    // and a pending entry.
    let block: &[u8] = b"\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x0177\0\0\0\x16\0\x02\x01\x01\x01\x01\x01\x81f\x02\0\x01\x03\x01\0\x01\0\x01\x81v\x02\x04\x01\x02\x01\0\x01\x01\x01\x05\x01\x04\x01\0\x01\x01\x01\0\x01\x01\x01\x81g\x02\x81w\x02\x06\x01\xff\x02\x02\x01";
    let pending: &[u8] = b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\xf6\xbb\xb9)\xa2\x01\0\0\x01\x01\x01c\xf6\xbb\xb9)\xa2\x01\0\0";
    let own: &[u8] = b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02";
    bodies.push([b"\x0f", block, b"\x01\x01g\x01\x02", pending, own].concat());
    bodies.push([b"\x13", block, b"\x01\x02\x01\x01\x03\x01\x01g\x01\x02\x02", pending, own].concat());
    let active = b"\xf6\xbb\xb9)\xa2\x01\0\0";
    bodies
        .push([b"\x15", block, b"\x01\x02\x01\x01\x03\x01\x01g\x01\x02\x02", pending, active, own].concat());
    for body in &bodies[bodies.len() - 3..] {
        let value = restore(body).0.expect("a stream as Redis writes it");
        assert_eq!((value.kind().name(), value.size()), ("stream", 2));
    }
    let mut whole = 0;
    for round in 0..ROUNDS {
        let mut at = |len: usize| chance.below(len as u64) as usize;
        let mut body = bodies[at(bodies.len())].clone();
        for _ in 0..=at(3) {
            let place = at(body.len());
            match at(3) {
                0 => body[place] = at(256) as u8,
                1 => body[place] = [0, 1, 0x3f, 0x7f, 0x80, 0x81, 0xc3, 0xf3, 0xfe, 0xff][at(10)],
                _ if body.len() > 2 => drop(body.remove(place)),
                _ => body.push(at(256) as u8),
            }
        }
        let (restored, allocated) = restore(&body);
        assert!(allocated < FLOOR_BYTES, "round {round}: {allocated} bytes allocated");
        if let Ok(value) = restored {
            whole += 1;
            value.check();
            let again = payload::read(&payload::write(&value), 1, SetBounds::DEFAULT)
                .expect("what was written can be read");
            assert_eq!((value.kind(), value.elements()), (again.kind(), again.elements()), "round {round}");
        }
    }
    println!("{whole} of {ROUNDS} changed payloads were read");
    assert!(whole > ROUNDS / 50);
}
