//! The commands of transactions: MULTI, DISCARD, WATCH and UNWATCH. EXEC is in the engine (`engine/exec.rs`).

use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{Caller, CommandSpec, Flag, Group, Handler, KeyFlag, Keys, Manner};
use crate::commands::state::transaction::Transaction;
use crate::resp::reply::Reply;

const BASE: CommandSpec = CommandSpec {
    group: Group::Transactions,
    flags: &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::AllowBusy],
    ..CommandSpec::BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "multi",
        syntax: "",
        summary: "Begins a transaction: the requests that follow are queued",
        since: "1.2.0",
        run: Handler::Session(multi),
        manners: &[Manner::RunsInMulti, Manner::BeginsTransaction],
        ..BASE
    },
    CommandSpec {
        name: "exec",
        syntax: "",
        summary: "Runs a transaction's requests as one, unless a watched key has changed",
        since: "1.2.0",
        complexity: "That of its requests",
        flags: &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::SkipSlowlog],
        run: Handler::Exec,
        manners: &[Manner::RunsInMulti],
        ..BASE
    },
    CommandSpec {
        name: "discard",
        syntax: "",
        summary: "Forgets a transaction's requests",
        since: "2.0.0",
        complexity: "O(N) with N queued requests",
        run: Handler::Session(discard),
        manners: &[Manner::RunsInMulti],
        ..BASE
    },
    CommandSpec {
        name: "watch",
        syntax: "key [key ...]",
        summary: "Lets the next transaction run only if none of the keys changes before it",
        since: "2.2.0",
        complexity: "O(1) for each key",
        arity: -2,
        keys: Keys::Range { first: 1, last: -1, access: &[KeyFlag::Ro] },
        run: Handler::Session(watch),
        manners: &[Manner::RunsInMulti],
        ..BASE
    },
    CommandSpec {
        name: "unwatch",
        syntax: "",
        summary: "Stops watching keys",
        since: "2.2.0",
        run: Handler::Session(unwatch),
        ..BASE
    },
];

fn multi(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    if session.transaction.is_some() {
        return Err(CommandError::text("ERR MULTI calls can not be nested").into());
    }
    session.transaction = Some(Transaction::default());
    reply.ok();
    Ok(())
}

fn discard(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, .. } = caller;
    if session.transaction.take().is_none() {
        return Err(CommandError::text("ERR DISCARD without MULTI").into());
    }
    session.stop_watching(host);
    reply.ok();
    Ok(())
}

fn watch(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, .. } = caller;
    if session.transaction.is_some() {
        return Err(CommandError::text("ERR WATCH inside MULTI is not allowed").into());
    }
    let database = session.database;
    let watching = session.watching.get_or_insert_default();
    call.cursor(1).for_each(|key| watching.watch(&host.store, database, key));
    reply.ok();
    Ok(())
}

fn unwatch(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, .. } = caller;
    session.stop_watching(host);
    reply.ok();
    Ok(())
}
