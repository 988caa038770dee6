//! Conversations: `tests/scripts/*.resp`, one file for each command family. They run against rankd, Redis and some against
//! Valkey. Replies are written as values and compared as bytes: `tests/support/notation.rs` has the notation, and
//! `strictness.rs` tests that two different replies are never taken for equal.
//!
//! The lines of a file:
//!
//! | line | meaning |
//! |---|---|
//! | `# text` | a comment |
//! | `@server --name value` | an argument of the server, at the file's head |
//! | `--- title` | a new conversation: empty databases, a new connection |
//! | `> WORD "quoted \x00 word"` | a request, sent as an array of bulks |
//! | `> ZADD lb {n in 0..300: {7*n%100} m{n:03}}` | a request with a fill: `0 m000 7 m001` … `93 m299`; `{n%26:a}` is a letter |
//! | `>> raw\r\n` | bytes that are sent unchanged |
//! | `< value` | an expected reply; while a bracket is open it continues in the next `<` line |
//! | `closed` | the server closes the connection |
//! | `@table` | the next requests run once for each row; `{}` is replaced by the words of the row, `{1}` by its first word |
//! | `\| words \| value value` | a row of a table: one reply for each request |
//! | `@new` | the next requests use a new connection, and the one before is closed |
//! | `@on name` | the next requests use the connection of this name (without a name: the first); the others stay open |
//! | `@later` | the next request blocks its connection and gets its reply later; the script continues when it is blocked |
//! | `...` | a further reply on this connection, to a request that blocked or to none |
//! | `@rankd`, `@redis` | the next request, or table, is for one of the two: an addition, or an intended difference |
//! | `@valkey` | the next request, or table, is for rankd and Valkey: a feature that Redis does not have |
//! | `@unordered` | the order of arrays, maps and sets in the next reply does not matter |
//! | `@any` | only the kind of the next reply matters: `< map`, `< integer`, `< bulk` |
//!
//! Expectations are recorded, not written by hand: `RANKD_RECORD=1 cargo test scripts` replaces every expected reply that
//! is not under `@rankd` or `@valkey` by the reply of Redis 8.2.3, and then runs the conversations. The name of a file
//! selects one file: `cargo test scripts::pubsub`.
//!
//! A conversation shows one behaviour, which is its title, in at most [`REQUESTS`] requests.

mod request;
mod running;
mod script;
mod step;
mod strictness;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::support::server::Server;
use script::Script;

/// The most requests of a conversation; a table's count once.
const REQUESTS: usize = 20;

/// A module of tests for each file: one test for each server that it runs against.
macro_rules! scripts {
    ($($file:ident: $($party:ident)+;)+) => {
        $(
            mod $file {
                pub(super) static SCRIPT: std::sync::LazyLock<super::Script> =
                    std::sync::LazyLock::new(|| super::running::open(stringify!($file)));

                $(
                    #[test]
                    fn $party() {
                        super::running::$party(&SCRIPT);
                    }
                )+
            }
        )+

        static SCRIPTS: &[&LazyLock<Script>] = &[$(&$file::SCRIPT),+];
    };
}

