//! `rankd journal check DIR` and `rankd journal dump DIR`: read a journal without a server and without changing it.

use super::error::OpenError;
use super::recovery::{FileRead, Replayed, TornTail, replay};
use super::visit::{Origin, Provenance};
use crate::machine::progress::ReadProgress;
use crate::store::change::position::{FollowedPosition, StreamPlace};
use crate::store::change::sink::Seq;
use crate::store::change::{Change, DatabaseNumbering, Destination, Relocation, What};
use crate::store::{DatabaseIndex, KeyspaceIndex, Word};
use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

/// The contents of a whole journal. Its `Display` is what `rankd journal check` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalReport {
    /// The base, if there is one, then the segments.
    pub files: Vec<FileRead>,
    /// Number of Changes in all records.
    pub changes: u64,
    /// Number of the last record.
    pub last_seq: Seq,
    /// A broken record at the end. The next start cuts it off; or a running server is writing it at this moment.
    pub torn_tail: Option<TornTail>,
}

impl fmt::Display for JournalReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{}: {} records, {} bytes", file.path.display(), file.records, file.bytes)?;
        }
        if let Some(tear) = &self.torn_tail {
            let path = tear.path.display();
            writeln!(f, "{path}: torn tail of {} bytes at offset {}", tear.bytes, tear.offset)?;
        }
        write!(f, "ok: {} changes, last record {}", self.changes, self.last_seq.0)
    }
}

impl JournalReport {
    pub(super) fn of(replayed: Option<Replayed>) -> Self {
        replayed.map_or_else(Self::default, |replayed| Self {
            files: replayed.files,
            changes: replayed.changes,
            last_seq: replayed.last_seq,
            torn_tail: replayed.torn_tail,
        })
    }
}

/// Why a dump stopped.
#[derive(Debug)]
pub enum DumpError {
    /// The journal is damaged from here on.
    Journal(OpenError),
    /// The output could not be written.
    Output(io::Error),
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Output(error) => write!(f, "output: {error}"),
        }
    }
}

impl std::error::Error for DumpError {}

/// Reads the whole journal as a start would. A directory without a journal gives an empty report.
///
/// # Errors
/// The errors that would stop a start.
pub fn check(directory: &Path, progress: &ReadProgress) -> Result<JournalReport, OpenError> {
    replay(directory, progress, &mut |_, _, _| Ok(())).map(JournalReport::of)
}

/// Prints every Change, one line for each element: time, record number (`base` for a base's), operation, database,
/// then key, member and score as they apply. Strings are quoted as redis-cli quotes them, so a line is always one
/// line.
///
/// # Errors
/// The errors that would stop a start, after everything before the damage has been printed; or an error of the
/// output.
pub fn dump(
    directory: &Path,
    out: &mut impl Write,
    progress: &ReadProgress,
) -> Result<JournalReport, DumpError> {
    let mut lines = Lines { out, line: Vec::new(), numbering: DatabaseNumbering::default(), outcome: Ok(()) };
    let replayed = replay(directory, progress, &mut |provenance, change, _| {
        lines.print(provenance, change);
        // An error of the output ends the reading, and is the error that is returned.
        lines.outcome.as_ref().map(|&()| ()).map_err(ToString::to_string)
    });
    lines.outcome.and_then(|()| lines.out.flush()).map_err(DumpError::Output)?;
    replayed.map(JournalReport::of).map_err(DumpError::Journal)
}

struct Lines<'a, W> {
    out: &'a mut W,
    line: Vec<u8>,
    /// Which keyspace each database has so far.
    numbering: DatabaseNumbering,
    /// The first error; nothing is printed after it.
    outcome: io::Result<()>,
}

