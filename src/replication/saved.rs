//! The history on disk, so that a server goes on after a restart where it was.
//!
//! The file is written when a server ends in order, and a start takes it away before it writes anything else. It says which data
//! it belongs to: the last record of the journal, or the checksum of the dump file. If a start finds other data, the file counts
//! for nothing.
//!
//! So there is no such file after the process was killed. Then a master begins a new history, and its replicas get all data
//! again; a replica asks its master for all data. It cannot be otherwise for a master: the offset counts bytes that no file has,
//! and what its replicas have may be more than its journal has.

use super::history::{EarlierHistory, History};
use super::id::ReplicationId;
use crate::machine::durable::{parent_of, sync_directory};
use crate::rdb::replace_file;
use crate::store::Seq;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The name of the file in the server's directory.
pub const FILE_NAME: &str = "replication.history";

/// The first line of the file.
const TITLE: &str = "rankd replication history 1";

/// Most bytes of the file that are read.
const MOST_BYTES: u64 = 4096;

/// What a server was when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedAs {
    /// A master.
    Master,
    /// A replica, whose master had this database selected in its stream.
    Replica {
        /// The database.
        selected: u32,
    },
}

/// The data that a history belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedData {
    /// Those of the journal whose last record this is.
    Journal(Seq),
    /// Those of the dump file with this checksum.
    Dump(u64),
}

impl SavedData {
    /// The dump file at `path`.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn of_dump(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-8))?;
        let mut checksum = [0; 8];
        file.read_exact(&mut checksum)?;
        Ok(Self::Dump(u64::from_le_bytes(checksum)))
    }
}

/// A history with all that a start must know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedHistory {
    /// The history.
    pub history: History,
    /// What the server was.
    pub ended_as: EndedAs,
    /// The data that it had.
    pub data: SavedData,
    /// Whether its stream had commands for rankd.
    pub is_exact: bool,
}

impl SavedHistory {
    /// Writes the file at `path`. It is durable when this returns.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        replace_file(path, |mut file| file.write_all(self.text().as_bytes()))
    }

    /// Reads the file at `path` and removes it. `None` if there is none, or one that cannot be understood.
    ///
    /// # Errors
    /// Those of the file system. The file may be there still, so nothing must be written then.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let mut text = String::new();
        let read = match File::open(path) {
            Ok(file) => file.take(MOST_BYTES).read_to_string(&mut text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        fs::remove_file(path)?;
        sync_directory(parent_of(path))?;
        let saved = read.ok().and_then(|_| Self::parse(&text));
        if saved.is_none() {
            tracing::warn!(file = %path.display(), "this is not a replication history; it is ignored");
        }
        Ok(saved)
    }

    fn text(&self) -> String {
        let History { id, earlier, offset } = self.history;
        let exact = if self.is_exact { "exact\n" } else { "" };
        let mut text = format!("{TITLE}\nid {id}\noffset {offset}\n{exact}");
        if let Some(EarlierHistory { id, end }) = earlier {
            // Writing to a string does not fail.
            let _ = writeln!(text, "earlier {id} {end}");
        }
        let _ = match self.ended_as {
            EndedAs::Master => writeln!(text, "master"),
            EndedAs::Replica { selected } => writeln!(text, "replica {selected}"),
        };
        let _ = match self.data {
            SavedData::Journal(seq) => writeln!(text, "journal {}", seq.0),
            SavedData::Dump(checksum) => writeln!(text, "dump {checksum:016x}"),
        };
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return None;
        }
        let (mut id, mut offset, mut earlier, mut ended_as, mut data) = (None, None, None, None, None);
        let mut is_exact = false;
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["id", text] => id = Some(ReplicationId::parse(text.as_bytes())?),
                ["offset", number] => offset = Some(number.parse().ok()?),
                ["earlier", text, end] => {
                    let id = ReplicationId::parse(text.as_bytes())?;
                    earlier = Some(EarlierHistory { id, end: end.parse().ok()? });
                }
                ["exact"] => is_exact = true,
                ["master"] => ended_as = Some(EndedAs::Master),
                ["replica", selected] => {
                    ended_as = Some(EndedAs::Replica { selected: selected.parse().ok()? });
                }
                ["journal", seq] => data = Some(SavedData::Journal(Seq(seq.parse().ok()?))),
                ["dump", checksum] => data = Some(SavedData::Dump(u64::from_str_radix(checksum, 16).ok()?)),
                _ => return None,
            }
        }
        // An offset is counted on from here.
        let offset = offset.filter(|offset| *offset < u64::MAX / 2)?;
        let history = History { id: id?, earlier, offset };
        Some(Self { history, ended_as: ended_as?, data: data?, is_exact })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    #[test]
    fn a_history_is_read_once_and_anything_else_counts_for_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        let mut chance = Chance::seeded(1);
        let mut id = || ReplicationId::random(&mut chance);
        let earlier = Some(EarlierHistory { id: id(), end: 11 });
        let whole = SavedHistory {
            history: History { id: id(), earlier, offset: 77 },
            ended_as: EndedAs::Replica { selected: 3 },
            data: SavedData::Journal(Seq(9)),
            is_exact: true,
        };
        let other = SavedHistory {
            history: History::begun(id()),
            ended_as: EndedAs::Master,
            data: SavedData::Dump(0x00ff_0000_1234_5678),
            is_exact: false,
        };
        for saved in [whole, other] {
            saved.write(&path).unwrap();
            assert_eq!(SavedHistory::take(&path).unwrap(), Some(saved));
            assert_eq!(SavedHistory::take(&path).unwrap(), None);
        }
        let text = whole.text();
        for end in 0..text.len() {
            let cut = SavedHistory::parse(&text[..end]);
            assert!(cut.is_none_or(|cut| cut.history == whole.history), "cut at {end}");
        }
        for (from, to) in
            [("offset 77", "offset -1"), ("offset 77", "offset 18446744073709551615"), ("id ", "id x")]
        {
            fs::write(&path, text.replace(from, to)).unwrap();
            assert_eq!(SavedHistory::take(&path).unwrap(), None, "{to}");
            assert!(!path.exists());
        }
    }
}
