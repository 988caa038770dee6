//! A request as a script writes it, and its words. There is one notation besides plain words, for requests with many
//! members: `{n in 0..300: {7*n%100} m{n:03}}` means the words `0 m000 7 m001` and so on to `93 m299`.
//!
//! Within a fill, `{...}` holds a product and a remainder, from left to right, and how it is printed: `:03` in three
//! digits, `:a` as a letter. In quotes a brace is a brace.

use crate::support::escape::{line, words};

const FILL: &str = "{n in ";

/// The words of a request's line.
///
/// # Panics
/// On unbalanced quotes and on a fill that cannot be read.
pub(super) fn words_of(request: &str) -> Vec<Vec<u8>> {
    words(&expanded(request))
}

/// A table's request with the words of a row in its placeholders: `{}` is all of them, `{1}` the first.
pub(super) fn with_row(request: &str, row: &str) -> String {
    let mut text = request.replace("{}", row);
    for (index, word) in words(row).into_iter().enumerate() {
        text = text.replace(&format!("{{{}}}", index + 1), &line(&[word]));
    }
    text
}

/// The line with each fill written out.
fn expanded(request: &str) -> String {
    let mut text = String::new();
    let mut rest = request;
    while let Some(start) = find_outside_quotes(rest, FILL) {
        let (before, fill) = rest.split_at(start);
        let (filled, after) = filled(&fill[FILL.len()..])
            .unwrap_or_else(|| panic!("`{request}`: a fill is `{{n in 0..300: {{n}} m{{n:03}}}}`"));
        text.push_str(before);
        text.push_str(&filled);
        rest = after;
    }
    text.push_str(rest);
    text
}

/// The position of `wanted` in `line`, outside quotes.
pub(super) fn find_outside_quotes(line: &str, wanted: &str) -> Option<usize> {
    let mut in_quotes = false;
    let mut is_escaped = false;
    for (at, character) in line.char_indices() {
        if !in_quotes && line[at..].starts_with(wanted) {
            return Some(at);
        }
        in_quotes ^= character == '"' && !is_escaped;
        is_escaped = in_quotes && character == '\\' && !is_escaped;
    }
    None
}

/// The words of a fill, given without its start, and the text after it.
fn filled(fill: &str) -> Option<(String, &str)> {
    let (range, rest) = fill.split_once(": ")?;
    let (from, to) = range.split_once("..")?;
    let range: std::ops::Range<u64> = from.parse().ok()?..to.parse().ok()?;
    let mut depth = 1;
    let end = rest.find(|character| {
        depth += match character {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        depth == 0
    })?;
    let each: Option<Vec<String>> = range.map(|n| filled_once(&rest[..end], n)).collect();
    Some((each?.join(" "), &rest[end + 1..]))
}

/// The words of a fill for one `n`.
fn filled_once(words: &str, n: u64) -> Option<String> {
    let mut text = String::new();
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('{') {
        let (hole, after) = after.split_once('}')?;
        let (product, printed) = hole.split_once(':').unwrap_or((hole, ""));
        text.push_str(before);
        text.push_str(&print(value(product, n)?, printed)?);
        rest = after;
    }
    Some(text + rest)
}

/// The value of `7*n%100`.
fn value(product: &str, n: u64) -> Option<u64> {
    let factor = |text: &str| if text == "n" { Some(n) } else { text.parse().ok() };
    let mut value = None;
    for part in product.split_inclusive(['*', '%']) {
        let right = factor(part.trim_end_matches(['*', '%']))?;
        value = Some(match value {
            None => (right, part),
            Some((left, before)) if str::ends_with(before, '*') => (left * right, part),
            Some((left, _)) => (u64::checked_rem(left, right)?, part),
        });
    }
    value.map(|(value, _)| value)
}

fn print(value: u64, how: &str) -> Option<String> {
    match how.strip_prefix('0') {
        None if how.is_empty() => Some(value.to_string()),
        None if how == "a" => {
            Some(char::from(b'a' + u8::try_from(value).ok().filter(|&at| at < 26)?).to_string())
        }
        None => None,
        Some(width) => Some(format!("{value:0width$}", width = width.parse().ok()?)),
    }
}

#[test]
fn a_fill_expands_to_its_words() {
    let filled = |line: &str| words_of(line) == words(&expanded(line)) && line != expanded(line);
    assert!(filled("ZADD b {n in 0..3: {n} m{n:03}}"));
    assert_eq!(expanded("ZADD b {n in 0..3: {n} m{n:03}} 9 z"), "ZADD b 0 m000 1 m001 2 m002 9 z");
    assert_eq!(expanded("ZADD b {n in 14..16: {7*n%100} {n%13:a}}"), "ZADD b 98 b 5 c");
    for line in ["SET {user}:lb 1", "SET \"{n in 0..3: x}\" 1", "SET \"a\\\"{n in 0..3: x}\" 1"] {
        assert_eq!(expanded(line), line);
    }
}

#[test]
fn a_row_replaces_the_placeholders_of_its_requests() {
    assert_eq!(with_row("ZRANGE b {} BYLEX", "[a \"(\\x00\""), "ZRANGE b [a \"(\\x00\" BYLEX");
    assert_eq!(with_row("ZRANGE b {2} {1} BYLEX REV", "[a \"(\\x00\""), "ZRANGE b \"(\\x00\" [a BYLEX REV");
    assert_eq!(with_row("DEL b", "[a"), "DEL b");
}
