//! What a script says of itself in its first line, or a function when it is registered, decides at the gates and before it runs: such
//! a script is a write or a read, and may need memory, as a command of its own.

use super::runner::Runner;
use super::script::FindScript;
use crate::commands::call::error::CommandError;
use crate::commands::spec::{CommandSpec, Handler};
use crate::commands::state::memory::Headroom;
use crate::commands::state::script_run::ScriptRun;
use crate::commands::state::transaction::QueuedScripts;
use crate::resp::request::Arguments;

impl Runner<'_> {
    /// Refuses a script that says that it writes, needs memory or new data where that cannot be. What is wrong with the request is
    /// found when it is run.
    pub(super) fn check_declared(
        &mut self,
        find: FindScript,
        arguments: Arguments<'_>,
    ) -> Result<(), CommandError> {
        let wanted = self.config.replication.min_replicas_to_write;
        let is_bounded = self.config.memory.max_bytes != 0;
        let is_limited = is_bounded || wanted > 0 || self.refuses_writes() || self.host.upstream.is_stale();
        if is_limited { self.check_declared_flags(find, arguments, wanted) } else { Ok(()) }
    }

    #[cold]
    fn check_declared_flags(
        &mut self,
        find: FindScript,
        arguments: Arguments<'_>,
        wanted: usize,
    ) -> Result<(), CommandError> {
        let Ok(run) = find(self.host, &self.call(arguments, None)) else { return Ok(()) };
        let flags = run.program.flags();
        if !flags.is_declared {
            return Ok(());
        }
        if !flags.no_writes {
            if !flags.allow_oom && self.is_short_for_script() {
                return Err(CommandError::text("OOM command not allowed when used memory > 'maxmemory'."));
            }
            if self.refuses_writes() {
                return Err(CommandError::READ_ONLY);
            }
            self.want_replicas(wanted)?;
        }
        if flags.allow_stale { Ok(()) } else { self.check_data_is_new() }
    }

    /// As in Redis, EXEC is refused for what its scripts said of themselves when they were queued.
    #[cold]
    pub(super) fn note_queued_script(&mut self, find: FindScript, arguments: Arguments<'_>) {
        let Ok(run) = find(self.host, &self.call(arguments, None)) else { return };
        let flags = run.program.flags();
        if let (true, Some(transaction)) = (flags.is_declared, &mut self.session.transaction) {
            let scripts = &mut transaction.scripts;
            scripts.write |= !flags.no_writes;
            scripts.need_memory |= !flags.no_writes && !flags.allow_oom;
            scripts.need_new_data |= !flags.allow_stale;
        }
    }

    /// What the scripts that `spec` will run say of themselves, if it is EXEC.
    pub(super) fn queued_scripts(&self, spec: &CommandSpec) -> QueuedScripts {
        match (&spec.run, &self.session.transaction) {
            (Handler::Exec, Some(transaction)) => transaction.scripts,
            _ => QueuedScripts::default(),
        }
    }

    /// Refuses what needs new data while those of a replica may be old.
    fn check_data_is_new(&self) -> Result<(), CommandError> {
        if self.host.upstream.is_stale() && !self.config.replica.serve_stale_data {
            return Err(CommandError::MASTER_DOWN);
        }
        Ok(())
    }

    /// Whether more memory is used than allowed although keys have been evicted.
    pub(super) fn is_short_for_script(&mut self) -> bool {
        self.config.memory.max_bytes != 0
            && self.host.is_short_of_memory(self.config)
            && self.make_room() == Headroom::None
    }

    /// What a script says of itself is checked before it runs, too: it may have waited in a transaction since it was let through.
    pub(super) fn check_script_flags(
        &self,
        run: &ScriptRun<'_>,
        is_short_of_memory: bool,
    ) -> Result<(), CommandError> {
        let flags = run.program.flags();
        if self.session.is_masters() {
            return Ok(());
        }
        if !flags.allow_stale {
            self.check_data_is_new()?;
        }
        if !flags.is_declared || flags.no_writes {
            return Ok(());
        }
        if let Some(why) = self.host.process.write_refusal() {
            return Err(CommandError::new(format!("MISCONF Errors writing to the AOF file: {why}")));
        }
        if run.is_read_only {
            let why = "ERR Can not execute a script with write flag using *_ro command.";
            return Err(CommandError::text(why));
        }
        if is_short_of_memory && !flags.allow_oom {
            let why =
                "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'";
            return Err(CommandError::text(why));
        }
        Ok(())
    }
}
