//! The dump file of a running server: SAVE, BGSAVE, DEBUG RELOAD, and back at a start without a journal.
//!
//! SAVE and DEBUG RELOAD hold all locks while they write, so the file shows one moment and clients wait, as in Redis.
//! BGSAVE walks in short steps beside writers, without a fork and without a second copy of the memory. Its file does
//! not show one moment; `src/store/walk/export.rs` says what it does show. One save runs at a time. `read_again` is for DEBUG
//! LOADAOF, which has the same data from the journal.

mod flushed;
mod read_again;
mod reading;

use crate::commands::state::host::Saves;
use crate::config::SavePoint;
use crate::machine::clock::Clock;
use crate::machine::progress::ReadProgress;
use crate::rdb;
use crate::rdb::{LoadTally, RdbReader, Written};
use crate::store::{Seq, Store};
use reading::load;
use std::fs::File;
use std::io::{self, BufWriter};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Redis's text of this error.
const ALREADY_RUNNING: &str = "Background save already in progress";

/// Seconds after a failure until save points start a save again. As Redis.
const RETRY_AFTER_S: u64 = 5;

/// The dump file and the history of its saves.
pub(super) struct Dump {
    path: PathBuf,
    store: Arc<Store>,
    clock: Clock,
    /// Whether a save is running.
    is_running: Arc<AtomicBool>,
    is_closing: AtomicBool,
    history: Mutex<SaveHistory>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct SaveHistory {
    /// The last record before the last save, and the time of that save.
    saved_seq: Seq,
    saved_ms: u64,
    saves: u64,
    last_error: Option<String>,
    last_duration_ms: Option<u64>,
    /// Start of the background save that is running.
    started_ms: Option<u64>,
    /// When the last attempt ended.
    tried_ms: u64,
    loaded: LoadTally,
}

/// The right to write the file; given back when dropped.
struct SaveTurn(Arc<AtomicBool>);

impl Drop for SaveTurn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Dump {
    /// The file at `path`.
    pub(super) fn new(path: PathBuf, store: Arc<Store>, clock: Clock) -> Arc<Self> {
        let history = SaveHistory {
            saved_seq: Seq(0),
            saved_ms: clock.now_ms(),
            saves: 0,
            last_error: None,
            last_duration_ms: None,
            started_ms: None,
            tried_ms: 0,
            loaded: LoadTally::default(),
        };
        Arc::new(Self {
            path,
            store,
            clock,
            is_running: Arc::default(),
            is_closing: AtomicBool::new(false),
            history: Mutex::new(history),
            thread: Mutex::new(None),
        })
    }

    fn take_turn(&self) -> Result<SaveTurn, String> {
        if self.is_running.swap(true, Ordering::AcqRel) {
            return Err(ALREADY_RUNNING.into());
        }
        Ok(SaveTurn(Arc::clone(&self.is_running)))
    }

    /// Reads the file into the store without telling the journal. Returns `None` if there is no such file.
    pub(super) fn load(&self, progress: &ReadProgress) -> Result<Option<LoadTally>, String> {
        let loaded = load(&self.path, RdbReader::leaving_out_expired(&self.store), progress)?;
        lock(&self.history).loaded = loaded.clone().unwrap_or_default();
        Ok(loaded)
    }

    /// Begins to count changes, once the start has read its data. Removes the files that killed processes have left.
    pub(super) fn begin(&self) {
        rdb::sweep(&self.path);
        lock(&self.history).saved_seq = self.store.last_seq();
    }

    /// Writes the file, as the store is at this moment.
    pub(super) fn save(&self) -> Result<(), String> {
        let _turn = self.take_turn()?;
        let started_ms = self.clock.now_ms();
        self.attempt(started_ms, || {
            rdb::replace_file(&self.path, |file| {
                let frozen = self.store.freeze();
                let seq = self.store.last_seq();
                let written = self.write(file, frozen.export())?;
                Ok((seq, written))
            })
        })
    }

    /// Begins to write the file on a thread of its own.
    pub(super) fn start_save(self: &Arc<Self>) -> Result<(), String> {
        let turn = self.take_turn()?;
        let dump = Arc::clone(self);
        let started_ms = self.clock.now_ms();
        lock(&self.history).started_ms = Some(started_ms);
        let work = move || {
            let _turn = turn;
            let seq = dump.store.last_seq();
            // The log and INFO report a failure.
            let _ = dump.attempt(started_ms, || {
                rdb::replace_file(&dump.path, |file| {
                    let written = dump.write(file, dump.store.export())?;
                    Ok((seq, written))
                })
            });
        };
        match thread::Builder::new().name("dump".into()).spawn(work) {
            Ok(thread) => {
                *lock(&self.thread) = Some(thread);
                Ok(())
            }
            Err(error) => self.note(started_ms, Err(error)),
        }
    }

