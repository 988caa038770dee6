//! Scripts that allocate, recurse or loop for ever, or reach for what they must not have: each gets an error, the server stays as
//! it is, and the next script finds a clean world.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;
use rankd::limits;

/// Runs a script without keys.
fn eval(client: &mut Client, script: &str) -> Reply {
    client.call(&["EVAL", script, "0"])
}

/// The text of the error that a script ends with.
fn error_of(client: &mut Client, script: &str) -> String {
    match eval(client, script) {
        Reply::Error(text) => String::from_utf8_lossy(&text).into_owned(),
        reply => panic!("{script} replies {:.100}", format!("{reply:?}")),
    }
}

/// The world is as a script expects it.
fn check_world(client: &mut Client) {
    let script = "local t = {} for i = 1, 10 do t[i] = i end redis.call('SET', 'k', table.concat(t))
        return {redis.call('GET', 'k'), #KEYS, tostring(1.5), type(redis), string.upper('a'), rawget(_G, 'x') == nil}";
    let reply = eval(client, script);
    assert_eq!(reply.items().len(), 6, "{reply:?}");
}

#[test]
fn what_needs_too_much_ends_in_an_error() {
    let server = Server::rankd();
    let mut client = server.client();
    let before_kib = server.resident_kib();
    let scripts = [
        "local t = {} while true do t[#t + 1] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "return string.rep('x', 1e9)",
        "local function f() return 1 + f() end return f()",
        "local t = {} for i = 1, 200 do t = {t} end return t",
        "local t = {} t[1] = t return t",
        "local t = {'x'} for i = 1, 60 do t = {t, t} end return t",
        "return table.concat({string.rep('x', 1e6)}, '', 1, 1e9)",
        "local t = setmetatable({}, {__index = function(t, k) return t[k] end}) return t.x",
        "local t = {} for i = 1, 1e9 do table.insert(t, 1, i) if #t > 1e5 then return t[-1].x end end",
        "return string.gsub(string.rep('x', 1e6), 'x', string.rep('y', 1e6))",
        "return assert(loadstring(string.rep('x=1 ', 2e6)))",
        "local t, x = {'MGET'}, string.rep('x', 3e7) for i = 2, 200 do t[i] = x end return redis.call(unpack(t))",
    ];
    for script in scripts {
        let error = error_of(&mut client, script);
        assert!(!error.contains("internal"), "{script}: {error}");
        check_world(&mut client);
    }
    let deep = format!(
        "return {}1{}",
        "{".repeat(limits::SCRIPT_REPLY_DEPTH + 1),
        "}".repeat(limits::SCRIPT_REPLY_DEPTH + 1)
    );
    assert!(error_of(&mut client, &deep).contains("limit"));
    let long = format!("return {}1{}", "{".repeat(100_000), "}".repeat(100_000));
    error_of(&mut client, &long);
    let long = format!("return '{}'", "x".repeat(limits::SCRIPT_BYTES));
    assert!(error_of(&mut client, &long).contains("longer"));
    check_world(&mut client);
    let grown_kib = server.resident_kib().saturating_sub(before_kib);
    assert!(grown_kib < 3 * limits::SCRIPT_MEMORY_BYTES as u64 / 1024, "{grown_kib} KiB more");
}

#[test]
fn nothing_of_the_world_can_be_changed_or_left() {
    let server = Server::rankd();
    let mut client = server.client();
    let scripts = [
        "x = 1",
        "_G.x = 1",
        "rawset(_G, 'x', 1)",
        "string.upper = nil",
        "redis.call = nil",
        "rawset(redis, 'call', nil)",
        "setmetatable(_G, nil)",
        "setmetatable(string, {})",
        "getmetatable('').__index = nil",
        "getmetatable(_G).__index = nil",
        "rawset(getmetatable(''), '__index', nil)",
        "table.insert(table, 1)",
        "math.pi = 3",
        "KEYS = nil",
        "return os.execute('true')",
        "return io.open('/etc/passwd')",
        "return dofile('/etc/passwd')",
        "return loadfile('/etc/passwd')",
        "return require('os')",
        "return debug.getinfo(1)",
        "return getfenv(1)",
        "return setfenv(1, {})",
        "return newproxy(true)",
        "return print('x')",
        "return string.dump(function() end)",
        "return loadstring(string.char(27) .. 'Lua')()",
        "return loadstring(string.char(6, 3, 0))()",
        "return buffer.create(1)",
    ];
    for script in scripts {
        error_of(&mut client, script);
        check_world(&mut client);
    }
    // What a script does to its own tables is gone with it.
    eval(&mut client, "setmetatable(KEYS, {__index = function() return 'left' end}) ARGV.x = 1 return 1");
    let reply = client.call(&["EVAL", "return {tostring(KEYS[2]), tostring(ARGV.x)}", "1", "k"]);
    assert!(reply.items().iter().all(|item| item.text() == "nil"), "{reply:?}");
}

/// Each thread keeps only so many scripts ready, and the cache only so many that EVAL has brought.
#[test]
fn more_scripts_than_are_kept() {
    let server = Server::rankd();
    let mut client = server.client();
    let most = limits::EVALUATED_SCRIPTS.max(limits::SCRIPTS_LOADED);
    for number in 0..most + 10 {
        assert_eq!(eval(&mut client, &format!("return {number}")), Reply::Integer(number as i64));
    }
    for number in [0, most / 2, most + 9] {
        assert_eq!(eval(&mut client, &format!("return {number}")), Reply::Integer(number as i64));
    }
}
