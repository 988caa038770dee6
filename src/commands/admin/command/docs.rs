//! COMMAND DOCS: what each command is for, and the tree of its arguments, from which redis-cli makes its hints.

use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::spec::Keys;
use crate::commands::spec::syntax;
use crate::commands::spec::syntax::{Argument, ArgumentKind};
use crate::commands::spec::table::{TableEntry, table};
use crate::commands::state::host::Host;
use crate::resp::reply::Reply;

pub(super) fn docs(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let entries: Vec<&TableEntry> = if call.arguments.len() == 1 {
        table().commands().collect()
    } else {
        call.cursor(1).filter_map(|name| table().find(name)).map(|place| &table().entries()[place]).collect()
    };
    reply.map(entries.len());
    entries.iter().for_each(|entry| write_docs(entry, reply));
    Ok(())
}

fn write_docs(entry: &TableEntry, reply: &mut Reply<'_>) {
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
            reply.bulk(b"key_spec_index");
            reply.count(key_spec_index(argument, keys));
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

/// Which of the command's key specifications an argument follows.
fn key_spec_index(argument: &Argument, keys: Keys) -> usize {
    if let Keys::StoreBehind { words, .. } = keys {
        let option = words.iter().position(|word| argument.token.as_deref() == Some(word));
        return option.map_or(0, |option| 1 + option);
    }
    let is_destination = matches!(argument.name.as_str(), "destination" | "destkey" | "dst" | "newkey");
    if let Keys::Pair { .. } = keys {
        return usize::from(is_destination);
    }
    // Of two key specifications the destination has the first, and the sources have the second.
    usize::from(matches!(keys, Keys::Store { .. } | Keys::Both(..)) && !is_destination)
}
