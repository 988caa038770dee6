//! The server process as commands see it: the journal, the dump file, the log, the shutdown.

use super::dump::Dump;
use super::listening::listeners::Listeners;
use super::replication::Replication;
use super::start::descriptors::fit_descriptors;
use super::start::log::Log;
use super::start::signals::ServerStop;
use super::upstream::link::UpstreamLink;
use crate::commands::state::host::{
    AtEnd, LaggingReplicas, Loading, Persistence, Ports, Process, Reload, Saves,
};
use crate::commands::state::replica_waits::ReplicaProgress;
use crate::commands::state::replication::ReplicationFacts;
use crate::config::{Config, NoEffect, SavePoint};
use crate::journal::Journal;
use crate::machine::progress::ReadProgress;
use crate::rdb::replace_file;
use crate::store::{Hold, Seq, Store};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Implements [`Process`] for a running server.
pub(super) struct RunningProcess {
    /// Whether the server starts from a journal (`appendonly yes`).
    pub(super) starts_from_journal: bool,
    /// Set once the data have been read. It may be off.
    journal: OnceLock<Arc<Journal>>,
    pub(super) dump: Arc<Dump>,
    pub(super) replication: Arc<Replication>,
    /// The link to the master that is followed.
    upstream: OnceLock<Arc<UpstreamLink>>,
    /// How far the reading of the journal or the dump file has come.
    pub(super) progress: Arc<ReadProgress>,
    /// Whether the dump file is written at the end, once SHUTDOWN has decided that.
    pub(super) saves_at_end: OnceLock<bool>,
    /// Whether the end waits for no replica (SHUTDOWN NOW).
    pub(super) ends_at_once: AtomicBool,
    pub(super) log: Log,
    /// The configuration file that was read, if one was.
    config_file: Option<PathBuf>,
    /// Stops the server.
    pub(super) stop: Arc<ServerStop>,
    /// What listens.
    pub(super) listeners: Listeners,
}

impl RunningProcess {
    /// A process that has not read its journal yet.
    pub(super) fn new(
        starts_from_journal: bool,
        dump: Arc<Dump>,
        replication: Arc<Replication>,
        log: Log,
        config_file: Option<PathBuf>,
        stop: Arc<ServerStop>,
        listeners: Listeners,
    ) -> Self {
        Self {
            starts_from_journal,
            journal: OnceLock::new(),
            upstream: OnceLock::new(),
            dump,
            replication,
            progress: Arc::default(),
            saves_at_end: OnceLock::new(),
            ends_at_once: AtomicBool::new(false),
            log,
            config_file,
            stop,
            listeners,
        }
    }

    /// The journal. `None` while it is off (`appendonly no`), and until the data have been read.
    pub(super) fn journal(&self) -> Option<&Arc<Journal>> {
        self.journal.get().filter(|journal| journal.is_on())
    }

    /// The journal, on or off. `None` until the data have been read.
    pub(super) fn kept_journal(&self) -> Option<&Arc<Journal>> {
        self.journal.get()
    }

    /// The link to the master that is followed. `None` before the start has made it.
    pub(super) fn upstream(&self) -> Option<&Arc<UpstreamLink>> {
        self.upstream.get()
    }

    /// The link to the master that is followed.
    pub(super) fn take_upstream(&self, link: Arc<UpstreamLink>) {
        // There is only one start.
        let _ = self.upstream.set(link);
    }

    /// Takes the journal once the data have been read.
    pub(super) fn take_journal(&self, journal: Arc<Journal>) {
        // There is only one start.
        let _ = self.journal.set(journal);
    }
}

impl ReplicaProgress for RunningProcess {
    fn stream_offset(&self, seq: Seq) -> Option<u64> {
        self.replication.streaming.offset_with(seq)
    }

    fn replicas_with(&self, offset: u64, on_disk: bool) -> usize {
        self.replication.replicas_with(offset, on_disk)
    }

    fn is_watched(&self) -> bool {
        self.replication.upstream().lease.is_watched()
    }

    fn now_ns(&self) -> u64 {
        self.replication.clock().uptime_ns()
    }

    fn led_at(&self, at_ns: u64) -> bool {
        self.replication.upstream().led_at(at_ns, self.replication.clock())
    }

    fn want_lease(&self) {
        self.replication.upstream().lease.want();
    }

    fn request_acknowledgements(&self) {
        self.replication.streaming.request_acknowledgements();
    }

    fn is_synced(&self, seq: Seq) -> bool {
        self.journal().is_some_and(|journal| journal.synced() >= seq)
    }

    fn has_journal(&self) -> bool {
        self.journal().is_some()
    }
}

impl Process for RunningProcess {
    fn write_refusal(&self) -> Option<String> {
        self.journal().and_then(|journal| journal.refusal())
    }

    fn awaits_base(&self) -> bool {
        self.journal().is_some_and(|journal| journal.awaits_base())
    }

    fn reset_counts(&self) {
        self.replication.counts.reset();
    }

    fn loading(&self) -> Loading {
        Loading { total_bytes: self.progress.total_bytes(), read_bytes: self.progress.read_bytes() }
    }

    fn start_checkpoint(&self) -> Result<(), String> {
        let journal = self.journal().ok_or("there is no journal: appendonly is no")?;
        journal
            .checkpoint()
            .map_err(|_| "Background append only file rewriting already in progress".to_owned())
    }

    fn slowest_calls_ms(&self) -> (u64, u64) {
        let slowest = self.journal().map(|journal| journal.take_slowest()).unwrap_or_default();
        (slowest.write_ms, slowest.sync_ms)
    }

    fn unwritten_bytes(&self) -> usize {
        self.journal().map_or(0, |journal| journal.unwritten_bytes())
    }

