//! EVAL, EVALSHA and their read-only forms.

use crate::commands::call::Call;
use crate::commands::call::error::CommandError;
use crate::commands::call::parse_integer;
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::commands::state::host::Host;
use crate::commands::state::script_run::ScriptRun;
use crate::scripts::{Program, Sha};
use std::sync::Arc;

const BASE: CommandSpec = CommandSpec {
    group: Group::Scripting,
    since: "2.6.0",
    complexity: "Depends on the script",
    arity: -3,
    flags: &[Flag::Noscript, Flag::Stale, Flag::SkipMonitor, Flag::NoMandatoryKeys],
    keys: Keys::CountedOrNone { count: 2, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update] },
    ..CommandSpec::BASE
};

const READ_ONLY: CommandSpec = CommandSpec {
    since: "7.0.0",
    flags: &[Flag::Readonly, Flag::Noscript, Flag::Stale, Flag::SkipMonitor, Flag::NoMandatoryKeys],
    keys: Keys::CountedOrNone { count: 2, access: &[KeyFlag::Ro, KeyFlag::Access] },
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "eval",
        syntax: "script numkeys [key [key ...]] [arg [arg ...]]",
        summary: "Runs a Lua script",
        keys_note: Some("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"),
        run: Handler::Script(|host, call| run(host, call, Named::Text, false)),
        ..BASE
    },
    CommandSpec {
        name: "evalsha",
        syntax: "sha1 numkeys [key [key ...]] [arg [arg ...]]",
        summary: "Runs a Lua script by its digest",
        run: Handler::Script(|host, call| run(host, call, Named::Digest, false)),
        ..BASE
    },
    CommandSpec {
        name: "eval_ro",
        syntax: "script numkeys [key [key ...]] [arg [arg ...]]",
        summary: "Runs a Lua script that only reads",
        keys_note: Some("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"),
        run: Handler::Script(|host, call| run(host, call, Named::Text, true)),
        ..READ_ONLY
    },
    CommandSpec {
        name: "evalsha_ro",
        syntax: "sha1 numkeys [key [key ...]] [arg [arg ...]]",
        summary: "Runs a Lua script that only reads by its digest",
        run: Handler::Script(|host, call| run(host, call, Named::Digest, true)),
        ..READ_ONLY
    },
];

/// How a request names its script.
#[derive(Clone, Copy)]
enum Named {
    Text,
    Digest,
}

fn run<'c>(
    host: &Host,
    call: &Call<'c>,
    named: Named,
    is_read_only: bool,
) -> Result<ScriptRun<'c>, CommandError> {
    let rest = call.arguments.skip(3);
    let keys = parse_integer(call.argument(2))?;
    if keys > rest.len() as i64 {
        return Err(CommandError::text("ERR Number of keys can't be greater than number of args"));
    }
    let keys =
        usize::try_from(keys).map_err(|_| CommandError::text("ERR Number of keys can't be negative"))?;
    let program: Arc<dyn Program> = match named {
        Named::Text => {
            let script = host.scripts.evaluated(call.argument(1));
            script.map_err(|error| CommandError::new(format!("ERR {error}")))?
        }
        Named::Digest => {
            let script = parse_sha(call.argument(1)).and_then(|sha| host.scripts.get(&sha));
            script.ok_or(CommandError::text("NOSCRIPT No matching script. Please use EVAL."))?
        }
    };
    Ok(ScriptRun {
        request: call.arguments,
        program,
        keys: rest.first(keys),
        arguments: rest.skip(keys),
        is_read_only,
    })
}

/// Reads a digest in hexadecimal digits of any case.
pub(super) fn parse_sha(text: &[u8]) -> Option<Sha> {
    let mut sha = Sha::default();
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != sha.len() || !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    for (byte, pair) in sha.iter_mut().zip(pairs) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(sha)
}
