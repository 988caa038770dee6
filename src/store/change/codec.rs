//! The building blocks of encoded Changes: numbers, byte strings, expiry times and lists.

use crate::store::numbers::KeyspaceIndex;

/// Bytes that are not a Change of this version: they are damaged, or a newer version wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a Change that this version knows")
    }
}

impl std::error::Error for Malformed {}

/// A list of names, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedNames<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl<'a> EncodedNames<'a> {
    /// Reads a list from the front of `rest`.
    pub(in crate::store) fn take(rest: &mut &'a [u8]) -> Result<Self, Malformed> {
        let count = take_count(rest)?;
        let bytes = take_while(rest, count, |rest| take_bytes(rest).map(|_| ()))?;
        Ok(Self { count, bytes })
    }

    /// The names in the order they were recorded.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let mut rest = self.bytes;
        (0..self.count).map(move |_| take_bytes(&mut rest).expect("checked when it was read"))
    }
}

pub(in crate::store) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(in crate::store) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// 0 encodes "never": no key can expire at the epoch itself, which is always in the past.
pub(in crate::store) fn put_expiry(out: &mut Vec<u8>, expire_at_ms: Option<u64>) {
    put_varint(out, expire_at_ms.unwrap_or(0));
}

pub(in crate::store) fn take_varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(Malformed)?;
        *rest = tail;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(Malformed);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

pub(in crate::store) fn take_exact<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], Malformed> {
    let (head, tail) = rest.split_at_checked(len).ok_or(Malformed)?;
    *rest = tail;
    Ok(head)
}

pub(in crate::store) fn take_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let len = usize::try_from(take_varint(rest)?).map_err(|_| Malformed)?;
    take_exact(rest, len)
}

pub(in crate::store) fn take_count(rest: &mut &[u8]) -> Result<u32, Malformed> {
    Ok(u32::from_le_bytes(take_exact(rest, 4)?.try_into().expect("four bytes")))
}

pub(in crate::store) fn take_keyspace(rest: &mut &[u8]) -> Result<KeyspaceIndex, Malformed> {
    u32::try_from(take_varint(rest)?).map_err(|_| Malformed)
}

pub(in crate::store) fn take_expiry(rest: &mut &[u8]) -> Result<Option<u64>, Malformed> {
    Ok(Some(take_varint(rest)?).filter(|&at_ms| at_ms != 0))
}

/// Checks `count` entries with `skip` and returns the bytes they cover.
pub(in crate::store) fn take_while<'a>(
    rest: &mut &'a [u8],
    count: u32,
    mut skip: impl FnMut(&mut &'a [u8]) -> Result<(), Malformed>,
) -> Result<&'a [u8], Malformed> {
    let before = *rest;
    for _ in 0..count {
        skip(rest)?;
    }
    Ok(&before[..before.len() - rest.len()])
}
