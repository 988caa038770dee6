//! A full sync: the master's file is read into a store beside the one that is served, and takes its place when all of it has
//! come and is sound. Until then the old data are served, and a restart finds them. The file is a dump file, or the base of a
//! rankd.

use super::context::LinkContext;
use super::error::LinkError;
use super::socket::MasterSocket;

use crate::journal;
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::rdb::{LoadTally, RdbReader};
use crate::replication::ReplicationId;
use crate::replication::upstream::lines::LineReader;
use crate::replication::upstream::payload::{Framing, NoPayload, PayloadReader};
use crate::replication::upstream::state::LinkPhase;
use crate::store::change::position::{FollowedPosition, StreamPlace};
use crate::store::{DatabaseIndex, Shards, Store};
use std::fmt::Display;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes that tell a base from a dump file.
const FIRST_BYTES: u64 = 8;

/// Bytes between two notes of the progress.
const NOTED_BYTES: u64 = 1024 * 1024;

impl LinkContext {
    /// Reads all data of the master and serves them. Returns the database that is selected in the stream behind the file, and the
    /// bytes that have come of it.
    pub(super) fn sync_fully(
        &self,
        socket: &mut MasterSocket<'_>,
        turn: u64,
        id: ReplicationId,
        offset: u64,
        lines: LineReader,
    ) -> Result<(DatabaseIndex, Vec<u8>), LinkError> {
        let (framing, head) = self.read_framing(socket, lines)?;
        self.host.upstream.note(turn, |status| {
            status.phase = LinkPhase::Syncing;
            status.sync.total_bytes = framing.length();
            status.sync.read_bytes = 0;
        });
        let started_ms = self.host.clock.now_ms();
        let fresh = Arc::new(self.host.store.sibling());
        let mut file =
            PayloadReader::new(Noting { socket, link: self, turn, bytes: 0, noted: 0 }, framing, head);
        let mut first = Vec::new();
        file.by_ref().take(FIRST_BYTES).read_to_end(&mut first)?;
        let is_base = journal::is_base(&first);
        let mut whole = first.chain(&mut file);
        let (tally, behind) = if is_base {
            (self.read_base(&mut whole, &fresh, turn, id, offset)?, 0)
        } else {
            let mut reader = RdbReader::new(&fresh);
            let rest = reader.file(&mut whole);
            let behind =
                io::copy(&mut rest.map_err(|error| self.unreadable(turn, &error))?, &mut io::sink())?;
            (reader.tally().clone(), behind)
        };
        if behind > 0 || !file.is_complete() {
            return Err(LinkError::Failed(format!("{behind} bytes of something else follow the data")));
        }
        if let Some(miscount) = tally.miscount {
            return Err(LinkError::Failed(format!("its data are not complete: {miscount}")));
        }
        let rest = file.into_rest();
        let database = tally.selected.unwrap_or(0);
        if database >= fresh.databases() {
            return Err(LinkError::Failed(format!(
                "its stream is about database {database}, which is not here"
            )));
        }
        let whole_at = tally.whole_at.unwrap_or(offset);
        self.adopt(&fresh, turn, id, StreamPlace { offset, database }, whole_at)?;
        self.report(&tally, turn, &self.host.clock, started_ms);
        Ok((database, rest))
    }

    /// Reads the base of a rankd.
    fn read_base(
        &self,
        base: impl Read,
        fresh: &Arc<Store>,
        turn: u64,
        id: ReplicationId,
        offset: u64,
    ) -> Result<LoadTally, LinkError> {
        let read = journal::read_base(base, fresh).map_err(|error| self.unreadable(turn, &error))?;
        let place = fresh.position().filter(|place| place.history[..] == *id.as_str().as_bytes());
        let Some(place) = place.filter(|place| place.reached.offset == offset) else {
            return Err(LinkError::Failed("its data are those of another place in the stream".into()));
        };
        let keys =
            (0..fresh.databases()).map(|database| Shards::free(fresh).size(database).keys as u64).sum();
        Ok(LoadTally {
            bytes: read.bytes,
            keys,
            origin: format!("rankd, base {}", journal::BASE_VERSION),
            selected: Some(place.reached.database),
            whole_at: Some(read.whole_at),
            ..LoadTally::default()
        })
    }

