//! The next requests of a batch, each with its command and the place of its key.
//!
//! They are prepared a window at a time: neighbours with the same name or key are looked up once, and the memory that they
//! will touch is loaded together.

use crate::commands::call::error::CommandError;
use crate::commands::call::text;
use crate::commands::spec::Handler;
use crate::commands::spec::table::{TableEntry, table};
use crate::resp::request::Arguments;
use crate::store::{Located, Store};
use smallvec::SmallVec;

/// Requests that are prepared together: about as many as the processor can load memory for at once.
pub(super) const WINDOW: usize = 16;

/// A request with its command and its key.
pub(super) struct Prepared<'r> {
    pub(super) arguments: Arguments<'r>,
    /// Its command's place in the table, or the error for a request that names none. A container whose subcommand is unknown
    /// is named beside the error.
    pub(super) resolved: Result<usize, (Option<usize>, CommandError)>,
    /// Where its key is to be looked for, if its command has a look-ahead: such a command has one key, argument 1.
    pub(super) located: Option<Located<'r>>,
}

/// The next requests of a batch.
pub(super) type Window<'r> = SmallVec<[Prepared<'r>; WINDOW]>;

/// Fills `window` with the next requests.
pub(super) fn prepare<'r>(
    store: &Store,
    requests: &mut impl Iterator<Item = Arguments<'r>>,
    window: &mut Window<'r>,
) {
    window.clear();
    for arguments in requests.take(WINDOW) {
        // In a pipeline the same name mostly comes again: it is the same command, unless it has subcommands.
        let before = window.last();
        let again = before.filter(|before| before.arguments.get(0) == arguments.get(0));
        let again = again.and_then(|before| before.resolved.as_ref().ok()).copied();
        let again = again.filter(|place| {
            let entry = &table().entries()[*place];
            entry.subcommands.is_empty() && !entry.is_subcommand
        });
        let resolved = again.map_or_else(|| resolve(arguments), Ok);
        let has_one_key =
            resolved.as_ref().is_ok_and(|place| table().entries()[*place].spec.lookahead.is_some());
        let located = arguments.get(1).filter(|_| has_one_key).map(|key| {
            let before = before.and_then(|before| before.located);
            before.and_then(|before| before.repeated(key)).unwrap_or_else(|| store.locate(key))
        });
        window.push(Prepared { arguments, resolved, located });
    }
}

/// Whether a request is a line of HTTP. A page can have a browser send commands to a server in its network; Redis
/// disconnects such a client too.
pub(super) fn speaks_http(arguments: Arguments<'_>) -> bool {
    let name = arguments.get(0).unwrap_or_default();
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// Finds the command or subcommand that a request names.
pub(super) fn resolve(arguments: Arguments<'_>) -> Result<usize, (Option<usize>, CommandError)> {
    let name = arguments.get(0).unwrap_or_default();
    let Some(place) = table().find(name).filter(|place| !table().entries()[*place].is_subcommand) else {
        return Err((None, unknown_command(arguments)));
    };
    let entry = &table().entries()[place];
    match arguments.get(1) {
        Some(subcommand) if !entry.subcommands.is_empty() => table()
            .find_subcommand(place, subcommand)
            .ok_or_else(|| (Some(place), unknown_subcommand(entry, subcommand))),
        _ if matches!(entry.spec.run, Handler::Container) => {
            Err((Some(place), CommandError::arity(&entry.full_name)))
        }
        _ => Ok(place),
    }
}

/// As Redis: up to 128 characters of the name and of the arguments are quoted back.
fn unknown_command(arguments: Arguments<'_>) -> CommandError {
    const SHOWN: usize = 128;
    let shown = |bytes: &[u8], most: usize| text(&bytes[..bytes.len().min(most)]);
    let mut list = String::new();
    for argument in arguments.iter().skip(1) {
        if list.len() >= SHOWN {
            break;
        }
        list += &format!("'{}' ", shown(argument, SHOWN - list.len()));
    }
    let name = shown(arguments.get(0).unwrap_or_default(), SHOWN);
    CommandError::new(format!("ERR unknown command '{name}', with args beginning with: {list}"))
}

fn unknown_subcommand(entry: &TableEntry, subcommand: &[u8]) -> CommandError {
    let name = text(&subcommand[..subcommand.len().min(128)]);
    let command = entry.full_name.to_uppercase();
    CommandError::new(format!("ERR unknown subcommand '{name}'. Try {command} HELP."))
}
