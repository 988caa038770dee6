//! While the journal or the dump file is read: what is answered, and what is not changed.
//!
//! The journal's segment, or the dump file, is a named pipe, whose opening waits for a writer: so the reading takes exactly as long as the
//! test likes.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Server, run_rankd};
use crate::support::wait_for;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory whose journal cannot be read before `segment` is written to.
fn directory() -> (tempfile::TempDir, PathBuf) {
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    assert!(server.terminate().success());
    let directory = tempfile::tempdir().expect("a temporary directory");
    let journal = directory.path().join("journal");
    std::fs::create_dir(&journal).expect("a directory");
    std::fs::copy(server.directory().join("journal/manifest"), journal.join("manifest")).expect("a manifest");
    let segment = journal.join("segment-0000000001");
    make_pipe(&segment);
    (directory, segment)
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

fn connect(server: &Server) -> Client {
    wait_for("the port", || Client::try_connect(server.address).ok())
}

fn error(reply: &Reply) -> String {
    match reply {
        Reply::Error(text) => String::from_utf8_lossy(text).into_owned(),
        other => panic!("not an error: {other:?}"),
    }
}

fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(directory.join("journal")).expect("a directory");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    // The lock's file is empty, and made when the reading begins.
    names.retain(|name| name != "lock");
    names.sort();
    names
}

#[test]
fn only_commands_that_need_no_data_are_answered() {
    let (directory, _segment) = directory();
    let server = Server::rankd_unready(directory, &[]);
    let mut client = connect(&server);
    let refused = "LOADING Redis is loading the dataset in memory";
    for line in ["PING", "GET a", "ZADD b 1 m", "DBSIZE", "FLUSHALL", "EXISTS a", "TTL a", "BGREWRITEAOF"] {
        assert_eq!(error(&client.ask(line)), refused, "{line}");
    }
    // Wrong is said before that.
    assert!(error(&client.ask("GET")).starts_with("ERR wrong number of arguments"));
    assert!(error(&client.ask("NOSUCH")).starts_with("ERR unknown command"));
    for line in
        ["SELECT 1", "ECHO x", "TIME", "CONFIG GET port", "CLIENT ID", "COMMAND COUNT", "HELLO 3", "LASTSAVE"]
    {
        assert!(!matches!(client.ask(line), Reply::Error(_)), "{line}");
    }
    let facts = client.ask("INFO persistence").text();
    for fact in
        ["loading:1", "aof_enabled:1", "loading_start_time:", "loading_total_bytes:0", "loading_eta_seconds:"]
    {
        assert!(facts.contains(fact), "{fact} in {facts}");
    }
    // A pipeline of what will be looked ahead for, and a transaction.
    for _ in 0..3 {
        client.send(&["ZADD", "board", "1", "m"]);
    }
    for _ in 0..3 {
        assert_eq!(error(&client.reply()), refused);
    }
    assert_eq!(client.ask("MULTI").text(), "OK");
    assert_eq!(error(&client.ask("ZADD b 1 m")), refused);
    assert!(error(&client.ask("EXEC")).starts_with("EXECABORT"));
    let port = server.address.port().to_string();
    let (status, _, complained) = run_rankd(&["ping", "--port", &port, "--bind", "127.0.0.1"]);
    assert_eq!(status.code(), Some(1));
    assert!(complained.contains(refused), "{complained}");
}

#[test]
fn sigterm_and_shutdown_end_it_and_change_nothing() {
    for by_signal in [true, false] {
        let (directory, _segment) = directory();
        let mut server = Server::rankd_unready(directory, &[]);
        let mut client = connect(&server);
        assert!(matches!(client.ask("PING"), Reply::Error(_)));
        let before = names(server.directory());
        let status = if by_signal {
            server.terminate()
        } else {
            assert!(client.try_call(&["SHUTDOWN"]).is_err());
            server.exit()
        };
        assert!(status.success(), "{status}: {}", server.said());
        assert!(server.said().contains("nothing has been changed"), "{}", server.said());
        assert_eq!(names(server.directory()), before);
    }
}

#[test]
fn a_journal_that_turns_out_damaged_ends_it_after_all() {
    let (directory, segment) = directory();
    let mut server = Server::rankd_unready(directory, &[]);
    let mut client = connect(&server);
    assert!(matches!(client.ask("GET a"), Reply::Error(_)));
    // The reading goes on, and finds no header.
    drop(std::fs::OpenOptions::new().write(true).open(&segment).expect("the server reads it"));
    let status = server.exit();
    assert_eq!(status.code(), Some(1));
    let said = server.said();
    assert!(said.contains("damaged") && said.contains("segment-0000000001"), "{said}");
}

#[test]
fn a_dump_file_is_read_while_the_port_answers() {
    let mut before = Server::rankd_with(&["--appendonly", "no"]);
    assert_eq!(before.client().ask("ZADD board 1 a 2 b").integer(), 2);
    before.client().send(&["SHUTDOWN", "SAVE"]);
    assert!(before.exit().success());
    let bytes = std::fs::read(before.directory().join("dump.rdb")).expect("the dump file");

    let arguments = ["--appendonly", "no", "--save", "1 1", "--enable-debug-command", "local"];
    for is_stopped in [true, false] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let dump = directory.path().join("dump.rdb");
        make_pipe(&dump);
        let mut server = Server::rankd_unready(directory, &arguments);
        let mut client = connect(&server);
        for line in ["GET a", "SAVE", "BGSAVE", "DEBUG RELOAD"] {
            assert_eq!(error(&client.ask(line)), "LOADING Redis is loading the dataset in memory", "{line}");
        }
        assert!(client.ask("INFO persistence").text().contains("loading:1\r\n"));
        if is_stopped {
            // What there is so far must not take the file's place.
            client.send(&["SHUTDOWN", "SAVE"]);
            assert!(server.exit().success());
            let kind = std::fs::metadata(&dump).expect("the pipe").file_type();
            assert!(std::os::unix::fs::FileTypeExt::is_fifo(&kind));
        } else {
            std::fs::write(&dump, &bytes).expect("the server reads it");
            wait_for("the end of the reading", || (!client.ask("PING").is_error()).then_some(()));
            assert_eq!(client.ask("ZCARD board").integer(), 2);
            let facts = client.ask("INFO persistence").text();
            for fact in ["loading:0", "rdb_changes_since_last_save:0", "rdb_last_load_keys_loaded:1"] {
                assert!(facts.contains(&format!("{fact}\r\n")), "{fact} in {facts}");
            }
        }
    }
}
