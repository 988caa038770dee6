//! The command line and the configuration.

use std::process::{Command, Stdio};

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server, free_address, rankd, run_rankd};
use crate::support::wait_for;

fn shipped_configuration() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/config/rankd.conf").to_owned()
}

#[test]
fn the_shipped_configuration_is_accepted_and_errors_name_file_and_line() {
    let (status, said, complained) = run_rankd(&["--check-config", &shipped_configuration()]);
    assert!(status.success(), "{said}{complained}");

    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("wrong.conf");
    let wrong = [
        ("port 7000\nprot 7000\n", ":2"),
        ("\n\nport 70000\n", ":3"),
        ("appendfsync sometimes\n", ":1"),
        ("# fine\nmaxclients\n", ":2"),
        ("requirepass \"unbalanced\n", ":1"),
        ("databases 0\n", ":1"),
    ];
    for (text, line) in wrong {
        std::fs::write(&path, text).expect("a writable file");
        let place = format!("{}{line}", path.display());
        for arguments in
            [vec!["--check-config", path.to_str().expect("UTF-8")], vec![path.to_str().expect("UTF-8")]]
        {
            let (status, said, complained) = run_rankd(&arguments);
            assert!(!status.success(), "{text}: {said}");
            assert!(complained.contains(&place), "{text}: `{place}` is not in: {complained}");
        }
    }
    let (status, _, complained) = run_rankd(&["no/such/file.conf"]);
    assert!(!status.success() && complained.contains("no/such/file.conf"), "{complained}");
    let (status, _, complained) = run_rankd(&["--prot", "1"]);
    assert!(!status.success() && complained.contains("'prot \"1\"': unknown directive"), "{complained}");
}

/// Flags override the environment, and the environment overrides the file.
#[test]
fn flags_override_the_environment_and_the_environment_the_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("rankd.conf");
    std::fs::write(&path, "timeout 11\ntcp-keepalive 11\nmaxclients 11\nfriend-key-prefix from-file:\n")
        .expect("a file");
    let port = crate::support::server::free_address().port().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_rankd"))
        .arg(&path)
        .args(["--port", &port, "--bind", "127.0.0.1", "--appendonly", "no", "--timeout", "33", "--dir"])
        .arg(directory.path())
        .env("RANKD_TIMEOUT", "22")
        .env("RANKD_TCP_KEEPALIVE", "22")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the rankd binary runs");
    let address = format!("127.0.0.1:{port}").parse().expect("an address");
    let mut client = crate::support::wait_for("the server", || Client::try_connect(address).ok());
    let mut value = |name: &str| client.call(&["CONFIG", "GET", name]).items()[1].text();
    let values = [value("timeout"), value("tcp-keepalive"), value("maxclients"), value("friend-key-prefix")];
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(values, ["33", "22", "11", "from-file:"]);
}

/// If a flag is given twice, Redis uses the last one. Wrappers and images rely on it when they append flags.
#[test]
fn the_last_of_two_equal_flags_wins() {
    let server = Server::rankd_with(&["--appendonly", "no", "--timeout", "5", "--timeout", "7"]);
    assert_eq!(server.client().call(&["CONFIG", "GET", "timeout"]).items()[1].text(), "7");
}

/// Words with several words in them, values that begin with dashes, and users: as Redis reads them.
#[test]
fn the_words_of_a_command_line_are_those_of_redis() {
    let words = ["--save 3600 1", "--save", "300 100", "--loglevel", "verbose", "--timeout 7", "--hz ", "20"];
    let users = ["--requirepass", "--x", "--user", "ann", "on", ">p", "~*", "+@all", "--user bob off"];
    let arguments = [&words[..], &users].concat();
    let rankd = Server::rankd_with(&[&arguments[..], &["--appendonly", "no"]].concat());
    for server in [Some(rankd), Server::peer(Peer::Redis, &arguments)].into_iter().flatten() {
        let mut client = server.client();
        assert_eq!(client.call(&["AUTH", "--x"]), Reply::Simple(b"OK".to_vec()));
        let mut get = |name| client.call(&["CONFIG", "GET", name]).items()[1].text();
        assert_eq!(get("save"), "3600 1 300 100");
        assert_eq!((get("loglevel"), get("timeout"), get("hz")), ("verbose".into(), "7".into(), "20".into()));
        let users: Vec<String> = client.call(&["ACL", "USERS"]).items().iter().map(Reply::text).collect();
        assert_eq!(users, ["ann", "bob", "default"]);
    }
}

