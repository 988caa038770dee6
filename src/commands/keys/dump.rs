//! DUMP and RESTORE: a value as Redis's bytes, and back.
//!
//! The bytes are made and read by [`crate::rdb::payload`]. A payload is read as a whole before the key is touched.

use super::expiry::{Moment, Unit};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::rdb::payload::{self, PayloadError};
use crate::resp::reply::Reply;
use crate::store::{Reader, Writer};

const BASE: CommandSpec = CommandSpec { since: "2.6.0", ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "dump",
        syntax: "key",
        summary: "Returns a value as bytes that RESTORE takes, here or in Redis",
        complexity: "O(N) with N elements",
        arity: 2,
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
        run: Handler::Read(dump),
        ..BASE
    },
    CommandSpec {
        name: "restore",
        syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        summary: "Makes a key of what DUMP has returned, here or in Redis",
        complexity: "O(N) with N elements, O(N log N) for a sorted set",
        arity: -4,
        flags: &[Flag::Write, Flag::Denyoom],
        categories: &["@dangerous"],
        keys: Keys::first(&[KeyFlag::Ow, KeyFlag::Update]),
        run: Handler::Write(restore),
        ..BASE
    },
];

/// About the fewest bytes that an element takes in a payload, for an estimate of the work.
const BYTES_PER_ELEMENT: usize = 8;

fn dump(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(value) = keys.value(call.argument(1)) else {
        reply.null();
        return Ok(());
    };
    call.announce(value.elements())?;
    reply.bulk(&payload::write(value));
    Ok(())
}

/// RESTORE, as of Redis 8.2.
fn restore(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, bytes) = (call.argument(1), call.argument(3));
    let options = RestoreOptions::parse(call)?;
    let exists = keys.reader().kind(key).is_some();
    if exists && !options.replaces {
        return Err(CommandError::text("BUSYKEY Target key name already exists.").into());
    }
    let time = parse_integer(call.argument(2))?;
    if time < 0 {
        return Err(CommandError::text("ERR Invalid TTL value, must be >= 0").into());
    }
    call.announce(bytes.len() / BYTES_PER_ELEMENT)?;
    let value = payload::read(bytes, keys.reader().seed()).map_err(|error| refusal(&error))?;
    let now_ms = keys.reader().now_ms();
    // As in Redis, a time beyond what 63 bits hold is in the past.
    let expire_at_ms =
        (time > 0).then(|| Unit::Milliseconds.to_unix_ms(options.moment, time, now_ms).unwrap_or(0));
    if expire_at_ms.is_some_and(|at_ms| keys.reader().is_past(at_ms)) {
        keys.remove(key);
    } else {
        keys.restore(key, value, expire_at_ms.map(i64::cast_unsigned));
    }
    reply.ok();
    Ok(())
}

/// The error for a payload that is not restored. Redis says no more than the first words of each.
fn refusal(error: &PayloadError) -> CommandError {
    match error {
        PayloadError::WrongTail => CommandError::text("ERR DUMP payload version or checksum are wrong"),
        PayloadError::Malformed(_) => CommandError::text("ERR Bad data format"),
        PayloadError::ForeignType(_) => CommandError::new(format!("ERR Bad data format: {error}")),
    }
}

/// What follows the payload in a RESTORE.
#[derive(Clone, Copy, Debug)]
struct RestoreOptions {
    replaces: bool,
    /// What the time is counted from.
    moment: Moment,
}

impl RestoreOptions {
    /// Reads IDLETIME and FREQ too, which say nothing here: rankd evicts no keys.
    fn parse(call: &Call<'_>) -> Result<Self, CommandError> {
        let mut parsed = Self { replaces: false, moment: Moment::FromNow };
        let (mut has_idle_time, mut has_frequency) = (false, false);
        let mut options = call.cursor(4);
        while options.remaining() > 0 {
            if options.take_word("replace") {
                parsed.replaces = true;
            } else if options.take_word("absttl") {
                parsed.moment = Moment::UnixTime;
            } else if options.remaining() > 1 && !has_frequency && options.take_word("idletime") {
                has_idle_time = true;
                if options.integer()? < 0 {
                    return Err(CommandError::text("ERR Invalid IDLETIME value, must be >= 0"));
                }
            } else if options.remaining() > 1 && !has_idle_time && options.take_word("freq") {
                has_frequency = true;
                if !(0..=255).contains(&options.integer()?) {
                    return Err(CommandError::text("ERR Invalid FREQ value, must be >= 0 and <= 255"));
                }
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(parsed)
    }
}
