//! What is wrong with a file, and where.

use std::fmt;
use std::io;

/// Why a file or a DUMP could not be read.
#[derive(Debug)]
pub struct Error {
    /// How many bytes had been read.
    pub offset: u64,
    /// What came then.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug)]
pub enum Problem {
    /// The bytes could not be got.
    Io(io::Error),
    /// They end in the middle of something.
    Truncated,
    /// They do not begin as an RDB file does.
    NotRdb,
    /// They are of a version that is not known here.
    UnknownVersion(String),
    /// They make no sense; says what does not.
    Malformed(&'static str),
    /// No opcode has this number.
    UnknownOpcode(u8),
    /// No type of values has this number.
    UnknownType {
        /// The number.
        number: u8,
        /// The key with such a value.
        key: Vec<u8>,
    },
    /// The checksum at the end is not that of the bytes.
    WrongChecksum,
    /// They make sense, but what they say cannot be taken.
    Refused(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Io(error) => write!(f, "{error}")?,
            Problem::Truncated => f.write_str("it ends in the middle of something")?,
            Problem::NotRdb => return f.write_str("not an RDB file"),
            Problem::UnknownVersion(version) => {
                return write!(f, "RDB version {version} is not known (1 to 15 and Valkey's 80 are)");
            }
            Problem::Malformed(what) => f.write_str(what)?,
            Problem::UnknownOpcode(number) => write!(f, "no opcode {number} is known")?,
            Problem::UnknownType { number, key } => {
                write!(
                    f,
                    "key \"{}\": no type of values with the number {number} is known",
                    key.escape_ascii()
                )?;
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