impl<W: Write> Lines<'_, W> {
    fn print(&mut self, provenance: Provenance, change: &Change<'_>) {
        match *change {
            // Printed when its segment is read.
            _ if matches!(provenance.origin, Origin::Ahead(_)) => {}
            Change::Key { keyspace, key, what: What::Value(change) } => {
                change.lines(&mut |operation, words| {
                    let line = self.begin(provenance, operation).of(keyspace).quoted(key);
                    words.iter().fold(line, |line, &word| line.operand(word)).end();
                });
            }
            Change::Key { keyspace, key, what: What::Expiry(expire_at_ms) } => {
                self.begin(provenance, "set-expiry").of(keyspace).quoted(key).expiry(expire_at_ms).end();
            }
            Change::Key { keyspace, key, what: What::Dropped } => {
                self.begin(provenance, "drop-key").of(keyspace).quoted(key).end();
            }
            Change::Relocated(Relocation { keyspace, key, to }) => match to {
                Destination::Name(name) => {
                    self.begin(provenance, "rename").of(keyspace).quoted(key).quoted(name).end();
                }
                Destination::Keyspace(to) => {
                    self.begin(provenance, "move").of(keyspace).quoted(key).of(to).end();
                }
            },
            Change::FlushDatabase(keyspace) => self.begin(provenance, "flush-database").of(keyspace).end(),
            Change::FlushAll => self.begin(provenance, "flush-all").end(),
            Change::Numbered(numbering) => {
                let mut numbers = std::mem::take(&mut self.numbering);
                let Ok(()) =
                    numbers.become_like(&numbering.decoded(), |one, other| -> Result<(), Infallible> {
                        self.begin(provenance, "swap-databases").db(one).db(other).end();
                        Ok(())
                    });
                self.numbering = numbers;
            }
            Change::Templated(template) => {
                let pattern = [template.prefix(), b"*"].concat();
                let policy = template.policy().map_or_else(|| "none".to_owned(), |policy| policy.to_string());
                self.begin(provenance, "template").quoted(&pattern).quoted(policy.as_bytes()).end();
            }
            Change::Library { name, text: Some(text) } => {
                self.begin(provenance, "library").quoted(name).quoted(text).end();
            }
            Change::Library { name, text: None } => {
                self.begin(provenance, "drop-library").quoted(name).end();
            }
            Change::Follows(None) => self.begin(provenance, "follows-none").end(),
            Change::Follows(Some(FollowedPosition { history, reached })) => {
                let history = String::from_utf8_lossy(&history).into_owned();
                self.begin(provenance, "follows").word(&history).place(reached).end();
            }
            Change::Reached(place) => self.begin(provenance, "reached").place(place).end(),
            // The rest of the command is printed with the number of the record that it is in.
            Change::Continued => {}
        }
    }

    fn operand(&mut self, word: Word<'_>) -> &mut Self {
        match word {
            Word::Bytes(bytes) => self.quoted(bytes),
            Word::Score(score) => self.word(&score.to_string()),
            Word::Number(number) => self.word(&number.to_string()),
            Word::Expiry(expire_at_ms) => self.expiry(expire_at_ms),
        }
    }

    fn begin(&mut self, provenance: Provenance, operation: &str) -> &mut Self {
        self.line.clear();
        self.line.extend_from_slice(utc(provenance.unix_ms).as_bytes());
        let origin = match provenance.origin {
            Origin::Base => "base".to_owned(),
            Origin::Ahead(seq) | Origin::Record(seq) => seq.0.to_string(),
        };
        self.word(&origin).word(operation)
    }

    fn word(&mut self, word: &str) -> &mut Self {
        self.line.push(b' ');
        self.line.extend_from_slice(word.as_bytes());
        self
    }

    /// The database that has this keyspace.
    fn of(&mut self, keyspace: KeyspaceIndex) -> &mut Self {
        self.db(self.numbering.database_of(keyspace))
    }

    fn db(&mut self, database: DatabaseIndex) -> &mut Self {
        self.word(&format!("db{database}"))
    }

    fn place(&mut self, StreamPlace { offset, database }: StreamPlace) -> &mut Self {
        self.word(&offset.to_string()).db(database)
    }

    fn quoted(&mut self, bytes: &[u8]) -> &mut Self {
        self.line.extend_from_slice(b" \"");
        for &byte in bytes {
            match byte {
                b'"' | b'\\' => self.line.extend_from_slice(&[b'\\', byte]),
                b'\n' => self.line.extend_from_slice(b"\\n"),
                b'\r' => self.line.extend_from_slice(b"\\r"),
                b'\t' => self.line.extend_from_slice(b"\\t"),
                0x07 => self.line.extend_from_slice(b"\\a"),
                0x08 => self.line.extend_from_slice(b"\\b"),
                b' '..=b'~' => self.line.push(byte),
                _ => self.line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            }
        }
        self.line.push(b'"');
        self
    }

    fn expiry(&mut self, expire_at_ms: Option<u64>) -> &mut Self {
        match expire_at_ms {
            Some(at_ms) => self.word("expires").word(&utc(at_ms)),
            None => self.word("never-expires"),
        }
    }

    fn end(&mut self) {
        if self.outcome.is_ok() {
            self.line.push(b'\n');
            self.outcome = self.out.write_all(&self.line);
        }
    }
}

/// `2026-11-22T06:43:44.123Z`.
pub(super) fn utc(unix_ms: u64) -> String {
    let (ms, seconds) = (unix_ms % 1000, unix_ms / 1000);
    let (second, minute, hour) = (seconds % 60, seconds / 60 % 60, seconds / 3600 % 24);
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Year, month and day of a day after 1970-01-01, counting in 400-year eras of years that begin in March, so that
/// the leap day is a year's last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(unix_day: u64) -> (u64, u64, u64) {
    let day = unix_day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_converted_to_dates() {
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(951_782_400_123), "2000-02-29T00:00:00.123Z");
        assert_eq!(utc(1_763_793_824_007), "2025-11-22T06:43:44.007Z");
        assert_eq!(utc(4_107_542_399_999), "2100-02-28T23:59:59.999Z");
        assert_eq!(utc(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }
}
