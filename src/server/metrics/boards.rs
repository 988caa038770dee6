//! The members and the sums of scores of the boards that `metrics-boards` names.
//!
//! A pass finds the boards and adds up their scores, in short steps under one lock each. Between two passes there is a
//! pause of [`PERIOD`], and of so many times the length of a pass that passes take a small part of one core's time, however
//! large the boards are. What a pass has found stands until the next one is complete.

use super::page::MetricType::Gauge;
use super::page::Page;
use crate::commands::state::host::Host;
use crate::limits;
use crate::store::{BoardSum, BoardSumStep, BoardTotals, DatabaseIndex, Kind, Shards};
use crate::text::glob::{self, Case};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The shortest pause between two passes: a common interval of scrapes.
const PERIOD: Duration = Duration::from_secs(15);

/// A pause is this many times as long as the pass before it.
const PAUSE_PER_PASS: u32 = 19;

/// How soon a pass follows that found nothing to do, so that CONFIG SET has its effect.
const IDLE: Duration = Duration::from_secs(1);

/// Keys that are looked at under one lock.
const KEYS_PER_STEP: usize = limits::MEMBERS_PER_LOCK;

/// What the last pass has found.
#[derive(Debug, Default)]
pub(super) struct WatchedBoards {
    found: Mutex<Found>,
    is_over: AtomicBool,
}

#[derive(Debug, Default)]
struct Found {
    /// By database and key.
    boards: BTreeMap<(DatabaseIndex, Box<[u8]>), BoardTotals>,
    /// Boards that are too many or have names that are too long.
    left_out: usize,
    /// How long the pass took.
    took: Duration,
}

/// Runs passes until [`WatchedBoards::end`].
pub(super) async fn run(host: Arc<Host>, watched: Arc<WatchedBoards>) {
    loop {
        let config = host.config();
        let mut pause = IDLE;
        if !config.metrics.boards.is_empty() && !host.is_loading() {
            let (host, watched) = (Arc::clone(&host), Arc::clone(&watched));
            let pass = move || watched.pass(&host, &config.metrics.boards);
            // A pass may wait for locks, so it is not on the thread that answers.
            match tokio::task::spawn_blocking(pass).await {
                Ok(took) => pause = PERIOD.max(took * PAUSE_PER_PASS),
                Err(error) => {
                    tracing::error!(%error, "adding up the boards of metrics-boards failed");
                    pause = PERIOD;
                }
            }
        } else if config.metrics.boards.is_empty() {
            *watched.found.lock() = Found::default();
        }
        tokio::time::sleep(pause).await;
    }
}

impl WatchedBoards {
    /// Ends a pass under way.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Adds the metrics.
    pub(super) fn write(&self, page: &mut Page) {
        let found = self.found.lock();
        let help = "The number of members of a board that metrics-boards names";
        let mut family = page.family("rankd_board_members", Gauge, help);
        for ((database, key), totals) in &found.boards {
            let labels = [("db", &*format!("db{database}")), ("board", &*key.escape_ascii().to_string())];
            family.sample(&labels, totals.members as f64);
        }
        let mut family =
            page.family("rankd_board_sum_of_scores", Gauge, "Sum of the finite scores of such a board");
        for ((database, key), totals) in &found.boards {
            let labels = [("db", &*format!("db{database}")), ("board", &*key.escape_ascii().to_string())];
            family.sample(&labels, totals.sum);
        }
        let help = "Boards that metrics-boards names, and that are too many, or whose names are too long";
        page.gauge("rankd_boards_left_out", help, found.left_out as f64);
        let help = "How long it took to add up the boards of metrics-boards";
        page.gauge("rankd_board_sums_seconds", help, found.took.as_secs_f64());
    }

    /// Finds the boards and adds up their scores. Returns how long that took.
    fn pass(&self, host: &Host, patterns: &[String]) -> Duration {
        let begun = Instant::now();
        let mut found = Found::default();
        for (database, key) in boards_named(host, patterns, &self.is_over, &mut found.left_out) {
            let mut sum = BoardSum::of(database, &key);
            let totals = loop {
                match sum.step(&host.store) {
                    BoardSumStep::More if self.is_over.load(Ordering::Relaxed) => return begun.elapsed(),
                    BoardSumStep::More => {}
                    BoardSumStep::Done(totals) => break Some(totals),
                    BoardSumStep::Gone => break None,
                }
            };
            match totals {
                Some(totals) if found.boards.len() < limits::METRICS_BOARDS => {
                    found.boards.insert((database, key), totals);
                }
                Some(_) => found.left_out += 1,
                None => {}
            }
        }
        found.took = begun.elapsed();
        let took = found.took;
        *self.found.lock() = found;
        took
    }
}

/// The keys that `patterns` name: of those that have to be searched at most [`limits::METRICS_BOARDS`], and of the others all,
/// whether there is such a board or not.
fn boards_named(
    host: &Host,
    patterns: &[String],
    is_over: &AtomicBool,
    left_out: &mut usize,
) -> BTreeSet<(DatabaseIndex, Box<[u8]>)> {
    let (searched, named): (Vec<&String>, Vec<&String>) =
        patterns.iter().partition(|pattern| pattern.contains(['*', '?', '[', '\\']));
    let mut boards = BTreeSet::new();
    for database in host.databases() {
        boards.extend(named.iter().map(|key| (database, key.as_bytes().into())));
    }
    let most = boards.len() + limits::METRICS_BOARDS;
    let is_named =
        |key: &[u8]| searched.iter().any(|pattern| glob::matches(pattern.as_bytes(), key, Case::Sensitive));
    let shards = Shards::free(&host.store);
    for database in host.databases().filter(|_| !searched.is_empty()) {
        let mut cursor = 0;
        loop {
            cursor = shards.scan(database, cursor, KEYS_PER_STEP, |key, kind| {
                if kind != Kind::SortedSet || !is_named(key) {
                    return;
                }
                if boards.len() < most && key.len() <= limits::METRICS_BOARD_NAME_BYTES {
                    boards.insert((database, key.into()));
                } else {
                    *left_out += 1;
                }
            });
            if cursor == 0 || is_over.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    boards
}
