//! The first line of a library of functions: `#!lua name=mylib`.

use super::quoting::split_words;
use std::fmt;

/// What the first line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryHead {
    /// The engine, as it is written.
    pub engine: Vec<u8>,
    /// The library's name: letters, digits and underscores.
    pub name: Vec<u8>,
    /// The length of the line without its end.
    pub len: usize,
}

/// Why a text does not begin like a library. The texts are Redis's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LibraryHeadError {
    /// There is no such line.
    Missing,
    /// It does not end, or its quotes do not.
    Unfinished,
    /// It has two names.
    NamedTwice,
    /// It has something else.
    Unknown(Vec<u8>),
    /// It has no name.
    Nameless,
    /// The name has other characters, or none.
    BadName,
}

impl fmt::Display for LibraryHeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("Missing library metadata"),
            Self::Unfinished => f.write_str("Invalid library metadata"),
            Self::NamedTwice => f.write_str("Invalid metadata value, name argument was given multiple times"),
            Self::Unknown(word) => {
                write!(f, "Invalid metadata value given: {}", String::from_utf8_lossy(word))
            }
            Self::Nameless => f.write_str("Library name was not given"),
            Self::BadName => f.write_str(BAD_NAME),
        }
    }
}

/// The error for the name of a library or of a function.
pub const BAD_NAME: &str = "Library names can only contain letters, numbers, or underscores(_) and must be at least one \
                            character long";

/// Whether `name` may be the name of a library or of a function.
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

impl LibraryHead {
    /// Reads the first line of `text`. O(its length).
    ///
    /// # Errors
    /// See [`LibraryHeadError`].
    pub fn read(text: &[u8]) -> Result<Self, LibraryHeadError> {
        if !text.starts_with(b"#!") {
            return Err(LibraryHeadError::Missing);
        }
        let len = memchr::memchr(b'\n', text).ok_or(LibraryHeadError::Unfinished)?;
        let mut line = text[2..len].to_vec();
        // A blank behind the sign means an engine without a name.
        let mut words = Vec::new();
        if line.first().is_none_or(|first| first.is_ascii_whitespace()) {
            words.push(0..0);
        }
        split_words(&mut line, |word| words.push(word)).map_err(|_| LibraryHeadError::Unfinished)?;
        let mut words = words.into_iter().map(|word| &line[word]);
        let engine = words.next().unwrap_or_default().to_vec();
        let mut name: Option<&[u8]> = None;
        for word in words {
            let (label, value) = word.split_at_checked(5).unwrap_or((word, b""));
            if !label.eq_ignore_ascii_case(b"name=") {
                return Err(LibraryHeadError::Unknown(word.to_vec()));
            }
            if name.replace(value).is_some() {
                return Err(LibraryHeadError::NamedTwice);
            }
        }
        let name = name.ok_or(LibraryHeadError::Nameless)?;
        if !is_name(name) {
            return Err(LibraryHeadError::BadName);
        }
        Ok(Self { engine, name: name.to_vec(), len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_has_an_engine_and_a_name() {
        for (text, engine, name) in [
            ("#!lua name=x\nreturn", "lua", "x"),
            ("#!LUA  name=x_1  \r\n", "LUA", "x_1"),
            ("#!lua\tname=\"x\"\n", "lua", "x"),
            ("#! name=x\n", "", "x"),
            ("#!lua NAME=x\n", "lua", "x"),
        ] {
            let head = LibraryHead::read(text.as_bytes()).unwrap();
            assert_eq!((head.engine.as_slice(), head.name.as_slice()), (engine.as_bytes(), name.as_bytes()));
            assert_eq!(text.as_bytes()[head.len], b'\n');
        }
    }

    #[test]
    fn other_lines_are_refused_as_in_redis() {
        for (text, error) in [
            ("", LibraryHeadError::Missing),
            ("x\n", LibraryHeadError::Missing),
            ("#!lua name=x", LibraryHeadError::Unfinished),
            ("#!lua name=\"x\n", LibraryHeadError::Unfinished),
            ("#!lua\n", LibraryHeadError::Nameless),
            ("#!lua name=\n", LibraryHeadError::BadName),
            ("#!lua name=a-b\n", LibraryHeadError::BadName),
            ("#!lua name=a name=b\n", LibraryHeadError::NamedTwice),
            ("#!lua name=a b\n", LibraryHeadError::Unknown(b"b".to_vec())),
        ] {
            assert_eq!(LibraryHead::read(text.as_bytes()), Err(error), "{text}");
        }
    }
}
