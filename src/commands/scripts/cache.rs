//! SCRIPT: the cache of scripts, and the end of one that runs too long.

use super::eval::parse_sha;
use crate::commands::admin::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler};
use crate::commands::state::host::Host;
use crate::resp::reply::Reply;
use crate::scripts::Program;

const BASE: CommandSpec = CommandSpec { group: Group::Scripting, since: "2.6.0", ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "script",
    summary: "Commands about scripts",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: SCRIPT,
    ..BASE
}];

const SUBCOMMAND: CommandSpec = CommandSpec { flags: &[Flag::Noscript], ..BASE };

const SCRIPT: &[CommandSpec] = &[
    CommandSpec {
        name: "debug",
        syntax: "YES | SYNC | NO",
        summary: "Chooses whether scripts are debugged, for which there is only NO",
        since: "3.2.0",
        arity: 3,
        run: Handler::Admin(debug),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "exists",
        syntax: "sha1 [sha1 ...]",
        summary: "Returns for each digest whether there is such a script",
        complexity: "O(N) with N digests",
        arity: -3,
        tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
        run: Handler::Admin(exists),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "flush",
        syntax: "[ASYNC | SYNC]",
        summary: "Forgets all scripts",
        complexity: "O(N) with N scripts",
        arity: -2,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: Handler::Admin(flush),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "kill",
        syntax: "",
        summary: "Ends a script that runs too long and has changed nothing",
        arity: 2,
        flags: &[Flag::Noscript, Flag::AllowBusy],
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        run: Handler::Admin(kill),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "load",
        syntax: "script",
        summary: "Keeps a script for EVALSHA and returns its digest",
        complexity: "O(N) with N bytes of the script",
        arity: 3,
        flags: &[Flag::Noscript, Flag::Stale],
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: Handler::Admin(load),
        ..SUBCOMMAND
    },
    CommandSpec {
        run: Handler::Admin(|_, _, reply| help::help("script", reply)),
        group: Group::Scripting,
        ..help::HELP
    },
];

fn debug(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    match call.argument(1).to_ascii_lowercase().as_slice() {
        b"no" => reply.ok(),
        b"yes" | b"sync" => return Err(CommandError::text("ERR there is no debugger of scripts").into()),
        _ => return Err(CommandError::text("ERR Use SCRIPT DEBUG YES/SYNC/NO").into()),
    }
    Ok(())
}

fn exists(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let digests = call.arguments.skip(1);
    reply.array(digests.len());
    for digest in digests.iter() {
        reply.count(usize::from(parse_sha(digest).is_some_and(|sha| host.scripts.has(&sha))));
    }
    Ok(())
}

fn flush(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let is_known = |mode: &[u8]| mode.eq_ignore_ascii_case(b"async") || mode.eq_ignore_ascii_case(b"sync");
    match call.arguments.len() {
        1 => {}
        2 if is_known(call.argument(1)) => {}
        _ => return Err(CommandError::text("ERR SCRIPT FLUSH only support SYNC|ASYNC option").into()),
    }
    host.scripts.flush();
    reply.ok();
    Ok(())
}

fn kill(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    host.running_scripts.kill(false).map_err(CommandError::text)?;
    reply.ok();
    Ok(())
}

fn load(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let script = host.scripts.load(call.argument(1));
    let script = script.map_err(|error| CommandError::new(format!("ERR {error}")))?;
    reply.bulk(script.name().as_bytes());
    Ok(())
}
