//! Replication, as far as it needs sockets, files and the configuration.
//!
//! | file | its subject |
//! |---|---|
//! | `restart` | the history on disk, at a start and at the end |
//! | `facts` | what INFO and ROLE say |

mod facts;
mod restart;

use crate::config::Config;
use crate::machine::clock::Clock;
use crate::replication::{Outflow, OutflowBounds};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The replication of a running server.
pub(super) struct Replication {
    /// The stream.
    pub(super) outflow: Arc<Outflow>,
    /// Counts since the start.
    pub(super) counts: SyncCounts,
    /// The file of the history.
    path: PathBuf,
    dump_path: PathBuf,
    clock: Clock,
}

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct SyncCounts {
    pub(super) full: AtomicU64,
    pub(super) partial: AtomicU64,
    pub(super) refused_partial: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
}

impl Replication {
    /// That of a server which keeps its files in `directory`.
    pub(super) fn new(config: &Config, directory: &std::path::Path, clock: Clock) -> Self {
        let outflow = Outflow::new(clock.clone(), bounds(config));
        let dump_path = directory.join(&config.dbfilename);
        let path = directory.join(crate::replication::saved::FILE_NAME);
        Self { outflow, counts: SyncCounts::default(), path, dump_path, clock }
    }

    /// Puts a changed configuration into effect.
    pub(super) fn configure(&self, config: &Config) {
        self.outflow.set_bounds(bounds(config));
    }
}

fn bounds(config: &Config) -> OutflowBounds {
    OutflowBounds { backlog_bytes: config.replication.backlog_bytes, output: config.output_limits.replica }
}
