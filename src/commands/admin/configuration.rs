//! CONFIG: the directives of a running server.

use super::help;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler};
use crate::commands::state::host::Host;
use crate::config::{Config, DirectiveError, EvictionPolicy, Ignored, is_secret};
use crate::machine::usage;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::text::glob::{Case, matches};
use std::collections::HashSet;

const BASE: CommandSpec = CommandSpec {
    group: Group::Server,
    since: "2.0.0",
    flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
    ..CommandSpec::BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "config",
    summary: "Commands about the configuration",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: &[],
    subcommands: CONFIG,
    ..BASE
}];

const CONFIG: &[CommandSpec] = &[
    CommandSpec {
        name: "get",
        syntax: "parameter [parameter ...]",
        summary: "Returns directives whose names match the patterns",
        complexity: "O(N) with N directives",
        arity: -3,
        run: Handler::Admin(config_get),
        ..BASE
    },
    CommandSpec {
        name: "set",
        syntax: "parameter value [parameter value ...]",
        summary: "Changes directives, all or none",
        complexity: "O(N) with N directives",
        arity: -4,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        hides: Some(hides_of_set),
        run: Handler::Admin(config_set),
        ..BASE
    },
    CommandSpec {
        name: "resetstat",
        syntax: "",
        summary: "Sets the counters of INFO back to zero",
        arity: 2,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: Handler::Admin(config_resetstat),
        ..BASE
    },
    CommandSpec {
        name: "rewrite",
        syntax: "",
        summary: "Writes the directives' values into the configuration file",
        since: "2.8.0",
        arity: 2,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: Handler::Admin(config_rewrite),
        ..BASE
    },
    CommandSpec { run: Handler::Admin(|_, _, reply| help::help("config", reply)), ..help::HELP },
];

fn config_get(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let is_glob = |pattern: &[u8]| pattern.iter().any(|byte| b"*?[".contains(byte));
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in host.config().entries() {
        // As Redis: what few should set is found only by its name.
        let is_hidden = Ignored::find(name).is_some_and(Ignored::is_hidden);
        let wanted = call.cursor(1).find(|pattern| {
            matches(pattern, name.as_bytes(), Case::Insensitive) && !(is_hidden && is_glob(pattern))
        });
        // As Redis: a name without a wildcard comes back as the client spelled it.
        let spelled = wanted.map(|pattern| if is_glob(pattern) { name.to_owned() } else { text(pattern) });
        found.extend(spelled.map(|name| (name, value)));
    }
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    Ok(())
}

fn config_set(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let words: Vec<String> = call.cursor(1).map(text).collect();
    if !words.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX.into());
    }
    let pairs: Vec<(&str, &str)> = words.chunks_exact(2).map(|pair| (&*pair[0], &*pair[1])).collect();
    let names: HashSet<String> = pairs.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    if names.contains("appendonly") {
        // It waits for the disk.
        call.announce(usize::MAX)?;
    }
    let apply = |changed: &Config| {
        host.clients.configure(changed);
        if names.contains("requirepass") {
            host.users.set_default_password(&changed.requirepass);
        }
        host.friend_rankings.set_bound(changed.friendrank_keep_bytes);
        host.store.set_event_classes(changed.notify_keyspace_events);
        host.bound_memory(&changed.memory);
        host.tracking.keep_at_most(changed.tracking_table_max_keys, None);
        host.store.set_set_bounds(changed.set_bounds);
        host.refuse_clients(&changed.replica);
        // To set a file again, as it is, reads it again.
        if names.iter().any(|name| name.starts_with("tls-")) {
            host.process.read_tls(changed)?;
        }
        host.process.configure(changed)
    };
    host.settings.set(&pairs, apply).map_err(|(index, error)| {
        let name = pairs[index].0;
        match error {
            DirectiveError::Unknown(_) => CommandError::new(format!(
                "ERR Unknown option or number of arguments for CONFIG SET - '{name}'"
            )),
            error => failed(name, &error.to_string()),
        }
    })?;
    let config = host.config();
    host.clients.count_all();
    let sets_bound = pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("maxmemory"));
    if sets_bound && host.is_short_of_memory(&config) {
        tracing::warn!(
            "maxmemory is now {} bytes, less than the {} in use: {}",
            config.memory.max_bytes,
            usage::allocated_bytes(),
            match config.memory.policy {
                EvictionPolicy::NoEviction => "commands that need memory are refused",
                _ => "keys will be evicted, or commands that need memory refused",
            }
        );
        // What this does not evict, the next commands and the upkeep do.
        host.make_room(&config);
    }
    for ignored in pairs.iter().filter_map(|(name, _)| Ignored::find(name)) {
        tracing::warn!("{}", ignored.warning());
    }
    reply.ok();
    Ok(())
}

/// The value of a directive that is a password is secret.
fn hides_of_set(request: Arguments<'_>, index: usize) -> bool {
    let is_value = index > 2 && index % 2 == 1;
    is_value && request.get(index - 1).is_some_and(|name| is_secret(&text(name)))
}

fn failed(name: &str, why: &str) -> CommandError {
    CommandError::new(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"))
}

/// The file must not be written twice at once, nor with a setting that is being changed.
fn config_rewrite(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut written = Ok(());
    host.settings.apply(|config| {
        // The file of users is ACL SAVE's.
        let users =
            if config.aclfile.is_empty() { host.users.lines(&config.requirepass) } else { Vec::new() };
        written = host.process.rewrite_config(&Config { users, ..config.clone() });
    });
    written.map_err(|why| CommandError::new(format!("ERR {why}")))?;
    reply.ok();
    Ok(())
}

fn config_resetstat(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    host.stats.iter().for_each(|stats| stats.reset());
    host.errors.reset();
    host.store.reset_counts();
    host.shortage.reset();
    host.clients.reset_counts();
    host.users.reset_denied();
    host.process.reset_counts();
    reply.ok();
    Ok(())
}
