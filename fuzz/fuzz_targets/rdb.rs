//! RDB files and DUMP payloads of arbitrary bytes: no panic, no memory for announced lengths, and data that were read can be
//! written and read back with the same number of keys and members.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rankd::machine::clock::Clock;
use rankd::rdb::{RdbReader, write};
use rankd::store::Store;
use std::io::Cursor;

fn store() -> Store {
    Store::new(1, 2, 1, Clock::manual(1_800_000_000_000))
}

fuzz_target!(|input: &[u8]| {
    let from_payload = store();
    let _ = RdbReader::new(&from_payload).payload(input, 0, b"key", None, false);
    // Most inputs would fail at the first bytes otherwise.
    let mut file = b"REDIS0004".to_vec();
    file.extend_from_slice(input);
    let from_file = store();
    if RdbReader::new(&from_file).file(&*file).is_err() {
        return;
    }
    let mut out = Cursor::new(Vec::new());
    write(&mut out, from_file.export(), 0, || Ok(())).expect("memory takes everything");
    let again = store();
    RdbReader::new(&again).file(out.into_inner().as_slice()).expect("what was written can be read");
    assert_eq!(from_file.census(), again.census());
});
