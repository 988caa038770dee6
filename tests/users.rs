//! Users: what one may not do reaches nothing, whichever command it is; changes of users hold at once for the connections
//! there are; users in files.

use std::collections::BTreeSet;

use crate::scripts::requests;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;

fn in_memory() -> Server {
    Server::rankd_with(&["--appendonly", "no", "--threads", "2"])
}

fn ok(reply: &Reply) {
    assert!(!reply.is_error(), "{reply:?}");
}

/// A connection of a new user with these rules.
fn client_with(server: &Server, name: &str, rules: &str) -> Client {
    ok(&server.client().ask(&format!("ACL SETUSER {name} reset on >word {rules}")));
    let mut client = server.client();
    ok(&client.ask(&format!("AUTH {name} word")));
    client
}

/// The full names of commands with keys, as COMMAND INFO tells: key specifications, or a first key. Sharded channels are
/// told as keys that are none.
fn commands_with_keys(admin: &mut Client) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for command in admin.ask("COMMAND").items() {
        let own = std::iter::once(command);
        for entry in own.chain(command.items()[9].items()) {
            let fields = entry.items();
            let specifications = fields[8].items();
            let names_channels = specifications.iter().any(is_of_no_key);
            if !names_channels && (fields[3].integer() != 0 || !specifications.is_empty()) {
                names.insert(fields[0].text());
            }
        }
    }
    names
}

/// Whether a key specification says that what it finds is not a key.
fn is_of_no_key(specification: &Reply) -> bool {
    let not_key = Reply::Simple(b"not_key".to_vec());
    specification.items().iter().any(|part| part.items().contains(&not_key))
}

/// Every request of every conversation, sent by a user who may run all commands on keys that no conversation has: whatever
/// names a key, or derives one, is denied, alone and in a transaction.
#[test]
fn a_user_of_other_keys_is_denied_by_every_command_on_keys() {
    let server = in_memory();
    let mut admin = server.client();
    let with_keys = commands_with_keys(&mut admin);
    assert!(with_keys.len() > 100, "{with_keys:?}");
    let mut user = client_with(&server, "stranger", "+@all ~nothing:of:theirs");
    let mut denied = BTreeSet::new();
    for request in requests() {
        let lower = |word: &Vec<u8>| String::from_utf8_lossy(word).to_lowercase();
        let Some(first) = request.first().map(lower) else { continue };
        let with_subcommand = request.get(1).map(|second| format!("{first}|{}", lower(second)));
        let Some(name) =
            [with_subcommand, Some(first)].into_iter().flatten().find(|name| with_keys.contains(name))
        else {
            continue;
        };
        let reply = user.call(&request);
        let text = String::from_utf8_lossy(&reply.to_bytes()).into_owned();
        if text.starts_with("-ERR wrong number of arguments") || text.starts_with("-ERR unknown subcommand") {
            continue;
        }
        // A request in which no keys can be found, such as an XREAD without STREAMS: the command refuses it.
        let keys = admin.call(&[&[b"COMMAND".to_vec(), b"GETKEYS".to_vec()][..], &request].concat());
        if keys.is_error() && text.starts_with("-ERR") {
            continue;
        }
        // A script without keys runs, and is denied what it asks for.
        let runs_script = name.starts_with("eval") || name.starts_with("fcall");
        if runs_script && (keys.is_error() || keys.items().is_empty()) {
            continue;
        }
        assert!(text.starts_with("-NOPERM No permissions to access a key"), "{name}: {text}");
        ok(&user.ask("MULTI"));
        assert!(user.call(&request).to_bytes().starts_with(b"-NOPERM"), "{name} in a transaction");
        assert!(user.ask("EXEC").to_bytes().starts_with(b"-EXECABORT"), "{name} in a transaction");
        denied.insert(name);
    }
    assert_eq!(denied, with_keys, "every command on keys has been tried");
    assert_eq!(admin.ask("DBSIZE").integer(), 0, "nothing was written");
}

#[test]
fn a_transaction_is_asked_again_when_it_runs() {
    let server = in_memory();
    let mut user = client_with(&server, "player", "+@all ~board");
    ok(&user.ask("MULTI"));
    ok(&user.ask("ZADD board 1 a"));
    ok(&user.ask("SET board 1"));
    ok(&server.client().ask("ACL SETUSER player -zadd"));
    let replies = user.ask("EXEC");
    let reply = String::from_utf8_lossy(&replies.items()[0].to_bytes()).into_owned();
    assert!(reply.contains("no permission to execute the command or subcommand"), "{reply}");
    ok(&replies.items()[1]);
}

