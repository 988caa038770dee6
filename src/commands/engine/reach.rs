//! The further keys that a command can change: those to which waiting clients write when the command serves them.
//!
//! BLMOVE waits for one key and writes to another, perhaps in another shard. A client that waits for the second key can move
//! the element on. All of this happens under the locks of the command that fills the first key, so the locks of all these
//! keys are taken before that command runs.

use super::runner::Runner;
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::spec::CommandSpec;
use crate::commands::spec::table::table;
use crate::commands::state::transaction::Transaction;
use crate::store::{Access, ShardIndex};
use smallvec::SmallVec;

impl Runner<'_> {
    /// Takes further locks if clients wait for keys of the command and will write to other keys when they are served.
    #[cold]
    pub(super) fn hold_for_waiters(
        &mut self,
        spec: &CommandSpec,
        call: &Call<'_>,
        mut shards: SmallVec<[ShardIndex; 4]>,
    ) -> Outcome {
        let database = self.session.database;
        while self.hold.has_movers(database) {
            spec.for_each_key(call, &mut |key| self.hold.add_destinations(database, key, &mut shards));
            shards.sort_unstable();
            shards.dedup();
            if self.hold.covers(&shards, Access::Write) {
                break;
            }
            self.let_go();
            self.lock(&shards, Access::Write)?;
            self.commands_in_hold = 1;
        }
        Ok(())
    }

    /// Adds to `shards` those of what clients that wait for keys of the transaction will write to. The shards are held for
    /// writing then.
    ///
    /// # Errors
    /// Those of [`Runner::lock`].
    pub(super) fn hold_for_waiters_of_transaction(
        &mut self,
        transaction: &Transaction,
        shards: &mut Vec<ShardIndex>,
    ) -> Outcome {
        let databases = self.host.store.databases();
        while (0..databases).any(|database| self.hold.has_movers(database)) {
            for (place, arguments) in transaction.places.iter().zip(transaction.requests.iter()) {
                let entry = &table().entries()[*place];
                let arguments = if entry.is_subcommand { arguments.skip(1) } else { arguments };
                let call = self.call(arguments, None);
                entry.spec.for_each_key(&call, &mut |key| {
                    // A queued SELECT may choose another database.
                    for database in 0..databases {
                        self.hold.add_destinations(database, key, shards);
                    }
                });
            }
            shards.sort_unstable();
            shards.dedup();
            if self.hold.covers(shards, Access::Write) {
                break;
            }
            self.let_go();
            self.lock(shards, Access::Write)?;
        }
        Ok(())
    }
}
