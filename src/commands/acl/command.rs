//! The ACL command.

use super::definition::is_user_name;
use super::enforcement::{apply, disconnect};
use super::log::LogEntry;
use super::rules::InvalidRules;
use super::user::DEFAULT;
use super::{dry_run, selector::Selector};
use crate::commands::admin::help;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer, text};
use crate::commands::spec::table::{ACL_CATEGORIES, table};
use crate::commands::spec::{Caller, CommandSpec, Flag, Group, Handler};
use crate::config::ChannelDefault;
use crate::limits;
use crate::machine::chance;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use std::path::PathBuf;

const BASE: CommandSpec = CommandSpec {
    group: Group::Server,
    since: "6.0.0",
    flags: &[Flag::Noscript, Flag::Loading, Flag::Stale],
    ..CommandSpec::BASE
};

/// For those who manage users.
const ADMIN: CommandSpec =
    CommandSpec { flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale], ..BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "acl",
    summary: "Commands about users and what they may do",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: &[],
    subcommands: ACL,
    ..BASE
}];

const ACL: &[CommandSpec] = &[
    CommandSpec {
        name: "cat",
        syntax: "[category]",
        summary: "Returns the categories, or the commands of one",
        complexity: "O(1) since the categories and commands are a fixed set.",
        arity: -2,
        run: Handler::Session(cat),
        ..BASE
    },
    CommandSpec {
        name: "deluser",
        syntax: "username [username ...]",
        summary: "Removes users and closes their connections",
        complexity: "O(1) amortized time considering the typical user.",
        arity: -3,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        hides: Some(hides_users),
        run: Handler::Session(deluser),
        ..ADMIN
    },
    CommandSpec {
        name: "dryrun",
        syntax: "username command [arg [arg ...]]",
        summary: "Returns whether a user may run a command, without running it",
        since: "7.0.0",
        complexity: "O(1).",
        arity: -4,
        run: Handler::Session(dry_run::dryrun),
        ..ADMIN
    },
    CommandSpec {
        name: "genpass",
        syntax: "[bits]",
        summary: "Makes a random password",
        arity: -2,
        run: Handler::Session(genpass),
        ..BASE
    },
    CommandSpec {
        name: "getuser",
        syntax: "username",
        summary: "Returns the rules of a user",
        complexity: "O(N). Where N is the number of password, command and pattern rules that the user has.",
        arity: 3,
        hides: Some(hides_users),
        run: Handler::Session(getuser),
        ..ADMIN
    },
    CommandSpec {
        name: "list",
        syntax: "",
        summary: "Returns all users as lines of a file",
        complexity: "O(N). Where N is the number of configured users.",
        arity: 2,
        run: Handler::Session(list),
        ..ADMIN
    },
    CommandSpec {
        name: "load",
        syntax: "",
        summary: "Replaces all users by those in the file of users",
        complexity: "O(N). Where N is the number of configured users.",
        arity: 2,
        run: Handler::Session(load),
        ..ADMIN
    },
    CommandSpec {
        name: "log",
        syntax: "[count | RESET]",
        summary: "Returns what was denied last, or forgets it",
        complexity: "O(N) with N being the number of entries shown.",
        arity: -2,
        run: Handler::Session(log),
        ..ADMIN
    },
    CommandSpec {
        name: "save",
        syntax: "",
        summary: "Writes all users to the file of users",
        complexity: "O(N). Where N is the number of configured users.",
        arity: 2,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: Handler::Session(save),
        ..ADMIN
    },
    CommandSpec {
        name: "setuser",
        syntax: "username [rule [rule ...]]",
        summary: "Makes or changes a user, by all rules or none",
        complexity: "O(N). Where N is the number of rules provided.",
        arity: -3,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        hides: Some(hides_users),
        run: Handler::Session(setuser),
        ..ADMIN
    },
    CommandSpec {
        name: "users",
        syntax: "",
        summary: "Returns the names of all users",
        complexity: "O(N). Where N is the number of configured users.",
        arity: 2,
        run: Handler::Session(users),
        ..ADMIN
    },
    CommandSpec {
        name: "whoami",
        syntax: "",
        summary: "Returns the name of the connection's user",
        arity: 2,
        run: Handler::Session(whoami),
        ..BASE
    },
    CommandSpec {
        since: "6.0.0",
        run: Handler::Session(|_, _, reply| help::help("acl", reply)),
        ..help::HELP
    },
];

