//! Redis's quoting of words, in inline commands, in lines of configuration files and in printed byte strings.

use std::ops::Range;

/// The error for a line that ends inside quotes, or has a closing quote without a space after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// Splits `line` into words and calls `word` with the range of each. It unquotes the words in place, which never makes them
/// longer.
///
/// The rules are those of Redis's `sdssplitargs`. A bare word ends at a space, tab, CR, LF or NUL. Before a word and after a
/// closing quote, VT and FF are spaces as well; inside a bare word they belong to it. Between double quotes `\n \r \t \b \a
/// \xHH` are escapes, and any other escaped byte is itself. Between single quotes only `\'` is an escape.
///
/// # Errors
/// [`Unbalanced`] quotes; `word` has been called for the words before them.
pub fn split_words(line: &mut [u8], mut word: impl FnMut(Range<usize>)) -> Result<(), Unbalanced> {
    let ends_word = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0);
    let is_space = |byte: u8| ends_word(byte) || matches!(byte, 0x0b | 0x0c);
    let (mut read, mut write) = (0, 0);
    loop {
        while read < line.len() && is_space(line[read]) {
            read += 1;
        }
        if read == line.len() {
            return Ok(());
        }
        let start = write;
        let mut quote = None;
        while read < line.len() {
            let byte = line[read];
            let after = |at: usize| line.get(read + at).copied();
            let (value, taken) = match quote {
                None if ends_word(byte) => break,
                None if byte == b'"' || byte == b'\'' => {
                    quote = Some(byte);
                    read += 1;
                    continue;
                }
                None => (byte, 1),
                Some(open) if byte == open => {
                    if after(1).is_some_and(|next| !is_space(next)) {
                        return Err(Unbalanced);
                    }
                    quote = None;
                    read += 1;
                    break;
                }
                Some(b'\'') if byte == b'\\' && after(1) == Some(b'\'') => (b'\'', 2),
                Some(b'"') if byte == b'\\' => match (after(1), hex(after(2)), hex(after(3))) {
                    (Some(b'x'), Some(high), Some(low)) => (high << 4 | low, 4),
                    (Some(escaped), ..) => (unescape(escaped), 2),
                    (None, ..) => return Err(Unbalanced),
                },
                Some(_) => (byte, 1),
            };
            line[write] = value;
            write += 1;
            read += taken;
        }
        if quote.is_some() {
            return Err(Unbalanced);
        }
        word(start..write);
    }
}

/// `bytes` in double quotes, with unprintable bytes escaped, as Redis and redis-cli print them.
#[must_use]
pub fn quoted(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x07 => text.push_str("\\a"),
            0x08 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

fn hex(digit: Option<u8>) -> Option<u8> {
    char::from(digit?).to_digit(16).map(|value| value as u8)
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_reads_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mut line = quoted(&all).into_bytes();
        let mut words = Vec::new();
        split_words(&mut line, |range| words.push(range)).unwrap();
        assert_eq!(words.len(), 1);
        assert_eq!(line[words[0].clone()], all);
    }

    /// kvrocks#2871: VT and FF ended words, so `ECHO a\x0b` returned `a`, and `GET\x0ca` was a GET.
    #[test]
    fn words_end_where_they_end_in_redis() {
        let split = |line: &str| {
            let mut line = line.as_bytes().to_vec();
            let mut words = Vec::new();
            split_words(&mut line, |range| words.push(range)).unwrap();
            let words = words.into_iter().map(|range| String::from_utf8(line[range].to_vec()).unwrap());
            words.collect::<Vec<_>>()
        };
        assert_eq!(split("ECHO a\x0b"), ["ECHO", "a\x0b"]);
        assert_eq!(split("GET\x0ca"), ["GET\x0ca"]);
        assert_eq!(split("\x0bECHO \x0b\x0ca"), ["ECHO", "a"]);
        assert_eq!(split("ECHO \"a\"\x0bb"), ["ECHO", "a", "b"]);
        assert_eq!(split("a\tb\rc\nd\0e f"), ["a", "b", "c", "d", "e", "f"]);
    }
}
