//! The thread that spells the records of a master.
//!
//! It reads the store's feed, spells each record, and appends the commands to the stream ([`Outflow`]). It alone appends to the
//! stream of a master, so PINGs, requests for acknowledgements and messages of channels go through it as well. It exists from the
//! first replica on. A writer never waits for it: if the feed loses records because more were written than can be spelled, the
//! stream is broken off, and the replicas begin anew.

use super::flow::{StreamForm, StreamSource};
use super::marks::{MarkLog, StreamMark};
use super::outflow::Outflow;
use super::reading::StreamReading;
use super::records::{RecordSpeller, put_command};
use super::rounded::RoundedBoards;
use crate::limits;
use crate::machine::clock::Clock;
use crate::store::change::DatabaseNumbering;
use crate::store::change::feed::{Feed, Lagged, Published};
use crate::store::{Hold, Seq, Store};
use crossbeam::channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// Bytes that are spelled before they are appended.
const PIECE_BYTES: usize = 128 * 1024;

/// How many places in the stream are known by their records, for clients that wait for what they wrote a short time ago.
const PLACES: usize = 4096;

/// How long the thread lets records gather while they come one after the other. To be woken for each would cost their writers
/// more than the spelling.
const GATHERING: Duration = Duration::from_micros(500);

/// A place in the stream, behind all records up to one.
#[derive(Debug)]
pub(super) struct StreamPosition {
    pub(super) offset: u64,
    /// Keeps the stream from there on.
    pub(super) reading: StreamReading,
    /// The keyspaces of the databases at this place.
    pub(super) numbering: DatabaseNumbering,
}

/// Spells the records of a store, while it is on.
pub struct Streaming {
    store: Arc<Store>,
    outflow: Arc<Outflow>,
    clock: Clock,
    running: Mutex<Option<JoinHandle<()>>>,
    inbox: Arc<Inbox>,
}

/// What others want of the thread.
#[derive(Default)]
struct Inbox {
    /// Whether the thread runs.
    is_on: AtomicBool,
    thread: Mutex<Option<Thread>>,
    must_end: AtomicBool,
    wants_acknowledgements: AtomicBool,
    /// Where the stream has all records up to one, ascending. The last has all that have been spelled.
    places: Mutex<VecDeque<(Seq, u64)>>,
    ping_period_ms: AtomicU64,
    is_quiet: AtomicBool,
    wishes: Mutex<Wishes>,
}

#[derive(Default)]
struct Wishes {
    /// Commands to append behind a record.
    commands: VecDeque<(Seq, Vec<u8>)>,
    positions: Vec<(Seq, Option<Arc<MarkLog>>, Sender<StreamPosition>)>,
}

impl Inbox {
    fn note_place(&self, spelled: Seq, offset: u64) {
        let mut places = self.places.lock();
        if places.back().is_none_or(|(last, _)| *last < spelled) {
            if places.len() == PLACES {
                places.pop_front();
            }
            places.push_back((spelled, offset));
        }
    }
}

impl Streaming {
    /// Streaming that is off.
    #[must_use]
    pub fn new(store: Arc<Store>, outflow: Arc<Outflow>, clock: Clock) -> Arc<Self> {
        Arc::new(Self { store, outflow, clock, running: Mutex::new(None), inbox: Arc::default() })
    }

    /// The seconds between two PINGs.
    pub fn set_ping_period(&self, seconds: u64) {
        self.inbox.ping_period_ms.store(seconds * 1000, Ordering::Relaxed);
    }

    /// Whether no PINGs are sent.
    pub fn set_quiet(&self, is_quiet: bool) {
        self.inbox.is_quiet.store(is_quiet, Ordering::Relaxed);
    }

