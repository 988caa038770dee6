//! SLOWLOG: the requests that took long.

use super::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler};
use crate::commands::state::host::Host;
use crate::resp::integer;
use crate::resp::reply::Reply;

const BASE: CommandSpec = CommandSpec { group: Group::Server, since: "2.2.12", ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "slowlog",
    summary: "Commands about requests that took long",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: SLOWLOG,
    ..BASE
}];

const SUBCOMMAND: CommandSpec =
    CommandSpec { arity: 2, flags: &[Flag::Admin, Flag::Loading, Flag::Stale], ..BASE };

const SLOWLOG: &[CommandSpec] = &[
    CommandSpec {
        name: "get",
        syntax: "[count]",
        summary: "Returns the newest entries: number, time, microseconds, arguments, client",
        complexity: "O(N) with N entries returned",
        arity: -2,
        tips: &["request_policy:all_nodes", "nondeterministic_output"],
        run: Handler::Admin(get),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "len",
        syntax: "",
        summary: "Returns the number of entries",
        tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
        run: Handler::Admin(len),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "reset",
        syntax: "",
        summary: "Removes all entries",
        complexity: "O(N) with N entries",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: Handler::Admin(reset),
        ..SUBCOMMAND
    },
    CommandSpec {
        since: "6.2.0",
        run: Handler::Admin(|_, _, reply| help::help("slowlog", reply)),
        ..help::HELP
    },
];

/// How many entries GET returns if the client names no number.
const SHOWN: usize = 10;

fn get(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let most = match call.arguments.len() {
        1 => SHOWN,
        2 => match integer::parse(call.argument(1)) {
            Some(-1) => usize::MAX,
            Some(count @ 0..) => count as usize,
            _ => {
                return Err(CommandError::text("ERR count should be greater than or equal to -1").into());
            }
        },
        _ => return Err(help::unknown_subcommand_or_arity("slowlog", call.argument(0)).into()),
    };
    let entries = host.slow_log.newest(most);
    reply.array(entries.len());
    for entry in entries {
        let request = &entry.request;
        reply.array(6);
        reply.integer(entry.id.cast_signed());
        reply.integer(request.at_s.cast_signed());
        reply.integer(request.elapsed_us.cast_signed());
        reply.array(request.arguments.len());
        request.arguments.iter().for_each(|argument| reply.bulk(argument));
        reply.bulk(request.address.as_bytes());
        reply.bulk(request.name.as_bytes());
    }
    Ok(())
}

fn len(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(host.slow_log.count());
    Ok(())
}

fn reset(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    host.slow_log.reset();
    reply.ok();
    Ok(())
}
