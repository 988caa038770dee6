//! ROLE: what a server is to others.

use super::upstream_info;
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::spec::{CommandSpec, Flag, Group, Handler};
use crate::commands::state::host::Host;
use crate::resp::reply::Reply;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "role",
    syntax: "",
    summary: "Returns the server's part in replication",
    since: "2.8.12",
    group: Group::Server,
    complexity: "O(N) with N replicas",
    flags: &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::Fast],
    categories: &["@admin", "@dangerous"],
    run: Handler::Admin(role),
    ..CommandSpec::BASE
}];

fn role(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if upstream_info::role(host, reply) {
        return Ok(());
    }
    let facts = host.process.replication();
    reply.array(3);
    reply.bulk(b"master");
    reply.integer(facts.offset.cast_signed());
    let online = || facts.replicas.iter().filter(|replica| replica.is_online);
    reply.array(online().count());
    for replica in online() {
        reply.array(3);
        reply.bulk(replica.address.as_bytes());
        reply.bulk(replica.port.to_string().as_bytes());
        reply.bulk(replica.offset.to_string().as_bytes());
    }
    Ok(())
}
