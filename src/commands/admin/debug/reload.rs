//! DEBUG RELOAD and DEBUG LOADAOF: the data as a dump file or the journal has them.

use super::subcommand::{arguments, ok, refuse_in_transaction};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::scripts::compiling::table_of;
use crate::commands::scripts::restore::{RestorePolicy, changes, compiled};
use crate::commands::spec::AllKeys;
use crate::commands::state::host::{Host, Reload};
use crate::resp::reply::Reply;
use crate::store::{Adoption, FunctionLibraries};

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
    match (saves, flushes, merges) {
        // What the file has is what there is: whether keys are replaced makes no difference.
        (true, true, _) | (true, false, true) => keys.host.process.reload(Reload::Saved).map_err(failed)?,
        (false, true, _) => adopt(keys.host, Adoption::InPlace)?,
        (false, false, true) => adopt(keys.host, Adoption::Merged)?,
        (false, false, false) => adopt(keys.host, Adoption::Beside)?,
        (true, false, false) => {
            keys.host.process.save().map_err(failed)?;
            adopt(keys.host, Adoption::Beside)?;
        }
    }
    ok(reply)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn failed(why: String) -> CommandError {
    CommandError::new(format!("ERR {why}"))
}

/// Loads the dump file. What it has is recorded as changes. A key that has expired since is removed later, like any other.
fn adopt(host: &Host, adoption: Adoption) -> Result<(), CommandError> {
    let policy = match adoption {
        Adoption::InPlace => RestorePolicy::Flush,
        Adoption::Merged => RestorePolicy::Replace,
        Adoption::Beside => RestorePolicy::Append,
    };
    let found = host.process.read_dump_file().map_err(failed)?;
    let texts = found.libraries().list();
    let adopted = compiled(host, texts.iter().map(|(_, text)| &**text)).and_then(|libraries| {
        let decide = |there: &FunctionLibraries| changes(&table_of(host, there), &libraries, policy);
        host.store.adopt(&found, adoption, decide)
    });
    match adopted {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(CommandError::text("ERR a key of the dump file exists already; with MERGE it is replaced"))
        }
        Err(why) => {
            tracing::warn!("the libraries of the dump file cannot be loaded: {}", why.0);
            Err(CommandError::text("ERR Error trying to load the RDB dump, check server logs."))
        }
    }
}

pub(super) fn load_journal(keys: &mut AllKeys<'_, '_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    refuse_in_transaction(keys, "LOADAOF")?;
    if keys.host.is_loading() {
        return Err(CommandError::LOADING.into());
    }
    keys.host.process.reload(Reload::Journal).map_err(failed)?;
    ok(reply)
}