    /// Begins to spell with the next record, if this server is a master, under `held` locks, and has a backlog from then on.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn turn_on(&self, held: Option<&Hold<'_>>) -> Result<(), String> {
        let mut running = self.running.lock();
        let is_running = running.as_ref().is_some_and(|handle| !handle.is_finished());
        if is_running || self.outflow.source() != StreamSource::Own {
            return Ok(());
        }
        let Some((feed, after, numbering)) = self.store.open_numbered_feed(limits::UNSPELLED_BYTES, held)
        else {
            return Err("the data are still being read".into());
        };
        self.outflow.activate();
        self.inbox.must_end.store(false, Ordering::Release);
        self.inbox.note_place(after, self.outflow.history().offset);
        let spelling = Spelling {
            store: Arc::clone(&self.store),
            outflow: Arc::clone(&self.outflow),
            clock: self.clock.clone(),
            inbox: Arc::clone(&self.inbox),
            feed,
            speller: RecordSpeller::new(numbering),
            spelled: after,
            logs: Vec::new(),
            pinged_ms: self.clock.now_ms(),
            rounded: RoundedBoards::default(),
        };
        let (outflow, inbox) = (Arc::clone(&self.outflow), Arc::clone(&self.inbox));
        let run = move || {
            if catch_unwind(AssertUnwindSafe(|| spelling.run())).is_err() {
                tracing::error!("the thread that spells for replicas panicked; please report this");
                inbox.is_on.store(false, Ordering::Release);
                *inbox.wishes.lock() = Wishes::default();
                outflow.break_off();
            }
        };
        let spawned = thread::Builder::new().name("replication".into()).spawn(run);
        let handle = spawned.map_err(|error| format!("the thread that spells for replicas: {error}"))?;
        *self.inbox.thread.lock() = Some(handle.thread().clone());
        *running = Some(handle);
        self.inbox.is_on.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether records are spelled.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.inbox.is_on.load(Ordering::Acquire)
    }

    /// If it still `must` end: spells all records that there are, and no more. Waits for that. The caller sees to it that no record
    /// follows which should be in the stream. What turns it on comes before the question or after the end.
    pub fn turn_off_if(&self, must: impl FnOnce() -> bool) {
        let mut running = self.running.lock();
        if !must() {
            return;
        }
        if let Some(handle) = running.take() {
            self.inbox.must_end.store(true, Ordering::Release);
            self.wake();
            // A panic has been reported by then.
            let _ = handle.join();
            self.inbox.is_on.store(false, Ordering::Release);
        }
        *self.inbox.wishes.lock() = Wishes::default();
    }

    /// This server becomes a master: the stream is its own from here on. Called before it accepts a write, under the locks of
    /// `held`. The data are those at the offset `applied` of the stream that it has followed.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn promote(&self, applied: u64, held: Option<&Hold<'_>>) -> Result<(), String> {
        self.outflow.promote(applied);
        self.turn_on(held)
    }

    /// Turns it off if there is a backlog and no replica has been connected for `ttl_s` seconds (0: never).
    pub fn retire_if_alone(&self, ttl_s: u64) {
        if self.is_on() && self.outflow.is_alone_for(ttl_s) {
            self.turn_off_if(|| true);
            self.outflow.retire();
        }
    }

    /// Appends a command behind the records that there are now.
    pub fn send(&self, words: &[&[u8]]) {
        if !self.is_on() {
            return;
        }
        let mut command = Vec::new();
        put_command(&mut command, words);
        self.inbox.wishes.lock().commands.push_back((self.store.last_seq(), command));
        self.wake();
    }

    /// Asks the replicas to acknowledge what they have now.
    pub fn request_acknowledgements(&self) {
        self.inbox.wants_acknowledgements.store(true, Ordering::Release);
        self.wake();
    }

    /// An offset at which the stream has all records up to `seq`, if it has them: the lowest that is known. O(log n) with n
    /// places that are known, at most 4096.
    #[must_use]
    pub fn offset_with(&self, seq: Seq) -> Option<u64> {
        if !self.is_on() {
            return Some(self.outflow.history().offset);
        }
        let places = self.inbox.places.lock();
        let place = places.partition_point(|(last, _)| *last < seq);
        places.get(place).map(|(_, offset)| *offset)
    }

    /// Waits until the records up to `seq` have been spelled, and begins to read behind them. From there on, marks go to `log`,
    /// and the next command on a key is behind a SELECT. `None` if the stream ends or is broken off before.
    pub(super) fn position_behind(&self, seq: Seq, log: Option<&Arc<MarkLog>>) -> Option<StreamPosition> {
        let (sender, receiver): (_, Receiver<StreamPosition>) = bounded(1);
        {
            let running = self.running.lock();
            running.as_ref()?;
            self.inbox.wishes.lock().positions.push((seq, log.map(Arc::clone), sender));
        }
        self.wake();
        receiver.recv().ok()
    }

    fn wake(&self) {
        if let Some(thread) = &*self.inbox.thread.lock() {
            thread.unpark();
        }
    }
}

