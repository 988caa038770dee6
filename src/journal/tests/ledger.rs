//! What random histories (`random.rs`) have done to a store, and what a start must find of it.

use super::history::{Deed, changes, deed};
use super::model::Model;
use crate::journal::Journal;
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::store::Store;
use crate::store::change::ChangeBuffer;

/// How often each thing has happened.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) commands: u64,
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    pub(super) waiting: u64,
    pub(super) checkpoints: u64,
    pub(super) failed_checkpoints: u64,
    pub(super) faults: u64,
    pub(super) calls: u64,
    pub(super) starts: u64,
    pub(super) refused_starts: u64,
    pub(super) new_bases_owed: u64,
    pub(super) torn_tails: u64,
    pub(super) kills: u64,
    pub(super) power_failures: u64,
    pub(super) ends_in_order: u64,
    pub(super) turned_off: u64,
    pub(super) turned_on: u64,
}

impl Counts {
    fn fields(&mut self) -> [&mut u64; 17] {
        let Self {
            commands,
            acknowledged,
            refused,
            waiting,
            checkpoints,
            failed_checkpoints,
            faults,
            calls,
            starts,
            refused_starts,
            new_bases_owed,
            torn_tails,
            kills,
            power_failures,
            ends_in_order,
            turned_off,
            turned_on,
        } = self;
        [
            commands,
            acknowledged,
            refused,
            waiting,
            checkpoints,
            failed_checkpoints,
            faults,
            calls,
            starts,
            refused_starts,
            new_bases_owed,
            torn_tails,
            kills,
            power_failures,
            ends_in_order,
            turned_off,
            turned_on,
        ]
    }

    pub(super) fn add(&mut self, mut other: Counts) {
        self.fields().into_iter().zip(other.fields()).for_each(|(sum, number)| *sum += *number);
    }
}

/// The commands that were run, and how many of them a start must find.
pub(super) struct Ledger {
    pub(super) chance: Chance,
    changes: ChangeBuffer,
    /// The state at record `synced`, or before it.
    before: Model,
    /// The commands since then, each with the last record behind it and its time.
    done: Vec<(u64, Deed, u64)>,
    pub(super) commands: u64,
    /// Every record up to this one must be found after a kill.
    pub(super) written: u64,
    /// Every record up to this one must be found after a power failure.
    pub(super) synced: u64,
}

impl Ledger {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            chance: Chance::seeded(seed),
            changes: changes(),
            before: Model::default(),
            done: Vec::new(),
            commands: 0,
            written: 0,
            synced: 0,
        }
    }

    /// Draws a command, runs it on the store and notes it.
    pub(super) fn do_one(&mut self, store: &Store, journal: &Journal, clock: &Clock) {
        let now_ms = clock.now_ms();
        let deed = deed(&mut self.chance, now_ms);
        let changes = std::mem::take(&mut self.changes);
        self.changes = deed.run(store, changes);
        self.commands += 1;
        self.done.push((journal.last_seq().0, deed, now_ms));
    }

    /// Drops the commands behind record `found`, which a start has not found, and makes those up to `synced` part of
    /// the state before.
    pub(super) fn forget(&mut self, found: u64) {
        self.done.retain(|(last, ..)| *last <= found);
        let synced = self.done.partition_point(|(last, ..)| *last <= self.synced);
        for (_, deed, now_ms) in self.done.drain(..synced) {
            self.before.apply(&deed, now_ms);
        }
    }

    /// The last record of the last command that has ended by record `seq`. Of a command whose records are too long,
    /// the first records may be written and do not count.
    pub(super) fn whole_up_to(&self, seq: u64) -> u64 {
        self.done.iter().map(|(last, ..)| *last).filter(|last| *last <= seq).max().unwrap_or(0)
    }

    pub(super) fn model_at(&self, seq: u64) -> Model {
        let mut model = self.before.clone();
        for (last, deed, now_ms) in &self.done {
            if *last <= seq {
                model.apply(deed, *now_ms);
            }
        }
        model
    }
}
