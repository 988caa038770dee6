//! DEBUG: the part of it that test suites of clients and modules use.

use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::AllKeys;
use crate::config::DebugPolicy;
use crate::resp::double;
use crate::resp::reply::Reply;
use crate::store::Shards;
use std::sync::atomic::Ordering;
use std::time::Duration;

const NOT_ALLOWED: CommandError = CommandError::text(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a \
     local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);

const HELP: &[&str] = &[
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "PANIC",
    "    Panic within the command: it is answered with an error, and the server goes on.",
    "RELOAD",
    "    Save the dump file and reload it back to memory.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Whether expired keys are removed from memory though nobody asks for them.",
    "SLEEP <seconds>",
    "    Stop the server for <seconds>. Decimals allowed.",
    "HELP",
    "    Print this help.",
];

pub(in crate::commands) fn debug(
    keys: &mut AllKeys<'_, '_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let AllKeys { host, session, shards } = keys;
    let is_allowed = match call.config.enable_debug_command {
        DebugPolicy::No => false,
        DebugPolicy::Local => session.client.peer.address.ip().to_canonical().is_loopback(),
        DebugPolicy::Yes => true,
    };
    if !is_allowed {
        return Err(NOT_ALLOWED.into());
    }
    let mut words = call.cursor(1);
    if words.remaining() == 1 && words.take_word("panic") {
        panic!("DEBUG PANIC");
    } else if words.take_word("reload") {
        if words.remaining() > 0 {
            return Err(CommandError::text("ERR DEBUG RELOAD takes no options here.").into());
        }
        if matches!(shards, Shards::Held(_)) {
            return Err(CommandError::text("ERR DEBUG RELOAD is not possible inside a transaction.").into());
        }
        if host.is_loading() {
            return Err(CommandError::LOADING.into());
        }
        host.process.reload().map_err(|why| CommandError::new(format!("ERR {why}")))?;
    } else if words.remaining() == 2 && words.take_word("set-active-expire") {
        // As in Redis, a word that is not a number counts as 0.
        let is_on = !matches!(double::parse(words.required()?), None | Some(0.0));
        host.expires_actively.store(is_on, Ordering::Relaxed);
    } else if words.remaining() == 2 && words.take_word("sleep") {
        let seconds = double::parse(words.required()?).unwrap_or(0.0);
        // As in Redis, no client is served meanwhile. A transaction holds all shards already.
        let frozen = matches!(shards, Shards::Free(..)).then(|| host.store.freeze());
        std::thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        drop(frozen);
    } else if words.remaining() == 1 && words.take_word("help") {
        reply.array(HELP.len());
        HELP.iter().for_each(|line| reply.simple(line));
        return Ok(());
    } else {
        let word = crate::commands::call::text(call.argument(1));
        return Err(CommandError::new(format!(
            "ERR unknown subcommand or wrong number of arguments for '{word}'. Try DEBUG HELP."
        ))
        .into());
    }
    reply.ok();
    Ok(())
}
