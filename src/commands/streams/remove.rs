//! Commands that remove entries by their ids: XDEL, XDELEX, XACKDEL.

use super::trimming::References;
use super::{BASE, ids};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::integer;
use crate::resp::reply::Reply;
use crate::store::{Edit, Missing, Stream, StreamId, Writer};

const REMOVAL: CommandSpec = CommandSpec {
    complexity: "O(log N) for each id",
    flags: &[Flag::Write, Flag::Fast],
    keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Delete]),
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "xdel",
        syntax: "key id [id ...]",
        summary: "Removes entries from a stream",
        arity: -3,
        run: Handler::Write(xdel),
        ..REMOVAL
    },
    CommandSpec {
        name: "xdelex",
        syntax: "key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
        summary: "Removes entries from a stream, and says what becomes of those that are pending",
        since: "8.2.0",
        arity: -5,
        run: Handler::Write(xdelex),
        ..REMOVAL
    },
    CommandSpec {
        name: "xackdel",
        syntax: "key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
        summary: "Acknowledges entries and removes them from the stream",
        since: "8.2.0",
        arity: -6,
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update, KeyFlag::Delete]),
        run: Handler::Write(xackdel),
        ..REMOVAL
    },
];

fn xdel(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    if keys.reader().get::<Stream>(key)?.is_none() {
        reply.integer(0);
        return Ok(());
    }
    let ids = call.cursor(2).map(|id| ids::parse(id, 0)).collect::<Result<Vec<_>, _>>()?;
    call.announce(ids.len())?;
    let count = keys.edit::<Stream, _>(key, Missing::Skip, "xdel", |stream| {
        ids.iter().filter(|id| stream.remove(**id)).count()
    })?;
    reply.count(count.unwrap_or(0));
    Ok(())
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcomes {
    Missing = -1,
    Removed = 1,
    /// Some group has not acknowledged it.
    Kept = 2,
}

/// The ids of XDELEX and XACKDEL, and what becomes of those that are pending.
struct Removal<'c> {
    references: References,
    ids: Vec<&'c [u8]>,
}

impl<'c> Removal<'c> {
    /// Reads the arguments from `position` on.
    fn parse(call: &Call<'c>, position: usize) -> Result<Self, CommandError> {
        let (mut cursor, mut references, mut ids) = (call.cursor(position), None, None);
        while cursor.remaining() > 0 {
            if cursor.remaining() > 1 && cursor.take_word("IDS") {
                let not_positive = CommandError::text("ERR Number of IDs must be a positive integer");
                let count = integer::parse(cursor.required()?).and_then(|count| usize::try_from(count).ok());
                let count = count.filter(|&count| count > 0).ok_or(not_positive)?;
                if count > cursor.remaining() {
                    return Err(CommandError::text(
                        "ERR The `numids` parameter must match the number of arguments",
                    ));
                }
                ids = Some(cursor.by_ref().take(count).collect());
            } else if let Some(given) =
                if references.is_none() { References::take(&mut cursor) } else { None }
            {
                references = Some(given);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        let ids = ids.ok_or(CommandError::SYNTAX)?;
        Ok(Self { references: references.unwrap_or_default(), ids })
    }

    fn parsed_ids(&self) -> Result<Vec<StreamId>, CommandError> {
        self.ids.iter().map(|id| ids::parse(id, 0)).collect()
    }

    /// Replies that no entry is there.
    fn reply_missing(&self, reply: &mut Reply<'_>) {
        reply.array(self.ids.len());
        self.ids.iter().for_each(|_| reply.integer(-1));
    }

    /// Removes an entry.
    fn run(&self, stream: &mut Edit<'_, '_, Stream>, id: StreamId) -> Outcomes {
        if self.references == References::Acknowledged && stream.is_referenced(id) {
            return Outcomes::Kept;
        }
        if self.references == References::Drop {
            stream.forget_pending(&[id]);
        }
        if !stream.remove(id) {
            return Outcomes::Missing;
        }
        stream.is_also("xdel");
        Outcomes::Removed
    }

    /// Acknowledges an entry and removes it. As in Redis, one that had been removed before counts as removed.
    fn run_acknowledged(&self, stream: &mut Edit<'_, '_, Stream>, group: &[u8], id: StreamId) -> Outcomes {
        if stream.acknowledge(group, std::iter::once(id)) == 0 {
            return Outcomes::Missing;
        }
        match self.run(stream, id) {
            Outcomes::Missing | Outcomes::Removed => Outcomes::Removed,
            Outcomes::Kept => Outcomes::Kept,
        }
    }
}

fn xdelex(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    remove_each(keys, call, None, reply)
}

fn xackdel(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    remove_each(keys, call, Some(call.argument(2)), reply)
}

/// Removes entries, for a group after acknowledging them, and replies with what became of each.
fn remove_each(
    keys: &mut Writer<'_, '_>,
    call: &Call<'_>,
    group: Option<&[u8]>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let key = call.argument(1);
    let stream = keys.reader().get::<Stream>(key)?;
    let is_missing = stream.is_none_or(|stream| group.is_some_and(|group| stream.group(group).is_none()));
    let removal = Removal::parse(call, if group.is_some() { 3 } else { 2 })?;
    if is_missing {
        removal.reply_missing(reply);
        return Ok(());
    }
    let ids = removal.parsed_ids()?;
    call.announce(ids.len())?;
    let outcomes = keys.edit::<Stream, _>(key, Missing::Skip, None, |stream| {
        let outcome = |id: &StreamId| match group {
            Some(group) => removal.run_acknowledged(stream, group, *id),
            None => removal.run(stream, *id),
        };
        ids.iter().map(outcome).collect::<Vec<_>>()
    })?;
    let outcomes = outcomes.unwrap_or_default();
    reply.array(outcomes.len());
    outcomes.into_iter().for_each(|outcome| reply.integer(outcome as i64));
    Ok(())
}
