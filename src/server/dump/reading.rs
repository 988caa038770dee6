//! Reading the dump file, with its progress.

use crate::machine::progress::ReadProgress;
use crate::rdb::{LoadTally, RdbReader};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads the dump file at `path` with `reader`. Returns `None` if there is no such file.
pub(super) fn load(
    path: &Path,
    mut reader: RdbReader<'_>,
    progress: &ReadProgress,
) -> Result<Option<LoadTally>, String> {
    let at_path = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| at_path(&error))?,
    };
    progress.expect(file.metadata().map_err(|error| at_path(&error))?.len());
    reader.file(CountingRead { read: file, bytes: 0, progress }).map_err(|error| at_path(&error))?;
    Ok(Some(reader.tally().clone()))
}

/// A reader that reports its position to `progress`.
struct CountingRead<'p, R> {
    read: R,
    bytes: u64,
    progress: &'p ReadProgress,
}

impl<R: Read> Read for CountingRead<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read.read(buffer)?;
        self.bytes += read as u64;
        self.progress.advance(self.bytes);
        Ok(read)
    }
}
