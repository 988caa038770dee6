//! The list of all command families. It is the only file that knows all of them.

use super::acl;
use super::admin::{about, command, configuration, info, latency, memory, server, slowlog};
use super::connection::{client, monitor, pubsub, transactions};
use super::keys::{dump, expiry, object, relocation};
use super::replication::replicaof;
use super::spec::CommandSpec;
use super::spec::table::{CommandTable, of_families};
use super::{
    bits, boards, connection, friends, geo, hashes, hyperloglog, keys, lists, replication, scripts, sets,
    sort, sorted_sets, streams, strings,
};

/// The families, in the order in which they are documented.
const FAMILIES: &[&[CommandSpec]] = &[
    sorted_sets::update::COMMANDS,
    sorted_sets::read::COMMANDS,
    sorted_sets::range::COMMANDS,
    sorted_sets::pop::COMMANDS,
    sorted_sets::combine::COMMANDS,
    sorted_sets::random::COMMANDS,
    sorted_sets::scan::COMMANDS,
    geo::add::COMMANDS,
    geo::read::COMMANDS,
    geo::search::COMMANDS,
    hashes::update::COMMANDS,
    hashes::read::COMMANDS,
    hashes::random::COMMANDS,
    hashes::scan::COMMANDS,
    hashes::expiry::COMMANDS,
    hashes::with_expiry::COMMANDS,
    friends::COMMANDS,
    boards::rank::COMMANDS,
    boards::submit::COMMANDS,
    boards::window::COMMANDS,
    boards::distribution::COMMANDS,
    boards::policy::COMMANDS,
    boards::template::COMMANDS,
    boards::season::COMMANDS,
    boards::apply::COMMANDS,
    sets::COMMANDS,
    sets::random::COMMANDS,
    sets::scan::COMMANDS,
    sets::combine::COMMANDS,
    strings::get::COMMANDS,
    strings::set::COMMANDS,
    strings::many::COMMANDS,
    strings::counters::COMMANDS,
    strings::part::COMMANDS,
    strings::lcs::COMMANDS,
    bits::single::COMMANDS,
    bits::range::COMMANDS,
    bits::operation::COMMANDS,
    bits::field::COMMANDS,
    hyperloglog::set::COMMANDS,
    hyperloglog::selftest::COMMANDS,
    lists::push::COMMANDS,
    lists::pop::COMMANDS,
    lists::moving::COMMANDS,
    lists::read::COMMANDS,
    lists::update::COMMANDS,
    streams::add::COMMANDS,
    streams::idempotence::COMMANDS,
    streams::range::COMMANDS,
    streams::read::COMMANDS,
    streams::group::COMMANDS,
    streams::pending::COMMANDS,
    streams::claim::COMMANDS,
    streams::remove::COMMANDS,
    streams::info::COMMANDS,
    keys::COMMANDS,
    relocation::COMMANDS,
    expiry::COMMANDS,
    object::COMMANDS,
    dump::COMMANDS,
    sort::COMMANDS,
    transactions::COMMANDS,
    scripts::eval::COMMANDS,
    scripts::cache::COMMANDS,
    scripts::call::COMMANDS,
    scripts::functions::COMMANDS,
    pubsub::COMMANDS,
    monitor::COMMANDS,
    connection::COMMANDS,
    acl::command::COMMANDS,
    client::COMMANDS,
    server::COMMANDS,
    info::COMMANDS,
    slowlog::COMMANDS,
    latency::COMMANDS,
    memory::COMMANDS,
    configuration::COMMANDS,
    command::COMMANDS,
    about::COMMANDS,
    replication::role::COMMANDS,
    replication::handshake::COMMANDS,
    replication::waiting::COMMANDS,
    replicaof::COMMANDS,
    replication::failover::COMMANDS,
];

/// The table of all commands.
#[must_use]
pub fn table() -> &'static CommandTable {
    of_families(FAMILIES)
}
