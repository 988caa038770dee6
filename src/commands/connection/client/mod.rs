//! CLIENT: the table of its subcommands.
//!
//! | file | its subject |
//! |---|---|
//! | `names` | what a client calls itself |
//! | `listing` | lists of clients, and which of them end |
//! | `tracking` | client-side caching |
//! | `pausing` | commands of all clients that are held back |
//! | `control` | how a client wants to be treated, and the end of another's wait |

mod control;
mod listing;
mod names;
mod pausing;
mod tracking;

use crate::commands::admin::help;
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, Manner};

pub(super) use names::check_printable;

const BASE: CommandSpec = CommandSpec { group: Group::Connection, ..CommandSpec::BASE };

const SUBCOMMAND: CommandSpec = CommandSpec {
    flags: &[Flag::Noscript, Flag::Loading, Flag::Stale],
    manners: &[Manner::KeepsModes],
    ..BASE
};

const ADMIN: CommandSpec =
    CommandSpec { flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale], ..SUBCOMMAND };

const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "client",
    syntax: "",
    summary: "Commands about connections",
    since: "2.4.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: CLIENT,
    ..BASE
}];

const CLIENT: &[CommandSpec] = &[
    CommandSpec {
        name: "id",
        syntax: "",
        summary: "Returns the connection's number",
        since: "5.0.0",
        arity: 2,
        run: Handler::Session(names::client_id),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "getname",
        syntax: "",
        summary: "Returns the connection's name",
        since: "2.6.9",
        arity: 2,
        run: Handler::Session(names::client_getname),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "setname",
        syntax: "connection-name",
        summary: "Names the connection",
        since: "2.6.9",
        arity: 3,
        tips: ALL_NODES,
        run: Handler::Session(names::client_setname),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "setinfo",
        syntax: "<LIB-NAME libname | LIB-VER libver>",
        summary: "Stores the name and version of the client library",
        since: "7.2.0",
        arity: 4,
        tips: ALL_NODES,
        run: Handler::Session(names::client_setinfo),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "info",
        syntax: "",
        summary: "Describes the connection",
        since: "6.2.0",
        arity: 2,
        tips: &["nondeterministic_output"],
        run: Handler::Session(listing::client_info),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "list",
        syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
        summary: "Describes all connections",
        since: "2.4.0",
        complexity: "O(N) with N connections",
        arity: -2,
        tips: &["nondeterministic_output"],
        run: Handler::Session(listing::client_list),
        ..ADMIN
    },
    CommandSpec {
        name: "unblock",
        syntax: "client-id [TIMEOUT | ERROR]",
        summary: "Ends the wait of a connection that is blocked",
        since: "5.0.0",
        complexity: "O(1)",
        arity: -3,
        run: Handler::Session(control::client_unblock),
        ..ADMIN
    },
    CommandSpec {
        name: "kill",
        syntax: "<ip:port | <[ID client-id] [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] [USER username] \
                 [ADDR ip:port] [LADDR ip:port] [SKIPME <YES | NO>] [MAXAGE maxage] ...>>",
        summary: "Disconnects the clients that fit all filters",
        since: "2.4.0",
        complexity: "O(N) with N connections",
        arity: -3,
        run: Handler::Session(listing::client_kill),
        ..ADMIN
    },
    CommandSpec {
        name: "pause",
        syntax: "timeout [WRITE | ALL]",
        summary: "Holds back the commands of all clients, or those that write, for some milliseconds",
        since: "3.0.0",
        arity: -3,
        run: Handler::OwnLocks(pausing::client_pause),
        ..ADMIN
    },
    CommandSpec {
        name: "unpause",
        syntax: "",
        summary: "Ends what CLIENT PAUSE began",
        since: "6.2.0",
        complexity: "O(N) with N clients that wait",
        arity: 2,
        run: Handler::Session(pausing::client_unpause),
        ..ADMIN
    },
    CommandSpec {
        name: "reply",
        syntax: "<ON | OFF | SKIP>",
        summary: "Chooses whether replies are sent",
        since: "3.2.0",
        arity: 3,
        run: Handler::Session(control::client_reply),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "no-evict",
        syntax: "<ON | OFF>",
        summary: "Protects the connection from being closed to free memory",
        since: "7.0.0",
        arity: 3,
        run: Handler::Session(control::client_no_evict),
        ..ADMIN
    },
    CommandSpec {
        name: "no-touch",
        syntax: "<ON | OFF>",
        summary: "Lets the connection's commands not count as uses of keys",
        since: "7.2.0",
        arity: 3,
        run: Handler::Session(control::client_no_touch),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "tracking",
        syntax: "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
        summary: "Lets the client know when keys change of which it keeps copies",
        since: "6.0.0",
        complexity: "O(1), and O(N) for N prefixes",
        arity: -3,
        run: Handler::Session(tracking::client_tracking),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "caching",
        syntax: "<YES | NO>",
        summary: "Says whether the reads of the next request are tracked",
        since: "6.0.0",
        arity: 3,
        run: Handler::Session(tracking::client_caching),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "getredir",
        syntax: "",
        summary: "Returns the client that gets the connection's invalidations",
        since: "6.0.0",
        arity: 2,
        run: Handler::Session(tracking::client_getredir),
        ..SUBCOMMAND
    },
    CommandSpec {
        name: "trackinginfo",
        syntax: "",
        summary: "Returns how the connection tracks keys",
        since: "6.2.0",
        arity: 2,
        run: Handler::Session(tracking::client_trackinginfo),
        ..SUBCOMMAND
    },
    CommandSpec {
        group: Group::Connection,
        run: Handler::Session(|_, _, reply| help::help("client", reply)),
        ..help::HELP
    },
];
