//! Why a script ended without a result.

use super::stack::{Stack, ValueType};
use std::ffi::c_int;

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

    /// The failure of the last value, which the interpreter's error handler has returned: a table of the error, the name of its
    /// source and its line.
    pub(super) fn of_raised(stack: &mut Stack<'_>) -> Self {
        let raised = stack.len();
        if stack.type_at(raised) != ValueType::Table {
            // There was no memory for the handler.
            return Self::Broken(text_at(stack, raised).unwrap_or("the interpreter has failed".into()));
        }
        stack.reserve(5);
        stack.push_element(raised, 2);
        stack.push_element(raised, 3);
        let place = match (text_at(stack, raised + 1), stack.number_at(raised + 2)) {
            (Some(source), Some(line)) if line >= 0.0 => Some((format!("@{source}"), line as usize)),
            _ => None,
        };
        let (text, is_counted) = match stack.push_element(raised, 1) {
            ValueType::Table => {
                stack.push_field(raised + 3, c"err");
                stack.push_field(raised + 3, c"ignore_error_stats_update");
                match stack.bytes_at(raised + 4) {
                    Some(text) => (text.to_vec(), stack.is_true_at(raised + 5)),
                    None => (b"ERR unknown error".to_vec(), false),
                }
            }
            _ => (named_as_in_redis(stack.bytes_at(raised + 3).unwrap_or_default()), false),
        };
        Self::Raised { text, place, is_counted }
    }
}

fn text_at(stack: &Stack<'_>, at: c_int) -> Option<String> {
    stack.bytes_at(at).map(|text| String::from_utf8_lossy(text).into_owned())
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
