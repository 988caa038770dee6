//! What FUNCTION DUMP gives: libraries as in a file, then the version of the format and a checksum.

use super::error::{Error, Problem};
use super::payload::{body, with_tail};
use super::source::RdbSource;
use super::{opcode, write};
use std::fmt;

/// The version of these payloads: Redis 7's, the first that has libraries.
const VERSION: u16 = 10;

/// Why the payload of FUNCTION RESTORE cannot be read. The texts are Redis's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionsError {
    /// It does not end with a version that is known and with its own checksum.
    WrongTail,
    /// It has something else than libraries.
    NoFunction,
    /// It has a library in a form that only pre-releases wrote.
    BeforeRelease,
    /// It ends within a library.
    Malformed,
}

impl fmt::Display for FunctionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongTail => "DUMP payload version or checksum are wrong",
            Self::NoFunction => "given type is not a function",
            Self::BeforeRelease => "Pre-GA function format not supported",
            Self::Malformed => "Failed loading library payload",
        })
    }
}

impl std::error::Error for FunctionsError {}

/// The payload of libraries with these texts. O(their bytes).
#[must_use]
pub fn write_libraries<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    texts.into_iter().for_each(|text| write::put_library(&mut out, text));
    with_tail(out, VERSION)
}

/// The texts of the libraries in `payload`. Memory grows with the bytes that are there, whatever they announce.
///
/// # Errors
/// See [`FunctionsError`].
pub fn read_libraries(payload: &[u8]) -> Result<Vec<Vec<u8>>, FunctionsError> {
    let (body, _) = body(payload).ok_or(FunctionsError::WrongTail)?;
    let mut source = RdbSource::new(body);
    let mut texts = Vec::new();
    loop {
        match source.byte() {
            Err(Error { problem: Problem::Truncated, .. }) => return Ok(texts),
            Err(_) => return Err(FunctionsError::Malformed),
            Ok(opcode::FUNCTION) => {
                let mut text = Vec::new();
                source.string(&mut text).map_err(|_| FunctionsError::Malformed)?;
                texts.push(text);
            }
            Ok(opcode::FUNCTION_BEFORE_RELEASE) => return Err(FunctionsError::BeforeRelease),
            Ok(_) => return Err(FunctionsError::NoFunction),
        }
    }
}