/// What a user who may not do it is told of in ACL LOG: context, object, and the command of the client's line, newest first.
fn denials(server: &Server) -> Vec<[String; 4]> {
    let mut user = client_with(server, "player", "+@all -get -incr ~* &*");
    let mut admin = server.client();
    ok(&admin.ask("ACL LOG RESET"));
    user.ask("GET k");
    user.ask("MULTI");
    user.ask("INCR k");
    user.ask("EXEC");
    ok(&admin.ask("ACL SETUSER player +incr"));
    user.ask("MULTI");
    user.ask("INCR k");
    user.ask("INCR j");
    ok(&admin.ask("ACL SETUSER player -incr"));
    user.ask("EXEC");
    user.ask("MULTI");
    user.ask("PING");
    ok(&admin.ask("ACL SETUSER player -exec"));
    user.ask("EXEC");
    user.ask("EVAL \"return redis.pcall('get', KEYS[1])\" 1 k");
    user.ask("EVAL_RO \"return redis.call('get', KEYS[1])\" 1 k");
    user.ask("AUTH player wrong");
    let log = admin.ask("ACL LOG");
    let field = |entry: &Reply, name: &str| {
        let items = entry.items();
        let place = items.iter().step_by(2).position(|item| item.text() == name).expect("the field");
        items[2 * place + 1].clone()
    };
    let shown = |entry: &Reply| {
        let line = field(entry, "client-info").text().to_owned();
        let command = line.split(' ').find(|word| word.starts_with("cmd=")).expect("the command");
        let count = field(entry, "count").integer().to_string();
        let text = |name| field(entry, name).text().to_owned();
        [count, text("context"), text("object"), command.to_owned()]
    };
    log.items().iter().map(shown).collect()
}

/// The same denials leave the same entries in Redis.
#[test]
fn the_log_says_where_something_was_denied_and_in_which_request() {
    let ours = denials(&in_memory());
    assert!(ours.iter().any(|entry| *entry == ["2", "lua", "get", "cmd=eval_ro"]), "{ours:?}");
    let Some(redis) = Server::peer(Peer::Redis, &[]) else { return };
    assert_eq!(ours, denials(&redis));
}

#[test]
fn a_removed_user_is_disconnected_after_the_reply() {
    let server = in_memory();
    let mut user = client_with(&server, "player", "+@all ~*");
    let mut other = client_with(&server, "player", "+@all ~*");
    assert_eq!(user.ask("ACL DELUSER player").integer(), 1);
    assert!(user.is_closed() && other.is_closed());
    assert!(server.client().ask("PING").to_bytes().starts_with(b"+PONG"));
}

#[test]
fn who_may_not_listen_any_more_is_disconnected() {
    let server = in_memory();
    let mut admin = server.client();
    let mut listener = client_with(&server, "fan", "+@all &news:* &score:*");
    let mut patterns = client_with(&server, "fan2", "+@all &news:* &score:*");
    ok(&listener.ask("SUBSCRIBE news:1"));
    ok(&patterns.ask("PSUBSCRIBE news:*"));
    ok(&admin.ask("ACL SETUSER fan resetchannels &news:1"));
    ok(&admin.ask("ACL SETUSER fan2 allchannels"));
    assert_eq!(admin.ask("PUBLISH news:1 hello").integer(), 2, "both may listen still");
    ok(&listener.reply());
    ok(&patterns.reply());
    ok(&admin.ask("ACL SETUSER fan resetchannels &other"));
    ok(&admin.ask("ACL SETUSER fan2 resetchannels &news:1"));
    assert!(listener.is_closed() && patterns.is_closed());
}

#[test]
fn sharded_channels_need_permission_as_channels_do() {
    let server = in_memory();
    let mut admin = server.client();
    let mut listener = client_with(&server, "fan", "+@all &news:*");
    let denied = b"-NOPERM No permissions to access a channel";
    for request in ["SPUBLISH score:1 hello", "SSUBSCRIBE score:1", "SSUBSCRIBE news:1 score:1"] {
        assert!(listener.ask(request).to_bytes().starts_with(denied), "{request}");
    }
    assert!(admin.ask("PUBSUB SHARDCHANNELS").items().is_empty(), "a denied request subscribes to nothing");
    assert_eq!(listener.ask("SPUBLISH news:1 hello").integer(), 0);
    ok(&listener.ask("SSUBSCRIBE news:1"));
    ok(&admin.ask("ACL SETUSER fan resetchannels &news:1"));
    assert_eq!(admin.ask("SPUBLISH news:1 hello").integer(), 1, "it may listen still");
    ok(&listener.reply());
    ok(&admin.ask("ACL SETUSER fan resetchannels &score:1"));
    assert!(listener.is_closed());
    assert_eq!(admin.ask("SPUBLISH news:1 hello").integer(), 0);
}

