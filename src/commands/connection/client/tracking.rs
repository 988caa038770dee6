//! Client-side caching: what CLIENT says of it. [`crate::commands::state::tracking`] tells clients what is stale.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer, text};
use crate::commands::spec::Caller;
use crate::commands::state::marks::Mark;
use crate::commands::state::modes::TrackingWish;
use crate::resp::reply::Reply;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

pub(super) fn client_tracking(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, .. } = caller;
    let mut wish = TrackingWish::default();
    let mut cursor = call.cursor(2);
    while cursor.remaining() > 0 {
        let has_value = cursor.remaining() > 1;
        if has_value && cursor.take_word("redirect") {
            if wish.redirect != 0 {
                return Err(
                    CommandError::text("ERR A client can only redirect to a single other client").into()
                );
            }
            let id = u64::try_from(parse_integer(cursor.required()?)?).ok();
            let target = id.and_then(|id| host.clients.get(id));
            wish.redirect =
                target.ok_or(CommandError::text("ERR The client ID you want redirect to does not exist"))?.id;
        } else if cursor.take_word("bcast") {
            wish.broadcast = true;
        } else if cursor.take_word("optin") {
            wish.opt_in = true;
        } else if cursor.take_word("optout") {
            wish.opt_out = true;
        } else if cursor.take_word("noloop") {
            wish.no_loop = true;
        } else if has_value && cursor.take_word("prefix") {
            wish.prefixes.push(cursor.required()?.into());
        } else {
            return Err(CommandError::SYNTAX.into());
        }
    }
    let mut state = call.cursor(1);
    if state.take_word("on") {
        let marks = &session.client.marks;
        if let Some(why) = refusal(&wish, |mark| marks.has(mark)) {
            return Err(CommandError::text(why).into());
        }
        if wish.broadcast {
            check_prefixes(&session.modes.tracked.prefixes, &wish.prefixes)?;
        }
        session.modes.tracked.begin(&session.client, host, wish);
    } else if state.take_word("off") {
        session.modes.tracked.end(&session.client, host);
    } else {
        return Err(CommandError::SYNTAX.into());
    }
    reply.ok();
    Ok(())
}

/// Why the client cannot begin to track like this, `has` being what it does already.
fn refusal(wish: &TrackingWish, has: impl Fn(Mark) -> bool) -> Option<&'static str> {
    if !wish.broadcast && !wish.prefixes.is_empty() {
        return Some("ERR PREFIX option requires BCAST mode to be enabled");
    }
    if has(Mark::Tracks) && has(Mark::Broadcast) != wish.broadcast {
        return Some(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
             re-enabling it with a different mode.",
        );
    }
    if wish.broadcast && (wish.opt_in || wish.opt_out) {
        return Some("ERR OPTIN and OPTOUT are not compatible with BCAST");
    }
    if wish.opt_in && wish.opt_out {
        return Some("ERR You can't specify both OPTIN mode and OPTOUT mode");
    }
    if wish.opt_in && has(Mark::OptOut) || wish.opt_out && has(Mark::OptIn) {
        return Some(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
             re-enabling it with a different mode.",
        );
    }
    None
}

/// Refuses prefixes of which one is the beginning of another: the client would get a message twice.
fn check_prefixes(present: &BTreeSet<Box<[u8]>>, wanted: &[Box<[u8]>]) -> Result<(), CommandError> {
    let overlap = |one: &[u8], other: &[u8]| one.starts_with(other) || other.starts_with(one);
    let refusal = |one: &[u8], what: &str, other: &[u8]| {
        CommandError::new(format!(
            "ERR Prefix '{}' overlaps with {what} prefix '{}'. Prefixes for a single client must not overlap.",
            text(one),
            text(other)
        ))
    };
    for (index, prefix) in wanted.iter().enumerate() {
        if let Some(other) = present.iter().find(|other| overlap(prefix, other)) {
            return Err(refusal(prefix, "an existing", other));
        }
        if let Some(other) = wanted[index + 1..].iter().find(|other| overlap(prefix, other)) {
            return Err(refusal(prefix, "another provided", other));
        }
    }
    Ok(())
}

pub(super) fn client_caching(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    let marks = &session.client.marks;
    if !marks.has(Mark::Tracks) {
        let why = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode \
                   enabled";
        return Err(CommandError::text(why).into());
    }
    let mut wanted = call.cursor(1);
    let (mark, why) = if wanted.take_word("yes") {
        (Mark::OptIn, "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
    } else if wanted.take_word("no") {
        (Mark::OptOut, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
    } else {
        return Err(CommandError::SYNTAX.into());
    };
    if !marks.has(mark) {
        return Err(CommandError::text(why).into());
    }
    session.modes.tracked.give_caching();
    reply.ok();
    Ok(())
}

/// The client that gets the invalidations: 0 for the caller itself, -1 if it does not track.
fn redirect(caller: &Caller<'_>) -> i64 {
    let client = &caller.session.client;
    if client.marks.has(Mark::Tracks) { client.redirect.load(Ordering::Relaxed).cast_signed() } else { -1 }
}

pub(super) fn client_getredir(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(redirect(caller));
    Ok(())
}

pub(super) fn client_trackinginfo(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (marks, tracked) = (&caller.session.client.marks, &caller.session.modes.tracked);
    let is_given = tracked.is_caching_given();
    let flags = [
        (!marks.has(Mark::Tracks), "off"),
        (marks.has(Mark::Tracks), "on"),
        (marks.has(Mark::Broadcast), "bcast"),
        (marks.has(Mark::OptIn), "optin"),
        (marks.has(Mark::OptIn) && is_given, "caching-yes"),
        (marks.has(Mark::OptOut), "optout"),
        (marks.has(Mark::OptOut) && is_given, "caching-no"),
        (marks.has(Mark::NoLoop), "noloop"),
        (marks.has(Mark::BrokenRedirect), "broken_redirect"),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(is_so, _)| *is_so).map(|(_, flag)| *flag).collect();
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(redirect(caller));
    reply.bulk(b"prefixes");
    reply.array(tracked.prefixes.len());
    tracked.prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}
