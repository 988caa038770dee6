//! Numbers and strings, as they are written. Strings are plain or integers, never compressed.

use super::length;

/// Appends a number.
pub(super) fn put_length(out: &mut Vec<u8>, length: u64) {
    match length {
        0..64 => out.push(length as u8),
        64..16_384 => out.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
        16_384..=0xffff_ffff => {
            out.push(length::FOUR_BYTES);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
        _ => {
            out.push(length::EIGHT_BYTES);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
}

/// Appends a string.
pub(super) fn put_string(out: &mut Vec<u8>, string: &[u8]) {
    const SPECIAL: u8 = length::SPECIAL << 6;
    let Some(integer) = spelled_integer(string) else {
        put_length(out, string.len() as u64);
        out.extend_from_slice(string);
        return;
    };
    if let Ok(integer) = i8::try_from(integer) {
        out.push(SPECIAL | length::INTEGER_8);
        out.extend_from_slice(&integer.to_le_bytes());
    } else if let Ok(integer) = i16::try_from(integer) {
        out.push(SPECIAL | length::INTEGER_16);
        out.extend_from_slice(&integer.to_le_bytes());
    } else {
        out.push(SPECIAL | length::INTEGER_32);
        out.extend_from_slice(&integer.to_le_bytes());
    }
}

/// The integer of 32 bits whose only spelling is `string`.
fn spelled_integer(string: &[u8]) -> Option<i32> {
    if string.is_empty() || string.len() > 11 {
        return None;
    }
    let integer: i32 = std::str::from_utf8(string).ok()?.parse().ok()?;
    (itoa::Buffer::new().format(integer).as_bytes() == string).then_some(integer)
}
