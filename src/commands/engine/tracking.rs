//! What the engine does for clients that keep copies of values (CLIENT TRACKING).

use super::runner::{Runner, Scope};
use crate::commands::call::Call;
use crate::commands::spec::{CommandSpec, Flag};

impl Runner<'_> {
    /// Notes the keys of a command that reads, if its client tracks them. Their shards are held, if the command does not lock
    /// them itself.
    pub(super) fn note_reads(&self, spec: &CommandSpec, call: &Call<'_>) {
        if self.session.modes.tracked.notes_reads() {
            self.note_tracked_reads(spec, call);
        }
    }

    #[cold]
    fn note_tracked_reads(&self, spec: &CommandSpec, call: &Call<'_>) {
        if spec.has(Flag::Readonly) && self.session.modes.tracked.notes_this() {
            let (tracking, client) = (&self.host.tracking, &self.session.client);
            let most = self.config.tracking_table_max_keys;
            spec.for_each_key(call, &mut |key| {
                if tracking.note_read(client, key, most) {
                    self.hold.note_first_read(key);
                }
            });
        }
    }

    /// A command has changed keys. A client that tracks expects the messages about its own changes behind the reply, before
    /// the reply of its next request. They are sent when the locks are given back.
    pub(super) fn tell_own_changes(&mut self) {
        if self.session.modes.tracked.notes_reads()
            && self.scope == Scope::Command
            && self.hold.has_stale_keys()
        {
            self.release();
        }
    }
}
