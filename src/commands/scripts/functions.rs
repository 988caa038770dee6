//! FUNCTION: the libraries of functions.

use super::compiling::{already_exists, announce_compiling, table_of};
use super::restore;
use crate::commands::admin::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::text;
use crate::commands::spec::{AllKeys, CommandSpec, Flag, Group, Handler};
use crate::commands::state::functions::FunctionTable;
use crate::commands::state::host::Host;
use crate::resp::reply::Reply;
use crate::scripts::{FunctionLibrary, ScriptFlags};
use crate::text::glob::{self, Case};
use crate::text::library_head::LibraryHead;
use std::sync::Arc;

const BASE: CommandSpec = CommandSpec { group: Group::Scripting, since: "7.0.0", ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "function",
    summary: "Commands about functions",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: FUNCTION,
    ..BASE
}];

const READING: CommandSpec = CommandSpec { flags: &[Flag::Noscript], ..BASE };

const CHANGING: CommandSpec = CommandSpec {
    flags: &[Flag::Write, Flag::Noscript],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..BASE
};

const FUNCTION: &[CommandSpec] = &[
    CommandSpec {
        name: "delete",
        syntax: "library-name",
        summary: "Deletes a library with its functions",
        complexity: "O(1)",
        arity: 3,
        run: Handler::OwnLocks(delete),
        ..CHANGING
    },
    CommandSpec {
        name: "dump",
        summary: "Returns all libraries as bytes that FUNCTION RESTORE takes, here or in Redis",
        complexity: "O(N) with N bytes of libraries",
        arity: 2,
        run: Handler::Admin(restore::dump),
        ..READING
    },
    CommandSpec {
        name: "flush",
        syntax: "[ASYNC | SYNC]",
        summary: "Deletes all libraries",
        complexity: "O(N) with N libraries",
        arity: -2,
        run: Handler::OwnLocks(flush),
        ..CHANGING
    },
    CommandSpec {
        name: "kill",
        summary: "Ends a function that runs too long and has changed nothing",
        complexity: "O(1)",
        arity: 2,
        flags: &[Flag::Noscript, Flag::AllowBusy],
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        run: Handler::Admin(kill),
        ..BASE
    },
    CommandSpec {
        name: "list",
        syntax: "[LIBRARYNAME library-name-pattern] [WITHCODE]",
        summary: "Lists libraries and their functions",
        complexity: "O(N) with N functions",
        arity: -2,
        tips: &["nondeterministic_output_order"],
        run: Handler::Admin(list),
        ..READING
    },
    CommandSpec {
        name: "load",
        syntax: "[REPLACE] function-code",
        summary: "Makes a library of a text, and returns its name",
        complexity: "O(N) with N bytes of the text",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Noscript],
        run: Handler::OwnLocks(load),
        ..CHANGING
    },
    CommandSpec {
        name: "restore",
        syntax: "serialized-value [FLUSH | APPEND | REPLACE]",
        summary: "Makes libraries of what FUNCTION DUMP has returned, here or in Redis",
        complexity: "O(N) with N bytes of libraries",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Noscript],
        run: Handler::OwnLocks(restore::restore),
        ..CHANGING
    },
    CommandSpec {
        name: "stats",
        summary: "Counts libraries and functions",
        complexity: "O(N) with N libraries",
        arity: 2,
        flags: &[Flag::Noscript, Flag::AllowBusy],
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        run: Handler::Admin(stats),
        ..BASE
    },
    CommandSpec {
        run: Handler::Admin(|_, _, reply| help::help("function", reply)),
        group: Group::Scripting,
        since: "7.0.0",
        ..help::HELP
    },
];

fn kill(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    host.running_scripts.kill(true).map_err(CommandError::text)?;
    reply.ok();
    Ok(())
}

