//! Random histories on a disk that fails, is full and is slow at random, through kills, power failures and orderly
//! ends. A start follows each of them, and is compared with a model of what was acknowledged.
//!
//! `RANKD_JOURNAL_ROUNDS` is the number of journals, and `RANKD_SEED` repeats one. While a call of the disk runs,
//! commands go on, as in a server: between the steps of a checkpoint, during an fdatasync.

use super::checkpoints::names;
use super::disk::{AtRandom, Call, FaultyDisk, Left};
use super::ledger::{Counts, Ledger};
use super::model::Model;
use super::support::acknowledge;
use crate::config::FsyncPolicy;
use crate::journal::segment_writer::FlushAttempt;
use crate::journal::stage::JournalStage;
use crate::journal::{Journal, JournalOptions, OpenError};
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::machine::progress::ReadProgress;
use crate::store::Store;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Starts of one journal.
const LIVES: usize = 12;

fn number_from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

#[test]
fn nothing_acknowledged_is_lost_whatever_fails() {
    let seed = number_from_env("RANKD_SEED").unwrap_or_else(|| Chance::from_system().next_u64() >> 32);
    let rounds = number_from_env("RANKD_JOURNAL_ROUNDS").unwrap_or(6);
    let mut total = Counts::default();
    for seed in seed..seed + rounds {
        println!("RANKD_SEED={seed}");
        total.add(Life::new(seed).live());
    }
    println!("{rounds} journals: {total:?}");
    assert!(total.starts > rounds * LIVES as u64 / 2 && total.checkpoints > rounds, "{total:?}");
    assert!(total.turned_on > rounds, "{total:?}");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LifeEnd {
    Kill,
    PowerFailure,
}

/// A journal over all its starts.
struct Life {
    seed: u64,
    chance: Chance,
    clock: Clock,
    directory: tempfile::TempDir,
    disk: Arc<FaultyDisk>,
    ledger: Arc<Mutex<Ledger>>,
    /// The disk must not run other commands meanwhile: its caller holds a lock, or the process has ended.
    is_quiet: Arc<AtomicBool>,
    counts: Counts,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::seeded(seed);
        let ledger = Ledger::new(chance.next_u64());
        Self {
            seed,
            chance,
            clock: Clock::manual(1_763_793_824_000),
            directory: tempfile::tempdir().unwrap(),
            disk: Arc::default(),
            ledger: Arc::new(Mutex::new(ledger)),
            is_quiet: Arc::default(),
            counts: Counts::default(),
        }
    }

    fn live(mut self) -> Counts {
        let mut end = LifeEnd::Kill;
        for _ in 0..LIVES {
            let fsync = match self.chance.below(5) {
                0..2 => FsyncPolicy::Always,
                2..4 => FsyncPolicy::EverySecond,
                _ => FsyncPolicy::Never,
            };
            self.draw_faults();
            let (store, journal) = match self.start(fsync) {
                Ok(started) => started,
                Err(_) => {
                    // The disk has failed a call of the start. The next start has a good disk, whatever comes in
                    // between.
                    self.counts.refused_starts += 1;
                    if self.chance.below(2) == 0 {
                        self.fail_power();
                        end = LifeEnd::PowerFailure;
                    }
                    self.spare();
                    self.start(fsync).unwrap_or_else(|error| panic!("seed {}: {error}", self.seed))
                }
            };
            self.check_start(&store, &journal, end);
            self.serve(&store, &journal, fsync);
            end = self.end(store, &journal);
        }
        self.counts.calls = self.disk.faults().calls;
        self.counts.commands = self.ledger.lock().commands;
        self.counts
    }

    fn draw_faults(&mut self) {
        self.spare();
        let one_in = [0, 400, 150, 60, 25][self.chance.below(5) as usize];
        let chance = Chance::seeded(self.chance.next_u64());
        let mut faults = self.disk.faults();
        faults.at_random = (one_in > 0).then_some(AtRandom { chance, one_in, faults: 0 });
        faults.short_bytes = (self.chance.below(6) == 0).then(|| 1 + self.chance.below(40) as usize);
    }

    /// Makes the disk a good one.
    fn spare(&mut self) {
        let mut faults = self.disk.faults();
        self.counts.faults += faults.at_random.take().map_or(0, |random| random.faults);
        (faults.short_bytes, faults.space_bytes) = (None, None);
    }

    fn fail_power(&mut self) {
        self.counts.power_failures += 1;
        let left = match self.chance.below(6) {
            0 => Left::Nothing,
            1 => Left::AllOf("segment"),
            _ => Left::Some(&mut self.chance),
        };
        self.disk.power_failure_leaving(left);
    }

    fn start(&mut self, fsync: FsyncPolicy) -> Result<(Arc<Store>, Arc<Journal>), OpenError> {
        let store = Arc::new(Store::new(8, 2, 7, self.clock.clone()));
        let options = JournalOptions {
            directory: self.directory.path().to_path_buf(),
            fsync,
            rewrite_percentage: 100,
            rewrite_min_bytes: 2_000,
            clock: self.clock.clone(),
        };
        let (journal, recovered) =
            match Journal::open_store_on(self.disk.clone(), options, &store, &ReadProgress::default()) {
                Err(error @ OpenError::Io { .. }) => return Err(error),
                opened => opened.unwrap_or_else(|error| panic!("seed {}: {error}", self.seed)),
            };
        self.counts.starts += 1;
        self.counts.torn_tails += u64::from(recovered.torn_tail.is_some());
        store.attach(journal.clone());
        if self.chance.below(10) == 0 {
            journal.pending.lock().limit_records_to(3_000);
        }
        Ok((store, journal))
    }

    /// Checks that the start has found what was promised, as it was at one moment, and that the directory holds no
    /// other files.
    fn check_start(&mut self, store: &Store, journal: &Journal, end: LifeEnd) {
        let seed = self.seed;
        let found = journal.last_seq().0;
        let mut ledger = self.ledger.lock();
        let least = if end == LifeEnd::Kill { ledger.written } else { ledger.synced };
        assert!(found >= least, "seed {seed}: found up to {found}, promised up to {least} after {end:?}");
        let now_ms = self.clock.now_ms();
        let (expected, held) = (ledger.model_at(found).at(now_ms), Model::of(store).at(now_ms));
        assert!(held == expected, "seed {seed}, record {found}:\n{held:?}\nis not\n{expected:?}");
        // What a start finds after a kill is in the kernel's memory; after a power failure, on the disk.
        ledger.written = found;
        ledger.synced = if end == LifeEnd::Kill { ledger.synced.min(found) } else { found };
        ledger.forget(found);
        self.counts.new_bases_owed += u64::from(journal.owes_base());
        let listed = journal.listed.lock().manifest.clone();
        let mut expected: Vec<_> =
            listed.segments.iter().map(|number| format!("segment-{number:010}")).collect();
        expected.extend(listed.base.map(|number| format!("base-{number:010}")));
        expected.extend(["lock", "manifest"].map(str::to_owned));
        expected.sort();
        assert_eq!(names(self.directory.path()), expected, "seed {seed}");
    }

    /// Makes the disk run commands during its calls.
    fn let_others_go_on(&self, store: &Arc<Store>, journal: &Arc<Journal>) {
        let (ledger, clock, is_quiet) =
            (Arc::clone(&self.ledger), self.clock.clone(), Arc::clone(&self.is_quiet));
        let (store, journal) = (Arc::downgrade(store), Arc::downgrade(journal));
        self.disk.faults().meanwhile = Some(Arc::new(move |call, name| {
            // These calls are made under the writer's lock, which other threads wait for.
            let is_held = name.starts_with("segment") && matches!(call, Call::Write | Call::Cut);
            let (Some(store), Some(journal)) = (store.upgrade(), journal.upgrade()) else { return };
            if is_held || is_quiet.load(Ordering::Relaxed) {
                return;
            }
            let flushes = {
                let mut ledger = ledger.lock();
                let (number, flushes) = (ledger.chance.below(4), ledger.chance.below(2) == 0);
                (0..number).for_each(|_| ledger.do_one(&store, &journal, &clock));
                flushes && number > 0
            };
            if flushes {
                journal.flush(FlushAttempt::First);
            }
        }));
    }

    fn serve(&mut self, store: &Arc<Store>, journal: &Arc<Journal>, fsync: FsyncPolicy) {
        self.is_quiet.store(false, Ordering::Relaxed);
        self.let_others_go_on(store, journal);
        for _ in 0..5 + self.chance.below(60) {
            self.clock.advance(Duration::from_millis(self.chance.below(30)));
            let number = 1 + self.chance.below(4);
            (0..number).for_each(|_| self.ledger.lock().do_one(store, journal, &self.clock));
            match self.chance.below(46) {
                0..2 => journal.run_checkpoint(),
                2..8 => round(journal),
                8 => {
                    let mut faults = self.disk.faults();
                    faults.space_bytes = Some(self.chance.below(4_000));
                }
                9..12 => self.disk.faults().space_bytes = None,
                12..26 => self.acknowledge(journal, fsync),
                26..29 => (0..8).for_each(|shard| {
                    store.remove_expired(shard);
                }),
                40 => self.turn_off(journal),
                41..46 => self.turn_on(journal),
                _ => {}
            }
            let status = journal.status();
            let mut ledger = self.ledger.lock();
            ledger.written = ledger.written.max(ledger.whole_up_to(status.written_seq.0));
            if !journal.owes_base() {
                ledger.synced = ledger.synced.max(ledger.whole_up_to(status.synced_seq.0));
            }
        }
        if self.chance.below(2) == 0 {
            self.heal(journal, fsync);
        }
        let status = journal.status();
        self.counts.checkpoints += status.checkpoints;
        self.counts.failed_checkpoints += u64::from(status.checkpoint_failures_in_a_row);
    }

    fn turn_off(&mut self, journal: &Journal) {
        self.counts.turned_off += u64::from(journal.is_on());
        let was_quiet = self.is_quiet.swap(true, Ordering::Relaxed);
        journal.turn_off();
        self.is_quiet.store(was_quiet, Ordering::Relaxed);
    }

    fn turn_on(&mut self, journal: &Journal) {
        if !journal.is_on() && journal.begin().is_ok() {
            self.counts.turned_on += 1;
        }
    }

    fn acknowledge(&mut self, journal: &Journal, fsync: FsyncPolicy) {
        let seq = journal.last_seq();
        let promises = journal.stage.get() == JournalStage::On;
        let answer = acknowledge(journal, seq);
        if !promises {
            assert_eq!(answer, Some(Ok(())), "seed {}: nothing is waited for", self.seed);
            self.counts.acknowledged += 1;
            return;
        }
        let mut ledger = self.ledger.lock();
        match answer {
            Some(Ok(())) => {
                self.counts.acknowledged += 1;
                ledger.written = ledger.written.max(seq.0);
                if fsync == FsyncPolicy::Always {
                    ledger.synced = ledger.synced.max(seq.0);
                }
            }
            Some(Err(_)) => {
                self.counts.refused += 1;
                assert!(journal.refusal().is_some(), "seed {}", self.seed);
            }
            None => {
                self.counts.waiting += 1;
                let waits = fsync == FsyncPolicy::Always && journal.owes_base();
                assert!(waits, "seed {}: no answer", self.seed);
            }
        }
    }

    /// Checks that the journal accepts writes again by itself on a good disk.
    fn heal(&mut self, journal: &Arc<Journal>, fsync: FsyncPolicy) {
        self.spare();
        self.turn_on(journal);
        journal.pending.lock().limit_records_to(crate::limits::JOURNAL_RECORD_BYTES);
        let rounds = (0..300).take_while(|_| {
            round(journal);
            journal.refusal().is_some() || journal.needs_base()
        });
        assert!(rounds.count() < 300, "seed {}: {:?}", self.seed, journal.status());
        assert_eq!(journal.stage.get(), JournalStage::On, "seed {}", self.seed);
        let before = self.counts.acknowledged;
        self.acknowledge(journal, fsync);
        assert_eq!(self.counts.acknowledged, before + 1, "seed {}", self.seed);
    }

    fn end(&mut self, store: Arc<Store>, journal: &Arc<Journal>) -> LifeEnd {
        self.is_quiet.store(true, Ordering::Relaxed);
        if self.chance.below(3) == 0 {
            let (owed, is_on) = (journal.owes_base(), journal.is_on());
            if journal.close().is_ok() && is_on {
                self.counts.ends_in_order += 1;
                let mut ledger = self.ledger.lock();
                ledger.written = journal.last_seq().0;
                if !owed {
                    ledger.synced = ledger.written;
                }
            }
        }
        // The process ends: its lock on the directory goes with it.
        journal.lock.lock().let_go();
        self.disk.faults().meanwhile = None;
        drop(store);
        if self.chance.below(2) == 0 {
            self.counts.kills += 1;
            return LifeEnd::Kill;
        }
        self.fail_power();
        LifeEnd::PowerFailure
    }
}

/// Runs a round of the journal's thread, and the checkpoint that it may start.
fn round(journal: &Arc<Journal>) {
    journal.flush(FlushAttempt::Again);
    if journal.fsync_policy() != FsyncPolicy::Never {
        journal.sync();
    }
    if journal.is_checkpoint_due() {
        journal.run_checkpoint();
    }
}
