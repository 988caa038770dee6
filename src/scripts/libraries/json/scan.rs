//! JSON text to tokens. A token has no value of Lua yet, so that nothing here needs the interpreter.

use crate::text::c_number;

/// What a token is. The names that errors give them are those of lua-cjson.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum JsonKind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// A string, which [`JsonScanner::string`] has.
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    /// None, and why.
    Invalid(&'static str),
}

impl JsonKind {
    /// The name of the token in errors.
    pub(super) fn name(self) -> &'static str {
        match self {
            JsonKind::ObjectBegin => "T_OBJ_BEGIN",
            JsonKind::ObjectEnd => "T_OBJ_END",
            JsonKind::ArrayBegin => "T_ARR_BEGIN",
            JsonKind::ArrayEnd => "T_ARR_END",
            JsonKind::String => "T_STRING",
            JsonKind::Number(_) => "T_NUMBER",
            JsonKind::Boolean(_) => "T_BOOLEAN",
            JsonKind::Null => "T_NULL",
            JsonKind::Colon => "T_COLON",
            JsonKind::Comma => "T_COMMA",
            JsonKind::End => "T_END",
            JsonKind::Invalid(why) => why,
        }
    }
}

/// A token and the offset of its first byte; of an invalid one, the offset of what is wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct JsonToken {
    pub(super) kind: JsonKind,
    pub(super) at: usize,
}

/// Reads tokens. A zero byte ends the text.
pub(super) struct JsonScanner<'a> {
    text: &'a [u8],
    at: usize,
    accepts_invalid_numbers: bool,
    string: Vec<u8>,
}

const INVALID_TOKEN: JsonKind = JsonKind::Invalid("invalid token");

impl<'a> JsonScanner<'a> {
    pub(super) fn new(text: &'a [u8], accepts_invalid_numbers: bool) -> Self {
        Self { text, at: 0, accepts_invalid_numbers, string: Vec::new() }
    }

    /// How many bytes have been read.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The content of the last token that was a string.
    pub(super) fn string(&self) -> &[u8] {
        &self.string
    }

    /// The next token. O(its bytes).
    pub(super) fn next(&mut self) -> JsonToken {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
        let at = self.at;
        let single = match self.byte(at) {
            b'{' => JsonKind::ObjectBegin,
            b'}' => JsonKind::ObjectEnd,
            b'[' => JsonKind::ArrayBegin,
            b']' => JsonKind::ArrayEnd,
            b':' => JsonKind::Colon,
            b',' => JsonKind::Comma,
            0 => return JsonToken { kind: JsonKind::End, at },
            b'"' => return self.read_string(),
            b'-' | b'0'..=b'9' => return JsonToken { kind: self.number(), at },
            _ => return JsonToken { kind: self.word(), at },
        };
        self.at += 1;
        JsonToken { kind: single, at }
    }

    /// The byte at an offset; 0 behind the end.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn word(&mut self) -> JsonKind {
        let rest = &self.text[self.at..];
        for (word, kind) in [
            (b"true".as_slice(), JsonKind::Boolean(true)),
            (b"false", JsonKind::Boolean(false)),
            (b"null", JsonKind::Null),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                return kind;
            }
        }
        let begins_number = match rest.first() {
            Some(b'+') => true,
            Some(b'i' | b'I' | b'n' | b'N') => is_foreign_number(rest),
            _ => false,
        };
        if self.accepts_invalid_numbers && begins_number { self.any_number() } else { INVALID_TOKEN }
    }

    fn number(&mut self) -> JsonKind {
        if !self.accepts_invalid_numbers && is_foreign_number(&self.text[self.at..]) {
            return JsonKind::Invalid("invalid number");
        }
        self.any_number()
    }

    fn any_number(&mut self) -> JsonKind {
        match c_number::leading_number(&self.text[self.at..]) {
            Some((number, len)) => {
                self.at += len;
                JsonKind::Number(number)
            }
            None => JsonKind::Invalid("invalid number"),
        }
    }

    fn read_string(&mut self) -> JsonToken {
        let start = self.at;
        self.string.clear();
        let mut at = start + 1;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0)).unwrap_or(rest.len());
            self.string.extend_from_slice(&rest[..plain]);
            at += plain;
            match self.byte(at) {
                b'"' => {
                    self.at = at + 1;
                    return JsonToken { kind: JsonKind::String, at: start };
                }
                b'\\' => match self.escape(at + 1) {
                    Ok(len) => at += 1 + len,
                    Err(why) => return JsonToken { kind: JsonKind::Invalid(why), at },
                },
                _ => return JsonToken { kind: JsonKind::Invalid("unexpected end of string"), at },
            }
        }
    }

    /// Appends what stands for the escape at `at`, behind its backslash, and returns the escape's length.
    fn escape(&mut self, at: usize) -> Result<usize, &'static str> {
        let byte = match self.byte(at) {
            b'u' => {
                let (character, len) = self.unicode(at).ok_or("invalid unicode escape code")?;
                self.string.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(len);
            }
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return Err("invalid escape code"),
        };
        self.string.push(byte);
        Ok(1)
    }

    /// The character of `uXXXX`, or of two such escapes for one beyond 16 bits, and its length.
    fn unicode(&self, at: usize) -> Option<(char, usize)> {
        let first = self.hexadecimal(at + 1)?;
        if let Some(character) = char::from_u32(first) {
            return Some((character, 5));
        }
        if first & 0x400 != 0 || self.byte(at + 5) != b'\\' || self.byte(at + 6) != b'u' {
            return None;
        }
        let second = self.hexadecimal(at + 7)?;
        if second & 0xfc00 != 0xdc00 {
            return None;
        }
        let character = char::from_u32(0x10000 + ((first & 0x3ff) << 10 | second & 0x3ff))?;
        Some((character, 11))
    }

    fn hexadecimal(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
    }
}

/// Whether this begins a number that C has and JSON has not: with a plus, hexadecimal, with leading zeros, `inf`, `nan`.
fn is_foreign_number(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    match unsigned {
        [b'0', second, ..] => matches!(second, b'x' | b'X' | b'0'..=b'9'),
        [b'i' | b'I' | b'n' | b'N', ..] => {
            let word = unsigned.get(..3).unwrap_or_default();
            word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
        }
        _ => text.starts_with(b"+"),
    }
}
