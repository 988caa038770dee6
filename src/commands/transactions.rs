//! Transactions: MULTI, EXEC, and keys watched for changes in between.
//!
//! Between MULTI and EXEC requests are queued. EXEC takes the locks of every key that any of them touches, and of every
//! watched one, runs them all and leaves one record: nobody sees the middle, and neither does a restart.

use super::call::Call;
use super::error::{CommandError, Outcome};
use super::host::Host;
use super::session::Session;
use super::spec::{CommandSpec, Flag, Group, Keys, Run};
use crate::resp::queue::RequestQueue;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::change::ChangeBuffer;
use crate::store::interest::Watch;
use crate::store::{Access, DatabaseIndex, Hold, Store};
use std::collections::BTreeSet;
use std::sync::Arc;

const BASE: CommandSpec = CommandSpec {
    group: Group::Transactions,
    flags: &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::AllowBusy],
    ..CommandSpec::BASE
};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "multi",
        syntax: "",
        summary: "Begins a transaction: the requests that follow are queued",
        since: "1.2.0",
        run: Run::Session(multi),
        ..BASE
    },
    CommandSpec {
        name: "exec",
        syntax: "",
        summary: "Runs a transaction's requests as one, unless a watched key has changed",
        since: "1.2.0",
        complexity: "That of its requests",
        flags: &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::SkipSlowlog],
        run: Run::Queued,
        ..BASE
    },
    CommandSpec {
        name: "discard",
        syntax: "",
        summary: "Forgets a transaction's requests",
        since: "2.0.0",
        complexity: "O(N) with N queued requests",
        run: Run::Session(discard),
        ..BASE
    },
    CommandSpec {
        name: "watch",
        syntax: "key [key ...]",
        summary: "Lets the next transaction run only if none of the keys changes before it",
        since: "2.2.0",
        complexity: "O(1) for each key",
        arity: -2,
        keys: Keys::Range { first: 1, last: -1, access: &["RO"] },
        run: Run::Session(watch),
        ..BASE
    },
    CommandSpec {
        name: "unwatch",
        syntax: "",
        summary: "Watches no key any more",
        since: "2.2.0",
        run: Run::Session(unwatch),
        ..BASE
    },
];

/// A transaction between MULTI and EXEC.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) requests: RequestQueue,
    /// The commands of `requests`, as their places in the table.
    pub(super) places: Vec<usize>,
    /// A request could not be queued, so nothing will be run.
    pub(super) must_abort: bool,
}

impl Transaction {
    pub(super) fn queue(&mut self, place: usize, request: Arguments<'_>) {
        // As Redis: what will not be run need not be kept.
        if !self.must_abort {
            self.requests.push(request);
            self.places.push(place);
        }
    }
}

/// The keys that a session watches.
#[derive(Debug, Default)]
pub(super) struct Watching {
    watch: Arc<Watch>,
    keys: BTreeSet<(DatabaseIndex, Box<[u8]>)>,
}

impl Watching {
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|(_, key)| &**key)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether a watched key has changed, its time having come included. `hold` must have their shards.
    pub(super) fn is_broken(&self, hold: &Hold<'_>) -> bool {
        self.watch.is_broken()
            || self.keys.iter().any(|(database, key)| hold.reader(*database).has_expired(key))
    }

    /// Stops watching. Locks one shard after the other.
    pub(super) fn end(self, store: &Store) {
        for (database, key) in &self.keys {
            hold_key(store, key).writer(*database).unwatch(key, &self.watch);
        }
    }
}

fn hold_key<'s>(store: &'s Store, key: &[u8]) -> Hold<'s> {
    Hold::on(store, &[store.shard_of(key)], Access::Write, ChangeBuffer::default())
}

fn multi(_: &Host, session: &mut Session, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if session.transaction.is_some() {
        return Err(CommandError::text("ERR MULTI calls can not be nested"));
    }
    session.transaction = Some(Transaction::default());
    reply.ok();
    Ok(())
}

fn discard(host: &Host, session: &mut Session, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if session.transaction.take().is_none() {
        return Err(CommandError::text("ERR DISCARD without MULTI"));
    }
    session.stop_watching(host);
    reply.ok();
    Ok(())
}

fn watch(host: &Host, session: &mut Session, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if session.transaction.is_some() {
        return Err(CommandError::text("ERR WATCH inside MULTI is not allowed"));
    }
    let database = session.database;
    let watching = session.watching.get_or_insert_default();
    for key in call.cursor(1) {
        if watching.keys.insert((database, key.into())) {
            hold_key(&host.store, key).writer(database).watch(key, &watching.watch);
        }
    }
    reply.ok();
    Ok(())
}

fn unwatch(host: &Host, session: &mut Session, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    session.stop_watching(host);
    reply.ok();
    Ok(())
}