/// The thread's own.
struct Spelling {
    store: Arc<Store>,
    outflow: Arc<Outflow>,
    clock: Clock,
    inbox: Arc<Inbox>,
    feed: Feed,
    speller: RecordSpeller,
    /// The last record that has been spelled, and perhaps not appended yet.
    spelled: Seq,
    logs: Vec<Weak<MarkLog>>,
    pinged_ms: u64,
    rounded: RoundedBoards,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Spelling {
    fn run(mut self) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut out = Vec::new();
        let mut is_idle = false;
        loop {
            let must_end = self.inbox.must_end.load(Ordering::Acquire);
            // While records come one after the other, nobody wakes the thread: it looks again by itself.
            let base = self.outflow.history().offset;
            let context = Context::from_waker(if is_idle { &waker } else { Waker::noop() });
            match self.spell(&context, base, &mut out) {
                Ok(()) => {}
                Err(Lagged) => self.begin_anew(),
            }
            let behind_records = base + out.len() as u64;
            self.put_wishes(&mut out);
            self.outflow.append_own(&out, self.speller.take_rounded());
            self.inbox.note_place(self.spelled, behind_records);
            if !out.is_empty() {
                out.clear();
                out.shrink_to(2 * PIECE_BYTES);
                self.answer_positions();
                self.outflow.tell_progress();
                is_idle = false;
            } else if self.answer_positions() {
                is_idle = false;
            } else if must_end {
                return;
            } else if is_idle {
                thread::park_timeout(self.until_ping().max(GATHERING));
            } else {
                thread::park_timeout(GATHERING);
                is_idle = true;
            }
        }
    }

    /// Spells what the feed has, up to about a piece, behind the offset `base`.
    fn spell(&mut self, context: &Context<'_>, base: u64, out: &mut Vec<u8>) -> Result<(), Lagged> {
        self.logs.retain(|log| log.strong_count() > 0);
        self.speller.marks_changes = !self.logs.is_empty();
        self.speller.is_exact = self.outflow.is_exact();
        let mut marks = Vec::new();
        while out.len() < PIECE_BYTES {
            let Poll::Ready(next) = self.feed.poll(context) else { break };
            self.spell_published(&*next?, out, &mut marks);
        }
        for mark in &mut marks {
            mark.at += base;
        }
        for log in self.logs.iter().filter_map(Weak::upgrade) {
            log.extend(&marks);
        }
        Ok(())
    }

    fn spell_published(&mut self, published: &Published, out: &mut Vec<u8>, marks: &mut Vec<StreamMark>) {
        for (seq, body) in published.records() {
            self.speller.spell(seq, body, out, marks);
            self.spelled = seq;
        }
        for board in self.speller.take_boards().into_iter().filter(|_| self.outflow.has_plain_replicas()) {
            self.rounded.note(board);
        }
    }

    /// Appends what others want to have appended, as far as the records before it have been.
    fn put_wishes(&mut self, out: &mut Vec<u8>) {
        {
            let mut wishes = self.inbox.wishes.lock();
            while wishes.commands.front().is_some_and(|(behind, _)| *behind <= self.spelled) {
                if let Some((_, command)) = wishes.commands.pop_front() {
                    out.extend_from_slice(&command);
                }
            }
        }
        let has_replicas = self.outflow.has_replicas();
        if self.inbox.wants_acknowledgements.swap(false, Ordering::AcqRel) && has_replicas {
            put_command(out, &[b"REPLCONF", b"GETACK", b"*"]);
        }
        if self.until_ping().is_zero() {
            self.pinged_ms = self.clock.now_ms();
            if has_replicas && !self.inbox.is_quiet.load(Ordering::Relaxed) {
                put_command(out, &[b"PING"]);
            }
        }
    }

    /// Answers those who wait for records that have been appended. Returns whether it answered one.
    fn answer_positions(&mut self) -> bool {
        let mut positions = std::mem::take(&mut self.inbox.wishes.lock().positions);
        let reached: Vec<_> = positions.extract_if(.., |(seq, ..)| *seq <= self.spelled).collect();
        self.inbox.wishes.lock().positions.append(&mut positions);
        for (_, log, sender) in &reached {
            let offset = self.outflow.history().offset;
            let reading = StreamReading::from(&self.outflow, offset, StreamForm::Plain);
            if let Some(log) = log {
                self.logs.push(Arc::downgrade(log));
                self.speller.forget_selected();
            }
            let numbering = self.speller.numbering().clone();
            // One that does not wait any more drops it.
            let _ = sender.send(StreamPosition { offset, reading, numbering });
        }
        !reached.is_empty()
    }

    /// Records were lost: opens a new feed, and the stream continues with nothing before it.
    fn begin_anew(&mut self) {
        tracing::warn!("more was written than could be spelled for replicas; they get all data again");
        self.inbox.wishes.lock().positions.clear();
        self.logs.clear();
        if let Some((feed, after, numbering)) = self.store.open_numbered_feed(limits::UNSPELLED_BYTES, None) {
            self.feed = feed;
            self.speller = RecordSpeller::new(numbering);
            self.spelled = after;
        }
        self.outflow.break_off();
    }

    fn until_ping(&self) -> Duration {
        let period_ms = self.inbox.ping_period_ms.load(Ordering::Relaxed).max(1);
        let since_ms = self.clock.now_ms().saturating_sub(self.pinged_ms);
        Duration::from_millis(period_ms.saturating_sub(since_ms))
    }
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streaming").field("is_on", &self.is_on()).finish_non_exhaustive()
    }
}