fn load(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = call.arguments.len() - 2;
    let mut replaces = false;
    for option in call.arguments.skip(1).first(options).iter() {
        if !option.eq_ignore_ascii_case(b"replace") {
            return Err(CommandError::new(format!("ERR Unknown option given: {}", text(option))).into());
        }
        replaces = true;
    }
    let code = call.argument(options + 1);
    announce_compiling(call)?;
    let host = keys.host;
    let check_name =
        |table: &FunctionTable, name: &[u8]| match table.libraries.contains_key(name) && !replaces {
            true => Err(CommandError::new(format!("ERR Library '{}' already exists", text(name)))),
            false => Ok(()),
        };
    if let Ok(head) = LibraryHead::read(code)
        && head.engine.eq_ignore_ascii_case(b"lua")
    {
        check_name(&table_of(host, host.store.libraries()), &head.name)?;
    }
    let library = host.functions.compile(code, &host.clock);
    let library = library.map_err(|error| CommandError::new(format!("ERR {error}")))?;
    keys.shards.change_libraries(|libraries| {
        let mut table = table_of(host, libraries).copied();
        check_name(&table, &library.name)?;
        table.add(Arc::clone(&library)).map_err(|function| already_exists(&function))?;
        Ok::<_, CommandError>(vec![(Arc::clone(&library.name), Some(Arc::clone(&library.text)))])
    })?;
    reply.bulk(&library.name);
    Ok(())
}

fn delete(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let name = call.argument(1);
    keys.shards.change_libraries(|libraries| {
        let known = libraries.list().into_iter().any(|(known, _)| *known == *name);
        if known { Ok(vec![(name.into(), None)]) } else { Err(CommandError::text("ERR Library not found")) }
    })?;
    reply.ok();
    Ok(())
}

fn flush(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let is_known = |mode: &[u8]| mode.eq_ignore_ascii_case(b"async") || mode.eq_ignore_ascii_case(b"sync");
    match call.arguments.len() {
        1 => {}
        2 if is_known(call.argument(1)) => {}
        2 => return Err(CommandError::text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option").into()),
        _ => return Err(help::unknown_subcommand_or_arity("function", call.argument(0)).into()),
    }
    keys.shards.change_libraries(|libraries| {
        Ok::<_, CommandError>(libraries.list().into_iter().map(|(name, _)| (name, None)).collect())
    })?;
    reply.ok();
    Ok(())
}

fn stats(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let running = host.running_scripts.function().map_err(CommandError::text)?;
    let table = table_of(host, host.store.libraries());
    reply.map(2);
    reply.bulk(b"running_script");
    match running {
        Some(function) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(function.name.as_bytes());
            reply.bulk(b"command");
            reply.array(function.request.len());
            function.request.iter().for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            let elapsed_ns = host.clock.monotonic_ns().saturating_sub(function.started_ns);
            reply.count((elapsed_ns / 1_000_000) as usize);
        }
        None => reply.null(),
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.count(table.libraries.len());
    reply.bulk(b"functions_count");
    reply.count(table.function_count());
    Ok(())
}

fn list(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (mut pattern, mut with_code) = (None, false);
    let mut options = call.arguments.skip(1).iter();
    while let Some(option) = options.next() {
        if !with_code && option.eq_ignore_ascii_case(b"withcode") {
            with_code = true;
        } else if pattern.is_none() && option.eq_ignore_ascii_case(b"libraryname") {
            pattern =
                Some(options.next().ok_or(CommandError::text("ERR library name argument was not given"))?);
        } else {
            return Err(CommandError::new(format!("ERR Unknown argument {}", text(option))).into());
        }
    }
    let table = table_of(host, host.store.libraries());
    let is_asked = |library: &&Arc<FunctionLibrary>| {
        pattern.is_none_or(|pattern| glob::matches(pattern, &library.name, Case::Insensitive))
    };
    let libraries: Vec<_> = table.libraries.values().filter(is_asked).collect();
    reply.array(libraries.len());
    for library in libraries {
        write_library(library, with_code, reply);
    }
    Ok(())
}

fn write_library(library: &FunctionLibrary, with_code: bool, reply: &mut Reply<'_>) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk(b"library_name");
    reply.bulk(&library.name);
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    for function in &library.functions {
        let registered = &function.registered;
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(&registered.name);
        reply.bulk(b"description");
        match &registered.description {
            Some(description) => reply.bulk(description),
            None => reply.null(),
        }
        reply.bulk(b"flags");
        let names = flag_names(registered.flags);
        reply.set(names.len());
        names.iter().for_each(|name| reply.simple(name));
    }
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.text);
    }
}

/// The names of the flags that are set, in Redis's order.
fn flag_names(flags: ScriptFlags) -> Vec<&'static str> {
    [
        (flags.no_writes, "no-writes"),
        (flags.allow_oom, "allow-oom"),
        (flags.allow_stale, "allow-stale"),
        (flags.no_cluster, "no-cluster"),
        (flags.allow_cross_slot_keys, "allow-cross-slot-keys"),
    ]
    .into_iter()
    .filter_map(|(is_set, name)| is_set.then_some(name))
    .collect()
}
