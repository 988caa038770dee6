//! Short byte strings, compared and copied in whole words: names of commands and keys, elements, replies. A call of the C
//! library's function for them takes twice the instructions.

/// Whether both have the same bytes.
#[inline]
pub fn are_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        16..=32 => ends::<16>(one) == ends::<16>(other),
        8..16 => ends::<8>(one) == ends::<8>(other),
        4..8 => ends::<4>(one) == ends::<4>(other),
        _ => one == other,
    }
}

/// The first and the last `N` bytes, which may overlap.
#[inline]
fn ends<const N: usize>(bytes: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
    Some((bytes.first_chunk()?, bytes.last_chunk()?))
}

/// Copies `bytes` to `place`, which is as long.
///
/// # Panics
/// If it is not.
#[inline]
pub fn copy(bytes: &[u8], place: &mut [u8]) {
    assert!(bytes.len() == place.len());
    match bytes.len() {
        16..=32 => copy_ends::<16>(bytes, place),
        8..16 => copy_ends::<8>(bytes, place),
        4..8 => copy_ends::<4>(bytes, place),
        _ => place.copy_from_slice(bytes),
    }
}

#[inline]
fn copy_ends<const N: usize>(bytes: &[u8], place: &mut [u8]) {
    if let Some((first, last)) = ends::<N>(bytes) {
        place[..N].copy_from_slice(first);
        place[bytes.len() - N..].copy_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_any_length_are_compared_and_copied_to_their_last_byte() {
        for len in 0..70 {
            let bytes: Vec<u8> = (1..=len).collect();
            let mut copied = vec![0; bytes.len()];
            copy(&bytes, &mut copied);
            assert!(copied == bytes && are_equal(&bytes, &copied));
            assert!(!are_equal(&bytes, &bytes[..bytes.len().saturating_sub(1)]) || bytes.is_empty());
            for at in 0..bytes.len() {
                copied[at] ^= 0x80;
                assert!(!are_equal(&bytes, &copied), "{len} bytes, another one at {at}");
                copied[at] ^= 0x80;
            }
        }
    }
}
