//! Every family's slice put together: the one list of commands, above them all.

use super::admin::{configuration, info, introspection, memory, server};
use super::connection::{pubsub, transactions};
use super::keys::{expiry, object};
use super::spec::CommandSpec;
use super::spec::table::{Table, of_families};
use super::{connection, friends, keys, lists, sets, sorted_sets, strings};

/// The families, in the order in which they are documented.
const FAMILIES: &[&[CommandSpec]] = &[
    sorted_sets::update::COMMANDS,
    sorted_sets::read::COMMANDS,
    sorted_sets::range::COMMANDS,
    sorted_sets::pop::COMMANDS,
    sorted_sets::combine::COMMANDS,
    sorted_sets::random::COMMANDS,
    sorted_sets::scan::COMMANDS,
    friends::COMMANDS,
    sets::COMMANDS,
    strings::COMMANDS,
    lists::push::COMMANDS,
    lists::pop::COMMANDS,
    lists::moving::COMMANDS,
    lists::read::COMMANDS,
    lists::update::COMMANDS,
    keys::COMMANDS,
    expiry::COMMANDS,
    object::COMMANDS,
    transactions::COMMANDS,
    pubsub::COMMANDS,
    connection::COMMANDS,
    server::COMMANDS,
    info::COMMANDS,
    memory::COMMANDS,
    configuration::COMMANDS,
    introspection::COMMANDS,
];

/// The table of all commands.
#[must_use]
pub fn table() -> &'static Table {
    of_families(FAMILIES)
}
