//! Replies as readable text, and back. Each kind of reply has its own notation, so a value in this notation corresponds to
//! exactly one sequence of bytes ([`Reply::to_bytes`]).
//!
//! | notation | reply |
//! |---|---|
//! | `+OK`, `-ERR text` | simple string and error: the text goes to the end of the line |
//! | `+readonly`, `-"ERR text"` | the same inside another value or a row: a word, or in quotes |
//! | `!"ERR text"` | bulk error |
//! | `:5` | integer |
//! | `"text"` | bulk |
//! | `="txt:text"` | verbatim string |
//! | `,1.5` | double |
//! | `(123` | big number |
//! | `#t`, `#f` | boolean |
//! | `nil`, `*nil`, `_` | null bulk, null array, RESP3's null |
//! | `*[ "a" "b" ]`, `*[]` | array |
//! | `~[ "a" ]`, `>[ "a" ]` | set, push |
//! | `%{ "key" :1 }` | map: keys and values in turn |
//!
//! Texts have the escapes of [`escape`], and `\"` in quotes. Values inside others are parted by spaces or line ends.

use super::escape::{escape, unescape};
use super::reply::Reply;

/// A line of a laid out value is at most this long, if its parts allow: 110 columns with the mark in front.
const WIDTH: usize = 108;

/// A value that holds leaves only and is at most this long is filled like a leaf: a member with its score.
const SHORT: usize = 40;

impl Reply {
    /// The reply in its notation, laid out: on one line if it fits, else each value that holds others on lines of its
    /// own and the rest filled, short pairs with it.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Reply::Simple(text) => vec![format!("+{}", to_line_end(text))],
            Reply::Error(text) => vec![format!("-{}", to_line_end(text))],
            other => {
                let mut lines = Vec::new();
                other.lay_out(0, "", &mut lines);
                lines
            }
        }
    }

    /// The reply in its notation on one line, as inside another reply.
    pub(crate) fn inline(&self) -> String {
        match self {
            Reply::Simple(text) => format!("+{}", word(text)),
            Reply::Error(text) => format!("-{}", word(text)),
            Reply::BulkError(text) => format!("!{}", quoted(text)),
            Reply::Integer(number) => format!(":{number}"),
            Reply::Double(text) => format!(",{}", word(text)),
            Reply::BigNumber(text) => format!("({}", word(text)),
            Reply::Boolean(true) => "#t".to_owned(),
            Reply::Boolean(false) => "#f".to_owned(),
            Reply::Null => "_".to_owned(),
            Reply::NullBulk => "nil".to_owned(),
            Reply::NullArray => "*nil".to_owned(),
            Reply::Bulk(text) => quoted(text),
            Reply::Verbatim(text) => format!("={}", quoted(text)),
            Reply::Array(items) | Reply::Map(items) | Reply::Set(items) | Reply::Push(items) => {
                let (open, close) = self.brackets();
                if items.is_empty() {
                    return format!("{open}{close}");
                }
                let items: Vec<String> = items.iter().map(Reply::inline).collect();
                format!("{open} {} {close}", items.join(" "))
            }
        }
    }

    /// The name of the reply's kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Reply::Simple(_) => "simple string",
            Reply::Error(_) => "error",
            Reply::BulkError(_) => "bulk error",
            Reply::Integer(_) => "integer",
            Reply::Double(_) => "double",
            Reply::BigNumber(_) => "big number",
            Reply::Boolean(_) => "boolean",
            Reply::Null => "null",
            Reply::NullBulk => "null bulk",
            Reply::NullArray => "null array",
            Reply::Bulk(_) => "bulk",
            Reply::Verbatim(_) => "verbatim string",
            Reply::Array(_) => "array",
            Reply::Map(_) => "map",
            Reply::Set(_) => "set",
            Reply::Push(_) => "push",
        }
    }

    /// True if a laid out value has this one beside others in a line.
    fn is_filled(&self) -> bool {
        self.items().iter().all(|item| item.items().is_empty())
            && (self.items().is_empty() || self.inline().len() <= SHORT)
    }

    fn brackets(&self) -> (&'static str, char) {
        match self {
            Reply::Map(_) => ("%{", '}'),
            Reply::Set(_) => ("~[", ']'),
            Reply::Push(_) => (">[", ']'),
            _ => ("*[", ']'),
        }
    }

    /// Appends the reply after `key`, which is a map's, or empty.
    fn lay_out(&self, indent: usize, key: &str, lines: &mut Vec<String>) {
        let start = format!("{:indent$}{key}", "");
        let inline = self.inline();
        if start.len() + inline.len() <= WIDTH || self.items().is_empty() {
            lines.push(start + &inline);
            return;
        }
        let (open, close) = self.brackets();
        lines.push(format!("{start}{open}"));
        let indent = indent + 2;
        let mut filled = String::new();
        let end_line = |filled: &mut String, lines: &mut Vec<String>| {
            if !filled.is_empty() {
                lines.push(format!("{:indent$}{filled}", ""));
                filled.clear();
            }
        };
        let step = if matches!(self, Reply::Map(_)) { 2 } else { 1 };
        for group in self.items().chunks(step) {
            let [keys @ .., value] = group else { continue };
            let key: String = keys.iter().map(|key| key.inline() + " ").collect();
            if !value.is_filled() {
                end_line(&mut filled, lines);
                value.lay_out(indent, &key, lines);
                continue;
            }
            let leaf = key + &value.inline();
            if indent + filled.len() + 1 + leaf.len() > WIDTH {
                end_line(&mut filled, lines);
            }
            if !filled.is_empty() {
                filled.push(' ');
            }
            filled.push_str(&leaf);
        }
        end_line(&mut filled, lines);
        lines.push(format!("{:1$}{close}", "", indent - 2));
    }
}

