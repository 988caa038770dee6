//! The commands of an append-only file, run on a store that no server serves.

use super::report::ImportReport;
use crate::commands::engine::run_batch;
use crate::commands::spec::{Flag, Manner};
use crate::commands::state::host::Host;
use crate::commands::state::session::{NextStep, Session};
use crate::commands::table;
use crate::config::Config;
use crate::resp::request::Arguments;
use crate::store::Store;
use std::sync::Arc;

/// Runs commands one by one.
pub(super) struct CommandRunner {
    host: Host,
    session: Session,
    reply: Vec<u8>,
}

impl CommandRunner {
    pub(super) fn on(store: &Arc<Store>, config: &Config) -> Self {
        let config = Config { requirepass: String::new(), ..config.clone() };
        let host = Host::headless(Arc::clone(store), config);
        let session = host.local_session();
        Self { host, session, reply: Vec::new() }
    }

    /// Runs one command, if it changes something or selects the database of those behind it.
    ///
    /// # Errors
    /// A command that rankd does not have and that may change keys of types that it has: without the command those
    /// keys would be wrong.
    pub(super) fn run(&mut self, arguments: Arguments<'_>, report: &mut ImportReport) -> Result<(), String> {
        let name = arguments.get(0).unwrap_or_default();
        let Some(place) = table().find(name) else {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            let Some(foreign) = foreign_type(&name) else {
                return Err(format!(
                    "rankd has no command '{}', without which keys would differ; have the server rewrite the file \
                     first (BGREWRITEAOF), or import from the server itself (redis://)",
                    name.escape_debug()
                ));
            };
            *report.foreign_commands.entry(foreign).or_default() += 1;
            return Ok(());
        };
        let subcommand = arguments.get(1).and_then(|name| table().find_subcommand(place, name));
        let spec = table().entries()[subcommand.unwrap_or(place)].spec;
        if !spec.has(Flag::Write) && !spec.is(Manner::SelectsDatabase) {
            return Ok(());
        }
        self.reply.clear();
        let (request, terms) = (std::iter::once(arguments), self.host.local_terms());
        let ran =
            run_batch(&self.host, &self.host.config(), &mut self.session, request, &mut self.reply, terms);
        if ran.next != NextStep::Continue {
            return Err("a command that has no place in an append-only file".into());
        }
        report.commands += 1;
        match self.reply.strip_prefix(b"-") {
            None => Ok(()),
            // Redis writes no command that has failed.
            Some(error) => Err(format!(
                "{}, which Redis has run, is refused: {}",
                String::from_utf8_lossy(name).to_ascii_uppercase().escape_debug(),
                String::from_utf8_lossy(error.trim_ascii_end())
            )),
        }
    }
}

/// The type that a command of Redis works on, if rankd does not have that type.
fn foreign_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "ardel" | "ardelrange" | "arinsert" | "armset" | "arring" | "arseek" | "arset" => "array",
        "vadd" | "vrem" | "vsetattr" => "vector set",
        "script" => "script",
        "publish" | "spublish" => "message",
        _ if name.contains('.') => "module",
        _ => return None,
    })
}
