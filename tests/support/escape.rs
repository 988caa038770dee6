//! Bytes as one readable line, and back: the escapes of `redis-cli`'s quoted strings.

/// Printable ASCII is unchanged; all other bytes and the backslash are escaped.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            0x20..=0x7e => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// The bytes of an escaped line.
///
/// # Panics
/// On an unfinished escape.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let (&kind, after) = rest.split_first().unwrap_or_else(|| panic!("unfinished escape: {text}"));
        rest = after;
        bytes.push(match kind {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'x' => {
                let digits = std::str::from_utf8(&rest[..2]).expect("two hex digits");
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("bad \\x escape: {text}"))
            }
            other => other,
        });
    }
    bytes
}

/// The words of a request line: separated by spaces, in double quotes where a word has spaces or escapes.
///
/// # Panics
/// On unbalanced quotes.
pub(crate) fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut end = 0;
            let bytes = quoted.as_bytes();
            while bytes.get(end) != Some(&b'"') {
                assert!(end < bytes.len(), "unbalanced quotes: {line}");
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            words.push(unescape(&quoted[..end]));
            rest = quoted[end + 1..].trim_start();
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            words.push(rest.as_bytes()[..end].to_vec());
            rest = rest[end..].trim_start();
        }
    }
    words
}

/// A request as a line [`words`] reads back.
pub(crate) fn line(words: &[Vec<u8>]) -> String {
    let quoted = words.iter().map(|word| {
        let plain = !word.is_empty() && word.iter().all(|&b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        if plain { escape(word) } else { format!("\"{}\"", escape(word).replace('"', "\\\"")) }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
