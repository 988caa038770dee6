//! Lines out of a stream that is cut anywhere.

use crate::limits;

/// The bytes of a line that is not complete, and those behind it.
#[derive(Debug, Default)]
pub struct LineReader {
    bytes: Vec<u8>,
    /// Where the next line begins.
    taken: usize,
}

/// A line is longer than any that a master sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTooLong;

impl LineReader {
    /// Adds bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next complete line, without its end. O(bytes that have come).
    ///
    /// # Errors
    /// [`LineTooLong`] if there is none within [`limits::REPLICATION_LINE_BYTES`].
    pub fn line(&mut self) -> Result<Option<&[u8]>, LineTooLong> {
        let rest = &self.bytes[self.taken..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return if rest.len() > limits::REPLICATION_LINE_BYTES { Err(LineTooLong) } else { Ok(None) };
        };
        if end > limits::REPLICATION_LINE_BYTES {
            return Err(LineTooLong);
        }
        let start = self.taken;
        self.taken += end + 1;
        let line = &self.bytes[start..start + end];
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// The bytes behind the last line that was taken.
    #[must_use]
    pub fn into_rest(mut self) -> Vec<u8> {
        self.bytes.drain(..self.taken);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_wherever_they_are_cut() {
        let sent = b"+PONG\r\n\n\n+OK\r\n$3\r\nREDIS";
        for cut in 0..=sent.len() {
            let mut reader = LineReader::default();
            let mut lines = Vec::new();
            for part in [&sent[..cut], &sent[cut..]] {
                reader.push(part);
                while let Some(line) = reader.line().unwrap() {
                    lines.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(lines, ["+PONG", "", "", "+OK", "$3"], "cut at {cut}");
            assert_eq!(reader.into_rest(), b"REDIS");
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_for_ever() {
        let mut reader = LineReader::default();
        reader.push(&vec![b'x'; limits::REPLICATION_LINE_BYTES]);
        assert_eq!(reader.line(), Ok(None));
        reader.push(b"xx");
        assert_eq!(reader.line(), Err(LineTooLong));
        let mut reader = LineReader::default();
        reader.push(&[&vec![b'x'; limits::REPLICATION_LINE_BYTES + 1][..], b"\r\n"].concat());
        assert_eq!(reader.line(), Err(LineTooLong));
    }
}
