//! What the server is: MODULE, LOLWUT.

use super::help;
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::spec::{CommandSpec, Flag, Group, Handler};
use crate::commands::state::host::Host;
use crate::machine::chance::Chance;
use crate::resp::reply::Reply;

const BASE: CommandSpec = CommandSpec { group: Group::Server, ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "module",
        summary: "Commands about modules, of which there are none",
        complexity: "Depends on subcommand.",
        since: "4.0.0",
        arity: -2,
        subcommands: MODULE,
        ..BASE
    },
    CommandSpec {
        name: "lolwut",
        syntax: "[VERSION version]",
        summary: "Draws something, and tells the version",
        since: "5.0.0",
        arity: -1,
        flags: &[Flag::Readonly, Flag::Fast],
        run: Handler::Admin(lolwut),
        ..BASE
    },
];

const MODULE: &[CommandSpec] = &[
    CommandSpec {
        name: "list",
        syntax: "",
        summary: "Returns the modules: none",
        since: "4.0.0",
        arity: 2,
        flags: &[Flag::Admin, Flag::Noscript],
        tips: &["nondeterministic_output_order"],
        run: Handler::Admin(module_list),
        ..BASE
    },
    CommandSpec {
        since: "5.0.0",
        run: Handler::Admin(|_, _, reply| help::help("module", reply)),
        ..help::HELP
    },
];

fn module_list(_: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(0);
    Ok(())
}

/// Bars of the ranking that LOLWUT draws, and the length of the longest.
const BARS: usize = 8;
const LONGEST: u64 = 60;

/// A ranking of nobody: bars of random lengths, the longest first. As in Redis, the version that is asked for must be a number.
fn lolwut(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut words = call.cursor(1);
    if words.remaining() > 1 && words.take_word("version") {
        words.integer()?;
    }
    let mut chance = Chance::drawn();
    let mut lengths: Vec<u64> = (0..BARS).map(|_| 1 + chance.below(LONGEST)).collect();
    lengths.sort_unstable_by(|one, other| other.cmp(one));
    let mut text = String::new();
    for (rank, length) in lengths.into_iter().enumerate() {
        text.push_str(&format!("{:>3} {} {length}\n", rank + 1, "\u{2587}".repeat(length as usize)));
    }
    text.push_str(&format!(
        "\nA ranking of nobody in particular. rankd ver. {}\n",
        env!("CARGO_PKG_VERSION")
    ));
    reply.verbatim(&text);
    Ok(())
}
