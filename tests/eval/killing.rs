//! Scripts that run too long: other clients get BUSY, SCRIPT KILL ends those that have changed nothing, SHUTDOWN NOSAVE all.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

const BUSY: &str = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const ENDLESS: &str = "while true do end";

fn error(reply: &Reply) -> String {
    match reply {
        Reply::Error(text) => String::from_utf8_lossy(text).into_owned(),
        other => format!("no error: {other:?}"),
    }
}

/// A client whose script does not end, and another that has noticed.
fn with_endless(server: &Server, script: &str) -> (Client, Client) {
    let (mut caller, mut other) = (server.client(), server.client());
    caller.send(&["EVAL", script, "1", "key"]);
    wait_for("the server to be busy", || (error(&other.ask("PING")) == BUSY).then_some(()));
    (caller, other)
}

#[test]
fn a_script_that_runs_too_long_is_killed() {
    let server = Server::rankd_with(&["--busy-reply-threshold", "20"]);
    let mut client = server.client();
    assert_eq!(error(&client.ask("SCRIPT KILL")), "NOTBUSY No scripts in execution right now.");
    let scripts = [
        ENDLESS,
        "while true do pcall(function() while true do end end) end",
        "while true do redis.pcall('GET', 'key') end",
        "while true do pcall(redis.call, 'GET', 'another key') end",
        "local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
        "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function(a, b) while true do end end)",
        // Patterns that go back and try again, more often than anybody can wait for.
        "return string.find(string.rep('a', 1000), string.rep('a-', 100) .. 'b')",
        "return string.match(string.rep('a', 1000), string.rep('a*', 100) .. 'b')",
        "return string.gsub(string.rep('a', 1000), string.rep('.-', 100) .. 'b', '')",
        "for part in string.gmatch(string.rep('(', 1000), string.rep('.*', 100) .. '%b()') do end",
    ];
    for script in scripts {
        let (mut caller, mut other) = with_endless(&server, script);
        for refused in ["SET key value", "GET other", "EVAL 0 0", "INFO", "SHUTDOWN"] {
            assert_eq!(error(&other.ask(refused)), BUSY, "{refused}");
        }
        assert_eq!(other.ask("SCRIPT KILL"), Reply::Simple(b"OK".to_vec()), "{script}");
        let killed = error(&caller.reply());
        assert!(
            killed.starts_with("ERR Script killed by user with SCRIPT KILL... script: "),
            "{script}: {killed}"
        );
        assert!(killed.ends_with(", on @user_script:1."), "{script}: {killed}");
        wait_for("the server to be free", || (!other.ask("PING").is_error()).then_some(()));
        assert_eq!(caller.call(&["EVAL", "return KEYS[1]", "1", "key"]).text(), "key");
    }
}

/// The interpreter's own search compares every place with the whole text, for hours, and is not asked to end meanwhile.
#[test]
fn a_long_text_is_found_in_a_long_text_without_waiting() {
    let server = Server::rankd();
    let mut client = server.client();
    let find = "local a, b = string.rep('a', 2e7), string.rep('a', 1e7)
        return {string.find(a, b .. 'b', 1, true) == nil, (string.find(a, b .. 'b'))== nil, {string.find(a .. 'b', b .. 'b', -2e7)},
            {string.find(b, b, 2)}, {string.find(b, b, 3e7)}}";
    let reply = client.call(&["EVAL", find, "0"]);
    let whole = 20_000_001;
    let found = Reply::Array(vec![Reply::Integer(10_000_001), Reply::Integer(whole)]);
    let none = Reply::Array(Vec::new());
    assert_eq!(reply, Reply::Array(vec![Reply::Integer(1), Reply::Integer(1), found, none.clone(), none]));
}

