//! The further keys that a command can change: those to which waiting clients write when the command serves them.
//!
//! BLMOVE waits for one key and writes to another, perhaps in another shard. A client that waits for the second key can move
//! the element on. All of this happens under the locks of the command that fills the first key, so the locks of all these
//! keys are taken before that command runs.

use super::locks::ShardList;
use super::runner::Runner;
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::spec::table::table;
use crate::commands::spec::{CommandSpec, Manner};
use crate::commands::state::transaction::Transaction;
use crate::store::{Access, DatabaseIndex, ShardIndex};
use std::ops::Range;

impl Runner<'_> {
    /// The databases in which a command can fill its keys.
    fn databases_of(&self, spec: &CommandSpec) -> Range<DatabaseIndex> {
        let database = self.session.database;
        match spec.is(Manner::WritesToOtherDatabase) {
            true => 0..self.host.store.databases(),
            false => database..database + 1,
        }
    }

    /// Whether clients wait for keys in the held shards that write to other keys when a command serves them.
    #[inline(always)]
    pub(super) fn has_movers(&self, spec: &CommandSpec) -> bool {
        self.hold.has_movers(self.session.database)
            || spec.is(Manner::WritesToOtherDatabase) && self.has_movers_anywhere()
    }

    #[inline(never)]
    fn has_movers_anywhere(&self) -> bool {
        (0..self.host.store.databases()).any(|database| self.hold.has_movers(database))
    }

    /// Takes further locks if clients wait for keys of the command and will write to other keys when they are served.
    #[cold]
    pub(super) fn hold_for_waiters(
        &mut self,
        spec: &CommandSpec,
        call: &Call<'_>,
        mut shards: ShardList,
    ) -> Outcome {
        while self.has_movers(spec) {
            spec.for_each_key(call, &mut |key| {
                for database in self.databases_of(spec) {
                    self.hold.add_destinations(database, key, &mut shards);
                }
            });
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