#[test]
fn who_waits_and_may_not_have_it_any_more_is_told_and_takes_nothing() {
    let server = in_memory();
    let mut admin = server.client();
    let mut user = client_with(&server, "worker", "+@all ~*");
    user.send(&["BLPOP", "jobs", "0"]);
    let is_waiting =
        || server.client().ask("INFO clients").text().contains("blocked_clients:1").then_some(());
    wait_for("the client to block", is_waiting);
    ok(&admin.ask("ACL SETUSER worker resetkeys ~others"));
    assert!(user.reply().to_bytes().starts_with(b"-NOPERM No permissions to access a key"));
    ok(&admin.ask("RPUSH jobs one"));
    assert_eq!(admin.ask("LLEN jobs").integer(), 1);
    ok(&user.ask("PING"));
}

#[test]
fn users_in_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("users.acl");
    let write = |text: &str| std::fs::write(&path, text).expect("a file");
    write(
        "# players\nuser default on nopass ~* &* +@all\n\nuser player on >word ~board:* +@sortedset (~name:* +get)\n",
    );
    let server =
        Server::rankd_in(directory, &["--appendonly", "no", "--aclfile", "users.acl"]).expect("it starts");
    let path = server.directory().join("users.acl");
    let write = |text: &str| std::fs::write(&path, text).expect("a file");
    let mut admin = server.client();
    let mut player = server.client();
    ok(&player.ask("AUTH player word"));
    ok(&player.ask("ZADD board:1 1 a"));
    ok(&player.ask("GET name:a"));
    assert!(player.ask("GET board:1").to_bytes().starts_with(b"-NOPERM"));

    write("user player on\nuser player off\nuser x +nosuch\nusre y\nuser z (+get\n");
    let refusal = String::from_utf8_lossy(&admin.ask("ACL LOAD").to_bytes()).into_owned();
    for line in
        ["users.acl:2:", "users.acl:3:", "users.acl:4:", "users.acl:5:", "no change to the previously"]
    {
        assert!(refusal.contains(line), "{line}: {refusal}");
    }
    ok(&player.ask("GET name:a"));

    ok(&admin.ask("ACL SETUSER new on >secret ~* +get"));
    ok(&admin.ask("ACL SAVE"));
    let saved = std::fs::read_to_string(&path).expect("the file");
    assert!(saved.contains("user new on sanitize-payload #") && !saved.contains("secret"), "{saved}");
    ok(&admin.ask("ACL LOAD"));
    ok(&player.ask("GET name:a"));

    write(&saved.lines().filter(|line| !line.contains("player")).collect::<Vec<_>>().join("\n"));
    ok(&admin.ask("ACL LOAD"));
    assert!(player.is_closed(), "a user that is gone is disconnected");
    assert_eq!(admin.ask("ACL USERS").items().len(), 2);
}

#[test]
fn config_rewrite_writes_the_users() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("rankd.conf");
    std::fs::write(&path, "# ours\nappendonly no\nuser ann on >word ~* +@all\nuser bob on >word ~b* +get\n")
        .expect("a file");
    let server = Server::rankd_in(directory, &[path.to_str().expect("a path")]).expect("it starts");
    let mut admin = server.client();
    ok(&admin.ask("ACL DELUSER bob"));
    ok(&admin.ask("ACL SETUSER cid on nopass %R~c* (+set ~d) &news"));
    let users = admin.ask("ACL LIST");
    ok(&admin.ask("CONFIG REWRITE"));
    let written = std::fs::read_to_string(&path).expect("the file");
    assert!(written.starts_with("# ours\nappendonly no\n") && !written.contains("bob"), "{written}");
    let server = server.restart();
    assert_eq!(server.client().ask("ACL LIST"), users);
    ok(&server.client().ask("CONFIG REWRITE"));
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), written, "nothing has changed");
}
