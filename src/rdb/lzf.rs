//! LZF, the compression of long strings in RDB files: reading only. (The one crate for it is marked deprecated.)

/// The most bytes that one byte of compressed input can stand for: three of them copy up to 264.
const MOST_EXPANSION: usize = 264 / 3;

/// Appends to `out` the `len` bytes that `compressed` stands for; `None` if it does not stand for exactly so many.
pub(super) fn decompress(compressed: &[u8], len: usize, out: &mut Vec<u8>) -> Option<()> {
    if len > compressed.len().saturating_mul(MOST_EXPANSION) {
        return None;
    }
    let start = out.len();
    let mut rest = compressed;
    while let Some((&control, tail)) = rest.split_first() {
        rest = tail;
        let control = usize::from(control);
        if control < 32 {
            // As they are.
            let (literal, tail) = rest.split_at_checked(control + 1)?;
            rest = tail;
            out.extend_from_slice(literal);
        } else {
            // Once more what stands `distance` bytes back, which may reach into what is being written.
            let mut count = control >> 5;
            if count == 7 {
                let (&more, tail) = rest.split_first()?;
                rest = tail;
                count += usize::from(more);
            }
            let (&low, tail) = rest.split_first()?;
            rest = tail;
            let distance = ((control & 0x1f) << 8 | usize::from(low)) + 1;
            let from = (out.len() - start).checked_sub(distance)? + start;
            for at in from..from + count + 2 {
                out.push(out[at]);
            }
        }
        if out.len() - start > len {
            return None;
        }
    }
    (out.len() - start == len).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_literals_expand_and_nonsense_does_not() {
        let mut out = b"before".to_vec();
        // "abc", then 3+6 more bytes from 3 back, then "x".
        assert_eq!(decompress(&[2, b'a', b'b', b'c', 0xe0, 0, 2, 0, b'x'], 13, &mut out), Some(()));
        assert_eq!(out, b"beforeabcabcabcabcx");
        let bad: [(&[u8], usize); 6] = [
            (&[2, b'a', b'b'], 3),
            (&[0xe0], 9),
            (&[0x20], 3),
            (&[0, b'a', 0x20, 1], 4),
            (&[0, b'a'], 2),
            (&[1, b'a', b'b'], 1),
        ];
        for (compressed, len) in bad {
            // What stands before belongs to somebody else and is no source to copy from.
            assert_eq!(decompress(compressed, len, &mut b"before".to_vec()), None, "{compressed:?}");
        }
        assert_eq!(decompress(&[0, b'a'], usize::MAX, &mut Vec::new()), None);
    }
}
