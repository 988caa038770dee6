//! How a client wants to be treated, and the end of another client's wait.

use crate::commands::admin::help;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::Caller;
use crate::commands::state::marks::Mark;
use crate::commands::state::modes::Replies;
use crate::resp::reply::Reply;

pub(super) fn client_reply(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let replies = &mut caller.session.modes.replies;
    let mut mode = call.cursor(1);
    if mode.take_word("on") {
        *replies = Replies::All;
        reply.ok();
    } else if mode.take_word("off") {
        *replies = Replies::None;
    } else if mode.take_word("skip") {
        if *replies != Replies::None {
            *replies = Replies::SkipNext;
        }
    } else {
        return Err(CommandError::SYNTAX.into());
    }
    Ok(())
}

pub(super) fn client_no_evict(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_mark(caller, call, reply, Mark::NoEvict)
}

pub(super) fn client_no_touch(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_mark(caller, call, reply, Mark::NoTouch)
}

fn set_mark(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>, mark: Mark) -> Outcome {
    let mut wanted = call.cursor(1);
    let is_on = wanted.take_word("on");
    if !is_on && !wanted.take_word("off") {
        return Err(CommandError::SYNTAX.into());
    }
    caller.session.client.marks.set(mark, is_on);
    reply.ok();
    Ok(())
}

/// Ends a client's wait as its timeout would, or with an error. Replies whether the client was blocked.
pub(super) fn client_unblock(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let host = caller.host;
    if call.arguments.len() > 3 {
        return Err(help::unknown_subcommand_or_arity("client", call.argument(0)).into());
    }
    let with_error = match call.arguments.get(2) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"timeout") => false,
        Some(word) if word.eq_ignore_ascii_case(b"error") => true,
        Some(_) => {
            return Err(CommandError::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR").into());
        }
    };
    let id = parse_integer(call.argument(1))?;
    let client = u64::try_from(id).ok().and_then(|id| host.clients.get(id));
    let waiting = client.and_then(|client| client.waiting.lock().clone());
    let was_waiting = waiting.is_some_and(|waiting| {
        if with_error {
            waiting.end(|reply| reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK"))
        } else {
            waiting.time_out()
        }
    });
    reply.integer(i64::from(was_waiting));
    Ok(())
}
