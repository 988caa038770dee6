//! Streams of arbitrary bytes in every layout of Redis's dump files: no panic, no memory for announced lengths; a stream that was
//! read is sound, and can be written and read back as it is.
#![no_main]

use crc::{CRC_64_REDIS, Crc};
use libfuzzer_sys::fuzz_target;
use rankd::config::SetBounds;
use rankd::rdb::payload;

const CHECKSUM: Crc<u64> = Crc::<u64>::new(&CRC_64_REDIS);

/// The numbers of the layouts: of Redis 5, 7.0, 7.2, 8.6 and 8.8.
const LAYOUTS: [u8; 5] = [15, 19, 21, 26, 27];

fuzz_target!(|input: &[u8]| {
    // The first byte chooses the layout.
    let Some((choice, body)) = input.split_first() else { return };
    let layout = LAYOUTS[usize::from(*choice) % LAYOUTS.len()];
    let mut bytes = [&[layout][..], body, &12u16.to_le_bytes()].concat();
    bytes.extend(CHECKSUM.checksum(&bytes).to_le_bytes());
    let Ok(value) = payload::read(&bytes, 1, SetBounds::DEFAULT) else { return };
    value.check();
    let written = payload::write(&value);
    let again = payload::read(&written, 1, SetBounds::DEFAULT).expect("what was written can be read");
    again.check();
    assert_eq!((value.kind(), value.elements()), (again.kind(), again.elements()));
    assert_eq!(payload::write(&again), written);
});
