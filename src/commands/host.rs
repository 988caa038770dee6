//! What every connection of a server shares, and what commands may ask of the process they run in.

use super::clients::Clients;
use super::friends::FriendRankings;
use super::pubsub::Channels;
use super::stats::{Errors, Rates, Stats};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::config::{Config, Settings};
use crate::store::{DatabaseIndex, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The process around the commands: what they may ask for without knowing sockets or files.
pub trait Process: Send + Sync {
    /// Why writes must be refused now, if they must: the journal cannot take them.
    fn write_refusal(&self) -> Option<String>;

    /// How far the reading of the journal has come.
    fn loading(&self) -> Loading;

    /// Starts a checkpoint of the journal.
    ///
    /// # Errors
    /// The error reply: one is running, or there is no journal.
    fn start_checkpoint(&self) -> Result<(), String>;

    /// What INFO and LASTSAVE say of persistence.
    fn persistence(&self) -> Persistence;

    /// Puts a changed configuration into effect where the process caches it.
    fn configure(&self, config: &Config);

    /// Begins to stop the server: no new commands, flush, sync, exit 0.
    fn shut_down(&self);
}

/// The reading of the journal at the start, in bytes of its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loading {
    /// All of them; 0 until that is known.
    pub total_bytes: u64,
    /// Those that have been read.
    pub read_bytes: u64,
}

/// Numbers about the journal, as INFO's persistence section tells them.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are INFO's, which docs/operating.md explains")]
pub struct Persistence {
    pub enabled: bool,
    pub rewrite_in_progress: bool,
    pub current_rewrite_s: Option<u64>,
    pub rewrites: u64,
    pub rewrite_failures_in_a_row: u32,
    pub last_rewrite_s: Option<u64>,
    pub last_rewrite_ok: bool,
    pub last_write_error: Option<String>,
    pub current_size_bytes: u64,
    pub base_size_bytes: u64,
    pub pending_bytes: u64,
    pub fsyncs: u64,
    pub failed_fsyncs: u64,
    pub last_seq: u64,
    pub changes_since_checkpoint: u64,
    pub last_checkpoint_unix_s: u64,
}

/// A running server, as its commands see it.
pub struct Host {
    /// The keys.
    pub store: Arc<Store>,
    /// The configuration.
    pub settings: Settings,
    /// Who is connected.
    pub clients: Clients,
    /// Who listens to which channels.
    pub channels: Arc<Channels>,
    /// Counters, one set for each thread that runs commands.
    pub stats: Vec<Arc<Stats>>,
    /// Error replies by code.
    pub errors: Errors,
    /// Rates over the last second or so.
    pub rates: Rates,
    /// FRIENDRANK results kept for MAXAGE.
    pub friend_rankings: FriendRankings,
    /// The process.
    pub process: Arc<dyn Process>,
    /// The clock.
    pub clock: Clock,
    /// Whether the journal is still being read: only commands flagged so are answered.
    pub is_loading: AtomicBool,
    /// When the server started, in unix milliseconds.
    pub started_ms: u64,
    /// 40 hexadecimal digits that tell this run from others.
    pub run_id: String,
    /// The TCP port that is served.
    pub port: u16,
    /// The configuration file that was read, if one was.
    pub config_file: String,
}

impl Host {
    /// A run identifier: 40 random hexadecimal digits.
    #[must_use]
    pub fn new_run_id(chance: &mut Chance) -> String {
        let bits: String = (0..3).map(|_| format!("{:016x}", chance.next_u64())).collect();
        bits[..40].to_owned()
    }

    /// Whether the journal is still being read.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.is_loading.load(Ordering::Acquire)
    }

    /// The configuration as it is now.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.settings.current()
    }

    /// Notes how much was done so far, for INFO's rates. Called about ten times a second.
    pub fn sample_rates(&self) {
        let commands = self.stats.iter().map(|stats| stats.commands.get()).sum();
        self.rates.sample(commands, self.clock.now_ms());
    }

    /// The databases' indexes.
    pub fn databases(&self) -> impl Iterator<Item = DatabaseIndex> + use<> {
        0..self.store.databases()
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("run_id", &self.run_id).field("port", &self.port).finish_non_exhaustive()
    }
}
