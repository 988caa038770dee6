//! Why a script ended without a result.

use mlua::{Table, Value};

/// Why a script ended without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptFailure {
    /// It raised an error.
    Raised {
        /// The text of the error, which begins with its code.
        text: Vec<u8>,
        /// The line of the script where that happened, with the name of its source, if it is known.
        place: Option<(String, usize)>,
        /// Whether it is the error of a command, which has been counted when the command failed.
        is_counted: bool,
    },
    /// The server has ended it ([`Called::MustEnd`](super::Called::MustEnd)).
    Ended {
        /// As in `Raised`.
        place: Option<(String, usize)>,
    },
    /// It needed more memory than a script may have, or the interpreter is in doubt. Its interpreter is gone.
    Broken(String),
}

impl ScriptFailure {
    /// The text of the error reply: `name` is the script's digest or the function's name. O(n).
    #[must_use]
    pub fn text(&self, name: &str) -> Vec<u8> {
        match self {
            Self::Raised { text, place, .. } => {
                let mut whole = text.clone();
                whole.extend_from_slice(format!(" script: {name}").as_bytes());
                if let Some((source, line)) = place {
                    whole.extend_from_slice(format!(", on {source}:{line}.").as_bytes());
                }
                whole
            }
            Self::Ended { .. } => b"ERR the script was ended".to_vec(),
            Self::Broken(why) => format!("ERR {why} script: {name}").into_bytes(),
        }
    }

    /// Where the script was, as errors have it at their end.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        match self {
            Self::Raised { place: Some((source, line)), .. }
            | Self::Ended { place: Some((source, line)) } => Some(format!(", on {source}:{line}.")),
            _ => None,
        }
    }

    /// The failure of what the interpreter's error handler has returned.
    pub(super) fn of_raised(raised: &Table) -> mlua::Result<Self> {
        let place = match (raised.raw_get::<Value>(2)?, raised.raw_get::<Value>(3)?) {
            (Value::String(source), Value::Integer(line)) => {
                usize::try_from(line).ok().map(|line| (format!("@{}", source.to_string_lossy()), line))
            }
            _ => None,
        };
        let (text, is_counted) = match raised.raw_get(1)? {
            Value::Table(error) => match error.raw_get("err")? {
                Value::String(text) => {
                    (text.as_bytes().to_vec(), error.raw_get("ignore_error_stats_update").unwrap_or(false))
                }
                _ => (b"ERR unknown error".to_vec(), false),
            },
            Value::String(text) => (named_as_in_redis(&text.as_bytes()), false),
            Value::Error(error) => (format!("ERR {}", message_of(&error)).into_bytes(), false),
            other => (format!("ERR {}", other.to_string()?).into_bytes(), false),
        };
        Ok(Self::Raised { text, place, is_counted })
    }
}

/// The text of an error that the interpreter, or the script, has raised with a string. Redis spells one of the interpreter's own
/// with a capital letter.
fn named_as_in_redis(text: &[u8]) -> Vec<u8> {
    const OURS: &[u8] = b"attempt to modify a readonly table";
    let mut named = [b"ERR ".as_slice(), text].concat();
    if let Some(at) = named.len().checked_sub(OURS.len()).filter(|&at| named[at..] == *OURS) {
        named[at] = b'A';
    }
    named
}

/// The message of an error that Rust code has raised, behind the place in the script if it is known.
pub(super) fn message_of(error: &mlua::Error) -> String {
    match error {
        mlua::Error::CallbackError { traceback, cause } => {
            let place = traceback.lines().find_map(|line| {
                let (source, rest) = line.trim().split_once(':')?;
                let number = rest.split(|character: char| !character.is_ascii_digit()).next()?;
                source.starts_with("user_").then(|| format!("{source}:{number}: "))
            });
            format!("{}{}", place.unwrap_or_default(), message_of(cause))
        }
        mlua::Error::RuntimeError(message) => message.clone(),
        mlua::Error::MemoryError(_) => "not enough memory".into(),
        other => other.to_string(),
    }
}
