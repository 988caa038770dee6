//! ACL DRYRUN: whether a user may run a command, without running it.

use super::permission::Wanted;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::spec::Caller;
use crate::commands::spec::table::table;
use crate::resp::reply::Reply;

/// Replies OK, or as a string what the user may not do.
pub(super) fn dryrun(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (name, command) = (call.argument(1), call.argument(2));
    let user = caller.host.users.get(name);
    let user = user.ok_or_else(|| CommandError::new(format!("ERR User '{}' not found", text(name))))?;
    let request = call.arguments.skip(2);
    let unknown = || CommandError::new(format!("ERR Command '{}' not found", text(command)));
    let parent = table().find(command).filter(|place| !table().entries()[*place].is_subcommand);
    let parent = parent.ok_or_else(unknown)?;
    let place = match request.get(1) {
        Some(sub) if !table().entries()[parent].subcommands.is_empty() => {
            table().find_subcommand(parent, sub).ok_or_else(unknown)?
        }
        _ => parent,
    };
    let entry = &table().entries()[place];
    if !entry.spec.accepts(request.len()) {
        return Err(CommandError::arity(&entry.full_name).into());
    }
    let arguments = if entry.is_subcommand { request.skip(1) } else { request };
    let wanted = Call { arguments, located: None, ..*call };
    match user.check(Wanted { place, call: &wanted }) {
        Ok(()) => reply.ok(),
        Err(denied) => reply.bulk(denied.explain(&user, place).as_bytes()),
    }
    Ok(())
}
