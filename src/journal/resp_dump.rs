//! `rankd journal dump --resp DIR`: what a start would find, as commands that any Redis takes.
//!
//! The last state and not the way there: the journal's history has keys that were gone in between, and an expiry in
//! the past would make a server that replays it drop what came later.

use super::error::OpenError;
use super::offline::{DumpError, Report};
use super::progress::Progress;
use super::recovery::{Place, replay};
use crate::limits;
use crate::machine::clock::Clock;
use crate::store::change::speller::Speller;
use crate::store::change::{Change, ChangeBuffer, decode};
use crate::store::{DatabaseIndex, Loader, Store};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Shards of the store that is loaded: as many as a server has.
const SHARDS: usize = 64;

/// Prints the journal's last state in RESP (`redis-cli --pipe` sends it): SELECT, ZADD, SADD, SET and PEXPIREAT. Takes
/// the memory that a server takes.
///
/// # Errors
/// What would stop the start, before anything has been printed; or an output that takes no more.
pub fn dump_resp(directory: &Path, out: &mut impl Write, progress: &Progress) -> Result<Report, DumpError> {
    let store = Arc::new(Store::new(SHARDS, limits::DATABASES as DatabaseIndex, 0, Clock::system()));
    let mut loader = Loader::new(&store).map_err(OpenError::io(directory)).map_err(DumpError::Journal)?;
    let mut load =
        |place: Place, change: &Change<'_>, encoded: &[u8]| place.load(&mut loader, change, encoded);
    let replayed = replay(directory, progress, &mut load).map_err(DumpError::Journal)?;
    loader.finish();
    let mut speller = Speller::default();
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
    Ok(Report::of(replayed))
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
