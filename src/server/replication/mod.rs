//! Replication, as far as it needs sockets, files and the configuration. How a replica's connection is served is in
//! `src/server/connection/replica.rs`.
//!
//! | file | its subject |
//! |---|---|
//! | `restart` | the history on disk, at a start and at the end |
//! | `ending` | the end of a server, which waits for replicas |
//! | `facts` | what INFO and ROLE say |
//! | `listed` | the list of replicas, and what they acknowledge |

mod ending;
mod facts;
pub(super) mod listed;
mod restart;

use crate::commands::state::host::Host;
use crate::config::Config;
use crate::machine::clock::Clock;
use crate::replication::upstream::state::Upstream;
use crate::replication::{FullSyncs, Outflow, OutflowBounds, ProgressWatcher, ReplicaLink, Streaming};
use crate::store::Store;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// The replication of a running server.
pub(super) struct Replication {
    /// The stream.
    pub(super) outflow: Arc<Outflow>,
    /// What spells it on a master.
    pub(super) streaming: Arc<Streaming>,
    /// What replicas begin with.
    pub(super) syncs: Arc<FullSyncs>,
    /// Counts since the start.
    pub(super) counts: SyncCounts,
    /// The file of the history.
    path: PathBuf,
    dump_path: PathBuf,
    clock: Clock,
    upstream: Arc<Upstream>,
}

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct SyncCounts {
    pub(super) full: AtomicU64,
    pub(super) partial: AtomicU64,
    pub(super) refused_partial: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
}

impl SyncCounts {
    /// Counts one more.
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets all to 0.
    pub(super) fn reset(&self) {
        let Self { full, partial, refused_partial, sent_bytes } = self;
        [full, partial, refused_partial, sent_bytes]
            .iter()
            .for_each(|count| count.store(0, Ordering::Relaxed));
    }
}

impl Replication {
    /// That of a server which keeps its files in `directory`. `upstream` is what it knows of its master.
    pub(super) fn new(
        config: &Config,
        directory: &Path,
        store: &Arc<Store>,
        clock: Clock,
        upstream: Arc<Upstream>,
    ) -> Self {
        let outflow = Outflow::new(clock.clone(), bounds(config));
        let streaming = Streaming::new(Arc::clone(store), Arc::clone(&outflow), clock.clone());
        streaming.set_ping_period(config.replication.ping_period_s);
        let (own, to) = (Arc::clone(&outflow), Arc::clone(&streaming));
        let syncs = FullSyncs::new(Arc::clone(store), own, to, clock.clone(), directory);
        let path = directory.join(crate::replication::saved::FILE_NAME);
        let dump_path = directory.join(&config.dbfilename);
        Self { outflow, streaming, syncs, counts: SyncCounts::default(), path, dump_path, clock, upstream }
    }

    /// Puts a changed configuration into effect.
    pub(super) fn configure(&self, config: &Config) {
        self.outflow.set_bounds(bounds(config));
        self.streaming.set_ping_period(config.replication.ping_period_s);
    }

    /// From now on clients that wait for replicas are told of their progress.
    pub(super) fn tell_waiting_clients(&self, host: &Arc<Host>) {
        self.outflow.watch(Arc::new(WaitingClients(Arc::downgrade(host))));
    }

    /// The clock.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Now, in unix milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// How many replicas are online and have acknowledged something in the last `max_lag_s` seconds.
    pub(super) fn good_replicas(&self, max_lag_s: u64) -> usize {
        let now_ms = self.now_ms();
        self.outflow.count_online(|link| now_ms.saturating_sub(link.heard_ms()) / 1000 <= max_lag_s)
    }

    /// How many replicas that are online have applied the stream up to `offset`, or have it on their disks.
    pub(super) fn replicas_with(&self, offset: u64, on_disk: bool) -> usize {
        let reached = |link: &ReplicaLink| if on_disk { link.synced() } else { link.acknowledged() };
        self.outflow.count_online(|link| reached(link) >= offset)
    }

    /// What is known of this server's master, and of whether it is one.
    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Whether a replica that is online has not acknowledged the stream up to `end`.
    fn has_replicas_behind(&self, end: u64) -> bool {
        self.outflow.count_online(|link| !link.introduction().is_old && link.acknowledged() < end) > 0
    }
}

/// Tells clients that wait for replicas.
struct WaitingClients(Weak<Host>);

impl ProgressWatcher for WaitingClients {
    fn progressed(&self) {
        if let Some(host) = self.0.upgrade() {
            host.replica_waits.look(&*host.process);
        }
    }
}

fn bounds(config: &Config) -> OutflowBounds {
    OutflowBounds { backlog_bytes: config.replication.backlog_bytes, output: config.output_limits.replica }
}
