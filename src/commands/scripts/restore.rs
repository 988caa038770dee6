//! FUNCTION DUMP and RESTORE: all libraries as Redis's bytes, and back.

use super::compiling::{already_exists, announce_compiling, table_of};
use crate::commands::admin::help;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::spec::AllKeys;
use crate::commands::state::functions::FunctionTable;
use crate::commands::state::host::Host;
use crate::rdb::functions::{read_libraries, write_libraries};
use crate::resp::reply::Reply;
use crate::store::LibraryChange;
use std::sync::Arc;

/// What becomes of the libraries that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum RestorePolicy {
    /// They are removed first.
    Flush,
    /// They stay, and no library may be there and among the others.
    Append,
    /// They stay, but for those that have the name of another one.
    Replace,
}

pub(super) fn dump(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let libraries = host.store.libraries().list();
    reply.bulk(&write_libraries(libraries.iter().map(|(_, text)| &**text)));
    Ok(())
}

pub(super) fn restore(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let policy = match call.arguments.len() {
        2 => RestorePolicy::Append,
        3 => parse_policy(call.argument(2))?,
        _ => return Err(help::unknown_subcommand_or_arity("function", call.argument(0)).into()),
    };
    let texts = read_libraries(call.argument(1));
    let texts = texts.map_err(|error| CommandError::new(format!("ERR {error}")))?;
    announce_compiling(call)?;
    let host = keys.host;
    let restored = compiled(host, texts.iter().map(|text| &**text))?;
    keys.shards.change_libraries(|libraries| changes(&table_of(host, libraries), &restored, policy))?;
    reply.ok();
    Ok(())
}

/// The libraries that have these texts.
///
/// # Errors
/// One of them is none, or two have the same name or a function of the same name.
pub(in crate::commands) fn compiled<'t>(
    host: &Host,
    texts: impl Iterator<Item = &'t [u8]>,
) -> Result<FunctionTable, CommandError> {
    let mut restored = FunctionTable::default();
    for library in texts {
        let library = host.functions.compile(library, &host.clock);
        let library = library.map_err(|error| CommandError::new(format!("ERR {error}")))?;
        if restored.libraries.contains_key(&library.name) {
            let name = text(&library.name);
            return Err(CommandError::new(format!("ERR Library '{name}' already exists")));
        }
        restored.add(library).map_err(|function| already_exists(&function))?;
    }
    Ok(restored)
}

fn parse_policy(word: &[u8]) -> Result<RestorePolicy, CommandError> {
    const WRONG: CommandError = CommandError::text(
        "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
    );
    match word {
        _ if word.eq_ignore_ascii_case(b"flush") => Ok(RestorePolicy::Flush),
        _ if word.eq_ignore_ascii_case(b"append") => Ok(RestorePolicy::Append),
        _ if word.eq_ignore_ascii_case(b"replace") => Ok(RestorePolicy::Replace),
        _ => Err(WRONG),
    }
}

/// What the libraries of `restored` change in those that are there.
///
/// # Errors
/// They do not go together.
pub(in crate::commands) fn changes(
    there: &FunctionTable,
    restored: &FunctionTable,
    policy: RestorePolicy,
) -> Result<Vec<LibraryChange>, CommandError> {
    let mut table = if policy == RestorePolicy::Flush { FunctionTable::default() } else { there.copied() };
    let mut changes: Vec<LibraryChange> = match policy {
        RestorePolicy::Flush => there.libraries.keys().map(|name| (Arc::clone(name), None)).collect(),
        RestorePolicy::Append | RestorePolicy::Replace => Vec::new(),
    };
    for library in restored.libraries.values() {
        let exists = match policy {
            RestorePolicy::Append => table.libraries.contains_key(&library.name),
            RestorePolicy::Flush | RestorePolicy::Replace => {
                table.remove(&library.name);
                false
            }
        };
        if exists {
            return Err(CommandError::new(format!("ERR Library {} already exists", text(&library.name))));
        }
    }
    for library in restored.libraries.values() {
        table.add(Arc::clone(library)).map_err(|function| already_exists(&function))?;
        changes.push((Arc::clone(&library.name), Some(Arc::clone(&library.text))));
    }
    Ok(changes)
}
