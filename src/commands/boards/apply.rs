//! LB.APPLY: a change of a board, or of a stream's ids of producers, as a master has made it. In a master's stream it is in front of
//! the nearest doubles that servers get which know no policies (`src/replication/records.rs`).

use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::change::{Change, What, decode};
use crate::store::{Missing, Stream, ValueChange, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "lb.apply",
    syntax: "key change",
    summary: "Makes a change of a board, or of ids of a stream's producers, as a master has made it: rankd sends it to rankd",
    since: "0.1.0",
    group: Group::Boards,
    complexity: "O(M log N) with M members in the change and N on the board",
    arity: 3,
    flags: &[Flag::Write, Flag::Denyoom, Flag::Admin, Flag::Noscript],
    keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Insert]),
    run: Handler::Write(apply),
    ..CommandSpec::BASE
}];

fn apply(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut encoded = call.argument(2);
    match decode(&mut encoded) {
        Ok(Change::Key { what: What::Value(ValueChange::SortedSet(change)), .. })
            if encoded.is_empty() && change.is_of_policy() =>
        {
            reply.integer(i64::from(keys.apply_board_change(call.argument(1), change)?));
            Ok(())
        }
        Ok(Change::Key { what: What::Value(ValueChange::Stream(change)), .. })
            if encoded.is_empty() && change.is_of_producers() =>
        {
            let edit = keys.edit::<Stream, _>(call.argument(1), Missing::Skip, None, |stream| {
                stream.change_producers(change);
            });
            reply.integer(i64::from(edit?.is_some()));
            Ok(())
        }
        _ => Err(CommandError::text("ERR this is no change of a board").into()),
    }
}
