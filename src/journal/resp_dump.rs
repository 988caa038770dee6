//! `rankd journal dump --resp DIR`: prints what a start would load, as commands that any Redis accepts.
//!
//! It prints the final contents and not the history. The history sets expiries that have passed since: a server that
//! replayed it would remove such a key and lose what came later.

use super::error::OpenError;
use super::offline::{DumpError, JournalReport};
use super::recovery::replay;
use super::visit::Provenance;
use crate::limits;
use crate::machine::clock::Clock;
use crate::machine::progress::ReadProgress;
use crate::store::change::speller::Speller;
use crate::store::change::{Change, ChangeBuffer, decode};
use crate::store::{DatabaseIndex, Loader, SHARDS, Store};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Prints the journal's final contents in RESP (`redis-cli --pipe` sends it): SELECT, ZADD, SADD, SET and PEXPIREAT.
/// Uses as much memory as a server.
///
/// # Errors
/// The errors that would stop a start, before anything is printed; or an error of the output.
pub fn dump_resp(
    directory: &Path,
    out: &mut impl Write,
    progress: &ReadProgress,
) -> Result<JournalReport, DumpError> {
    let store = Arc::new(Store::new(SHARDS, limits::DATABASES as DatabaseIndex, 0, Clock::system()));
    let mut loader = Loader::new(&store).map_err(OpenError::io(directory)).map_err(DumpError::Journal)?;
    let mut load = |provenance: Provenance, change: &Change<'_>, encoded: &[u8]| {
        provenance.load(&mut loader, change, encoded)
    };
    let replayed = replay(directory, progress, &mut load).map_err(DumpError::Journal)?;
    loader.finish();
    let mut speller = Speller::numbered(store.numbering());
    let mut send = |words: &[&[u8]]| command(out, words);
    let mut records = ChangeBuffer::default();
    let mut walk = store.snapshot();
    while walk.step(&mut records) {
        for mut body in records.records() {
            while !body.is_empty() {
                let change = decode(&mut body).expect("written just now");
                speller.spell(&change, &mut send).map_err(DumpError::Output)?;
            }
        }
        records.clear();
    }
    out.flush().map_err(DumpError::Output)?;
    Ok(JournalReport::of(replayed))
}

fn command(out: &mut impl Write, words: &[&[u8]]) -> io::Result<()> {
    write!(out, "*{}\r\n", words.len())?;
    for word in words {
        write!(out, "${}\r\n", word.len())?;
        out.write_all(word)?;
        out.write_all(b"\r\n")?;
    }
    Ok(())
}
