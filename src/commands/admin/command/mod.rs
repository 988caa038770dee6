//! COMMAND: what clients can learn about the server's commands. All of it comes from the command table.

mod docs;
mod info;
mod keys;

use super::help;
use super::help::HELP;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::spec::table::{ACL_CATEGORIES, TableEntry, table};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler};
use crate::commands::state::host::Host;
use crate::resp::reply::Reply;
use crate::text::glob::{Case, matches};
use info::write_info;

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
    run: Handler::Admin(command),
    subcommands: COMMAND,
    ..BASE
}];

const COMMAND: &[CommandSpec] = &[
    CommandSpec {
        name: "count",
        syntax: "",
        summary: "Returns the number of commands",
        arity: 2,
        run: Handler::Admin(command_count),
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
        run: Handler::Admin(command_list),
        ..BASE
    },
    CommandSpec {
        name: "info",
        syntax: "[command-name [command-name ...]]",
        summary: "Describes commands for clients",
        complexity: "O(N) with N commands",
        arity: -2,
        tips: ANY_ORDER,
        run: Handler::Admin(command_info),
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
        run: Handler::Admin(docs::docs),
        ..BASE
    },
    CommandSpec {
        name: "getkeys",
        syntax: "command [arg ...]",
        summary: "Returns the keys of a request",
        complexity: "O(N) with N arguments",
        arity: -3,
        run: Handler::Admin(keys::getkeys),
        ..BASE
    },
    CommandSpec {
        name: "getkeysandflags",
        syntax: "command [arg ...]",
        summary: "Returns the keys of a request, each with what the command does with it",
        since: "7.0.0",
        complexity: "O(N) with N arguments",
        arity: -3,
        run: Handler::Admin(keys::getkeysandflags),
        ..BASE
    },
    CommandSpec {
        run: Handler::Admin(|_, _, reply| help::help("command", reply)),
        categories: &["@connection"],
        ..HELP
    },
];

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
    let mut names: Vec<&TableEntry> = table().entries().iter().collect();
    if cursor.remaining() > 0 {
        if cursor.remaining() != 3 || !cursor.take_word("filterby") {
            return Err(CommandError::SYNTAX.into());
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
            return Err(CommandError::SYNTAX.into());
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
