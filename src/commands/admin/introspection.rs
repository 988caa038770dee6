//! COMMAND: what the server tells clients of its commands. All of it is read off the command table.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::engine::execute::for_each_key;
use crate::commands::spec::syntax;
use crate::commands::spec::syntax::{Argument, ArgumentKind};
use crate::commands::spec::table::{ACL_CATEGORIES, Entry, table};
use crate::commands::spec::{CommandSpec, Flag, Group, Keys, Run};
use crate::commands::state::host::Host;
use crate::resp::reply::Reply;
use crate::text::glob::{Case, matches};

const BASE: CommandSpec = CommandSpec {
    group: Group::Server,
    categories: &["@connection"],
    since: "2.8.13",
    flags: &[Flag::Loading, Flag::Stale],
    ..CommandSpec::BASE
};

const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "command",
    syntax: "",
    summary: "Describes all commands",
    complexity: "O(N) with N commands",
    arity: -1,
    tips: ANY_ORDER,
    run: Run::Admin(command),
    subcommands: COMMAND,
    ..BASE
}];

const COMMAND: &[CommandSpec] = &[
    CommandSpec {
        name: "count",
        syntax: "",
        summary: "Returns the number of commands",
        arity: 2,
        run: Run::Admin(command_count),
        ..BASE
    },
    CommandSpec {
        name: "list",
        syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        summary: "Returns the names of commands",
        since: "7.0.0",
        complexity: "O(N) with N commands",
        arity: -2,
        tips: ANY_ORDER,
        run: Run::Admin(command_list),
        ..BASE
    },
    CommandSpec {
        name: "info",
        syntax: "[command-name [command-name ...]]",
        summary: "Describes commands for clients",
        complexity: "O(N) with N commands",
        arity: -2,
        tips: ANY_ORDER,
        run: Run::Admin(command_info),
        ..BASE
    },
    CommandSpec {
        name: "docs",
        syntax: "[command-name [command-name ...]]",
        summary: "Describes commands for people",
        since: "7.0.0",
        complexity: "O(N) with N commands",
        arity: -2,
        tips: ANY_ORDER,
        run: Run::Admin(command_docs),
        ..BASE
    },
    CommandSpec {
        name: "getkeys",
        syntax: "command [arg ...]",
        summary: "Returns the keys of a request",
        complexity: "O(N) with N arguments",
        arity: -3,
        run: Run::Admin(command_getkeys),
        ..BASE
    },
    CommandSpec {
        name: "getkeysandflags",
        syntax: "command [arg ...]",
        summary: "Returns the keys of a request, each with what the command does with it",
        since: "7.0.0",
        complexity: "O(N) with N arguments",
        arity: -3,
        run: Run::Admin(command_getkeysandflags),
        ..BASE
    },
    CommandSpec {
        run: Run::Admin(|_, _, reply| help("command", reply)),
        categories: &["@connection"],
        ..HELP
    },
];

/// The entry of a HELP subcommand, but for what runs it.
pub(in crate::commands) const HELP: CommandSpec = CommandSpec {
    name: "help",
    summary: "Lists the subcommands",
    since: "5.0.0",
    arity: 2,
    categories: &[],
    ..BASE
};

/// A subcommand that takes fewer arguments, as Redis's containers complain of it.
pub(in crate::commands) fn unknown_subcommand_or_arity(command: &str, subcommand: &[u8]) -> CommandError {
    CommandError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.",
        text(subcommand),
        command.to_uppercase()
    ))
}

/// The reply of a command's HELP.
pub(in crate::commands) fn help(command: &str, reply: &mut Reply<'_>) -> Outcome {
    let table = table();
    let place = table.find(command.as_bytes()).expect("a command of the table");
    let subcommands = &table.entries()[place].subcommands;
    reply.array(1 + subcommands.len() * 2);
    let usage = "<subcommand> [<arg> [value] [opt] ...]. Subcommands are:";
    reply.simple(&format!("{} {usage}", command.to_uppercase()));
    for sub in subcommands.iter().map(|place| table.entries()[*place].spec) {
        reply.simple(format!("{} {}", sub.name.to_uppercase(), sub.syntax).trim_end());
        reply.simple(&format!("    {}.", sub.summary));
    }
    Ok(())
}

fn command(_: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(table().commands().count());
    table().commands().for_each(|entry| write_info(entry, reply));
    Ok(())
}

fn command_count(_: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(table().commands().count());
    Ok(())
}

