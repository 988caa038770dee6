//! LZF, the compression of long strings in RDB files. Reading only, in steps, so that the unpacked string need not be
//! in memory as a whole. (The one crate for it is marked deprecated.)

use super::error::Error;
use super::source::RdbSource;
use std::io::Read;

/// The most bytes that one byte of compressed input can unpack to: three of them copy up to 264.
const MOST_EXPANSION: u64 = 264 / 3;

/// The farthest that a copy reaches back.
pub(super) const WINDOW_BYTES: usize = 1 << 13;

/// The state of unpacking a string: what is left of it.
#[derive(Debug)]
pub(super) struct Unpacker {
    /// Bytes of input that have not been read.
    input: u64,
    /// Bytes that they must unpack to.
    output: u64,
}

impl Unpacker {
    /// Begins a string of `input` bytes that is said to unpack to `output` bytes. `None` if that is impossible.
    pub(super) fn new(input: u64, output: u64) -> Option<Self> {
        (output <= input.saturating_mul(MOST_EXPANSION)).then_some(Self { input, output })
    }

    /// Bytes of input that are still to be read.
    pub(super) fn input(&self) -> u64 {
        self.input
    }

    /// Bytes that are still to be unpacked.
    pub(super) fn left(&self) -> u64 {
        self.output
    }

    /// Whether all has been read and unpacked.
    pub(super) fn is_done(&self) -> bool {
        self.input == 0 && self.output == 0
    }

    /// Unpacks the next bytes, at most 264, and appends them to `out`. From `start` on, `out` must hold what was
    /// unpacked before, as far as a copy can reach.
    ///
    /// # Errors
    /// If the input does not unpack to the announced length.
    pub(super) fn step<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        out: &mut Vec<u8>,
        start: usize,
    ) -> Result<(), Error> {
        let control = usize::from(self.byte(source)?);
        if control < 32 {
            // A run of literal bytes.
            let count = control + 1;
            self.account(source, count as u64, count)?;
            return source.copy(count as u64, out);
        }
        // A copy of the bytes `distance` bytes back. It may overlap the bytes that it writes.
        let mut count = (control >> 5) + 2;
        if count == 7 + 2 {
            count += usize::from(self.byte(source)?);
        }
        let distance = ((control & 0x1f) << 8 | usize::from(self.byte(source)?)) + 1;
        self.account(source, 0, count)?;
        let Some(from) = (out.len() - start).checked_sub(distance).map(|from| from + start) else {
            return damaged(source);
        };
        for at in from..from + count {
            out.push(out[at]);
        }
        Ok(())
    }

    fn byte<R: Read>(&mut self, source: &mut RdbSource<R>) -> Result<u8, Error> {
        self.account(source, 1, 0)?;
        source.byte()
    }

    /// Subtracts from what is left.
    fn account<R: Read>(&mut self, source: &RdbSource<R>, input: u64, output: usize) -> Result<(), Error> {
        match (self.input.checked_sub(input), self.output.checked_sub(output as u64)) {
            (Some(input), Some(output)) => {
                (self.input, self.output) = (input, output);
                Ok(())
            }
            _ => damaged(source),
        }
    }
}

/// The error for a compressed string that is malformed.
pub(super) fn damaged<T, R: Read>(source: &RdbSource<R>) -> Result<T, Error> {
    source.malformed("a compressed string that does not decompress")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(compressed: &[u8], len: u64, out: &mut Vec<u8>) -> bool {
        let mut source = RdbSource::new(compressed);
        let start = out.len();
        let Some(mut unpacker) = Unpacker::new(compressed.len() as u64, len) else { return false };
        while unpacker.left() > 0 {
            if unpacker.step(&mut source, out, start).is_err() {
                return false;
            }
        }
        unpacker.is_done()
    }

    #[test]
    fn runs_and_literals_expand_and_nonsense_does_not() {
        let mut out = b"before".to_vec();
        // "abc", then 3+6 more bytes from 3 back, then "x".
        assert!(unpacked(&[2, b'a', b'b', b'c', 0xe0, 0, 2, 0, b'x'], 13, &mut out));
        assert_eq!(out, b"beforeabcabcabcabcx");
        let bad: [(&[u8], u64); 6] = [
            (&[2, b'a', b'b'], 3),
            (&[0xe0], 9),
            (&[0x20], 3),
            (&[0, b'a', 0x20, 1], 4),
            (&[0, b'a'], 2),
            (&[1, b'a', b'b'], 1),
        ];
        for (compressed, len) in bad {
            // The bytes before `start` belong to another string and must not be copied from.
            assert!(!unpacked(compressed, len, &mut b"before".to_vec()), "{compressed:?}");
        }
        assert!(!unpacked(&[0, b'a', 0, b'b'], 1, &mut Vec::new()), "input is left");
        assert!(Unpacker::new(2, u64::MAX).is_none());
    }
}
