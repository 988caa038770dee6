//! FCALL and FCALL_RO.

use crate::commands::call::error::CommandError;
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::commands::state::host::Host;
use crate::commands::state::script_run::ScriptRun;

const BASE: CommandSpec = CommandSpec {
    group: Group::Scripting,
    since: "7.0.0",
    complexity: "Depends on the function",
    arity: -3,
    flags: &[Flag::Noscript, Flag::Stale, Flag::SkipMonitor, Flag::NoMandatoryKeys],
    keys: Keys::CountedOrNone { count: 2, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update] },
    ..CommandSpec::BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "fcall",
        syntax: "function numkeys [key [key ...]] [arg [arg ...]]",
        summary: "Calls a function of a library",
        keys_note: Some("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"),
        run: Handler::Script(|host, call| find(host, call, false)),
        ..BASE
    },
    CommandSpec {
        name: "fcall_ro",
        syntax: "function numkeys [key [key ...]] [arg [arg ...]]",
        summary: "Calls a function of a library that only reads",
        flags: &[Flag::Readonly, Flag::Noscript, Flag::Stale, Flag::SkipMonitor, Flag::NoMandatoryKeys],
        keys: Keys::CountedOrNone { count: 2, access: &[KeyFlag::Ro, KeyFlag::Access] },
        keys_note: Some("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"),
        run: Handler::Script(|host, call| find(host, call, true)),
        ..BASE
    },
];

fn find<'c>(host: &Host, call: &Call<'c>, is_read_only: bool) -> Result<ScriptRun<'c>, CommandError> {
    let functions = host.functions.current(host.store.libraries(), &host.clock);
    let function = functions.find(call.argument(1)).ok_or(CommandError::text("ERR Function not found"))?;
    let rest = call.arguments.skip(3);
    let keys =
        parse_integer(call.argument(2)).map_err(|_| CommandError::text("ERR Bad number of keys provided"))?;
    if keys > rest.len() as i64 {
        return Err(CommandError::text("ERR Number of keys can't be greater than number of args"));
    }
    let keys =
        usize::try_from(keys).map_err(|_| CommandError::text("ERR Number of keys can't be negative"))?;
    Ok(ScriptRun {
        request: call.arguments,
        program: function,
        keys: rest.first(keys),
        arguments: rest.skip(keys),
        is_read_only,
    })
}
