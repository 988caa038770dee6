//! DEBUG RELOAD and DEBUG LOADAOF: the data as a dump file or the journal has them.

use super::subcommand::{arguments, ok, refuse_in_transaction};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::AllKeys;
use crate::commands::state::host::Reload;
use crate::resp::reply::Reply;
use crate::store::Adoption;

pub(super) fn reload(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (mut saves, mut flushes, mut merges) = (true, true, false);
    for word in arguments(call) {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" => saves = false,
            b"noflush" => flushes = false,
            b"merge" => merges = true,
            _ => {
                let why = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.";
                return Err(CommandError::text(why).into());
            }
        }
    }
    refuse_in_transaction(keys, "RELOAD")?;
    if keys.host.is_loading() {
        return Err(CommandError::LOADING.into());
    }
    let what = match (saves, flushes, merges) {
        // What the file has is what there is: whether keys are replaced makes no difference.
        (true, true, _) | (true, false, true) => Reload::Saved,
        (false, true, _) => Reload::Found(Adoption::InPlace),
        (false, false, true) => Reload::Found(Adoption::Merged),
        (_, false, false) => Reload::Found(Adoption::Beside),
    };
    keys.host.process.reload(what).map_err(|why| CommandError::new(format!("ERR {why}")))?;
    ok(reply)
}

pub(super) fn load_journal(keys: &mut AllKeys<'_, '_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    refuse_in_transaction(keys, "LOADAOF")?;
    if keys.host.is_loading() {
        return Err(CommandError::LOADING.into());
    }
    keys.host.process.reload(Reload::Journal).map_err(|why| CommandError::new(format!("ERR {why}")))?;
    ok(reply)
}