fn command_list(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut cursor = call.cursor(1);
    let mut names: Vec<&Entry> = table().commands().collect();
    if cursor.remaining() > 0 {
        if cursor.remaining() != 3 || !cursor.take_word("filterby") {
            return Err(CommandError::SYNTAX);
        }
        if cursor.take_word("module") {
            names.clear();
        } else if cursor.take_word("aclcat") {
            let category = format!("@{}", text(cursor.required()?).to_ascii_lowercase());
            if !ACL_CATEGORIES.contains(&category.as_str()) {
                names.clear();
            }
            names.retain(|entry| entry.spec.acl_categories().contains(&category.as_str()));
        } else if cursor.take_word("pattern") {
            let pattern = cursor.required()?;
            names.retain(|entry| matches(pattern, entry.full_name.as_bytes(), Case::Insensitive));
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    reply.array(names.len());
    names.iter().for_each(|entry| reply.bulk(entry.full_name.as_bytes()));
    Ok(())
}

fn command_info(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if call.arguments.len() == 1 {
        return command(host, call, reply);
    }
    reply.array(call.arguments.len() - 1);
    for name in call.cursor(1) {
        match table().find(name) {
            Some(place) => write_info(&table().entries()[place], reply),
            None => reply.null(),
        }
    }
    Ok(())
}

/// The ten elements of one command in COMMAND INFO.
fn write_info(entry: &Entry, reply: &mut Reply<'_>) {
    let spec = entry.spec;
    // Redis counts a subcommand's arguments from the command's name on.
    let names_before = usize::from(entry.is_subcommand);
    let (first, last, step) = match *spec.keys.declared() {
        Keys::Range { first, last, .. } => {
            let first = first + names_before;
            (first, if last == 0 { first as i32 } else { last }, 1)
        }
        Keys::Store { sources: Keys::Range { first, .. } } => (1, *first as i32, 1),
        Keys::Store { .. } => (1, 1, 1),
        Keys::Pair { .. } => (1, 2, 1),
        Keys::None | Keys::Counted { .. } | Keys::Derived(_) | Keys::WithDerived { .. } => (0, 0, 0),
    };
    reply.array(10);
    reply.bulk(entry.full_name.as_bytes());
    reply.integer(i64::from(spec.arity));
    let movable = spec.keys.are_movable().then_some("movablekeys");
    reply.set(spec.flags.len() + movable.iter().len());
    spec.flags.iter().map(|flag| flag.name()).chain(movable).for_each(|flag| reply.simple(flag));
    reply.count(first);
    reply.integer(i64::from(last));
    reply.integer(step);
    let categories = spec.acl_categories();
    reply.set(categories.len());
    categories.iter().for_each(|category| reply.simple(category));
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    write_key_specs(spec, names_before, reply);
    // An empty list is a set to Redis.
    match entry.subcommands.len() {
        0 => reply.set(0),
        len => reply.array(len),
    }
    entry.subcommands.iter().for_each(|place| write_info(&table().entries()[*place], reply));
}

fn write_key_specs(spec: &CommandSpec, names_before: usize, reply: &mut Reply<'_>) {
    let notes = spec.keys_note;
    match spec.keys.declared() {
        Keys::None | Keys::Derived(_) | Keys::WithDerived { .. } => reply.set(0),
        Keys::Store { sources } => {
            reply.set(2);
            write_key_spec(&Keys::OVERWRITTEN, names_before, None, reply);
            write_key_spec(sources, names_before, notes, reply);
        }
        Keys::Pair { first, second } => {
            reply.set(2);
            let at = |first, access| Keys::Range { first, last: 0, access };
            write_key_spec(&at(1, first), names_before, notes, reply);
            write_key_spec(&at(2, second), names_before, notes, reply);
        }
        keys => {
            reply.set(1);
            write_key_spec(keys, names_before, notes, reply);
        }
    }
}

/// The key specification of a `Range` or `Counted`.
fn write_key_spec(keys: &Keys, names_before: usize, notes: Option<&str>, reply: &mut Reply<'_>) {
    let (first, access, found_by, details) = match *keys {
        Keys::Range { first, last, access } => {
            (first, access, "range", [("lastkey", i64::from(last)), ("keystep", 1), ("limit", 0)])
        }
        Keys::Counted { count, access } => {
            (count, access, "keynum", [("keynumidx", 0), ("firstkey", 1), ("keystep", 1)])
        }
        _ => unreachable!("has none of its own"),
    };
    reply.map(if notes.is_some() { 4 } else { 3 });
    if let Some(notes) = notes {
        reply.bulk(b"notes");
        reply.bulk(notes.as_bytes());
    }
    reply.bulk(b"flags");
    reply.set(access.len());
    access.iter().for_each(|flag| reply.simple(flag));
    reply.bulk(b"begin_search");
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(b"index");
    reply.bulk(b"spec");
    reply.map(1);
    reply.bulk(b"index");
    reply.count(first + names_before);
    reply.bulk(b"find_keys");
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(found_by.as_bytes());
    reply.bulk(b"spec");
    reply.map(details.len());
    for (name, value) in details {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    }
}

fn command_docs(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let entries: Vec<&Entry> = if call.arguments.len() == 1 {
        table().commands().collect()
    } else {
        call.cursor(1).filter_map(|name| table().find(name)).map(|place| &table().entries()[place]).collect()
    };
    reply.map(entries.len());
    entries.iter().for_each(|entry| write_docs(entry, reply));
    Ok(())
}

fn write_docs(entry: &Entry, reply: &mut Reply<'_>) {
    let spec = entry.spec;
    let arguments = syntax::parse(spec.syntax);
    let fields = 4 + usize::from(!arguments.is_empty()) + usize::from(!entry.subcommands.is_empty());
    reply.bulk(entry.full_name.as_bytes());
    reply.map(fields);
    let pairs = [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.group.name()),
        ("complexity", spec.complexity),
    ];
    for (name, value) in pairs {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        write_arguments(&arguments, spec.keys, reply);
    }
    if !entry.subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(entry.subcommands.len());
        entry.subcommands.iter().for_each(|place| write_docs(&table().entries()[*place], reply));
    }
}

