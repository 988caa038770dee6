//! FAILOVER: hands the part of the master over to a replica. `src/commands/state/hand_over.rs` does it.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::spec::{AllKeys, CommandSpec, Flag, Group, Handler};
use crate::commands::state::failover::{FailoverPhase, FailoverTerms};
use crate::replication::upstream::state::MasterAddress;
use crate::resp::reply::Reply;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "failover",
    syntax: "[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
    summary: "Hands the part of the master over to a replica, without losing a write",
    since: "6.2.0",
    group: Group::Server,
    arity: -1,
    flags: &[Flag::Admin, Flag::Noscript, Flag::Stale],
    run: Handler::OwnLocks(failover),
    ..CommandSpec::BASE
}];

/// What a request asks for.
#[derive(Default)]
struct Request {
    target: Option<(String, i64)>,
    timeout_ms: Option<u64>,
    is_forced: bool,
}

fn failover(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if call.arguments.len() == 2 && call.argument(1).eq_ignore_ascii_case(b"abort") {
        if !keys.host.abort_failover("by FAILOVER ABORT", &mut keys.shards) {
            return Err(CommandError::text("ERR No failover in progress.").into());
        }
        reply.ok();
        return Ok(());
    }
    let request = read(call)?;
    let in_progress = CommandError::text("ERR FAILOVER already in progress.");
    if keys.host.failover.phase() != FailoverPhase::Absent {
        return Err(in_progress.into());
    }
    let until_ms = request.timeout_ms.map(|timeout_ms| keys.host.clock.now_ms().saturating_add(timeout_ms));
    let terms =
        FailoverTerms { target: find_target(keys, &request)?, until_ms, is_forced: request.is_forced };
    if !keys.host.begin_failover(terms) {
        return Err(in_progress.into());
    }
    // Writes that began before are over then.
    for shard in 0..keys.host.store.shard_count() {
        drop(keys.shards.look(&[shard]));
    }
    keys.host.process.request_acknowledgements();
    reply.ok();
    Ok(())
}

fn read(call: &Call<'_>) -> Result<Request, CommandError> {
    let mut request = Request::default();
    let mut words = call.cursor(1);
    while words.remaining() > 0 {
        if request.timeout_ms.is_none() && words.remaining() > 1 && words.take_word("timeout") {
            let timeout_ms = u64::try_from(words.integer()?).unwrap_or(0);
            if timeout_ms == 0 {
                return Err(CommandError::text("ERR FAILOVER timeout must be greater than 0"));
            }
            request.timeout_ms = Some(timeout_ms);
        } else if request.target.is_none() && words.remaining() > 2 && words.take_word("to") {
            request.target = Some((text(words.required()?), words.integer()?));
        } else if !request.is_forced && words.take_word("force") {
            request.is_forced = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok(request)
}

/// Checks that there is a replica to hand over to: the one that the request names, if it names one.
fn find_target(keys: &AllKeys<'_, '_>, request: &Request) -> Result<Option<MasterAddress>, CommandError> {
    if keys.host.upstream.is_set() {
        return Err(CommandError::text("ERR FAILOVER is not valid when server is a replica."));
    }
    let facts = keys.host.process.replication();
    if facts.replicas.is_empty() {
        return Err(CommandError::text("ERR FAILOVER requires connected replicas."));
    }
    if request.is_forced && (request.timeout_ms.is_none() || request.target.is_none()) {
        let why = "ERR FAILOVER with force option requires both a timeout and target HOST and IP.";
        return Err(CommandError::text(why));
    }
    let Some((host, port)) = &request.target else { return Ok(None) };
    let missing = CommandError::text("ERR FAILOVER target HOST and PORT is not a replica.");
    let port = u16::try_from(*port).map_err(|_| missing.clone())?;
    let target = MasterAddress { host: host.clone(), port };
    let is_named = |host: &String, port| target.is_named(&MasterAddress { host: host.clone(), port });
    let mut replicas = facts.replicas.iter().filter(|replica| is_named(&replica.address, replica.port));
    let replica = replicas.next().ok_or(missing)?;
    if !replica.is_online {
        return Err(CommandError::text("ERR FAILOVER target replica is not online."));
    }
    Ok(Some(target))
}
