//! REPLICAOF: which master the server follows, or that it is one.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::spec::{AllKeys, CommandSpec, Flag, Group, Handler};
use crate::commands::state::failover::FailoverPhase;
use crate::config::read_master;
use crate::replication::upstream::state::MasterAddress;
use crate::resp::reply::Reply;

const BASE: CommandSpec = CommandSpec {
    syntax: "<host port | NO ONE>",
    group: Group::Server,
    arity: 3,
    flags: &[Flag::Admin, Flag::Noscript, Flag::Stale, Flag::NoAsyncLoading],
    run: Handler::OwnLocks(replicaof),
    ..CommandSpec::BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "replicaof",
        summary: "Makes the server follow a master, or makes it a master",
        since: "5.0.0",
        ..BASE
    },
    CommandSpec {
        name: "slaveof",
        summary: "Makes the server follow a master, or makes it a master: the older name of REPLICAOF",
        since: "1.0.0",
        ..BASE
    },
];

/// When it returns, no command of an earlier master is applied any more, and none of a client that must not write.
fn replicaof(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if keys.host.failover.phase() != FailoverPhase::Absent {
        return Err(CommandError::text("ERR REPLICAOF not allowed while failing over.").into());
    }
    let words = [text(call.argument(1)), text(call.argument(2))];
    let master =
        read_master(&[&words[0], &words[1]]).map_err(|why| CommandError::new(format!("ERR {why}")))?;
    let master = master.map(|(host, port)| MasterAddress { host, port });
    let before = keys.host.upstream.status().master;
    if master.is_some() && before == master {
        reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    // Somebody knows who leads, where the sentinels have not said it yet.
    if before != master || keys.host.upstream.awaits_leader() {
        keys.host.take_role(master.as_ref(), &mut keys.shards);
    }
    reply.ok();
    Ok(())
}
