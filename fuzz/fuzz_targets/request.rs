//! The request reader compared with `redis-protocol`, and with itself on input in pieces.
//!
//! No bytes may cause a panic. If the reader finds a request of bulk strings, the oracle must decode the same bytes to the
//! same arguments. The requests and the error must not depend on how the input is split.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rankd::resp::request::{RequestBatch, RequestLimits, RequestReader};
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;

/// A request, and its bytes, including the empty requests before it.
struct Read {
    arguments: Vec<Vec<u8>>,
    bytes: Vec<u8>,
}

/// Reads `input` in pieces of `piece_bytes`, up to its end or to the first invalid request.
fn read_all(input: &[u8], piece_bytes: usize, requests: usize, unauthenticated: bool) -> (Vec<Read>, Option<String>) {
    let bounds = RequestLimits { unauthenticated, bulk_bytes: 1 << 20, requests };
    let mut reader = RequestReader::default();
    let mut batch = RequestBatch::default();
    let mut buffer = Vec::new();
    let mut read = Vec::new();
    for piece in input.chunks(piece_bytes.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            // Inline commands are unquoted in place: the oracle sees the bytes as they came.
            let before = buffer.clone();
            let result = reader.read(&mut buffer, &bounds, &mut batch);
            for arguments in batch.requests(&buffer) {
                let arguments = arguments.iter().map(<[u8]>::to_vec).collect();
                read.push(Read { arguments, bytes: before[..batch.consumed_bytes()].to_vec() });
            }
            if let Err(error) = result {
                return (read, Some(error.to_string()));
            }
            let consumed = batch.consumed_bytes();
            if consumed == 0 {
                break;
            }
            buffer.drain(..consumed);
            reader.consumed(consumed);
        }
    }
    (read, None)
}

/// The bytes of a request without the empty requests before it, if it consists of bulk strings.
fn bulks(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let end = bytes.iter().position(|&byte| byte == b'\n')? + 1;
        match bytes[..end].trim_ascii_end() {
            b"*0" | [b'*', b'-', ..] => bytes = &bytes[end..],
            [b'*', ..] => return Some(bytes),
            inline if inline.trim_ascii().is_empty() => bytes = &bytes[end..],
            _ => return None,
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, input)) = input.split_first() else { return };
    let unauthenticated = choice & 1 == 1;
    let (whole, error) = read_all(input, usize::MAX, 1, unauthenticated);
    for read in &whole {
        assert!(!read.arguments.is_empty());
        let Some(bytes) = bulks(&read.bytes) else { continue };
        let (frame, length) = decode(bytes).expect("the oracle reads it").expect("the oracle finds it complete");
        assert_eq!(length, bytes.len());
        let OwnedFrame::Array(frames) = frame else { panic!("the oracle sees no array") };
        let expected: Vec<Vec<u8>> = frames
            .into_iter()
            .map(|frame| match frame {
                OwnedFrame::BulkString(bytes) => bytes,
                other => panic!("the oracle sees {other:?}"),
            })
            .collect();
        assert_eq!(read.arguments, expected);
    }
    let piece_bytes = 1 + usize::from(choice >> 1);
    let (cut, cut_error) = read_all(input, piece_bytes, 64, unauthenticated);
    let arguments = |reads: &[Read]| reads.iter().map(|read| read.arguments.clone()).collect::<Vec<_>>();
    assert_eq!(arguments(&whole), arguments(&cut));
    assert_eq!(error, cut_error);
});
