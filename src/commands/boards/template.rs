//! LB.TEMPLATE: the policies of boards that are not there yet, by how their keys begin.

use crate::commands::admin::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{AllKeys, CommandSpec, Flag, Group, Handler};
use crate::commands::state::host::Host;
use crate::limits;
use crate::resp::reply::Reply;
use crate::store::PolicyWords;

const BASE: CommandSpec = CommandSpec { group: Group::Boards, since: "0.1.0", ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "lb.template",
    summary: "Commands about the policies of boards that are not there yet",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: SUBCOMMANDS,
    ..BASE
}];

const SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "set",
        syntax: "pattern [SCORE <FLOAT | INTEGER | DECIMAL digits>] [ORDER <DESC | ASC>] [TIES <MEMBER | FIRST>] \
                 [KEEP <LATEST | BEST | SUM>] [CAP n] [RANGE min max [SATURATE]] [TTL seconds] [IDS n]",
        summary: "Gives the boards that first scores make at keys with this beginning a policy",
        complexity: "O(log N) with N templates, under all locks",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Admin, Flag::Noscript],
        run: Handler::OwnLocks(set),
        ..BASE
    },
    CommandSpec {
        name: "del",
        syntax: "pattern",
        summary: "Removes a template",
        complexity: "O(log N) with N templates, under all locks",
        arity: 3,
        flags: &[Flag::Write, Flag::Admin, Flag::Noscript],
        run: Handler::OwnLocks(delete),
        ..BASE
    },
    CommandSpec {
        name: "list",
        summary: "Returns all templates",
        complexity: "O(N) with N templates",
        arity: 2,
        flags: &[Flag::Readonly],
        run: Handler::Admin(list),
        ..BASE
    },
    CommandSpec {
        name: "match",
        syntax: "name",
        summary: "Returns the template that a board with this name would have",
        complexity: "O(L log N) with N templates and a name of L bytes",
        arity: 3,
        flags: &[Flag::Readonly],
        run: Handler::Admin(match_name),
        ..BASE
    },
    CommandSpec {
        group: Group::Boards,
        since: "0.1.0",
        run: Handler::Admin(|_, _, reply| help::help("lb.template", reply)),
        ..help::HELP
    },
];

/// The prefix that the pattern at argument 1 names.
fn prefix<'c>(call: &Call<'c>) -> Result<&'c [u8], CommandError> {
    const ERROR: CommandError = CommandError::text(
        "ERR a template is for the keys with a prefix: at most 512 bytes and then one '*'",
    );
    let prefix = call.argument(1).strip_suffix(b"*").ok_or(ERROR)?;
    let is_prefix = prefix.len() <= limits::TEMPLATE_PREFIX_BYTES && !prefix.contains(&b'*');
    if is_prefix { Ok(prefix) } else { Err(ERROR) }
}

fn set(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let prefix = prefix(call)?;
    let policy = PolicyWords::parse(call.cursor(2)).and_then(|words| words.policy());
    let policy = policy.map_err(CommandError::from)?;
    let templates = keys.host.store.templates();
    if templates.len() >= limits::TEMPLATES && !templates.contains(prefix) {
        return Err(CommandError::text("ERR there are 1024 templates already").into());
    }
    keys.shards.set_template(prefix, Some(&policy))?;
    reply.ok();
    Ok(())
}

fn delete(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let was_there = keys.shards.set_template(prefix(call)?, None)?;
    reply.integer(i64::from(was_there));
    Ok(())
}

fn list(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let templates = host.store.templates().list();
    reply.map(templates.len());
    for (prefix, policy) in templates {
        reply.bulk(&[&prefix, &b"*"[..]].concat());
        reply.bulk(policy.to_string().as_bytes());
    }
    Ok(())
}

fn match_name(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    match host.store.templates().of_key(call.argument(1)) {
        Some((prefix, policy)) => {
            reply.array(2);
            reply.bulk(&[&prefix, &b"*"[..]].concat());
            reply.bulk(policy.to_string().as_bytes());
        }
        None => reply.null_array(),
    }
    Ok(())
}
