//! Payloads of arbitrary bytes with a right checksum: no panic, no memory for announced lengths; a value that was read is sound,
//! and can be written and read back with the same type and number of elements.
#![no_main]

use crc::{CRC_64_REDIS, Crc};
use libfuzzer_sys::fuzz_target;
use rankd::config::SetBounds;
use rankd::rdb::payload;

const CHECKSUM: Crc<u64> = Crc::<u64>::new(&CRC_64_REDIS);

fuzz_target!(|input: &[u8]| {
    // The first byte chooses the dialect.
    let Some((choice, body)) = input.split_first() else { return };
    let version: u16 = if choice % 4 == 0 { 80 } else { 12 };
    let mut bytes = [body, &version.to_le_bytes()].concat();
    bytes.extend(CHECKSUM.checksum(&bytes).to_le_bytes());
    let _ = payload::read(input, 1, SetBounds::DEFAULT);
    let Ok(value) = payload::read(&bytes, 1, SetBounds::DEFAULT) else { return };
    value.check();
    let again = payload::read(&payload::write(&value), 1, SetBounds::DEFAULT).expect("what was written can be read");
    assert_eq!((value.kind(), value.elements()), (again.kind(), again.elements()));
    assert_eq!(payload::write(&value).len(), payload::write(&again).len());
});
