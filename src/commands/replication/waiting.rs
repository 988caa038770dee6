//! WAIT and WAITAOF: until replicas, or disks, have what the client wrote.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::timeout::parse_timeout_ms;
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::{Caller, CommandSpec, Flag, Group, Handler};
use crate::commands::state::replica_waits::{LocalDisk, NO_JOURNAL, ReplicaWish};
use crate::commands::state::session::NextStep;
use crate::commands::state::waiting::BlockedClient;
use crate::commands::state::waiting_request::WaitingRequest;
use crate::commands::state::wish::Patience;
use crate::resp::reply::Reply;
use crate::store::Basis;
use std::sync::Arc;

const BASE: CommandSpec = CommandSpec { group: Group::Generic, ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "wait",
        syntax: "numreplicas timeout",
        summary: "Waits until so many replicas have what the connection wrote, and returns how many have",
        since: "3.0.0",
        arity: 3,
        flags: &[Flag::Blocking],
        categories: &["@connection"],
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        run: Handler::Session(wait),
        ..BASE
    },
    CommandSpec {
        name: "waitaof",
        syntax: "numlocal numreplicas timeout",
        summary: "Waits until what the connection wrote is on the disk of the server and of so many replicas",
        since: "7.2.0",
        arity: 4,
        flags: &[Flag::Blocking],
        categories: &["@connection"],
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        run: Handler::Session(waitaof),
        ..BASE
    },
];

const WAIT_ON_REPLICA: &str = "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a \
     replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.";
const WAITAOF_ON_REPLICA: &str = "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas \
     are just local and are not propagated.";

fn wait(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if caller.host.upstream.is_set() {
        return Err(CommandError::text(WAIT_ON_REPLICA).into());
    }
    let replicas = parse_integer(call.argument(1))?;
    let patience = parse_timeout_ms(call.argument(2))?;
    // As in Redis, fewer than none are always there.
    let replicas = usize::try_from(replicas).unwrap_or(0);
    wait_for(caller, call, (replicas, None), patience, reply);
    Ok(())
}

fn waitaof(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let local = parse_integer(call.argument(1))?;
    if !(0..=1).contains(&local) {
        return Err(CommandError::text("ERR value is out of range, value must between 0 and 1").into());
    }
    // As in Redis, also what is no number is out of range.
    let replicas = parse_integer(call.argument(2)).ok().and_then(|replicas| usize::try_from(replicas).ok());
    let replicas = replicas.ok_or(CommandError::NOT_POSITIVE)?;
    let patience = parse_timeout_ms(call.argument(3))?;
    if caller.host.upstream.is_set() {
        return Err(CommandError::text(WAITAOF_ON_REPLICA).into());
    }
    if local > 0 && !caller.host.config().appendonly {
        return Err(CommandError::text(NO_JOURNAL).into());
    }
    let on_disk = Some(if local > 0 { LocalDisk::Synced } else { LocalDisk::Any });
    wait_for(caller, call, (replicas, on_disk), patience, reply);
    Ok(())
}

fn wait_for(
    caller: &mut Caller<'_>,
    call: &Call<'_>,
    (replicas, on_disk): (usize, Option<LocalDisk>),
    patience: Patience,
    reply: &mut Reply<'_>,
) {
    let (host, process) = (caller.host, &*caller.host.process);
    let mut written = caller.session.last_written();
    if let Basis::Record(seq) = caller.basis {
        written = written.max(seq);
    }
    let mut wish = ReplicaWish::new(written, replicas, on_disk);
    let progress = wish.progress(process);
    // In a transaction no command waits.
    if progress.is_fulfilled() || matches!(caller.basis, Basis::Open(_)) {
        wish.reply(progress, reply);
        return;
    }
    let (own, same) = (Arc::clone(&host.process), wish.clone());
    let time_out = Box::new(move |reply: &mut Reply<'_>| {
        let mut wish = same.clone();
        let progress = wish.progress(&*own);
        wish.reply(progress, reply);
    });
    let waiting =
        Arc::new(BlockedClient::for_others(patience, time_out, caller.session.database, reply.protocol()));
    let client = &caller.session.client;
    *client.waiting_request.lock() = Some(WaitingRequest::of(caller.place, call.arguments));
    *client.waiting.lock() = Some(Arc::clone(&waiting));
    host.replica_waits.add(wish, &waiting);
    *caller.next = NextStep::Wait;
    process.request_acknowledgements();
    // What has come before the wait was listed would be missed, and so would the end of all waits.
    host.replica_waits.look(process);
    if host.upstream.is_set() {
        waiting.end(|reply| reply.error(&CommandError::BECAME_REPLICA.0));
    }
}
