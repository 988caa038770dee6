//! HELP, which every command with subcommands has, and the error that names it.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::text;
use crate::commands::spec::table::table;
use crate::commands::spec::{CommandSpec, Flag, Group};
use crate::resp::reply::Reply;

/// The entry of a HELP subcommand, without its `run`.
pub(in crate::commands) const HELP: CommandSpec = CommandSpec {
    name: "help",
    summary: "Lists the subcommands",
    group: Group::Server,
    since: "5.0.0",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    ..CommandSpec::BASE
};

/// The error for a subcommand that takes fewer arguments, in the words of Redis's containers.
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
