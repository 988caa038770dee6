//! Libraries of functions outlive a server: in its journal, in dump files that Redis loads, and in an import.
//!
//! What the commands answer is in `tests/scripts/functions.resp`; imports are in `tests/rdb`.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};

const LIBRARY: &str = "#!lua name=kept\nredis.register_function('count', function(keys) \
                       return redis.call('incr', keys[1]) end)";

fn load(server: &Server) {
    let mut client = server.client();
    assert_eq!(client.call(&["FUNCTION", "LOAD", LIBRARY]).text(), "kept");
    assert_eq!(
        client.call(&["FUNCTION", "LOAD", &LIBRARY.replace("kept", "gone").replace("count", "lost")]).text(),
        "gone"
    );
    assert!(!client.ask("FUNCTION DELETE gone").is_error());
    assert_eq!(client.ask("FCALL count 1 n").integer(), 1);
}

/// The library is there and counts on from `count`, and the deleted one is not.
fn assert_counts_from(server: &Server, count: i64) {
    let mut client = server.client();
    assert_eq!(client.ask("FCALL count 1 n"), Reply::Integer(count + 1));
    assert!(client.ask("FCALL lost 1 n").is_error());
    assert_eq!(client.ask("FUNCTION LIST").items().len(), 1);
}

#[test]
fn libraries_come_back_from_segments_and_from_a_base() {
    let server = Server::rankd_with(&["--enable-debug-command", "yes"]);
    load(&server);
    let mut server = server.restart();
    assert_counts_from(&server, 1);
    server.kill();
    let server = server.restart();
    assert_counts_from(&server, 2);
    let mut client = server.client();
    assert!(!client.ask("BGREWRITEAOF").is_error());
    while !client.ask("INFO persistence").text().contains("aof_rewrite_in_progress:0") {
        std::thread::yield_now();
    }
    let server = server.restart();
    assert_counts_from(&server, 3);
    assert!(!server.client().ask("DEBUG RELOAD").is_error());
    assert_counts_from(&server, 4);
    assert!(!server.client().ask("FUNCTION FLUSH").is_error());
    let server = server.restart();
    assert_eq!(server.client().ask("FUNCTION LIST").items().len(), 0);
    assert!(server.client().ask("FCALL count 1 n").is_error());
}

#[test]
fn dump_files_and_payloads_go_to_redis_and_come_from_it() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    load(&server);
    assert!(!server.client().ask("SAVE").is_error());
    let payload = server.client().ask("FUNCTION DUMP").bytes().to_vec();
    let directory = server.directory().to_string_lossy().into_owned();
    for peer in [Peer::Redis, Peer::Valkey] {
        let Some(other) = Server::peer(peer, &["--dir", &directory]) else { continue };
        assert_counts_from(&other, 1);
        let mut client = other.client();
        assert!(!client.ask("FUNCTION FLUSH").is_error());
        assert!(!client.call(&[b"FUNCTION".as_slice(), b"RESTORE", &payload]).is_error());
        assert_counts_from(&other, 2);
        let dumped = client.ask("FUNCTION DUMP").bytes().to_vec();
        let mut own = server.client();
        assert!(!own.call(&[b"FUNCTION".as_slice(), b"RESTORE", &dumped, b"FLUSH"]).is_error());
    }
    assert_counts_from(&server, 1);
    let server = server.restart_with(&["--appendonly", "no"]).expect("it starts");
    assert!(server.client().ask("FCALL lost 1 n").is_error());
    assert_eq!(server.client().ask("FUNCTION LIST").items().len(), 1);
}

/// A payload that has more libraries than are kept while they are on their way.
#[test]
fn a_payload_may_have_many_libraries() {
    let server = Server::rankd();
    let mut client = server.client();
    for number in 0..150 {
        let text = LIBRARY.replace("kept", &format!("l{number}")).replace("count", &format!("f{number}"));
        assert!(!client.call(&["FUNCTION", "LOAD", &text]).is_error());
    }
    let payload = client.ask("FUNCTION DUMP").bytes().to_vec();
    assert!(!client.call(&[b"FUNCTION".as_slice(), b"RESTORE", &payload, b"FLUSH"]).is_error());
    assert_eq!(client.ask("FUNCTION LIST").items().len(), 150);
    assert_eq!(client.ask("FCALL f149 1 n").integer(), 1);
    assert!(client.ask("INFO memory").text().contains("number_of_libraries:150\r\n"));
}

/// A library takes memory for its text, and in each interpreter that has loaded it.
#[test]
fn the_memory_of_interpreters_and_libraries_is_counted() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    let figures = |client: &mut Client| {
        let info = client.ask("INFO memory").text();
        ["used_memory_vm_eval", "used_memory_vm_functions", "used_memory_vm_total", "used_memory_functions"]
            .map(|name| {
                let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
                line.and_then(|value| value.parse::<usize>().ok()).expect("a number")
            })
    };
    assert_eq!(figures(&mut client), [0; 4]);
    assert_eq!(client.call(&["EVAL", "return 1", "0"]), Reply::Integer(1));
    let [scripts, functions, total, texts] = figures(&mut client);
    assert!(scripts > 10_000 && functions == 0 && total == scripts && texts == 0, "{scripts} {functions}");
    const BYTES: usize = 200_000;
    let library = format!(
        "#!lua name=large\nlocal kept = string.rep('x', {BYTES})\nredis.register_function('length', function() return #kept end)"
    );
    assert!(!client.call(&["FUNCTION", "LOAD", &library]).is_error());
    assert_eq!(client.ask("FCALL length 0"), Reply::Integer(BYTES as i64));
    let [scripts, functions, total, texts] = figures(&mut client);
    assert!((BYTES..3 * BYTES).contains(&functions) && total == scripts + functions, "{functions} {total}");
    assert!(texts > library.len(), "{texts}");
}

/// Only the code of a library registers functions, and only while it is loaded.
#[test]
fn a_function_registers_no_function() {
    let server = Server::rankd_with(&["--appendonly", "no", "--threads", "1"]);
    let mut client = server.client();
    let library = "#!lua name=l\nredis.register_function('f', function() redis.register_function('g', function() end) end)";
    for _ in 0..2 {
        assert!(!client.call(&["FUNCTION", "LOAD", "REPLACE", library]).is_error());
        let why = "ERR user_function:2: attempt to call a nil value script: f, on @user_function:2.";
        assert_eq!(client.ask("FCALL f 0"), Reply::Error(why.as_bytes().to_vec()));
        assert!(client.call(&["EVAL", "return redis.register_function", "0"]).is_nil());
        assert_eq!(client.ask("FCALL g 0"), Reply::Error(b"ERR Function not found".to_vec()));
    }
}
