//! What a client calls itself.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::spec::Caller;
use crate::resp::reply::Reply;

/// Refuses names with characters that would break the lines of CLIENT LIST.
pub(in crate::commands) fn check_printable(name: &[u8], what: &str) -> Result<(), CommandError> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err(CommandError::new(format!("ERR {what} cannot contain spaces, newlines or special characters.")))
}

pub(super) fn client_id(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    reply.integer(session.client.id.cast_signed());
    Ok(())
}

pub(super) fn client_getname(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    let name = session.client.names.lock().name.clone();
    if name.is_empty() {
        reply.null();
    } else {
        reply.bulk(name.as_bytes());
    }
    Ok(())
}

pub(super) fn client_setname(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    check_printable(call.argument(1), "Client names")?;
    session.client.names.lock().name = text(call.argument(1));
    reply.ok();
    Ok(())
}

pub(super) fn client_setinfo(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    let (attribute, value) = (text(call.argument(1)), call.argument(2));
    let mut names = session.client.names.lock();
    let field = match attribute.to_ascii_lowercase().as_str() {
        "lib-name" => &mut names.library,
        "lib-ver" => &mut names.library_version,
        _ => return Err(CommandError::new(format!("ERR Unrecognized option '{attribute}'")).into()),
    };
    check_printable(value, &attribute)?;
    *field = text(value);
    reply.ok();
    Ok(())
}
