//! A request as operators see it in SLOWLOG: shortened, and without secrets.

use crate::commands::spec::CommandSpec;
use crate::resp::request::Arguments;

/// Most arguments that are shown of a request, its name included. As in Redis (`SLOWLOG_ENTRY_MAX_ARGC`).
const SHOWN_ARGUMENTS: usize = 32;

/// Most bytes that are shown of an argument. As in Redis (`SLOWLOG_ENTRY_MAX_STRING`).
const SHOWN_BYTES: usize = 128;

/// Stands for an argument that is a secret.
pub(in crate::commands) const REDACTED: &[u8] = b"(redacted)";

/// The name and arguments of a request for `spec`, as they may be shown.
pub(in crate::commands) fn shown(spec: &CommandSpec, request: Arguments<'_>) -> Vec<Box<[u8]>> {
    let is_cut = request.len() > SHOWN_ARGUMENTS;
    let whole = if is_cut { SHOWN_ARGUMENTS - 1 } else { request.len() };
    let mut shown: Vec<Box<[u8]>> = Vec::with_capacity(whole + 1);
    for (index, argument) in request.iter().enumerate().take(whole) {
        let is_secret = spec.hides.is_some_and(|hides| hides(request, index));
        shown.push(match argument.split_at_checked(SHOWN_BYTES) {
            _ if is_secret => REDACTED.into(),
            Some((front, rest)) if !rest.is_empty() => {
                [front, format!("... ({} more bytes)", rest.len()).as_bytes()].concat().into()
            }
            _ => argument.into(),
        });
    }
    if is_cut {
        shown.push(format!("... ({} more arguments)", request.len() - whole).into_bytes().into());
    }
    shown
}
