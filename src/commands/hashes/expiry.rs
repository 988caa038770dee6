//! Expiry of fields: HEXPIRE, HTTL, HPERSIST and their relatives.

use super::BASE;
use super::options::{NOT_A_NUMBER_OF_FIELDS, fields, moment};
use super::read::living;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::keys::expiry::{Moment, Unit};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{Fields, Missing, Reader, Writer};

const CHANGE: CommandSpec = CommandSpec {
    since: "7.4.0",
    complexity: "O(1) for each field",
    arity: -6,
    flags: &[Flag::Write, Flag::Fast],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Update] },
    ..BASE
};

const ASK: CommandSpec = CommandSpec {
    syntax: "key FIELDS numfields field [field ...]",
    since: "7.4.0",
    complexity: "O(1) for each field",
    arity: -5,
    flags: &[Flag::Readonly, Flag::Fast],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "hexpire",
        syntax: "key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        summary: "Makes fields expire after some seconds",
        run: Handler::Write(|keys, call, reply| {
            expire(keys, call, reply, (Moment::FromNow, Unit::Seconds), "hexpire")
        }),
        ..CHANGE
    },
    CommandSpec {
        name: "hpexpire",
        syntax: "key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        summary: "Makes fields expire after some milliseconds",
        run: Handler::Write(|keys, call, reply| {
            expire(keys, call, reply, (Moment::FromNow, Unit::Milliseconds), "hpexpire")
        }),
        ..CHANGE
    },
    CommandSpec {
        name: "hexpireat",
        syntax: "key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        summary: "Makes fields expire at a time given in seconds",
        run: Handler::Write(|keys, call, reply| {
            expire(keys, call, reply, (Moment::UnixTime, Unit::Seconds), "hexpireat")
        }),
        ..CHANGE
    },
    CommandSpec {
        name: "hpexpireat",
        syntax: "key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        summary: "Makes fields expire at a time given in milliseconds",
        run: Handler::Write(|keys, call, reply| {
            expire(keys, call, reply, (Moment::UnixTime, Unit::Milliseconds), "hpexpireat")
        }),
        ..CHANGE
    },
    CommandSpec {
        name: "httl",
        summary: "Returns the seconds until fields expire",
        tips: &["nondeterministic_output"],
        run: Handler::Read(|keys, call, reply| time(keys, call, reply, Moment::FromNow, Unit::Seconds)),
        ..ASK
    },
    CommandSpec {
        name: "hpttl",
        summary: "Returns the milliseconds until fields expire",
        tips: &["nondeterministic_output"],
        run: Handler::Read(|keys, call, reply| time(keys, call, reply, Moment::FromNow, Unit::Milliseconds)),
        ..ASK
    },
    CommandSpec {
        name: "hexpiretime",
        summary: "Returns when fields expire, in unix seconds",
        run: Handler::Read(|keys, call, reply| time(keys, call, reply, Moment::UnixTime, Unit::Seconds)),
        ..ASK
    },
    CommandSpec {
        name: "hpexpiretime",
        summary: "Returns when fields expire, in unix milliseconds",
        run: Handler::Read(|keys, call, reply| time(keys, call, reply, Moment::UnixTime, Unit::Milliseconds)),
        ..ASK
    },
    CommandSpec {
        name: "hpersist",
        syntax: "key FIELDS numfields field [field ...]",
        summary: "Removes the expiry of fields",
        arity: -5,
        run: Handler::Write(hpersist),
        ..CHANGE
    },
];

// The replies for one field.
const NO_FIELD: i64 = -2;
const NEVER: i64 = -1;
const FORBIDDEN: i64 = 0;
const DONE: i64 = 1;
const REMOVED: i64 = 2;

/// The condition under which a field gets a new expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Only {
    All,
    Never,
    Expiring,
    Later,
    Sooner,
}

impl Only {
    /// Whether a field that expires at `before` may get `at_ms`. A field without expiry counts as the latest.
    fn allows(self, before: Option<u64>, at_ms: u64) -> bool {
        match self {
            Self::All => true,
            Self::Never => before.is_none(),
            Self::Expiring => before.is_some(),
            Self::Later => before.is_some_and(|before| at_ms > before),
            Self::Sooner => before.is_none_or(|before| at_ms < before),
        }
    }
}

/// A time in the past removes the fields at once.
fn expire(
    keys: &mut Writer<'_, '_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
    meaning: (Moment, Unit),
    name: &str,
) -> Outcome {
    let (key, reader) = (call.argument(1), keys.reader());
    reader.get::<Fields>(key)?;
    let at_ms = moment(call.argument(2), meaning, reader.now_ms(), name)?;
    let (is_past, expired_by_ms) = (reader.is_past(at_ms), reader.expired_by_ms());
    let at_ms = at_ms.cast_unsigned();
    let mut options = call.cursor(3);
    let words = [("nx", Only::Never), ("xx", Only::Expiring), ("gt", Only::Later), ("lt", Only::Sooner)];
    let only = words.into_iter().find(|(word, _)| options.take_word(word)).map(|(_, only)| only);
    let not_a_number = CommandError::text("ERR Parameter `numFields` should be greater than 0");
    let names = fields(call, if only.is_some() { 4 } else { 3 }, not_a_number)?;
    let only = only.unwrap_or(Only::All);
    let event = if is_past { "hdel" } else { "hexpire" };
    call.announce(names.remaining())?;
    reply.array(names.remaining());
    let edited = keys.edit::<Fields, _>(key, Missing::Skip, event, |fields| {
        for field in names.clone() {
            let answer = match fields.at(expired_by_ms).expiry(field) {
                None => NO_FIELD,
                Some(before) if !only.allows(before, at_ms) => FORBIDDEN,
                Some(_) if is_past => {
                    fields.remove(field);
                    REMOVED
                }
                Some(_) => {
                    fields.expire(field, Some(at_ms));
                    DONE
                }
            };
            reply.integer(answer);
        }
    })?;
    if edited.is_none() {
        names.for_each(|_| reply.integer(NO_FIELD));
    }
    Ok(())
}

/// Seconds are rounded up.
fn time(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>, moment: Moment, unit: Unit) -> Outcome {
    let living = living(keys, call.argument(1))?;
    let names = fields(call, 2, NOT_A_NUMBER_OF_FIELDS)?;
    let from_ms = if moment == Moment::FromNow { keys.now_ms() } else { 0 };
    reply.array(names.remaining());
    for field in names {
        reply.integer(match living.and_then(|fields| fields.expiry(field)) {
            None => NO_FIELD,
            Some(None) => NEVER,
            Some(Some(at_ms)) => {
                let ms = at_ms.saturating_sub(from_ms).cast_signed();
                if unit == Unit::Seconds { (ms + 999) / 1000 } else { ms }
            }
        });
    }
    Ok(())
}

fn hpersist(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    let expired_by_ms = keys.reader().expired_by_ms();
    keys.reader().get::<Fields>(key)?;
    let names = fields(call, 2, NOT_A_NUMBER_OF_FIELDS)?;
    reply.array(names.remaining());
    let edited = keys.edit::<Fields, _>(key, Missing::Skip, "hpersist", |fields| {
        for field in names.clone() {
            reply.integer(match fields.at(expired_by_ms).expiry(field) {
                None => NO_FIELD,
                Some(None) => NEVER,
                Some(Some(_)) => {
                    fields.expire(field, None);
                    DONE
                }
            });
        }
    })?;
    if edited.is_none() {
        names.for_each(|_| reply.integer(NO_FIELD));
    }
    Ok(())
}
