//! COMMAND GETKEYS and GETKEYSANDFLAGS: which keys a request touches, and what it does with each.

use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::table::table;
use crate::commands::spec::{CommandSpec, KeyFlag, Keys};
use crate::commands::state::host::Host;
use crate::resp::reply::Reply;

pub(super) fn getkeys(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (spec, request) = keyed_request(call)?;
    let mut keys: Vec<Box<[u8]>> = Vec::new();
    spec.for_each_key(&request, &mut |key| keys.push(key.into()));
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.bulk(key));
    Ok(())
}

pub(super) fn getkeysandflags(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (spec, request) = keyed_request(call)?;
    let mut keys: Vec<(Box<[u8]>, &[KeyFlag])> = Vec::new();
    spec.for_each_key(&request, &mut |key| {
        keys.push((key.into(), spec.access_of_key(&request, keys.len())));
    });
    reply.array(keys.len());
    for (key, access) in keys {
        reply.array(2);
        reply.bulk(&key);
        reply.set(access.len());
        access.iter().for_each(|flag| reply.simple(flag.name()));
    }
    Ok(())
}

/// The request that a COMMAND GETKEYS asks about, and its command.
///
/// # Errors
/// As in Redis: there is no such command, it has no keys, or it does not take these arguments.
fn keyed_request<'c>(call: &Call<'c>) -> Result<(&'static CommandSpec, Call<'c>), CommandError> {
    let mut request = call.arguments.skip(1);
    let words = request.len();
    let name = request.get(0).unwrap_or_default();
    let mut place = table().find(name).filter(|place| !table().entries()[*place].is_subcommand);
    if let (Some(container), Some(name)) = (place, request.get(1))
        && !table().entries()[container].subcommands.is_empty()
    {
        place = table().find_subcommand(container, name);
        request = request.skip(1);
    }
    let place = place.ok_or(CommandError::text("ERR Invalid command specified"))?;
    let spec = table().entries()[place].spec;
    if matches!(spec.keys, Keys::None) {
        return Err(CommandError::text("ERR The command has no key arguments"));
    }
    if !spec.accepts(words) {
        return Err(CommandError::text("ERR Invalid number of arguments specified for command"));
    }
    if !spec.keys.are_complete(request) {
        return Err(CommandError::text("ERR Invalid arguments specified for command"));
    }
    Ok((spec, Call { arguments: request, located: None, ..*call }))
}
