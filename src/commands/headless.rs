//! A host without a server: it runs commands on a store in this process, without sockets, journal or dump file.
//!
//! `rankd import` runs the commands of an append-only file on one; benchmarks and tests use it too.

use super::acl::Users;
use super::engine::{Leeway, Terms};
use super::state::channels::Channels;
use super::state::clients::Clients;
use super::state::failover::Failover;
use super::state::functions::Functions;
use super::state::host::{AtEnd, Host, LaggingReplicas, Loading, Persistence, Ports, Process, Reload, Saves};
use super::state::interventions::Interventions;
use super::state::kept::KeptResults;
use super::state::latency_events::LatencyEvents;
use super::state::peer::Peer;
use super::state::replica_waits::{ReplicaProgress, ReplicaWaits};
use super::state::replication::ReplicationFacts;
use super::state::running_scripts::RunningScripts;
use super::state::script_cache::ScriptCache;
use super::state::session::Session;
use super::state::shortage::Shortage;
use super::state::slow_log::SlowLog;
use super::state::stats::{Errors, Rates, Stats};
use super::state::tracking::Tracking;
use super::table;
use crate::config::{Config, NoEffect, SavePoint, Settings};
use crate::machine::chance::Chance;
use crate::machine::counter::Counter;
use crate::store::{Hold, Seq, Store};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

impl Host {
    /// A host for commands on `store`, without a server.
    #[must_use]
    pub fn headless(store: Arc<Store>, config: Config) -> Self {
        let clock = store.clock().clone();
        let clients = Arc::<Clients>::default();
        Self {
            channels: Arc::new(Channels::new(Arc::clone(&clients))),
            failover: Failover::default(),
            replica_waits: ReplicaWaits::default(),
            tracking: Arc::new(Tracking::new(Arc::clone(&clients))),
            clients,
            interventions: Interventions::default(),
            stats: vec![Arc::new(Stats::new(table().entries().len()))],
            errors: Errors::default(),
            slow_log: SlowLog::default(),
            latency_events: LatencyEvents::default(),
            rates: Rates::default(),
            users: Users::default(),
            running_scripts: RunningScripts::default(),
            scripts: ScriptCache::default(),
            functions: Functions::default(),
            friend_rankings: KeptResults::with_bound(config.friendrank_keep_bytes),
            settings: Settings::new(config),
            shortage: Shortage::default(),
            process: Arc::new(NoServer),
            upstream: Arc::default(),
            is_loading: AtomicBool::new(false),
            expires_actively: AtomicBool::new(false),
            denies_in_scripts: AtomicBool::new(true),
            expiry_ns: Counter::default(),
            startup_bytes: 0,
            started_ms: clock.now_ms(),
            clock,
            run_id: Self::new_run_id(&mut Chance::from_system()),
            config_file: String::new(),
            store,
        }
    }

    /// The session of a client without a connection.
    #[must_use]
    pub fn local_session(&self) -> Session {
        let client = self.clients.register(Peer::none(), self.clock.now_ms());
        Session::new(client, &self.users)
    }

    /// The terms on which its requests run: they keep the thread as long as they need it.
    #[must_use]
    pub fn local_terms(&self) -> Terms<'_> {
        Terms { stats: &self.stats[0], leeway: Leeway::InProcess }
    }
}

/// The process of a headless host: it has neither journal nor dump file.
struct NoServer;

const NO_SERVER: &str = "ERR no server is running";

impl ReplicaProgress for NoServer {
    fn stream_offset(&self, _: Seq) -> Option<u64> {
        None
    }

    fn replicas_with(&self, _: u64, _: bool) -> usize {
        0
    }

    fn is_watched(&self) -> bool {
        false
    }

    fn now_ns(&self) -> u64 {
        0
    }

    fn led_at(&self, _: u64) -> bool {
        true
    }

    fn want_lease(&self) {}

    fn request_acknowledgements(&self) {}

    fn is_synced(&self, _: Seq) -> bool {
        false
    }

    fn has_journal(&self) -> bool {
        false
    }
}

impl Process for NoServer {
    fn write_refusal(&self) -> Option<String> {
        None
    }

    fn awaits_base(&self) -> bool {
        false
    }

    fn reset_counts(&self) {}

    fn loading(&self) -> Loading {
        Loading::default()
    }

    fn start_checkpoint(&self) -> Result<(), String> {
        Err(NO_SERVER.into())
    }

    fn slowest_calls_ms(&self) -> (u64, u64) {
        (0, 0)
    }

    fn unwritten_bytes(&self) -> usize {
        0
    }

    fn persistence(&self) -> Persistence {
        Persistence::default()
    }

    fn save(&self) -> Result<(), String> {
        Err(NO_SERVER.into())
    }

    fn start_save(&self) -> Result<(), String> {
        Err(NO_SERVER.into())
    }

    fn save_if_due(&self, _: &[SavePoint]) {}

    fn save_flushed(&self) {}

    fn reload(&self, _: Reload) -> Result<(), String> {
        Err(NO_SERVER.into())
    }

    fn read_dump_file(&self) -> Result<Store, String> {
        Err(NO_SERVER.into())
    }

    fn saves(&self) -> Saves {
        Saves::default()
    }

    fn replication(&self) -> ReplicationFacts {
        ReplicationFacts::default()
    }

    fn master_changed(&self, _: bool, _: Option<&Hold<'_>>) {}

    fn good_replicas(&self, _: u64) -> usize {
        0
    }

    fn tend_replication(&self, _: &Config) {}

    fn send_to_replicas(&self, _: &[&[u8]]) {}

    fn quiet_stream(&self, _: bool) {}

    fn configure(&self, _: &Config) -> Result<(), NoEffect> {
        Ok(())
    }

    fn read_tls(&self, _: &Config) -> Result<(), NoEffect> {
        Ok(())
    }

    fn ports(&self) -> Ports {
        Ports::default()
    }

    fn rewrite_config(&self, _: &Config) -> Result<(), String> {
        Err(NO_SERVER.into())
    }

    fn read_users(&self, _: &Path) -> Result<Vec<u8>, String> {
        Err(NO_SERVER.into())
    }

    fn write_users(&self, _: &Path, _: &[u8]) -> Result<(), String> {
        Err(NO_SERVER.into())
    }

    fn shut_down(&self, _: AtEnd, _: LaggingReplicas) -> Result<(), String> {
        Err(NO_SERVER.into())
    }
}
