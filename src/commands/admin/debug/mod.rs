//! DEBUG: what test suites use to look inside a server, and to stop or fill it.

mod digest;
mod object;
mod populate;
mod protocol;
mod reload;
mod subcommand;

use self::subcommand::{Subcommand, ok, subcommand};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
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

/// A switch of something that rankd does not have. Test suites may set it all the same.
const fn without_effect(name: &'static str, arguments: (usize, usize)) -> Subcommand {
    Subcommand { name, syntax: "", help: "", arguments, run: |_, _, reply| ok(reply) }
}

const MANY: usize = usize::MAX;

#[rustfmt::skip]
const SUBCOMMANDS: &[Subcommand] = &[
    subcommand("digest", "", "A digest of all data, equal to Redis's for the same data", (0, 0), digest::digest),
    subcommand("digest-value", "<key> [<key> ...]", "Digests of the values of these keys", (0, MANY), digest::digest_value),
    subcommand("error", "<string>", "An error reply with this text", (1, 1), error),
    subcommand("loadaof", "", "Read the journal in place of the data, which it has", (0, 0), reload::load_journal),
    subcommand("log", "<message>", "Write the message to the log", (1, 1), log),
    subcommand("object", "<key>", "How Redis would keep the value, and how long it is in a dump file", (1, 1), object::object),
    subcommand("panic", "", "Panic within the command: it is answered with an error, and the server goes on", (0, 0), |_, _, _| panic!("DEBUG PANIC")),
    subcommand("populate", "<count> [<prefix>] [<size>]", "Set strings key:0 to key:<count - 1>, or of another prefix, if they do not exist", (1, 3), populate::populate),
    subcommand("protocol", "<type>", "A reply of this type, for tests of clients", (1, 1), protocol::protocol),
    subcommand("reload", "[NOSAVE] [NOFLUSH] [MERGE]", "Save the dump file and reload it; or, without saving, load it in place of the data or beside them", (0, MANY), reload::reload),
    subcommand("set-active-expire", "<0|1>", "Whether expired keys are removed from memory though nobody asks for them", (1, 1), set_active_expire),
    subcommand("set-disable-deny-scripts", "<0|1>", "Whether scripts may call commands that are not allowed from scripts, but in a transaction", (1, 1), set_disable_deny_scripts),
    subcommand("sleep", "<seconds>", "Stop the server for <seconds>. Decimals allowed", (1, 1), sleep),
    subcommand("stringmatch-test", "", "Match patterns that are long to match, and tell that it came to an end", (0, 0), stringmatch_test),
    subcommand("help", "", "Print this help", (0, 0), help),
    without_effect("dict-resizing", (1, 1)),
    without_effect("keysizes-hist-assert", (1, 1)),
    without_effect("pause-cron", (1, 1)),
    without_effect("quicklist-packed-threshold", (1, 1)),
    without_effect("replybuffer", (2, 2)),
];

pub(in crate::commands) fn debug(
    keys: &mut AllKeys<'_, '_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let is_allowed = match call.config.enable_debug_command {
        DebugPolicy::No => false,
        DebugPolicy::Local => keys.session.client.peer.address.is_local(),
        DebugPolicy::Yes => true,
    };
    if !is_allowed {
        return Err(NOT_ALLOWED.into());
    }
    let name = call.argument(1);
    let count = call.arguments.len() - 2;
    let found = SUBCOMMANDS.iter().find(|subcommand| subcommand.name.as_bytes().eq_ignore_ascii_case(name));
    match found.filter(|found| (found.arguments.0..=found.arguments.1).contains(&count)) {
        Some(found) => (found.run)(keys, call, reply),
        None => Err(CommandError::new(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
            text(name)
        ))
        .into()),
    }
}

fn help(_: &mut AllKeys<'_, '_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let shown = || SUBCOMMANDS.iter().filter(|subcommand| !subcommand.help.is_empty());
    reply.array(1 + 2 * shown().count());
    reply.simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    for subcommand in shown() {
        reply.simple(format!("{} {}", subcommand.name.to_uppercase(), subcommand.syntax).trim_end());
        reply.simple(&format!("    {}.", subcommand.help));
    }
    Ok(())
}

fn error(_: &mut AllKeys<'_, '_>, call: &Call<'_>, _: &mut Reply<'_>) -> Outcome {
    Err(CommandError::new(text(call.argument(2))).into())
}

fn log(_: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    tracing::warn!("DEBUG LOG: {}", call.argument(2).escape_ascii());
    ok(reply)
}

/// Whether a switch is to be on. As in Redis, a word that is not a number counts as 0.
fn is_on(call: &Call<'_>) -> bool {
    !matches!(double::parse(call.argument(2)), None | Some(0.0))
}

fn set_active_expire(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    keys.host.expires_actively.store(is_on(call), Ordering::Relaxed);
    ok(reply)
}

fn set_disable_deny_scripts(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    keys.host.denies_in_scripts.store(!is_on(call), Ordering::Relaxed);
    ok(reply)
}

fn sleep(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let seconds = double::parse(call.argument(2)).unwrap_or(0.0);
    // As in Redis, no client is served meanwhile. A transaction holds all shards already.
    let frozen = matches!(keys.shards, Shards::Free(..)).then(|| keys.host.store.freeze());
    std::thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    drop(frozen);
    ok(reply)
}

fn stringmatch_test(_: &mut AllKeys<'_, '_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    use crate::text::glob::{Case, matches};
    let matched = matches(&b"a*".repeat(200), &b"a".repeat(199), Case::Sensitive);
    let wanted = matches(&b"a*".repeat(200), &b"a".repeat(200), Case::Sensitive);
    if matched || !wanted {
        return Err(CommandError::text("ERR a pattern did not match as it should").into());
    }
    reply.simple("Apparently rankd did not crash: test passed");
    Ok(())
}
