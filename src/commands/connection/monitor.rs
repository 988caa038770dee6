//! MONITOR: a line for each command of any client.

use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{Caller, CommandSpec, Flag, Group, Handler};
use crate::commands::state::marks::Mark;
use crate::resp::reply::Reply;
use crate::store::Basis;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "monitor",
    syntax: "",
    summary: "Shows the commands of all clients from now on",
    group: Group::Server,
    flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
    run: Handler::Session(monitor),
    ..CommandSpec::BASE
}];

fn monitor(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, basis, .. } = caller;
    if matches!(basis, Basis::Open(_)) {
        return Err(CommandError::text("ERR MONITOR isn't allowed for DENY BLOCKING client").into());
    }
    // As in Redis, a second MONITOR has no reply.
    if !session.client.marks.has(Mark::Monitors) {
        session.client.marks.set(Mark::Monitors, true);
        host.interventions.begin_monitor(&session.client);
        reply.ok();
    }
    Ok(())
}