    /// Starts a background save if one of the `points` is due.
    pub(super) fn save_if_due(self: &Arc<Self>, points: &[SavePoint]) {
        if points.is_empty() {
            return;
        }
        let last_seq = self.store.last_seq();
        let is_due = {
            let history = lock(&self.history);
            let changes = last_seq.0.saturating_sub(history.saved_seq.0);
            let since_s = |ms| self.clock.now_ms().saturating_sub(ms) / 1000;
            let is_over =
                |point: &SavePoint| changes >= point.changes && since_s(history.saved_ms) > point.seconds;
            let may_try = history.last_error.is_none() || since_s(history.tried_ms) > RETRY_AFTER_S;
            history.started_ms.is_none() && may_try && points.iter().any(is_over)
        };
        if is_due {
            // If another save has begun meanwhile, it serves as well. The log reports a failure.
            let _ = self.start_save();
        }
    }

    /// Runs `write` and notes its outcome. A panic is noted too, and goes on to the caller.
    fn attempt(
        &self,
        started_ms: u64,
        write: impl FnOnce() -> io::Result<(Seq, Written)>,
    ) -> Result<(), String> {
        match catch_unwind(AssertUnwindSafe(write)) {
            Ok(saved) => self.note(started_ms, saved),
            Err(panic) => {
                let failure = io::Error::other("its writing panicked; please report this");
                let _ = self.note(started_ms, Err(failure));
                resume_unwind(panic)
            }
        }
    }

    fn write(&self, file: &File, export: crate::store::Walk<'_>) -> io::Result<Written> {
        self.store.refuse_damaged().map_err(io::Error::other)?;
        let written = rdb::write(BufWriter::new(file), export, self.clock.now_ms() / 1000, || {
            if self.is_closing.load(Ordering::Relaxed) {
                return Err(io::Error::other(
                    "it was called off: the server stops, or another file takes its place",
                ));
            }
            thread::yield_now();
            Ok(())
        })?;
        self.store.refuse_damaged().map_err(io::Error::other)?;
        Ok(written)
    }

