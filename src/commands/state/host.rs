//! What all connections of a server share, and what commands may ask of the process.

use super::channels::Channels;
use super::clients::Clients;
use super::failover::Failover;
use super::functions::Functions;
use super::interventions::Interventions;
use super::latency_events::LatencyEvents;
use super::replica_waits::{ReplicaProgress, ReplicaWaits};
use super::replication::ReplicationFacts;
use super::running_scripts::RunningScripts;
use super::script_cache::ScriptCache;
use super::shortage::Shortage;
use super::slow_log::SlowLog;
use super::stats::{Done, Errors, Rates, Stats};
use super::tracking::Tracking;
use crate::commands::acl::Users;
use crate::commands::friends::FriendRankings;
use crate::config::{Config, NoEffect, SavePoint, Settings};
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::machine::counter::Counter;
use crate::replication::upstream::state::Upstream;
use crate::store::{DatabaseIndex, Hold, Store};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The process, as far as commands need it. They know neither sockets nor files.
pub trait Process: ReplicaProgress + Send + Sync {
    /// Why writes must be refused now, if they must: the journal cannot take them.
    fn write_refusal(&self) -> Option<String>;

    /// Whether writes must be refused only until the journal has a base of the data that a full sync has brought, and that is
    /// being written.
    fn awaits_base(&self) -> bool;

    /// Sets the counts of syncs to 0, as CONFIG RESETSTAT does.
    fn reset_counts(&self);

    /// How far the reading of the journal or the dump file has come.
    fn loading(&self) -> Loading;

    /// Starts a checkpoint of the journal.
    ///
    /// # Errors
    /// The error reply: one is running, or there is no journal.
    fn start_checkpoint(&self) -> Result<(), String>;

    /// The longest write and the longest sync of the journal since the last call, in milliseconds. They are measured while
    /// `latency-monitor-threshold` is set.
    fn slowest_calls_ms(&self) -> (u64, u64);

    /// Bytes of records that no file has yet.
    fn unwritten_bytes(&self) -> usize;

    /// What INFO says of the journal.
    fn persistence(&self) -> Persistence;

    /// Writes the dump file as of this moment. No other command runs meanwhile.
    ///
    /// # Errors
    /// Why there is no new file. The old one is unchanged.
    fn save(&self) -> Result<(), String>;

    /// Begins to write the dump file in the background.
    ///
    /// # Errors
    /// Why writing did not begin, for example because a file is being written.
    fn start_save(&self) -> Result<(), String>;

    /// Begins to write the dump file if one of the `points` is reached.
    fn save_if_due(&self, points: &[SavePoint]);

    /// Writes the dump file because all keys were removed. The thread must hold no shard.
    fn save_flushed(&self);

    /// Writes the dump file anew and loads it, or loads the journal. No other command runs meanwhile.
    ///
    /// # Errors
    /// What failed. No data have changed then.
    fn reload(&self, what: Reload) -> Result<(), String>;

    /// Reads the dump file into a store of its own, a sibling of the server's.
    ///
    /// # Errors
    /// There is no file, or it cannot be read, or it is being written.
    fn read_dump_file(&self) -> Result<Store, String>;

    /// What INFO and LASTSAVE say of the dump file.
    fn saves(&self) -> Saves;

    /// What INFO and ROLE say of replication.
    fn replication(&self) -> ReplicationFacts;

    /// The server has another master, or none any more: `follows` says whether it has one. `held` are the locks that the
    /// caller holds.
    fn master_changed(&self, follows: bool, held: Option<&Hold<'_>>);

    /// How many replicas are online and have acknowledged something in the last `max_lag_s` seconds.
    fn good_replicas(&self, max_lag_s: u64) -> usize;

    /// Frees the backlog if no replica has been connected for long. Called about ten times a second.
    fn tend_replication(&self, config: &Config);

    /// Sends a command that changes no key to the replicas, behind the records that there are now.
    fn send_to_replicas(&self, words: &[&[u8]]);

    /// Whether the stream to replicas gets no PINGs.
    fn quiet_stream(&self, is_quiet: bool);

    /// Puts a changed configuration into effect where the process caches it.
    ///
    /// # Errors
    /// What cannot be put into effect.
    fn configure(&self, config: &Config) -> Result<(), NoEffect>;

    /// Reads the files of TLS that `config` names, if TLS is on.
    ///
    /// # Errors
    /// The directive at fault. What was read before stays in effect.
    fn read_tls(&self, config: &Config) -> Result<(), NoEffect>;

    /// The TCP ports that are listened on.
    fn ports(&self) -> Ports;

    /// Writes the values of `config` into the configuration file.
    ///
    /// # Errors
    /// There is no file, or it cannot be written; it is as before then.
    fn rewrite_config(&self, config: &Config) -> Result<(), String>;

    /// Reads the file of users, `aclfile`.
    ///
    /// # Errors
    /// That of the file system.
    fn read_users(&self, path: &Path) -> Result<Vec<u8>, String>;

    /// Writes the file of users. It is the old one or the new one whenever the process ends.
    ///
    /// # Errors
    /// That of the file system. The old file is unchanged.
    fn write_users(&self, path: &Path, text: &[u8]) -> Result<(), String>;

    /// Begins to stop the server: no new commands, flush, sync, exit 0. Before that it writes the dump file, if `save` says
    /// so, and waits for replicas, if `lagging` says so.
    ///
    /// # Errors
    /// If the file could not be written, unless `save` is [`AtEnd::TrySave`]. The server goes on.
    fn shut_down(&self, save: AtEnd, lagging: LaggingReplicas) -> Result<(), String>;
}

/// What DEBUG RELOAD and DEBUG LOADAOF load. The data stay the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// The dump file as it is now written.
    Saved,
    /// The journal.
    Journal,
}

