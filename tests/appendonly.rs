//! CONFIG SET appendonly on a running server: what operators see, restarts, faults. `tests/scripts/appendonly.resp` has the replies,
//! `tests/crash/switching.rs` kills, `tests/following/switching.rs` replicas.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Server, run_rankd};
use crate::support::wait_for;
use std::fs;

const OK: &[u8] = b"OK";

fn ok() -> Reply {
    Reply::Simple(OK.to_vec())
}

fn error(reply: &Reply) -> &str {
    match reply {
        Reply::Error(text) => std::str::from_utf8(text).expect("UTF-8"),
        other => panic!("{other:?}"),
    }
}

fn turn_on(client: &mut Client) {
    let rewrites = client.fact("aof_rewrites");
    assert_eq!(client.ask("CONFIG SET appendonly yes"), ok());
    wait_for("the first base", || (client.fact("aof_rewrites") != rewrites).then_some(()));
}

/// The way from a dump file to a journal without a restart.
#[test]
fn a_dump_file_becomes_a_journal_and_the_file_of_the_configuration_says_so() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("rankd.conf");
    fs::write(&file, "# ours\nappendonly no\n").expect("a file");
    let file = file.to_str().expect("UTF-8");
    let server = Server::rankd_with(&[file]);
    server.client().ask("ZADD board 1 a 2 b");
    server.client().ask("SAVE");
    let mut server = server.restart();
    let mut client = server.client();
    assert_eq!((client.fact("aof_enabled"), client.fact("log_seq")), ("0".into(), "0".into()));
    turn_on(&mut client);
    assert_eq!(client.fact("aof_enabled"), "1");
    assert_ne!(client.fact("aof_base_size"), "0");
    assert_eq!(client.ask("ZADD board 3 c"), Reply::Integer(1));
    assert_eq!(client.ask("CONFIG REWRITE"), ok());
    assert!(fs::read_to_string(file).expect("a file").starts_with("# ours\nappendonly yes\n"));
    server.kill();
    let mut server = server.restart();
    let mut client = server.client();
    assert_eq!(client.ask("ZCARD board"), Reply::Integer(3));
    wait_for("the base behind a kill", || (client.fact("aof_rewrites") == "1").then_some(()));
    assert_eq!(client.ask("DEL board"), Reply::Integer(1));
    assert_eq!(client.ask("CONFIG SET appendonly no"), ok());
    assert_eq!(client.fact("aof_enabled"), "0");
    assert_eq!((client.fact("aof_current_size"), client.fact("aof_base_size")), ("0".into(), "0".into()));
    client.ask("SET not-kept value");
    // The file still says yes: a start reads the journal as it was when it was turned off.
    server.kill();
    let mut server = server.restart();
    assert_eq!(server.client().ask("KEYS *"), Reply::Array(Vec::new()));
    server.kill();
    assert!(!server.said().contains("was not closed in order"), "{}", server.said());
}

#[test]
fn a_stop_in_order_keeps_what_was_written_just_before() {
    let mut server = Server::rankd();
    for round in 0..5 {
        let mut client = server.client();
        assert_eq!(client.ask("CONFIG SET appendonly yes"), ok());
        assert_eq!(client.call(&["SET", "round", &round.to_string()]), ok());
        if round % 2 == 0 {
            assert!(server.terminate().success(), "{}", server.said());
        } else {
            assert!(client.try_call(&["SHUTDOWN"]).is_err());
            assert!(server.exit().success(), "{}", server.said());
        }
        let mut again = server.restart_with(&["--appendonly", "yes"]).expect("a start");
        assert_eq!(again.client().ask("GET round").text(), round.to_string());
        again.kill();
        assert!(!again.said().contains("was not closed in order"), "{}", again.said());
        server = again.restart_with(&["--appendonly", "no"]).expect("a start");
    }
    let directory = server.directory().to_str().expect("UTF-8").to_owned();
    let (status, said, complained) = run_rankd(&["journal", "check", &directory]);
    assert!(status.success(), "{said}{complained}");
}

