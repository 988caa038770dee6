//! CLIENT: names of connections, lists of them, and the end of a blocked client's wait.

use crate::commands::admin::help;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer, text};
use crate::commands::spec::table::table;
use crate::commands::spec::{Caller, CommandSpec, Flag, Group, Handler};
use crate::commands::state::clients::Client;
use crate::resp::integer;
use crate::resp::reply::Reply;

const BASE: CommandSpec = CommandSpec { group: Group::Connection, ..CommandSpec::BASE };

const SUBCOMMAND: CommandSpec = CommandSpec { flags: &[Flag::Noscript, Flag::Loading, Flag::Stale], ..BASE };

const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "client",
    syntax: "",
    summary: "Commands about connections",
    since: "2.4.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: CLIENT,
    ..BASE
}];

const CLIENT: &[CommandSpec] = &[
    CommandSpec {
        name: "id",
        syntax: "",
        summary: "Returns the connection's number",
        since: "5.0.0",
        arity: 2,
        run: Handler::Session(client_id),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "getname",
        syntax: "",
        summary: "Returns the connection's name",
        since: "2.6.9",
        arity: 2,
        run: Handler::Session(client_getname),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "setname",
        syntax: "connection-name",
        summary: "Names the connection",
        since: "2.6.9",
        arity: 3,
        tips: ALL_NODES,
        run: Handler::Session(client_setname),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "setinfo",
        syntax: "<LIB-NAME libname | LIB-VER libver>",
        summary: "Stores the name and version of the client library",
        since: "7.2.0",
        arity: 4,
        tips: ALL_NODES,
        run: Handler::Session(client_setinfo),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "info",
        syntax: "",
        summary: "Describes the connection",
        since: "6.2.0",
        arity: 2,
        tips: &["nondeterministic_output"],
        run: Handler::Session(client_info),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "list",
        syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
        summary: "Describes all connections",
        since: "2.4.0",
        complexity: "O(N) with N connections",
        arity: -2,
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
        tips: &["nondeterministic_output"],
        run: Handler::Session(client_list),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "unblock",
        syntax: "client-id [TIMEOUT | ERROR]",
        summary: "Ends the wait of a connection that is blocked",
        since: "5.0.0",
        complexity: "O(1)",
        arity: -3,
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
        run: Handler::Session(client_unblock),
        ..SUBCOMMAND
    },
    CommandSpec {
        group: Group::Connection,
        run: Handler::Session(|_, _, reply| help::help("client", reply)),
        ..help::HELP
    },
];

/// Refuses names with characters that would break the lines of CLIENT LIST.
pub(super) fn check_printable(name: &[u8], what: &str) -> Result<(), CommandError> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err(CommandError::new(format!("ERR {what} cannot contain spaces, newlines or special characters.")))
}

fn client_id(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    reply.integer(session.client.id.cast_signed());
    Ok(())
}

fn client_getname(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    let name = session.client.names.lock().name.clone();
    if name.is_empty() {
        reply.null();
    } else {
        reply.bulk(name.as_bytes());
    }
    Ok(())
}

fn client_setname(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    check_printable(call.argument(1), "Client names")?;
    session.client.names.lock().name = text(call.argument(1));
    reply.ok();
    Ok(())
}

fn client_setinfo(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    let (attribute, value) = (text(call.argument(1)), call.argument(2));
    let mut names = session.client.names.lock();
    let field = match attribute.to_ascii_lowercase().as_str() {
        "lib-name" => &mut names.library,
        "lib-ver" => &mut names.library_version,
        _ => return Err(CommandError::new(format!("ERR Unrecognized option '{attribute}'")).into()),
    };
    check_printable(value, &attribute)?;
    *field = text(value);
    reply.ok();
    Ok(())
}

fn command_name(place: usize) -> String {
    table().entries()[place].full_name.clone()
}

fn client_info(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, place, .. } = caller;
    // The line names the command that makes it.
    session.client.names.lock().last_command = Some(*place);
    reply.verbatim(&(session.client.line(host.clock.now_ms(), command_name) + "\n"));
    Ok(())
}

fn client_list(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, place, .. } = caller;
    let mut cursor = call.cursor(1);
    let mut ids: Option<Vec<i64>> = None;
    let mut is_of_type: fn(&Client) -> bool = |_| true;
    if cursor.remaining() == 2 && cursor.take_word("type") {
        let kind = text(cursor.required()?);
        is_of_type = match kind.to_ascii_lowercase().as_str() {
            "normal" => |client| !client.is_subscribed(),
            "pubsub" => Client::is_subscribed,
            "master" | "replica" | "slave" => |_| false,
            _ => return Err(CommandError::new(format!("ERR Unknown client type '{kind}'")).into()),
        };
    } else if cursor.remaining() > 1 && cursor.take_word("id") {
        let wanted: Option<Vec<i64>> = cursor.map(integer::parse).collect();
        ids = Some(wanted.ok_or(CommandError::text("ERR Invalid client ID"))?);
    } else if cursor.remaining() > 0 {
        return Err(CommandError::SYNTAX.into());
    }
    session.client.names.lock().last_command = Some(*place);
    let now_ms = host.clock.now_ms();
    let mut lines = String::new();
    for client in host.clients.all() {
        if is_of_type(&client) && ids.as_ref().is_none_or(|ids| ids.contains(&client.id.cast_signed())) {
            lines += &client.line(now_ms, command_name);
            lines.push('\n');
        }
    }
    reply.verbatim(&lines);
    Ok(())
}

/// Ends a client's wait as its timeout would, or with an error. Replies whether the client was blocked.
fn client_unblock(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let host = caller.host;
    if call.arguments.len() > 3 {
        return Err(help::unknown_subcommand_or_arity("client", call.argument(0)).into());
    }
    let with_error = match call.arguments.get(2) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"timeout") => false,
        Some(word) if word.eq_ignore_ascii_case(b"error") => true,
        Some(_) => {
            return Err(CommandError::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR").into());
        }
    };
    let id = parse_integer(call.argument(1))?;
    let client = u64::try_from(id).ok().and_then(|id| host.clients.get(id));
    let waiting = client.and_then(|client| client.waiting.lock().clone());
    let was_waiting = waiting.is_some_and(|waiting| {
        waiting.end(|reply| {
            if with_error {
                reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
            } else {
                reply.null_array();
            }
        })
    });
    reply.integer(i64::from(was_waiting));
    Ok(())
}
