//! What commands may ask of the process, answered: the journal, the log, the end.

use super::log::Log;
use super::signals::Stop;
use super::startup::fit_descriptors;
use crate::commands::host::{Persistence, Process};
use crate::config::Config;
use crate::journal::Journal;
use std::sync::Arc;

/// The process around the commands.
pub(super) struct RunningProcess {
    /// `None` with `appendonly no`.
    pub(super) journal: Option<Arc<Journal>>,
    pub(super) log: Log,
    /// The way to the end.
    pub(super) stop: Arc<Stop>,
}

impl Process for RunningProcess {
    fn write_refusal(&self) -> Option<String> {
        self.journal.as_ref().and_then(|journal| journal.refusal())
    }

    fn start_checkpoint(&self) -> Result<(), String> {
        let journal = self.journal.as_ref().ok_or("there is no journal: appendonly is no")?;
        journal
            .checkpoint()
            .map_err(|_| "Background append only file rewriting already in progress".to_owned())
    }

    fn persistence(&self) -> Persistence {
        let Some(journal) = &self.journal else {
            return Persistence { last_rewrite_ok: true, ..Persistence::default() };
        };
        let status = journal.status();
        Persistence {
            enabled: true,
            rewrite_in_progress: status.checkpoint_running,
            current_rewrite_s: status.checkpoint_running_s,
            rewrites: status.checkpoints,
            last_rewrite_s: status.last_checkpoint_s,
            last_rewrite_ok: status.last_checkpoint_error.is_none(),
            last_write_error: status.refusal,
            current_size_bytes: status.size_bytes,
            base_size_bytes: status.base_bytes,
            pending_bytes: status.pending_bytes as u64,
            fsyncs: status.fsyncs,
            failed_fsyncs: status.failed_fsyncs,
            last_seq: status.last_seq.0,
            changes_since_checkpoint: status.records_since_base,
            last_checkpoint_unix_s: status.last_save_unix_s,
        }
    }

    fn configure(&self, config: &Config) {
        self.log.set_level(config.loglevel);
        match fit_descriptors(config.maxclients) {
            Ok((_, None)) => {}
            Ok((_, Some(warning))) | Err(warning) => tracing::warn!("{warning}"),
        }
        if let Some(journal) = &self.journal {
            journal.set_fsync(config.appendfsync);
            journal.set_rewrite(config.auto_aof_rewrite_percentage, config.auto_aof_rewrite_min_size_bytes);
        }
    }

    fn shut_down(&self) {
        self.stop.request();
    }
}
