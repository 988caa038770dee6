//! DUMP and RESTORE: a value as Redis's bytes, and back.
//!
//! The bytes are made and read by [`crate::rdb::payload`]. A payload is read as a whole before the key is touched.

use super::expiry::{Moment, Unit};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::rdb::payload::{self, PayloadError};
use crate::resp::reply::Reply;
use crate::store::{Reader, Use, Writer};

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
    let value = payload::read(bytes, keys.reader().seed(), call.config.set_bounds)
        .map_err(|error| refusal(&error))?;
    let now_ms = keys.reader().now_ms();
    // As in Redis, a time beyond what 63 bits hold is in the past.
    let expire_at_ms =
        (time > 0).then(|| Unit::Milliseconds.to_unix_ms(options.moment, time, now_ms).unwrap_or(0));
    if expire_at_ms.is_some_and(|at_ms| keys.reader().is_past(at_ms)) {
        keys.remove(key);
    } else {
        keys.restore(key, value, expire_at_ms.map(i64::cast_unsigned));
        if let Some(known) = options.known {
            keys.set_use(key, known);
        }
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
    /// What is known of the uses of the key.
    known: Option<Use>,
}

impl RestoreOptions {
    /// As in Redis, IDLETIME and FREQ exclude each other.
    fn parse(call: &Call<'_>) -> Result<Self, CommandError> {
        let mut parsed = Self { replaces: false, moment: Moment::FromNow, known: None };
        let mut options = call.cursor(4);
        while options.remaining() > 0 {
            if options.take_word("replace") {
                parsed.replaces = true;
            } else if options.take_word("absttl") {
                parsed.moment = Moment::UnixTime;
            } else if parsed.may_be_idle() && options.remaining() > 1 && options.take_word("idletime") {
                let idle_s = u64::try_from(options.integer()?);
                let idle_s =
                    idle_s.map_err(|_| CommandError::text("ERR Invalid IDLETIME value, must be >= 0"))?;
                parsed.known = Some(Use::Idle { ms: idle_s.saturating_mul(1000) });
            } else if parsed.may_be_frequent() && options.remaining() > 1 && options.take_word("freq") {
                let uses = u8::try_from(options.integer()?);
                let uses =
                    uses.map_err(|_| CommandError::text("ERR Invalid FREQ value, must be >= 0 and <= 255"))?;
                parsed.known = Some(Use::Frequency(uses));
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(parsed)
    }

    fn may_be_idle(self) -> bool {
        !matches!(self.known, Some(Use::Frequency(_)))
    }

    fn may_be_frequent(self) -> bool {
        !matches!(self.known, Some(Use::Idle { .. }))
    }
}
