//! The errors of reading: what is wrong with the bytes, and where.

use std::fmt;
use std::io;

/// Why a file or a DUMP could not be read.
#[derive(Debug)]
pub struct Error {
    /// The number of bytes that had been read.
    pub offset: u64,
    /// What is wrong there.
    pub problem: Problem,
}

/// The kinds of problem with the bytes.
#[derive(Debug)]
pub enum Problem {
    /// Reading the bytes failed.
    Io(io::Error),
    /// They end in the middle of something.
    Truncated,
    /// They do not begin as an RDB file does.
    NotRdb,
    /// Their version is not known.
    UnknownVersion(String),
    /// They are malformed, as this says.
    Malformed(&'static str),
    /// No opcode has this number.
    UnknownOpcode(u8),
    /// No value type has this number.
    UnknownType {
        /// The number of the type.
        number: u8,
        /// The key with this value.
        key: Vec<u8>,
    },
    /// The checksum at the end is not that of the bytes.
    WrongChecksum,
    /// They are well formed, but the store refuses them.
    Refused(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Io(error) => write!(f, "{error}")?,
            Problem::Truncated => f.write_str("it ends too early")?,
            Problem::NotRdb => return f.write_str("not an RDB file"),
            Problem::UnknownVersion(version) => {
                return write!(f, "RDB version {version} is not known (1 to 15 and Valkey's 80 are)");
            }
            Problem::Malformed(what) => f.write_str(what)?,
            Problem::UnknownOpcode(number) => write!(f, "opcode {number} is not known")?,
            Problem::UnknownType { number, key } => {
                write!(f, "key \"{}\": value type {number} is not known", key.escape_ascii())?;
            }
            Problem::WrongChecksum => f.write_str("the checksum is wrong: the file is damaged")?,
            Problem::Refused(why) => f.write_str(why)?,
        }
        write!(f, ", at byte {}", self.offset)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Io(error) => Some(error),
            _ => None,
        }
    }
}
