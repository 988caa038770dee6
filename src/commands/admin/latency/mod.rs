//! LATENCY: what kept the server busy for long, and how long commands take.

mod doctor;
mod events;
mod graph;

use super::help;
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::spec::table::table;
use crate::commands::spec::{CommandSpec, Flag, Group, Handler};
use crate::commands::state::host::Host;
use crate::machine::latency::Latencies;
use crate::resp::reply::Reply;

const BASE: CommandSpec = CommandSpec { group: Group::Server, since: "2.8.13", ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "latency",
    summary: "Commands about what takes long",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: LATENCY,
    ..BASE
}];

const SUBCOMMAND: CommandSpec = CommandSpec {
    arity: 2,
    flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
    tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    ..BASE
};

const LATENCY: &[CommandSpec] = &[
    CommandSpec {
        name: "doctor",
        syntax: "",
        summary: "Describes the events, and what can be done about them",
        run: Handler::Admin(doctor::doctor),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "graph",
        syntax: "event",
        summary: "Draws the samples of an event",
        arity: 3,
        run: Handler::Admin(graph::graph),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "histogram",
        syntax: "[command [command ...]]",
        summary: "Returns how many calls of each command took at most how many microseconds",
        complexity: "O(N) with N commands",
        since: "7.0.0",
        arity: -2,
        run: Handler::Admin(histogram),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "history",
        syntax: "event",
        summary: "Returns the samples of an event: seconds and milliseconds",
        arity: 3,
        run: Handler::Admin(events::history),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "latest",
        syntax: "",
        summary: "Returns the last sample and the maximum of each event",
        run: Handler::Admin(events::latest),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "reset",
        syntax: "[event [event ...]]",
        summary: "Forgets the samples of events, or all",
        arity: -2,
        tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
        run: Handler::Admin(events::reset),
        ..SUBCOMMAND
    },
    CommandSpec {
        since: "2.8.13",
        run: Handler::Admin(|_, _, reply| help::help("latency", reply)),
        ..help::HELP
    },
];

/// For a command with subcommands it returns those that were called. Names of no command are passed over.
fn histogram(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let entries = table().entries();
    let places: Vec<usize> = if call.arguments.len() == 1 {
        (0..entries.len()).collect()
    } else {
        let named = call.cursor(1).filter_map(|name| table().find(name));
        named
            .flat_map(|place| match entries[place].subcommands.as_slice() {
                [] => vec![place],
                subcommands => subcommands.to_vec(),
            })
            .collect()
    };
    let of = |place: usize| Latencies::of(host.stats.iter().map(|stats| &stats.by_command[place].latencies));
    let called = places.into_iter().map(|place| (place, of(place))).filter(|(_, of)| !of.is_empty());
    let called: Vec<_> = called.collect();
    reply.map(called.len());
    for (place, latencies) in called {
        let steps = latencies.cumulative();
        reply.bulk(entries[place].full_name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(latencies.calls().cast_signed());
        reply.bulk(b"histogram_usec");
        reply.map(steps.len());
        for (us, calls) in steps {
            reply.integer(us.cast_signed());
            reply.integer(calls.cast_signed());
        }
    }
    Ok(())
}