fn quoted(text: &[u8]) -> String {
    format!("\"{}\"", escape(text).replace('"', "\\\""))
}

/// A text, in quotes if it has spaces.
fn word(text: &[u8]) -> String {
    if text.is_empty() || text.contains(&b' ') || text.starts_with(b"\"") {
        quoted(text)
    } else {
        escape(text)
    }
}

/// A text that goes to the end of a line. No line ends in a space: editors take those away.
fn to_line_end(text: &[u8]) -> String {
    if text.ends_with(b" ") || text.starts_with(b"\"") { quoted(text) } else { escape(text) }
}

/// The values of `text`, each of which begins on a line of its own.
pub(crate) fn values_of_lines(text: &str) -> Result<Vec<Reply>, String> {
    let mut reader = Reader { rest: text };
    let mut values = Vec::new();
    while !reader.rest.trim().is_empty() {
        values.push(reader.value(Place::OwnLine)?);
        let (line, rest) = reader.rest.split_once('\n').unwrap_or((reader.rest, ""));
        if !line.trim().is_empty() {
            return Err(format!("`{line}` follows a value"));
        }
        reader.rest = rest;
    }
    Ok(values)
}

/// The values of `text`, side by side.
pub(crate) fn values_of_row(text: &str) -> Result<Vec<Reply>, String> {
    Reader { rest: text }.values_until(None)
}

/// The context of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    OwnLine,
    Inside,
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn value(&mut self, place: Place) -> Result<Reply, String> {
        self.rest = self.rest.trim_start();
        for (open, close) in [("*[", ']'), ("~[", ']'), (">[", ']'), ("%{", '}')] {
            if let Some(rest) = self.rest.strip_prefix(open) {
                self.rest = rest;
                let items = self.values_until(Some(close))?;
                return match open {
                    "*[" => Ok(Reply::Array(items)),
                    "~[" => Ok(Reply::Set(items)),
                    ">[" => Ok(Reply::Push(items)),
                    _ if items.len() % 2 == 0 => Ok(Reply::Map(items)),
                    _ => Err("a map's last key has no value".to_owned()),
                };
            }
        }
        let mut characters = self.rest.chars();
        let kind = characters.next().ok_or("a value is missing")?;
        if kind == '"' {
            return self.quoted().map(Reply::Bulk);
        }
        let after = characters.as_str();
        if ["+", "-", "!", "="].iter().any(|mark| self.rest.starts_with(mark)) && after.starts_with('"') {
            self.rest = after;
            let text = self.quoted()?;
            return Ok(match kind {
                '+' => Reply::Simple(text),
                '-' => Reply::Error(text),
                '!' => Reply::BulkError(text),
                _ => Reply::Verbatim(text),
            });
        }
        let to_line_end = place == Place::OwnLine && matches!(kind, '+' | '-');
        let ends = |c: char| if to_line_end { c == '\n' } else { c.is_ascii_whitespace() };
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (found, rest) = self.rest.split_at(end);
        self.rest = rest;
        let text = || unescape(&found[1..]);
        match (found, kind) {
            ("nil", _) => Ok(Reply::NullBulk),
            ("*nil", _) => Ok(Reply::NullArray),
            ("_", _) => Ok(Reply::Null),
            ("#t", _) => Ok(Reply::Boolean(true)),
            ("#f", _) => Ok(Reply::Boolean(false)),
            (_, '+') => Ok(Reply::Simple(text())),
            (_, '-') => Ok(Reply::Error(text())),
            (_, ',') => Ok(Reply::Double(text())),
            (_, '(') => Ok(Reply::BigNumber(text())),
            (_, ':') => {
                found[1..].parse().map(Reply::Integer).map_err(|_| format!("`{found}` is no integer"))
            }
            _ => Err(format!("`{found}` is no value")),
        }
    }

    /// The values up to `close`, or to the end of the text.
    fn values_until(&mut self, close: Option<char>) -> Result<Vec<Reply>, String> {
        let mut values = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            match close {
                Some(close) if self.rest.starts_with(close) => {
                    self.rest = &self.rest[1..];
                    return Ok(values);
                }
                Some(close) if self.rest.is_empty() => return Err(format!("`{close}` is missing")),
                None if self.rest.is_empty() => return Ok(values),
                _ => values.push(self.value(Place::Inside)?),
            }
        }
    }

    /// A text in quotes.
    fn quoted(&mut self) -> Result<Vec<u8>, String> {
        let text = &self.rest[1..];
        let bytes = text.as_bytes();
        let mut end = 0;
        while bytes.get(end).is_some_and(|&byte| byte != b'"') {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        if end >= bytes.len() {
            return Err("unbalanced quotes".to_owned());
        }
        self.rest = &text[end + 1..];
        Ok(unescape(&text[..end]))
    }
}