    fn note(&self, started_ms: u64, saved: io::Result<(Seq, Written)>) -> Result<(), String> {
        let now_ms = self.clock.now_ms();
        let mut history = lock(&self.history);
        history.started_ms = None;
        history.tried_ms = now_ms;
        history.last_duration_ms = Some(now_ms.saturating_sub(started_ms));
        match saved {
            Ok((seq, Written { keys, bytes })) => {
                tracing::info!(keys, bytes, duration_ms = history.last_duration_ms, "dump file written");
                (history.saved_seq, history.saved_ms, history.last_error) = (seq, now_ms, None);
                history.saves += 1;
                Ok(())
            }
            Err(error) => {
                let error = format!("{} could not be written: {error}", self.path.display());
                tracing::error!("{error}");
                history.last_error = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Writes the file, reads it back, and replaces the store's contents by what was read, all under the store's
    /// locks. The journal is not told, because nothing has changed. For that reason expired keys are read back as
    /// well, unlike in Redis: they are removed later, with a record, as any expired key is.
    pub(super) fn reload(&self) -> Result<(), String> {
        let _turn = self.take_turn()?;
        let fresh = self.store.sibling();
        let frozen = self.store.freeze();
        let started_ms = self.clock.now_ms();
        let seq = self.store.last_seq();
        self.attempt(started_ms, || {
            rdb::replace_file(&self.path, |file| Ok((seq, self.write(file, frozen.export())?)))
        })?;
        let loaded = load(&self.path, RdbReader::new(&fresh), &ReadProgress::default())?;
        frozen.replace_by(&fresh);
        lock(&self.history).loaded = loaded.unwrap_or_default();
        Ok(())
    }

    /// Reads the file into a store of its own. A key that has expired since is in it.
    pub(super) fn read_file(&self) -> Result<Store, String> {
        let _turn = self.take_turn()?;
        let fresh = self.store.sibling();
        let loaded = load(&self.path, RdbReader::new(&fresh), &ReadProgress::default())?;
        let Some(loaded) = loaded else { return Err(format!("{}: no such file", self.path.display())) };
        lock(&self.history).loaded = loaded;
        Ok(fresh)
    }

    /// Whether anything has changed since the last file.
    pub(super) fn is_stale(&self) -> bool {
        let last_seq = self.store.last_seq();
        lock(&self.history).saved_seq != last_seq
    }

    /// What INFO and LASTSAVE report.
    pub(super) fn saves(&self) -> Saves {
        let last_seq = self.store.last_seq();
        let history = lock(&self.history);
        let since_s = |started_ms| self.clock.now_ms().saturating_sub(started_ms) / 1000;
        Saves {
            changes_since: last_seq.0.saturating_sub(history.saved_seq.0),
            in_progress: history.started_ms.is_some(),
            current_s: history.started_ms.map(since_s),
            last_s: history.last_duration_ms.map(|ms| ms / 1000),
            last_ok: history.last_error.is_none(),
            last_unix_s: history.saved_ms / 1000,
            saves: history.saves,
            keys_loaded: history.loaded.keys,
            expired_keys_loaded: history.loaded.expired_keys,
        }
    }

    /// Cancels the background save that is running, and waits for its thread.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
        // The mutex is released before the join: BGSAVE takes it, perhaps while it holds the shards that the thread
        // needs.
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            // A panic has been logged.
            let _ = thread.join();
        }
        self.is_closing.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::Score;
    use crate::store::change::ChangeBuffer;
    use crate::store::change::sink::{ChangeSink, Count};
    use crate::store::{Access, Board, Hold, Kind, Missing};
    use std::time::Duration;

    /// Adds a member to the board and returns how many it has.
    fn add(store: &Store, member: &[u8], expire_at_ms: Option<u64>) -> usize {
        let mut hold = Hold::on(store, &[0], Access::Write, ChangeBuffer::default());
        let mut writer = hold.writer(0);
        let len = writer.edit::<Board, _>(b"board", Missing::Create, "zadd", |ranking| {
            ranking.plain().unwrap().update(member, |_| Score::new(1.0));
            ranking.len()
        });
        if expire_at_ms.is_some() {
            writer.set_expiry(b"board", expire_at_ms);
        }
        len.unwrap().unwrap()
    }

    /// DEBUG RELOAD left out expired keys, and no record said so. A member that was then added to a new board of the
    /// same name was, for the journal, added to the old board, which had expired: the next start had neither.
    #[test]
    fn a_reload_keeps_expired_keys_whose_removal_has_no_record() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(1_000);
        let store = Arc::new(Store::new(1, 1, 7, clock.clone()));
        store.attach(Arc::new(Count::default()) as Arc<dyn ChangeSink>);
        let dump = Dump::new(directory.path().join("dump.rdb"), Arc::clone(&store), clock.clone());
        add(&store, b"alice", Some(2_000));
        clock.advance(Duration::from_secs(5));
        let before = store.last_seq();
        dump.reload().unwrap();
        assert_eq!(store.last_seq(), before);
        assert_eq!(add(&store, b"bob", None), 1, "the board had expired");
        assert_eq!(store.expired_keys(), 1, "and that is in the record of the command");

        // A start without a journal leaves it out, as Redis does.
        add(&store, b"carol", Some(7_000));
        clock.advance(Duration::from_secs(5));
        dump.save().unwrap();
        let again = Arc::new(store.sibling());
        let dump = Dump::new(directory.path().join("dump.rdb"), Arc::clone(&again), clock);
        let loaded = dump.load(&ReadProgress::default()).unwrap().unwrap();
        assert_eq!((loaded.keys, loaded.expired_keys, again.census().of(Kind::SortedSet).keys), (0, 1, 0));
    }

    /// A panic on the thread of a BGSAVE left the save in progress for ever: no save point came due any more, and
    /// INFO said `rdb_bgsave_in_progress:1` and `ok`.
    #[test]
    fn a_save_that_panics_has_failed_and_the_next_one_may_begin() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(1_000);
        let store = Arc::new(Store::new(1, 1, 1, clock.clone()));
        let dump = Dump::new(directory.path().join("dump.rdb"), store, clock);
        let turn = dump.take_turn().unwrap();
        lock(&dump.history).started_ms = Some(1_000);
        let running = Arc::clone(&dump);
        let panicked = thread::spawn(move || {
            let _turn = turn;
            let _ = running.attempt(1_000, || panic!("a bug in the writer"));
        });
        panicked.join().unwrap_err();
        let saves = dump.saves();
        assert!(!saves.in_progress && !saves.last_ok, "{saves:?}");
        dump.save().unwrap();
        let saves = dump.saves();
        assert!(!saves.in_progress && saves.last_ok, "{saves:?}");
    }
}