// Valkey runs the families that most clients use: a reply of both peers is part of the protocol, not a quirk of one.
scripts! {
    acl: rankd redis;
    active_expire: rankd redis;
    appendonly: rankd redis;
    auth: rankd redis;
    bitmaps: rankd redis;
    blocking: rankd redis;
    clients: rankd redis;
    command_info: rankd redis;
    connection: rankd redis;
    debug: rankd redis;
    debug_refused: rankd redis;
    directives: rankd redis;
    dump: rankd redis;
    eval: rankd redis;
    expiry: rankd redis valkey;
    boards_questions: rankd redis;
    boards_seasons: rankd redis;
    boards_submit: rankd redis;
    boards_templates: rankd redis;
    boards: rankd redis;
    functions: rankd redis;
    failover: rankd redis;
    following: rankd redis;
    friendrank: rankd redis;
    geo_add: rankd redis;
    geo_events: rankd redis;
    geo_search: rankd redis;
    geo_store: rankd redis;
    hashes: rankd redis valkey;
    hashes_counters: rankd redis;
    hashes_events: rankd redis;
    hashes_expiry: rankd redis;
    hashes_random: rankd redis;
    hashes_scan: rankd redis;
    hashes_with_expiry: rankd redis;
    hexadecimal_scores: rankd redis;
    hyperloglog: rankd redis;
    keys: rankd redis;
    keys_moved: rankd redis;
    keyspace_events: rankd redis;
    known_bugs: rankd redis;
    lists: rankd redis valkey;
    lists_blocking: rankd redis;
    lists_events: rankd redis;
    lists_move: rankd redis valkey;
    lists_places: rankd redis valkey;
    lua_libraries: rankd redis;
    memory: rankd redis;
    memory_bound: rankd redis;
    object: rankd redis;
    parser: rankd redis;
    pubsub: rankd redis;
    replication: rankd redis;
    saving: rankd redis;
    server: rankd redis;
    sets: rankd redis valkey;
    sets_combine: rankd redis valkey;
    sets_encoding: rankd redis;
    sets_events: rankd redis;
    sets_members: rankd redis valkey;
    sets_random: rankd redis;
    sets_scan: rankd redis;
    slowness: rankd redis;
    sort: rankd redis;
    sorted_sets_add: rankd redis valkey;
    sorted_sets_by_member: rankd redis valkey;
    sorted_sets_combine: rankd redis valkey;
    sorted_sets_large: rankd redis valkey;
    sorted_sets_multi_pop: rankd redis valkey;
    sorted_sets_older_range: rankd redis valkey;
    sorted_sets_random: rankd redis valkey;
    sorted_sets_range: rankd redis valkey;
    sorted_sets_range_store: rankd redis valkey;
    sorted_sets_rank: rankd redis valkey;
    sorted_sets_remove: rankd redis valkey;
    sorted_sets_scan: rankd redis valkey;
    sorted_sets_scores: rankd redis valkey;
    streams: rankd redis;
    streams_blocking: rankd redis;
    streams_events: rankd redis;
    streams_groups: rankd redis;
    streams_idempotent: rankd;
    streams_info: rankd redis;
    streams_trim: rankd redis;
    strings: rankd redis valkey;
    strings_getex: rankd redis;
    strings_parts: rankd redis valkey;
    tracking: rankd redis;
    transactions: rankd redis;
}

/// Every request of every conversation.
pub(crate) fn requests() -> impl Iterator<Item = Vec<Vec<u8>>> {
    SCRIPTS.iter().flat_map(|script| script.requests())
}

#[test]
fn every_file_is_tested() {
    let entries = std::fs::read_dir(script::directory()).expect("tests/scripts");
    let paths = entries.map(|entry| entry.expect("a directory entry").path());
    let files: BTreeSet<String> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "resp"))
        .map(|path| path.file_name().expect("a file name").to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = SCRIPTS.iter().map(|script| script.name()).collect();
    assert_eq!(files, listed, "the files in tests/scripts on the left, the list in `scripts!` on the right");
}

#[test]
fn a_conversation_shows_one_behaviour() {
    let mut wrong = Vec::new();
    for script in SCRIPTS {
        let mut titles = BTreeSet::new();
        for (title, requests) in script.conversations() {
            if requests > REQUESTS {
                wrong.push(format!("{}: {requests} requests in `{title}`", script.name()));
            }
            if !titles.insert(title) {
                wrong.push(format!("{}: two conversations are `{title}`", script.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever records a reply finds no other lines changed.
#[test]
fn every_file_is_laid_out_as_a_recording_writes_it() {
    for script in SCRIPTS {
        let (present, laid_out) = (script.text_on_disk(), script.text());
        let different = present.lines().zip(laid_out.lines()).find(|(present, laid_out)| present != laid_out);
        assert!(present == laid_out, "{}: {different:?} (a line, and how it is laid out)", script.name());
    }
}

/// Every command must occur in a script, so that its replies are tested.
#[test]
fn every_command_of_rankd_has_a_conversation() {
    let spoken: BTreeSet<String> = SCRIPTS.iter().flat_map(|script| script.commands()).collect();
    let listed = Server::rankd().client().call(&["COMMAND", "LIST"]);
    let listed: Vec<String> = listed.items().iter().map(|name| name.text().to_uppercase()).collect();
    assert!(listed.len() > 50, "COMMAND LIST is short: {listed:?}");
    let listed: Vec<String> = listed.into_iter().filter(|name| !name.contains('|')).collect();
    // Ends the server, so no conversation can contain it: `tests/crash` tests it.
    let silent: Vec<&String> =
        listed.iter().filter(|name| !spoken.contains(*name) && *name != "SHUTDOWN").collect();
    assert!(silent.is_empty(), "no conversation for {silent:?}");
}