/// What happens to the dump file when the server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// It stays as it is.
    Leave,
    /// It is written.
    Save,
    /// It is written. If that fails, the server ends all the same.
    TrySave,
}

/// What the end does with replicas that lack something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaggingReplicas {
    /// It waits for them, at most `shutdown-timeout` seconds.
    Wait,
    /// It leaves them.
    Leave,
}

/// The TCP ports that are listened on; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// The plain one.
    pub plain: u16,
    /// That for TLS.
    pub tls: u16,
}

/// Numbers about the dump file, for INFO's persistence section.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are INFO's, which docs/operating.md explains")]
pub struct Saves {
    pub changes_since: u64,
    pub in_progress: bool,
    pub current_s: Option<u64>,
    pub last_s: Option<u64>,
    pub last_ok: bool,
    pub last_unix_s: u64,
    pub saves: u64,
    pub keys_loaded: u64,
    pub expired_keys_loaded: u64,
}

/// The reading of the data at the start, in bytes of their files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loading {
    /// All of them; 0 until that is known.
    pub total_bytes: u64,
    /// Those that have been read.
    pub read_bytes: u64,
}

/// Numbers about the journal, for INFO's persistence section.
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
}

/// A running server, as its commands see it.
pub struct Host {
    /// The keys.
    pub store: Arc<Store>,
    /// The configuration.
    pub settings: Settings,
    /// The connections.
    pub clients: Arc<Clients>,
    /// The channels and their subscribers.
    pub channels: Arc<Channels>,
    /// What intervenes in all commands.
    pub interventions: Interventions,
    /// The planned hand-over to a replica, if there is one.
    pub failover: Failover,
    /// Clients that wait for replicas.
    pub replica_waits: ReplicaWaits,
    /// Who keeps copies of which keys.
    pub tracking: Arc<Tracking>,
    /// Counters, one set for each thread that runs commands: first those of the workers, then, in the same order, those of
    /// the threads beside them.
    pub stats: Vec<Arc<Stats>>,
    /// The users and what they may do.
    pub users: Users,
    /// Error replies by code.
    pub errors: Errors,
    /// Rates over the last second or so.
    pub rates: Rates,
    /// Requests that took long.
    pub slow_log: SlowLog,
    /// What kept the server busy for long.
    pub latency_events: LatencyEvents,
    /// The scripts that run too long.
    pub running_scripts: RunningScripts,
    /// The scripts that EVALSHA can name.
    pub scripts: ScriptCache,
    /// The functions that FCALL can name.
    pub functions: Functions,
    /// FRIENDRANK results kept for MAXAGE.
    pub friend_rankings: FriendRankings,
    /// How long more memory was used than allowed.
    pub shortage: Shortage,
    /// The process.
    pub process: Arc<dyn Process>,
    /// The master that is followed, if there is one.
    pub upstream: Arc<Upstream>,
    /// The clock.
    pub clock: Clock,
    /// Whether the data are still being read. Meanwhile only commands with [`Flag::Loading`](crate::commands::spec::Flag) run.
    pub is_loading: AtomicBool,
    /// Whether expired keys are removed in the background (`DEBUG SET-ACTIVE-EXPIRE`).
    pub expires_actively: AtomicBool,
    /// Whether scripts may not call commands with [`Flag::Noscript`](crate::commands::spec::Flag)
    /// (`DEBUG SET-DISABLE-DENY-SCRIPTS`).
    pub denies_in_scripts: AtomicBool,
    /// The time that the removal of expired keys has taken, in nanoseconds.
    pub expiry_ns: Counter,
    /// Memory in use when the server started, in bytes.
    pub startup_bytes: usize,
    /// When the server started, in unix milliseconds.
    pub started_ms: u64,
    /// 40 hexadecimal digits that identify this run of the server.
    pub run_id: String,
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

    /// Whether the data are still being read.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.is_loading.load(Ordering::Acquire)
    }

    /// The configuration as it is now.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.settings.current()
    }

    /// Samples the counters for INFO's rates. Called about ten times a second.
    pub fn sample_rates(&self) {
        let mut done = Done::default();
        for stats in &self.stats {
            done.commands += stats.commands.get();
            done.input_bytes += stats.input_bytes.get();
            done.output_bytes += stats.output_bytes.get();
        }
        self.rates.sample(done, self.clock.now_ms());
    }

    /// The databases' indexes.
    pub fn databases(&self) -> impl Iterator<Item = DatabaseIndex> + use<> {
        0..self.store.databases()
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("run_id", &self.run_id).finish_non_exhaustive()
    }
}
