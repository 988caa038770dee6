//! LB.CLOSE: the end of a season.

use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{Closing, SubmitError, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "lb.close",
    syntax: "key archive",
    summary: "Makes a board a read-only archive, and begins an empty one with its policy",
    complexity: "O(K) with K request ids that the board keeps; O(N) for the record of N members while a checkpoint is written",
    group: Group::Boards,
    since: "0.1.0",
    arity: 3,
    flags: &[Flag::Write],
    keys: Keys::Pair { first: &[KeyFlag::Rw, KeyFlag::Update], second: &[KeyFlag::Rw, KeyFlag::Insert] },
    run: Handler::Write(close),
    ..CommandSpec::BASE
}];

fn close(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, archive) = (call.argument(1), call.argument(2));
    call.announce(keys.recorded_elements(key))?;
    let error = match keys.close_board(key, archive)? {
        Closing::Closed => {
            reply.integer(1);
            return Ok(());
        }
        Closing::Stands => {
            reply.integer(0);
            return Ok(());
        }
        Closing::Taken => CommandError::text("ERR target key name already exists"),
        Closing::Missing => CommandError::text("ERR no such key"),
        Closing::IsArchive => SubmitError::Closed.into(),
        Closing::NoPolicy => super::NO_POLICY,
    };
    Err(error.into())
}
