//! MEMORY USAGE: the bytes of memory that a key takes.

use super::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::Reader;

/// Members that are sampled without SAMPLES. As Redis.
const SAMPLES: usize = 5;

const BASE: CommandSpec = CommandSpec { group: Group::Server, since: "4.0.0", ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "memory",
    summary: "Commands about memory",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: MEMORY,
    ..BASE
}];

const MEMORY: &[CommandSpec] = &[
    CommandSpec {
        name: "usage",
        syntax: "key [SAMPLES count]",
        summary: "Returns the bytes of memory that a key and its value take",
        complexity: "O(N) with N samples",
        arity: -3,
        flags: &[Flag::Readonly],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
        run: Handler::Read(usage),
        ..BASE
    },
    CommandSpec {
        since: "4.0.0",
        run: Handler::Admin(|_, _, reply| help::help("memory", reply)),
        ..help::HELP
    },
];

fn usage(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut samples = SAMPLES;
    let mut cursor = call.cursor(2);
    while cursor.remaining() > 0 {
        if cursor.remaining() < 2 || !cursor.take_word("samples") {
            return Err(CommandError::SYNTAX.into());
        }
        samples = match cursor.integer()? {
            // All of them.
            0 => usize::MAX,
            count => usize::try_from(count).map_err(|_| CommandError::SYNTAX)?,
        };
    }
    match keys.memory_bytes(call.argument(1), samples) {
        Some(bytes) => reply.count(bytes),
        None => reply.null(),
    }
    Ok(())
}
