//! Expiry: when keys expire, and how long they have left.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer, text};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::reply::Reply;
use crate::store::{NewExpiry, Reader, Writer};

const CHANGE: CommandSpec = CommandSpec {
    flags: &[Flag::Write, Flag::Fast],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Update] },
    lookahead: Some(Lookahead::KEY),
    ..CommandSpec::BASE
};

const ASK: CommandSpec = CommandSpec {
    arity: 2,
    flags: &[Flag::Readonly, Flag::Fast],
    tips: &["nondeterministic_output"],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
    lookahead: Some(Lookahead::KEY),
    ..CommandSpec::BASE
};

/// Unlike a time that is left, a moment is the same whenever it is asked for.
const ASK_TIME: CommandSpec = CommandSpec { tips: &[], ..ASK };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "expire",
        syntax: "key seconds [NX | XX | GT | LT]",
        summary: "Lets a key expire after some seconds",
        arity: -3,
        run: Handler::Write(|keys, call, reply| {
            expire(keys, call, reply, Moment::FromNow, Unit::Seconds, "expire")
        }),
        ..CHANGE
    },
    CommandSpec {
        name: "pexpire",
        syntax: "key milliseconds [NX | XX | GT | LT]",
        summary: "Lets a key expire after some milliseconds",
        since: "2.6.0",
        arity: -3,
        run: Handler::Write(|keys, call, reply| {
            expire(keys, call, reply, Moment::FromNow, Unit::Milliseconds, "pexpire")
        }),
        ..CHANGE
    },
    CommandSpec {
        name: "expireat",
        syntax: "key unix-time-seconds [NX | XX | GT | LT]",
        summary: "Lets a key expire at a time given in seconds",
        since: "1.2.0",
        arity: -3,
        run: Handler::Write(|keys, call, reply| {
            expire(keys, call, reply, Moment::UnixTime, Unit::Seconds, "expireat")
        }),
        ..CHANGE
    },
    CommandSpec {
        name: "pexpireat",
        syntax: "key unix-time-milliseconds [NX | XX | GT | LT]",
        summary: "Lets a key expire at a time given in milliseconds",
        since: "2.6.0",
        arity: -3,
        run: Handler::Write(|keys, call, reply| {
            expire(keys, call, reply, Moment::UnixTime, Unit::Milliseconds, "pexpireat")
        }),
        ..CHANGE
    },
    CommandSpec {
        name: "ttl",
        syntax: "key",
        summary: "Returns the seconds until a key expires",
        run: Handler::Read(|keys, call, reply| time_left(keys, call, reply, Unit::Seconds)),
        ..ASK
    },
    CommandSpec {
        name: "pttl",
        syntax: "key",
        summary: "Returns the milliseconds until a key expires",
        since: "2.6.0",
        run: Handler::Read(|keys, call, reply| time_left(keys, call, reply, Unit::Milliseconds)),
        ..ASK
    },
    CommandSpec {
        name: "expiretime",
        syntax: "key",
        summary: "Returns when a key expires, in seconds of unix time",
        since: "7.0.0",
        run: Handler::Read(|keys, call, reply| expiry_time(keys, call, reply, Unit::Seconds)),
        ..ASK_TIME
    },
    CommandSpec {
        name: "pexpiretime",
        syntax: "key",
        summary: "Returns when a key expires, in milliseconds of unix time",
        since: "7.0.0",
        run: Handler::Read(|keys, call, reply| expiry_time(keys, call, reply, Unit::Milliseconds)),
        ..ASK_TIME
    },
    CommandSpec {
        name: "persist",
        syntax: "key",
        summary: "Removes the expiry of a key",
        since: "2.2.0",
        arity: 2,
        run: Handler::Write(persist),
        ..CHANGE
    },
];

/// What a time is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Moment {
    /// Now.
    FromNow,
    /// The Unix epoch.
    UnixTime,
}

/// What a time is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    /// A number of milliseconds in this unit, rounded.
    fn of_ms(self, ms: i64) -> i64 {
        if self == Self::Seconds { (ms + 500) / 1000 } else { ms }
    }

    /// `number` of these units from `moment` on, in unix milliseconds; `None` beyond what 63 bits hold.
    pub(in crate::commands) fn to_unix_ms(self, moment: Moment, number: i64, now_ms: u64) -> Option<i64> {
        let ms = if self == Self::Seconds { number.checked_mul(1000)? } else { number };
        match moment {
            Moment::UnixTime => Some(ms),
            Moment::FromNow => ms.checked_add(now_ms.cast_signed()),
        }
    }
}

/// EXPIRE and its variants, as of Redis 8.2. A time in the past removes the key at once.
fn expire(
    keys: &mut Writer<'_, '_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
    moment: Moment,
    unit: Unit,
    name: &str,
) -> Outcome {
    let (mut only_never, mut only_expiring, mut only_later, mut only_sooner) = (false, false, false, false);
    for option in call.cursor(3) {
        match option.to_ascii_lowercase().as_slice() {
            b"nx" => only_never = true,
            b"xx" => only_expiring = true,
            b"gt" => only_later = true,
            b"lt" => only_sooner = true,
            _ => return Err(CommandError::new(format!("ERR Unsupported option {}", text(option))).into()),
        }
    }
    if only_never && (only_expiring || only_later || only_sooner) {
        return Err(CommandError::text(
            "ERR NX and XX, GT or LT options at the same time are not compatible",
        )
        .into());
    }
    if only_later && only_sooner {
        return Err(CommandError::text("ERR GT and LT options at the same time are not compatible").into());
    }
    let reader = keys.reader();
    let number = parse_integer(call.argument(2))?;
    let at_ms = unit
        .to_unix_ms(moment, number, reader.now_ms())
        .ok_or_else(|| CommandError::new(format!("ERR invalid expire time in '{name}' command")))?;
    let is_past = reader.is_past(at_ms);
    let is_changed = keys.choose_expiry(call.argument(1), |current| {
        // A key that never expires counts as expiring later than any other.
        let current_ms = current.map_or(i64::MAX, u64::cast_signed);
        let is_forbidden = (only_never && current.is_some())
            || (only_expiring && current.is_none())
            || (only_later && (current.is_none() || at_ms <= current_ms))
            || (only_sooner && current.is_some() && at_ms >= current_ms);
        match u64::try_from(at_ms) {
            _ if is_forbidden => NewExpiry::AsBefore,
            Ok(at_ms) if !is_past => NewExpiry::At(Some(at_ms)),
            _ => NewExpiry::Now,
        }
    });
    reply.integer(i64::from(is_changed));
    Ok(())
}

/// -2 for no key, -1 for a key that never expires.
fn time_left(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>, unit: Unit) -> Outcome {
    reply.integer(match keys.expiry(call.argument(1)) {
        None => -2,
        Some(None) => -1,
        Some(Some(at_ms)) => unit.of_ms(at_ms.saturating_sub(keys.now_ms()).cast_signed()),
    });
    Ok(())
}

/// As [`time_left`], with the moment in place of the time.
fn expiry_time(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>, unit: Unit) -> Outcome {
    reply.integer(match keys.expiry(call.argument(1)) {
        None => -2,
        Some(None) => -1,
        Some(Some(at_ms)) => unit.of_ms(at_ms.cast_signed()),
    });
    Ok(())
}

fn persist(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let is_changed = keys.choose_expiry(call.argument(1), |current| match current {
        Some(_) => NewExpiry::At(None),
        None => NewExpiry::AsBefore,
    });
    reply.integer(i64::from(is_changed));
    Ok(())
}