/// What Redis refuses, rankd refuses.
#[test]
fn a_command_line_that_redis_refuses_is_refused() {
    let wrong: [&[&str]; 9] = [
        &["--timeout", "3", "4"],
        &["--timeout"],
        &["--timeout", "--hz", "20"],
        &["--requirepass a b"],
        &["--requirepass \"a b"],
        &["--save", "3600 1", "300 100"],
        &["--user", "ann on"],
        &["--user", "ann", "on", "--user", "ann", "off"],
        &["-x", "y"],
    ];
    for words in wrong {
        let (status, said, complained) = run_rankd(&[&["--check-config"], words].concat());
        assert!(!status.success(), "{words:?}: {said}{complained}");
        if let Some(redis) = Peer::Redis.find() {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let port = crate::support::server::free_address().port().to_string();
            let mut redis = Command::new(redis);
            redis.args(["--port", &port, "--save", ""]).args(words).current_dir(directory.path());
            let output = redis.stdin(Stdio::null()).output().expect("an end");
            assert!(!output.status.success(), "{words:?}: {output:?}");
        }
    }
}

/// Redis's directives that have no effect are accepted with a warning, so that a redis.conf works.
#[test]
fn a_redis_configuration_is_accepted() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("redis.conf");
    std::fs::write(&path, "save 3600 1 300 100\nrdbcompression no\nport 0\nmaxmemory-samples 5\n")
        .expect("a file");
    let (status, said, complained) = run_rankd(&["--check-config", path.to_str().expect("UTF-8")]);
    assert!(status.success(), "{said}{complained}");
    assert!(said.contains("warning: directive 'rdbcompression'"), "no warning: {said}{complained}");
    assert!(!said.contains("directive 'save'"), "save means something here: {said}");
}

#[test]
fn the_start_screen_shows_version_address_directory_journal_and_threads() {
    let server = Server::rankd_with(&["--appendonly", "yes", "--threads", "1"]);
    assert_eq!(server.client().call(&["PING"]), Reply::Simple(b"PONG".to_vec()));
    server.says("ready to accept connections");
    let said = server.said();
    let directory = server.directory().to_str().expect("UTF-8").to_owned();
    for fact in [env!("CARGO_PKG_VERSION"), &server.address.to_string(), &directory, "journal", "thread"] {
        assert!(said.contains(fact), "`{fact}` is not on the start screen:\n{said}");
    }
}

/// `rankd journal dump` shows what the journal holds, a line for each change.
#[test]
fn the_journal_can_be_read_offline() {
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    let mut client = server.client();
    client.call(&["ZADD", "board", "1.5", "ann"]);
    client.call(&["ZREM", "board", "ann"]);
    client.call(&["SET", "greeting", "hello"]);
    assert!(server.terminate().success());
    let directory = server.directory().to_str().expect("UTF-8").to_owned();
    let (status, said, complained) = run_rankd(&["journal", "dump", &directory]);
    assert!(status.success(), "{complained}");
    for word in ["board", "ann", "1.5", "greeting"] {
        assert!(said.contains(word), "`{word}` is not in the dump:\n{said}");
    }
    let (status, said, complained) = run_rankd(&["journal", "check", &directory]);
    assert!(status.success(), "{said}{complained}");
    let (status, _, _) = run_rankd(&["journal", "check", "/no/such/directory"]);
    assert!(!status.success());
}

/// Standard output on a full disk, and one whose reader has gone away, as behind `| head -1`.
fn broken_outputs() -> [Stdio; 2] {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a file that is always full");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    [full.into(), writer.into()]
}

#[test]
fn a_server_that_cannot_print_serves() {
    for output in broken_outputs() {
        let (address, directory) = (free_address(), tempfile::tempdir().expect("a temporary directory"));
        let mut child = rankd()
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--dir"])
            .arg(directory.path())
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .expect("the rankd binary runs");
        let mut client = wait_for("the port", || Client::try_connect(address).ok());
        wait_for("the end of the start", || (!client.ask("PING").is_error()).then_some(()));
        assert!(client.try_call(&["SHUTDOWN"]).is_err());
        assert!(child.wait().expect("a child").success());
    }
}

#[test]
fn a_command_that_cannot_print_says_why_unless_nobody_reads() {
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    let port = server.address.port().to_string();
    let run = |words: &[&str]| {
        let [full, unread] = broken_outputs().map(|output| {
            let ran = rankd().args(words).stdin(Stdio::null()).stdout(output).output();
            let ran = ran.expect("the rankd binary runs");
            (ran.status.code(), String::from_utf8(ran.stderr).expect("UTF-8"))
        });
        let why = "rankd: standard output: No space left on device (os error 28)\n";
        assert_eq!(full, (Some(1), why.to_owned()), "{words:?}");
        assert_eq!(unread, (Some(0), String::new()), "{words:?}");
    };
    run(&["ping", "--bind", "127.0.0.1", "--port", &port]);
    run(&["bench", "--port", &port, "-w", "ping", "--members", "10", "-n", "100"]);
    assert!(server.terminate().success());
    let directory = server.directory().to_str().expect("UTF-8");
    run(&["journal", "check", directory]);
    run(&["journal", "repair", directory]);
    run(&["--check-config", "--port", "7000"]);
}
