//! CLIENT PAUSE and UNPAUSE. [`crate::commands::state::interventions`] holds the commands back.

use crate::commands::admin::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{AllKeys, Caller};
use crate::commands::state::interventions::{PauseCause, Paused};
use crate::resp::integer;
use crate::resp::reply::Reply;

/// Returns when every command that is held back from now on, and began before, has ended.
pub(super) fn client_pause(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut cursor = call.cursor(1);
    let timeout = cursor.required()?;
    let mut what = Paused::All;
    if cursor.remaining() > 1 {
        return Err(help::unknown_subcommand_or_arity("client", call.argument(0)).into());
    }
    if cursor.take_word("write") {
        what = Paused::Writes;
    } else if !cursor.take_word("all") && cursor.remaining() > 0 {
        return Err(CommandError::text("ERR CLIENT PAUSE mode must be WRITE or ALL").into());
    }
    let timeout_ms = integer::parse(timeout);
    let timeout_ms = timeout_ms.ok_or(CommandError::text("ERR timeout is not an integer or out of range"))?;
    let timeout_ms = u64::try_from(timeout_ms).map_err(|_| CommandError::text("ERR timeout is negative"))?;
    let now_ms = keys.host.clock.now_ms();
    let until_ms = now_ms.checked_add(timeout_ms).filter(|until_ms| i64::try_from(*until_ms).is_ok());
    let until_ms = until_ms.ok_or(CommandError::text("ERR timeout is out of range"))?;
    keys.host.interventions.begin_pause(PauseCause::Clients, what, until_ms, now_ms);
    for shard in 0..keys.host.store.shard_count() {
        drop(keys.shards.look(&[shard]));
    }
    reply.ok();
    Ok(())
}

pub(super) fn client_unpause(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    caller.host.interventions.end_pause(PauseCause::Clients);
    reply.ok();
    Ok(())
}