#[test]
fn a_function_that_runs_too_long_is_shown_and_killed() {
    let server = Server::rankd_with(&["--busy-reply-threshold", "20"]);
    let library = format!("#!lua name=l\nredis.register_function('endless', function() {ENDLESS} end)");
    assert!(!server.client().call(&["FUNCTION", "LOAD", &library]).is_error());
    let (mut caller, mut other) = (server.client(), server.client());
    caller.send(&["FCALL", "endless", "0", "argument"]);
    wait_for("the server to be busy", || other.ask("PING").is_error().then_some(()));
    assert_eq!(error(&other.ask("PING")), BUSY.replace("SCRIPT KILL", "FUNCTION KILL"));
    let stats = other.ask("FUNCTION STATS");
    let shown = stats.items()[1].items();
    assert_eq!(shown[1].text(), "endless", "{stats:?}");
    let request: Vec<String> = shown[3].items().iter().map(Reply::text).collect();
    assert_eq!(request, ["FCALL", "endless", "0", "argument"]);
    assert!(shown[5].integer() >= 20, "{stats:?}");
    assert_eq!(other.ask("FUNCTION KILL"), Reply::Simple(b"OK".to_vec()));
    assert!(error(&caller.reply()).contains("killed by user with FUNCTION KILL"));
    wait_for("the server to be free", || (!other.ask("PING").is_error()).then_some(()));
    let (mut caller, mut other) = with_endless(&server, ENDLESS);
    assert_eq!(error(&other.ask("FUNCTION STATS")), BUSY);
    assert_eq!(other.ask("SCRIPT KILL"), Reply::Simple(b"OK".to_vec()));
    assert!(caller.reply().is_error());
}

#[test]
fn a_script_that_has_changed_something_cannot_be_killed_and_is_never_seen_in_part() {
    let mut server = Server::rankd_with(&["--busy-reply-threshold", "20", "--appendonly", "yes"]);
    assert!(!server.client().ask("SET key before").is_error());
    let script = "redis.call('SET', KEYS[1], 'half') while true do end";
    let (_caller, mut other) = with_endless(&server, script);
    assert!(error(&other.ask("SCRIPT KILL")).starts_with("UNKILLABLE "));
    assert_eq!(error(&other.ask("SHUTDOWN SAVE")), BUSY);
    other.send(&["SHUTDOWN", "NOSAVE"]);
    assert!(server.exit().success());
    let server = server.restart();
    assert_eq!(server.client().ask("GET key").text(), "before");
}

/// Commands that wait for the script's keys are never answered by half of it, and whoever sees the end of SHUTDOWN's connection
/// finds no server.
#[test]
fn a_stop_in_the_middle_of_a_script_shows_nothing_of_it() {
    let mut server =
        Server::rankd_with(&["--busy-reply-threshold", "20", "--appendonly", "yes", "--threads", "2"]);
    assert!(!server.client().ask("SET key before").is_error());
    let address = server.client().stream().peer_addr().expect("a connection");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let mut client = server.client();
            scope.spawn(move || {
                while let Ok(reply) = client.try_call(&["APPEND", "key", ""]) {
                    assert!(reply.is_error() || reply == Reply::Integer(6), "{reply:?}");
                }
            });
        }
        let script = "redis.call('SET', KEYS[1], 'half') while true do end";
        let (_caller, mut other) = with_endless(&server, script);
        other.send(&["SHUTDOWN", "NOSAVE"]);
        assert!(other.is_closed());
        assert!(Client::try_connect(address).is_err());
    });
    assert!(server.exit().success());
    let server = server.restart();
    assert_eq!(server.client().ask("GET key").text(), "before");
}

/// A supervisor's stop must not wait for a script that never ends.
#[test]
fn the_signal_to_stop_ends_a_script_that_has_changed_something() {
    let mut server = Server::rankd_with(&["--busy-reply-threshold", "20"]);
    server.client().ask("SET key before");
    let script = "redis.call('SET', KEYS[1], 'half') while true do end";
    let (_caller, _other) = with_endless(&server, script);
    assert!(server.terminate().success());
    let server = server.restart();
    assert_eq!(server.client().ask("GET key").text(), "before");
}

/// A script that has been short keeps the thread of its connection only for a while when it is long once.
#[test]
fn a_script_that_becomes_long_leaves_its_thread() {
    let server = Server::rankd_with(&["--threads", "1", "--busy-reply-threshold", "20"]);
    let mut client = server.client();
    let script = "local n = tonumber(ARGV[1]) local i = 0 while i < n do i = i + 1 end return i";
    for _ in 0..3 {
        assert_eq!(client.call(&["EVAL", script, "0", "10"]), Reply::Integer(10));
    }
    let mut caller = server.client();
    caller.send(&["EVAL", script, "0", "inf"]);
    wait_for("the only thread to answer", || (error(&client.ask("PING")) == BUSY).then_some(()));
    assert!(!client.ask("SCRIPT KILL").is_error());
    assert!(caller.reply().is_error());
}