fn write_arguments(arguments: &[Argument], keys: Keys, reply: &mut Reply<'_>) {
    reply.array(arguments.len());
    for argument in arguments {
        let parts = match &argument.kind {
            ArgumentKind::OneOf(parts) | ArgumentKind::Block(parts) => Some(parts),
            ArgumentKind::Value(_) | ArgumentKind::PureToken => None,
        };
        let mut fields = vec![("name", argument.name.as_str()), ("type", argument.kind.name())];
        if parts.is_none() {
            fields.push(("display_text", &argument.name));
        }
        if let Some(token) = &argument.token {
            fields.push(("token", token));
        }
        let is_key = argument.kind == ArgumentKind::Value("key");
        let flags: Vec<&str> = [(argument.optional, "optional"), (argument.multiple, "multiple")]
            .into_iter()
            .filter_map(|(is_set, name)| is_set.then_some(name))
            .collect();
        reply.map(
            fields.len()
                + usize::from(is_key)
                + usize::from(!flags.is_empty())
                + usize::from(parts.is_some()),
        );
        for (name, value) in fields {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        }
        if is_key {
            // A destination has the first of two key specifications, whatever it is made of the second.
            let is_destination = matches!(argument.name.as_str(), "destination" | "dst");
            let is_source = matches!(keys, Keys::Store { .. }) && !is_destination;
            reply.bulk(b"key_spec_index");
            reply.integer(i64::from(is_source));
        }
        if !flags.is_empty() {
            reply.bulk(b"flags");
            reply.set(flags.len());
            flags.iter().for_each(|flag| reply.simple(flag));
        }
        if let Some(parts) = parts {
            reply.bulk(b"arguments");
            write_arguments(parts, keys, reply);
        }
    }
}

fn command_getkeys(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (spec, request) = keyed_request(call)?;
    let mut keys: Vec<Box<[u8]>> = Vec::new();
    for_each_key(spec, &request, &mut |key| keys.push(key.into()));
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.bulk(key));
    Ok(())
}

fn command_getkeysandflags(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (spec, request) = keyed_request(call)?;
    let mut keys: Vec<(Box<[u8]>, &[&str])> = Vec::new();
    for_each_key(spec, &request, &mut |key| {
        keys.push((key.into(), spec.access_of_key(&request, keys.len())));
    });
    reply.array(keys.len());
    for (key, access) in keys {
        reply.array(2);
        reply.bulk(&key);
        reply.set(access.len());
        access.iter().for_each(|flag| reply.simple(flag));
    }
    Ok(())
}

/// The command and arguments that a COMMAND GETKEYS asks about.
///
/// # Errors
/// As in Redis: there is no such command, it has no keys, or the arguments are not what it takes.
fn keyed_request<'c>(call: &Call<'c>) -> Result<(&'static CommandSpec, Call<'c>), CommandError> {
    let mut request = call.arguments.skip(1);
    let words = request.len();
    let name = request.get(0).unwrap_or_default();
    let mut place = table().find(name).filter(|place| !table().entries()[*place].is_subcommand);
    if let (Some(container), Some(name)) = (place, request.get(1))
        && !table().entries()[container].subcommands.is_empty()
    {
        place = table().find_subcommand(container, name);
        request = request.skip(1);
    }
    let place = place.ok_or(CommandError::text("ERR Invalid command specified"))?;
    let spec = table().entries()[place].spec;
    if matches!(spec.keys, Keys::None) {
        return Err(CommandError::text("ERR The command has no key arguments"));
    }
    if !spec.accepts(words) {
        return Err(CommandError::text("ERR Invalid number of arguments specified for command"));
    }
    if !spec.keys.are_complete(request) {
        return Err(CommandError::text("ERR Invalid arguments specified for command"));
    }
    Ok((spec, Call { arguments: request, located: None, ..*call }))
}