fn all_channels(call: &Call<'_>) -> bool {
    call.config.acl_pubsub_default == ChannelDefault::All
}

fn cat(_: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let names: Vec<&str> = match (call.arguments.get(1), call.arguments.len()) {
        (None, _) => ACL_CATEGORIES.iter().map(|name| &name[1..]).collect(),
        (Some(category), 2) => {
            let wanted = format!("@{}", text(category).to_ascii_lowercase());
            let wanted = ACL_CATEGORIES.iter().find(|name| **name == wanted);
            let unknown = || CommandError::new(format!("ERR Unknown category '{}'", text(category)));
            let wanted = wanted.ok_or_else(unknown)?;
            let entries =
                table().entries().iter().filter(|entry| entry.spec.acl_categories().contains(wanted));
            // Of a command with subcommands these are listed.
            entries.filter(|entry| entry.subcommands.is_empty()).map(|entry| &*entry.full_name).collect()
        }
        _ => return Err(help::unknown_subcommand_or_arity("acl", call.argument(0)).into()),
    };
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name.as_bytes()));
    Ok(())
}

fn deluser(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let host = caller.host;
    if call.cursor(1).any(|name| name == DEFAULT) {
        return Err(CommandError::text("ERR The 'default' user cannot be removed").into());
    }
    let mut removed = 0;
    for name in call.cursor(1).filter(|name| host.users.remove(name)) {
        disconnect(caller, name);
        removed += 1;
    }
    reply.integer(removed);
    Ok(())
}

fn genpass(_: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let bits = match (call.arguments.get(1), call.arguments.len()) {
        (None, _) => 256,
        (Some(bits), 2) => parse_integer(bits)?,
        _ => return Err(help::unknown_subcommand_or_arity("acl", call.argument(0)).into()),
    };
    if !(1..=limits::GENERATED_PASSWORD_BITS).contains(&bits) {
        return Err(CommandError::new(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to {}",
            limits::GENERATED_PASSWORD_BITS
        ))
        .into());
    }
    let digits = (bits as usize).div_ceil(4);
    let password = chance::secret_hex(digits).map_err(|why| CommandError::new(format!("ERR {why}")))?;
    reply.bulk(password.as_bytes());
    Ok(())
}

fn getuser(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(user) = caller.host.users.get(call.argument(1)) else {
        reply.null();
        return Ok(());
    };
    reply.map(6);
    reply.bulk(b"flags");
    let flags = user.flags();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(user.passwords.len());
    user.passwords.iter().for_each(|password| reply.bulk(password.hex().as_bytes()));
    write_selector(&user.root, reply);
    reply.bulk(b"selectors");
    reply.array(user.selectors.len());
    for selector in &user.selectors {
        reply.map(3);
        write_selector(selector, reply);
    }
    Ok(())
}

/// Three fields of a map.
fn write_selector(selector: &Selector, reply: &mut Reply<'_>) {
    reply.bulk(b"commands");
    reply.bulk(selector.commands.to_string().as_bytes());
    reply.bulk(b"keys");
    reply.bulk(&selector.keys.rules().join(&b' '));
    reply.bulk(b"channels");
    reply.bulk(&selector.channels.rules().join(&b' '));
}

fn list(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let users = caller.host.users.all();
    reply.array(users.len());
    users.iter().for_each(|user| reply.bulk(&user.describe()));
    Ok(())
}

fn users(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let users = caller.host.users.all();
    reply.array(users.len());
    users.iter().for_each(|user| reply.bulk(&user.name));
    Ok(())
}

fn whoami(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.bulk(&caller.session.identity.user().name);
    Ok(())
}

