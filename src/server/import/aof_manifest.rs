//! The manifest of Redis's append-only file (Redis 7 on), by Redis's own rules: what it refuses is refused here.
//!
//! A line names a file by pairs of words: `file NAME seq NUMBER type b|i|h`, and pairs that are not known. There is
//! at most one base, and increments rise in number. The base is read first, wherever its line is.

use crate::text::quoting::split_words;
use std::path::{Path, PathBuf};

/// Longest line, its end included. As Redis.
const LINE_BYTES: usize = 1024;

/// The extension of a manifest.
const SUFFIX: &str = "manifest";

/// The prefix of a manifest that Redis was writing when it ended.
const TEMPORARY: &str = "temp-";

/// Whether `path` has the name of a manifest that Redis reads.
pub(super) fn is_manifest(path: &Path) -> bool {
    let is_temporary = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY));
    path.extension().is_some_and(|extension| extension == SUFFIX) && !is_temporary
}

/// The files that the manifest at `path` lists, in the order in which they are read.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    let at_path = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let text = std::fs::read(path).map_err(|error| at_path(&error))?;
    let names = names(&text).map_err(|problem| at_path(&problem))?;
    if names.is_empty() {
        return Err(at_path(&"it lists no file"));
    }
    let directory = path.parent().unwrap_or(Path::new(""));
    Ok(names.iter().map(|name| directory.join(name)).collect())
}

/// The contents of a line.
#[derive(Default)]
struct Line {
    file: Option<String>,
    sequence: i64,
    kind: Option<u8>,
}

fn names(text: &[u8]) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    let (mut base, mut increments, mut highest) = (None, Vec::new(), 0);
    for (index, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let refused = |what: &str| Err(format!("{what}, in line {}", index + 1));
        let is_whole = line.len() <= LINE_BYTES && line.ends_with(b"\n") && !line.contains(&0);
        if line.starts_with(b"#") && line.len() <= LINE_BYTES {
            continue;
        }
        if !is_whole {
            return refused("a line that does not end, or not where Redis would read its end");
        }
        let parsed = parsed(line).filter(|line| line.sequence != 0);
        let Some(Line { file: Some(name), sequence, kind: Some(kind) }) = parsed else {
            return refused("not the pairs of words that name a file, its number and its type");
        };
        if name.contains(['/', '\\']) {
            return refused("a file of another directory");
        }
        match kind {
            b'b' if base.is_some() => return refused("a second base"),
            b'b' => base = Some(name),
            b'i' if sequence <= highest => return refused("an increment whose number does not rise"),
            b'i' => {
                highest = sequence;
                increments.push(name);
            }
            // History: replaced, and about to be removed.
            b'h' => {}
            _ => return refused("a file of no known type"),
        }
    }
    Ok(base.into_iter().chain(increments).collect())
}

/// Parses the pairs of a line. `None` if they are malformed or too few. Of a name that comes twice, the last value
/// counts.
fn parsed(line: &[u8]) -> Option<Line> {
    let mut bytes = line.trim_ascii().to_vec();
    let mut ranges = Vec::new();
    split_words(&mut bytes, |word| ranges.push(word)).ok()?;
    let words: Vec<&[u8]> = ranges.into_iter().map(|range| &bytes[range]).collect();
    let (pairs, []) = words.as_chunks::<2>() else { return None };
    if pairs.len() < 3 {
        return None;
    }
    let mut line = Line::default();
    for [name, value] in pairs {
        if name.eq_ignore_ascii_case(b"file") {
            line.file = Some(String::from_utf8_lossy(value).into_owned());
        } else if name.eq_ignore_ascii_case(b"seq") {
            line.sequence = leading_number(value);
        } else if name.eq_ignore_ascii_case(b"type") {
            line.kind = value.first().copied();
        }
    }
    Some(line)
}

/// The number that `text` begins with, as C's `atoll` reads it: 0 if there is none.
pub(super) fn leading_number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text.split_first() {
        Some((b'-', digits)) => (-1, digits),
        Some((b'+', digits)) => (1, digits),
        _ => (1, text),
    };
    let digits = digits.iter().take_while(|digit| digit.is_ascii_digit());
    digits
        .fold(0i64, |number, digit| number.saturating_mul(10).saturating_add(sign * i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        names(text.as_bytes()).map(|names| names.join(" "))
    }

    /// What Redis 8.2.3 takes. (tests/rdb/aof.rs asks it.)
    #[test]
    fn the_base_is_first_and_increments_follow() {
        let whole = "file i1 seq 1 type i\nfile b seq 3 type b\nfile h seq 1 type h\nfile i7 seq 7 type i\n";
        assert_eq!(read(whole).unwrap(), "b i1 i7");
        assert_eq!(read("# a remark\nFILE \"a b\" Seq 2x TYPE base other word\r\n").unwrap(), "a b");
        assert_eq!(read("type i seq 1 file x startoffset 5 file y\n").unwrap(), "y");
        assert_eq!(read("file h seq -1 type h\n").unwrap(), "");
    }

    #[test]
    fn all_else_is_refused() {
        let refused = [
            ("", "it is empty"),
            ("\n", "pairs of words"),
            ("file a seq 1 type b", "does not end"),
            ("file a seq 1 type b\n\nfile b seq 1 type i\n", "in line 2"),
            ("file a seq 1 type b\nfile b seq 2 type b\n", "a second base"),
            ("file a seq 1 type i\nfile b seq 1 type i\n", "does not rise"),
            ("file a seq 2 type i\nfile b seq 1 type i\n", "does not rise"),
            ("file a seq -1 type i\n", "does not rise"),
            ("file a seq 0 type b\n", "pairs of words"),
            ("file a seq x type b\n", "pairs of words"),
            ("file a seq 1\n", "pairs of words"),
            ("file a seq 1 type b more\n", "pairs of words"),
            ("file a seq 1 type \"\"\n", "pairs of words"),
            ("file \"a seq 1 type b\n", "pairs of words"),
            ("file a seq 1 type x\n", "no known type"),
            ("file d/a seq 1 type b\n", "another directory"),
            ("file ..\\a seq 1 type b\n", "another directory"),
            ("file a\0b seq 1 type b\n", "does not end"),
        ];
        for (text, words) in refused {
            let error = read(text).expect_err(text);
            assert!(error.contains(words), "{text:?}: {error}");
        }
        for line in ["#", "file a seq 1 type b "] {
            let long = format!("{line}{}\n", "x".repeat(LINE_BYTES));
            assert!(read(&long).is_err_and(|error| error.contains("does not end")), "{line}");
        }
    }

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        let numbers =
            [("12abc", 12), (" -7", -7), ("+3", 3), ("", 0), ("x1", 0), ("99999999999999999999", i64::MAX)];
        for (text, number) in numbers {
            assert_eq!(leading_number(text.as_bytes()), number, "{text}");
        }
    }
}