#[test]
fn what_cannot_be_turned_on_changes_nothing() {
    let server = Server::rankd();
    let mut client = server.client();
    client.ask("SET a 1");
    let journal = server.directory().join("journal");
    let failed =
        "ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF: ";
    let refused = |client: &mut Client, why: &str| {
        for set in ["CONFIG SET appendonly yes", "CONFIG SET timeout 77 appendonly yes loglevel warning"] {
            let reply = client.ask(set);
            assert!(error(&reply).starts_with(failed) && error(&reply).contains(why), "{why}: {reply:?}");
        }
        for (name, value) in [("appendonly", "no"), ("timeout", "0"), ("loglevel", "notice")] {
            assert_eq!(client.call(&["CONFIG", "GET", name]).items()[1].text(), value);
        }
        assert_eq!(client.fact("aof_enabled"), "0");
        assert!(!client.ask("INCR a").is_error());
        assert!(error(&client.ask("WAITAOF 1 0 0")).contains("appendonly is disabled"));
    };
    fs::write(&journal, "in the way").expect("a file");
    refused(&mut client, "journal");
    fs::remove_file(&journal).expect("that file");

    let other = Server::rankd_with(&["--appendonly", "yes"]);
    other.client().ask("SET theirs 1");
    std::os::unix::fs::symlink(other.directory().join("journal"), &journal).expect("a link");
    refused(&mut client, "is in use by another process");
    drop(other);
    fs::remove_file(&journal).expect("that link");

    fs::create_dir(&journal).expect("a directory");
    fs::write(journal.join("base-0000000007"), "what may be data").expect("a file");
    refused(&mut client, "there is no manifest, but base-0000000007 holds data");
    fs::remove_file(journal.join("base-0000000007")).expect("that file");

    turn_on(&mut client);
    // What is refused beside it does not turn it off, not even for a moment.
    let reply = client.ask("CONFIG SET appendonly no maxclients 4000000000");
    assert!(error(&reply).contains("'maxclients'"), "{reply:?}");
    assert_eq!((client.fact("aof_enabled"), client.fact("aof_rewrites")), ("1".into(), "1".into()));
}

/// A transaction holds the locks that the walk of a checkpoint waits for.
#[test]
fn a_transaction_may_turn_it_off_while_the_base_is_written() {
    let server = Server::rankd_with(&["--appendonly", "yes"]);
    let mut client = server.client();
    for round in 0..60 {
        client.ask("BGREWRITEAOF");
        client.ask("MULTI");
        for request in
            ["FLUSHALL", "CONFIG SET appendonly no", "CONFIG SET appendonly yes", "CONFIG SET appendonly no"]
        {
            client.ask(request);
        }
        client.call(&["SET", "round", &round.to_string()]);
        client.ask("CONFIG SET appendonly yes");
        let replies = client.ask("EXEC");
        assert!(replies.items().iter().all(|reply| *reply == ok()), "{replies:?}");
    }
    assert_eq!(client.ask("WAITAOF 1 0 20000"), Reply::Array(vec![Reply::Integer(1), Reply::Integer(0)]));
    let copy = Server::rankd_on_copy(&server.directory().join("journal"), &["--appendonly", "yes"]);
    assert_eq!(copy.client().ask("GET round").text(), "59");
}

/// As in Redis, it takes effect when the data have been read.
#[test]
fn it_can_be_set_while_the_data_are_read() {
    for (before, after) in [("no", "yes"), ("yes", "no")] {
        let server = Server::rankd_with(&["--appendonly", before]);
        let mut client = server.client();
        client.ask("SET a 1");
        client.ask("SAVE");
        let directory = tempfile::tempdir().expect("a temporary directory");
        for name in ["dump.rdb", "journal"] {
            let _ = std::process::Command::new("cp")
                .args([
                    "-r".as_ref(),
                    server.directory().join(name).as_os_str(),
                    directory.path().as_os_str(),
                ])
                .stderr(std::process::Stdio::null())
                .status();
        }
        let server = Server::rankd_unready(directory, &["--appendonly", before]);
        let mut client = wait_for("a connection", || Client::try_connect(server.address).ok());
        assert_eq!(client.call(&["CONFIG", "SET", "appendonly", after]), ok());
        wait_for("the data", || (client.fact("loading") == "0").then_some(()));
        let is_on = if after == "yes" { "1" } else { "0" };
        assert_eq!(client.fact("aof_enabled"), is_on, "from {before}");
        assert_eq!(client.ask("GET a").text(), "1");
    }
}

#[test]
fn debug_loadaof_and_bgrewriteaof_follow() {
    let server = Server::rankd_with(&["--appendonly", "no", "--enable-debug-command", "yes"]);
    let mut client = server.client();
    client.ask("SET a 1");
    for _ in 0..3 {
        assert!(client.ask("DEBUG LOADAOF").is_error() && client.ask("BGREWRITEAOF").is_error());
        turn_on(&mut client);
        assert_eq!((client.ask("DEBUG LOADAOF"), client.ask("GET a").text()), (ok(), "1".into()));
        assert!(!client.ask("BGREWRITEAOF").is_error());
        wait_for("the checkpoint", || (client.fact("aof_rewrite_in_progress") == "0").then_some(()));
        assert_eq!(client.ask("CONFIG SET appendonly no"), ok());
    }
}
