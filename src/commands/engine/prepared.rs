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
use crate::text::short;
use smallvec::SmallVec;

/// Requests that are prepared together: about as many as the processor can load memory for at once.
pub(super) const WINDOW: usize = 16;

/// The command of a request, or the error for a request that names none. A container whose subcommand is unknown is named
/// beside the error.
pub(super) type Resolved = Result<&'static TableEntry, Box<(Option<&'static TableEntry>, CommandError)>>;

/// A request with its command and its key.
pub(super) struct Prepared<'r> {
    pub(super) arguments: Arguments<'r>,
    pub(super) resolved: Resolved,
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
    // The two last commands. A request with the name of one of them is for it as well: they have no subcommands.
    let mut known: [Option<(&[u8], &'static TableEntry)>; 2] = [None; 2];
    let mut before: Option<Located<'_>> = None;
    for arguments in requests.take(WINDOW) {
        // In a pipeline the same names mostly come again.
        let name = arguments.get(0).unwrap_or_default();
        let again = known.iter().flatten().find(|(known, _)| short::are_equal(name, known));
        let resolved = match again {
            Some((_, entry)) => Ok(*entry),
            None => resolve(arguments),
        };
        if again.is_none()
            && let Ok(entry) = resolved
            && entry.subcommands.is_empty()
            && !entry.is_subcommand
        {
            known = [Some((name, entry)), known[0]];
        }
        let entry = resolved.as_ref().ok().copied();
        let key = arguments.get(1).filter(|_| entry.is_some_and(|entry| entry.spec.lookahead.is_some()));
        let located = key
            .map(|key| before.and_then(|before| before.repeated(key)).unwrap_or_else(|| store.locate(key)));
        before = located;
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
pub(super) fn resolve(arguments: Arguments<'_>) -> Resolved {
    let name = arguments.get(0).unwrap_or_default();
    let found = table().find(name).map(|place| &table().entries()[place]);
    let Some(entry) = found.filter(|entry| !entry.is_subcommand) else {
        return Err(Box::new((None, unknown_command(arguments))));
    };
    match arguments.get(1) {
        Some(subcommand) if !entry.subcommands.is_empty() => table()
            .find_subcommand(entry.place, subcommand)
            .map(|place| &table().entries()[place])
            .ok_or_else(|| Box::new((Some(entry), unknown_subcommand(entry, subcommand)))),
        _ if matches!(entry.spec.run, Handler::Container) => {
            Err(Box::new((Some(entry), CommandError::arity(&entry.full_name))))
        }
        _ => Ok(entry),
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