    /// Reads the line in front of the file. Also returns the bytes behind it that have come.
    fn read_framing(
        &self,
        socket: &mut MasterSocket<'_>,
        mut lines: LineReader,
    ) -> Result<(Framing, Vec<u8>), LinkError> {
        loop {
            while let Some(line) =
                lines.line().map_err(|_| LinkError::Failed("a line without an end".into()))?
            {
                match Framing::read(line) {
                    Ok(None) => {}
                    Ok(Some(framing)) => return Ok((framing, lines.into_rest())),
                    Err(NoPayload::Refused(why)) => {
                        return Err(LinkError::Failed(format!("no full sync: {why}")));
                    }
                    Err(NoPayload::Nonsense(line)) => {
                        return Err(LinkError::Failed(format!("not the beginning of a full sync: {line}")));
                    }
                }
            }
            socket.read_lines(&mut lines)?;
        }
    }

    /// Serves the data of `fresh` in place of the old ones, if the turn is not over. Until the stream has come to `whole_at` they
    /// have a history that nobody knows: who begins with them before, here or after a restart, gets all data again.
    fn adopt(
        &self,
        fresh: &Store,
        turn: u64,
        id: ReplicationId,
        reached: StreamPlace,
        whole_at: u64,
    ) -> Result<(), LinkError> {
        self.supersede();
        let is_whole = whole_at <= reached.offset;
        let known = if is_whole { id } else { ReplicationId::random(&mut Chance::from_system()) };
        let history = known.as_str().as_bytes().try_into().expect("an identifier has as many digits");
        let position = FollowedPosition { history, reached };
        let offset = reached.offset;
        let is_adopted = self.host.store.become_copy(fresh, position, || {
            // Under all locks, because the journal may have been turned on, or have got its base, since.
            self.supersede();
            self.host.upstream.turn() == turn
        });
        if is_adopted {
            self.outflow.follow(id, offset, whole_at);
        }
        self.host.friend_rankings.clear();
        if let Some(journal) = self.journal() {
            // If one is running already, it ends without a result, and the journal's thread starts another.
            let _ = journal.checkpoint();
        }
        let is_present = self.host.upstream.note(turn, |status| {
            status.read_offset = offset;
            status.applied_offset = offset;
        });
        if is_adopted && is_present { Ok(()) } else { Err(LinkError::Superseded) }
    }

    fn unreadable(&self, turn: u64, error: &dyn Display) -> LinkError {
        if self.host.upstream.turn() == turn {
            LinkError::Failed(format!("its data cannot be read: {error}"))
        } else {
            LinkError::Superseded
        }
    }

    fn report(&self, tally: &LoadTally, turn: u64, clock: &Clock, started_ms: u64) {
        let duration_ms = clock.now_ms().saturating_sub(started_ms);
        tracing::info!(
            keys = tally.keys,
            bytes = tally.bytes,
            duration_ms,
            origin = tally.origin,
            "full sync complete"
        );
        let left_out = tally.left_out();
        left_out.iter().for_each(|line| tracing::warn!("the full sync has left out {line}"));
        self.host.upstream.note(turn, |status| status.left_out = left_out);
    }
}

/// Notes how much of the file has come.
struct Noting<'n, 'u> {
    socket: &'n mut MasterSocket<'u>,
    link: &'n LinkContext,
    turn: u64,
    bytes: u64,
    noted: u64,
}

impl Read for Noting<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.socket.read(out)?;
        self.bytes += read as u64;
        if self.bytes - self.noted >= NOTED_BYTES {
            self.noted = self.bytes;
            let now_ms = self.link.host.clock.now_ms();
            self.link.host.upstream.note(self.turn, |status| {
                status.sync.read_bytes = self.bytes;
                status.heard_ms = now_ms;
            });
        }
        Ok(read)
    }
}
