//! The session in which the commands of a master's stream run: it is no client's.

use super::host::Host;
use super::marks::Mark;
use super::master_stream::{LOGGED_FAILURES, MasterStream};
use super::peer::Peer;
use super::session::Session;
use crate::store::change::position::StreamPlace;

impl Session {
    /// The session in which the commands of the master run, in this turn.
    #[must_use]
    pub fn of_master(host: &Host, peer: Peer, turn: u64) -> Self {
        let client = host.clients.register(peer, host.clock.now_ms());
        client.marks.set(Mark::Master, true);
        let mut session = Self::new(client, &host.users);
        session.master =
            Some(MasterStream { turn, ends: Vec::new(), excused_until: 0, failures: 0, logged: 0 });
        session
    }

    /// The requests of the next batch end here in the stream, one after the other.
    pub fn expect(&mut self, ends: impl Iterator<Item = u64>) {
        if let Some(master) = &mut self.master {
            master.ends.clear();
            master.ends.extend(ends);
        }
    }

    /// Commands that end before this offset may fail.
    pub fn excuse_until(&mut self, offset: u64) {
        if let Some(master) = &mut self.master {
            master.excused_until = offset;
        }
    }

    /// How many commands could not be run since the last call.
    pub fn take_failures(&mut self) -> u64 {
        self.master.as_mut().map_or(0, |master| std::mem::take(&mut master.failures))
    }

    /// The command at `index` of the batch, of the master, could not be run: the data differ from the master's from here on.
    pub(in crate::commands) fn note_failure(&mut self, index: usize, name: &[u8], error: &str) {
        if let Some(master) = &mut self.master {
            if master.ends.get(index).is_some_and(|end| *end <= master.excused_until) {
                return;
            }
            master.failures += 1;
            master.logged += 1;
            if master.logged > LOGGED_FAILURES {
                return;
            }
            let command = name[..name.len().min(64)].escape_ascii();
            tracing::error!(%command, error, "a command of the master failed: the data are not the same any more");
        }
    }

    /// Whether requests wait for EXEC.
    #[must_use]
    pub fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Whether its commands are those of a master.
    pub(in crate::commands) fn is_masters(&self) -> bool {
        self.master.is_some()
    }

    /// Whether it is the session of a master that the server does not follow any more.
    pub(in crate::commands) fn is_superseded(&self, host: &Host) -> bool {
        self.master.as_ref().is_some_and(|master| master.turn != host.upstream.turn())
    }

    /// Where the request at `index` of the batch ends in the stream, if it is a master's.
    pub(in crate::commands) fn place_behind(&self, index: usize) -> Option<StreamPlace> {
        let offset = *self.master.as_ref()?.ends.get(index)?;
        Some(StreamPlace { offset, database: self.database })
    }
}