fn setuser(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (host, name) = (caller.host, call.argument(1));
    if !is_user_name(name) {
        return Err(CommandError::text("ERR Usernames can't contain spaces or null characters").into());
    }
    host.users.change(name, call.cursor(2), all_channels(call)).map_err(|why| match why {
        InvalidRules::Rule(rule, why) => {
            CommandError::new(format!("ERR Error in ACL SETUSER modifier '{}': {why}", text(&rule)))
        }
        InvalidRules::Unmatched(begin) => CommandError::new(format!(
            "ERR Unmatched parenthesis in acl selector starting at '{}'.",
            text(&begin)
        )),
    })?;
    if let Some(user) = host.users.get(name) {
        apply(caller, &user, call.config);
    }
    reply.ok();
    Ok(())
}

fn log(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let host = caller.host;
    let most = match (call.arguments.get(1), call.arguments.len()) {
        (None, _) => 10,
        (Some(word), 2) if word.eq_ignore_ascii_case(b"reset") => {
            host.users.forget_denials();
            reply.ok();
            return Ok(());
        }
        (Some(count), 2) => usize::try_from(parse_integer(count)?).unwrap_or(0),
        _ => return Err(help::unknown_subcommand_or_arity("acl", call.argument(0)).into()),
    };
    let now_ms = host.clock.now_ms();
    let entries = host.users.denials(most);
    reply.array(entries.len());
    entries.iter().for_each(|entry| write_entry(entry, now_ms, reply));
    Ok(())
}

fn write_entry(entry: &LogEntry, now_ms: u64, reply: &mut Reply<'_>) {
    let denial = &entry.denial;
    reply.map(10);
    reply.bulk(b"count");
    reply.integer(entry.count.cast_signed());
    reply.bulk(b"reason");
    reply.bulk(denial.reason.word().as_bytes());
    reply.bulk(b"context");
    reply.bulk(denial.context.word().as_bytes());
    reply.bulk(b"object");
    reply.bulk(&denial.object);
    reply.bulk(b"username");
    reply.bulk(&denial.user);
    reply.bulk(b"age-seconds");
    reply.double(now_ms.saturating_sub(entry.first_ms) as f64 / 1000.0);
    reply.bulk(b"client-info");
    reply.bulk(denial.client.as_bytes());
    reply.bulk(b"entry-id");
    reply.integer(entry.id.cast_signed());
    reply.bulk(b"timestamp-created");
    reply.integer(entry.first_ms.cast_signed());
    reply.bulk(b"timestamp-last-updated");
    reply.integer(entry.last_ms.cast_signed());
}

/// Names and rules of users are secret: a rule can be a password.
fn hides_users(_: Arguments<'_>, index: usize) -> bool {
    index > 1
}

/// The path of the file of users.
fn file_of_users(call: &Call<'_>) -> Result<PathBuf, CommandError> {
    if call.config.aclfile.is_empty() {
        return Err(CommandError::text(
            "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
             SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in \
             order to store users in the Redis configuration.",
        ));
    }
    Ok(call.config.path_of_users())
}

fn load(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let host = caller.host;
    let path = file_of_users(call)?;
    let shown = path.display();
    let unread =
        |why: String| CommandError::new(format!("ERR Error loading ACLs, opening file '{shown}': {why}"));
    let file = host.process.read_users(&path).map_err(unread)?;
    let changed = host.users.replace(&file, all_channels(call)).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(|error| format!("{shown}:{error}.")).collect();
        let unchanged =
            "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
        CommandError::new(format!("ERR {} {unchanged}", errors.join(" ")))
    })?;
    // Whoever kept its rules stays connected, and the open default user too.
    changed.iter().filter(|name| ***name != *DEFAULT).for_each(|name| disconnect(caller, name));
    if let Some(user) = host.users.get(DEFAULT) {
        apply(caller, &user, call.config);
    }
    reply.ok();
    Ok(())
}

fn save(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let host = caller.host;
    let path = file_of_users(call)?;
    let mut lines = host.users.all().iter().map(|user| user.describe()).collect::<Vec<_>>().join(&b'\n');
    lines.push(b'\n');
    host.process.write_users(&path, &lines).map_err(|why| {
        tracing::warn!(path = %path.display(), %why, "the file of users could not be written");
        CommandError::text("ERR There was an error trying to save the ACLs. Please check the server logs for more information")
    })?;
    reply.ok();
    Ok(())
}