    fn persistence(&self) -> Persistence {
        let Some(journal) = self.kept_journal() else {
            return Persistence {
                enabled: self.starts_from_journal,
                last_rewrite_ok: true,
                ..Persistence::default()
            };
        };
        let status = journal.status();
        Persistence {
            enabled: journal.is_on(),
            rewrite_in_progress: status.checkpoint_running,
            current_rewrite_s: status.checkpoint_running_s,
            rewrites: status.checkpoints,
            rewrite_failures_in_a_row: status.checkpoint_failures_in_a_row,
            last_rewrite_s: status.last_checkpoint_s,
            last_rewrite_ok: status.last_checkpoint_error.is_none(),
            last_write_error: status.refusal,
            current_size_bytes: status.size_bytes,
            base_size_bytes: status.base_bytes,
            pending_bytes: status.pending_bytes as u64,
            fsyncs: status.fsyncs,
            failed_fsyncs: status.failed_fsyncs,
            last_seq: status.last_seq.0,
        }
    }

    fn replication(&self) -> ReplicationFacts {
        self.replication.facts()
    }

    fn good_replicas(&self, max_lag_s: u64) -> usize {
        self.replication.good_replicas(max_lag_s)
    }

    fn tend_replication(&self, config: &Config) {
        self.replication.streaming.retire_if_alone(config.replication.backlog_ttl_s);
    }

    fn send_to_replicas(&self, words: &[&[u8]]) {
        self.replication.streaming.send(words);
    }

    fn quiet_stream(&self, is_quiet: bool) {
        self.replication.streaming.set_quiet(is_quiet);
    }

    fn master_changed(&self, follows: bool, held: Option<&Hold<'_>>) {
        if let Some(link) = self.upstream.get() {
            if !follows {
                link.promote(held);
            }
            link.turn();
        }
    }

    fn configure(&self, config: &Config) -> Result<(), NoEffect> {
        self.log.set_level(config.loglevel);
        // A start lowers it with a warning; a client that sets it later can choose again.
        match fit_descriptors(config.maxclients) {
            Ok((_, None)) => {}
            Ok((_, Some(why))) | Err(why) => return Err(NoEffect { directive: "maxclients", why }),
        }
        self.replication.configure(config);
        self.listeners.follow(config)?;
        let Some(journal) = self.kept_journal() else { return Ok(()) };
        journal.set_fsync(config.appendfsync);
        journal.measure_calls(config.latency_monitor_ms().is_some() || config.metrics.port > 0);
        journal.set_rewrite(config.auto_aof_rewrite_percentage, config.auto_aof_rewrite_min_size_bytes);
        // At the end: to turn it off and on again because something else is refused would cost a base.
        if config.appendonly {
            let refused =
                |why| NoEffect { directive: "appendonly", why: format!("Unable to turn on AOF: {why}") };
            return journal.turn_on().map_err(refused);
        }
        journal.turn_off();
        Ok(())
    }

    fn read_tls(&self, config: &Config) -> Result<(), NoEffect> {
        self.listeners.tls.read(config)
    }

    fn ports(&self) -> Ports {
        self.listeners.ports()
    }

    fn rewrite_config(&self, config: &Config) -> Result<(), String> {
        let path = self.config_file.as_ref().ok_or("The server is running without a config file")?;
        rewrite(config, path).map_err(|why| format!("Rewriting config file: {why}"))
    }

    fn read_users(&self, path: &Path) -> Result<Vec<u8>, String> {
        fs::read(path).map_err(|error| error.to_string())
    }

    fn write_users(&self, path: &Path, text: &[u8]) -> Result<(), String> {
        let write = |mut file: &File| file.write_all(text);
        replace_file(path, write).map_err(|error| error.to_string())
    }

    fn save(&self) -> Result<(), String> {
        self.dump.save()
    }

    fn start_save(&self) -> Result<(), String> {
        self.dump.start_save()
    }

    fn save_if_due(&self, points: &[SavePoint]) {
        self.dump.save_if_due(points);
    }

    fn save_flushed(&self) {
        self.dump.save_flushed();
    }

    fn reload(&self, what: Reload) -> Result<(), String> {
        match what {
            Reload::Saved => self.dump.reload(),
            Reload::Journal => {
                let journal = self.journal().ok_or("there is no journal (appendonly no)")?;
                self.dump.read_again(|fresh| journal.read_back(fresh))
            }
        }
    }

    fn read_dump_file(&self) -> Result<Store, String> {
        self.dump.read_file()
    }

    fn saves(&self) -> Saves {
        self.dump.saves()
    }

    fn shut_down(&self, at_end: AtEnd, lagging: LaggingReplicas) -> Result<(), String> {
        let mut saves = at_end != AtEnd::Leave;
        if saves {
            // Saved now, so that the client learns of a failure. What changes after this is written at the end.
            self.dump.close();
            let saved = self.dump.save();
            saves = saved.is_ok();
            if at_end == AtEnd::Save {
                saved?;
            }
        }
        let _ = self.saves_at_end.set(saves);
        self.ends_at_once.store(lagging == LaggingReplicas::Leave, Ordering::Relaxed);
        self.stop.request();
        Ok(())
    }
}

/// Writes the configuration file anew, under another name first, so that a reader finds the old file or the new one. Who may
/// read it stays the same.
fn rewrite(config: &Config, path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let written = config.rewritten(path, &text).map_err(|error| error.to_string())?;
    if written == text {
        return Ok(());
    }
    let write = |mut file: &File| {
        file.set_permissions(fs::metadata(path)?.permissions())?;
        file.write_all(written.as_bytes())
    };
    replace_file(path, write).map_err(|error| error.to_string())
}
