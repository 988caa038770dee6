//! The request reader compared with `redis-protocol`: a pipeline of 4-argument commands, nanoseconds a command.
//!
//! `cargo bench --bench request`. docs/decisions/0002-request-reader.md quotes it.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rankd::resp::request::{RequestBatch, RequestLimits, RequestReader};
use redis_protocol::resp2::decode::{decode, decode_range};
use std::hint::black_box;

/// Commands of one pipeline, which a client sends together.
const COMMANDS: usize = 64;

fn pipeline() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..COMMANDS {
        let score = (number * 7919 % 100_000).to_string();
        let member = format!("user:{number:012}");
        bytes.extend_from_slice(b"*4\r\n");
        for word in ["ZADD", "leaderboard:2025-09-12", &score, &member] {
            bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
    }
    bytes
}

fn reading_requests(criterion: &mut Criterion) {
    let pipeline = pipeline();
    let mut group = criterion.benchmark_group("request");
    group.throughput(Throughput::Elements(COMMANDS as u64));

    let bounds = RequestLimits { unauthenticated: false, bulk_bytes: 512 << 20, requests: usize::MAX };
    // Multibulk requests are not changed in the buffer, so the same one serves again.
    let mut buffer = pipeline.clone();
    let (mut reader, mut batch) = (RequestReader::default(), RequestBatch::default());
    group.bench_function("rankd", |bencher| {
        bencher.iter(|| {
            reader.read(black_box(&mut buffer), &bounds, &mut batch).expect("requests");
            batch.requests(&buffer).for_each(|request| {
                black_box(request);
            });
            let consumed = batch.consumed_bytes();
            reader.consumed(consumed);
            assert_eq!((batch.len(), consumed), (COMMANDS, buffer.len()));
        });
    });

    group.bench_function("redis-protocol, ranges", |bencher| {
        bencher.iter(|| {
            let (mut rest, mut frames) = (black_box(&pipeline[..]), 0);
            while let Some((frame, consumed)) = decode_range(rest).expect("frames") {
                black_box(&frame);
                rest = &rest[consumed..];
                frames += 1;
            }
            assert_eq!(frames, COMMANDS);
        });
    });

    group.bench_function("redis-protocol, owned", |bencher| {
        bencher.iter(|| {
            let (mut rest, mut frames) = (black_box(&pipeline[..]), 0);
            while let Some((frame, consumed)) = decode(rest).expect("frames") {
                black_box(&frame);
                rest = &rest[consumed..];
                frames += 1;
            }
            assert_eq!(frames, COMMANDS);
        });
    });

    group.finish();
}

criterion_group!(benches, reading_requests);
criterion_main!(benches);
