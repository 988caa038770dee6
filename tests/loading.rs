//! The server while it reads the journal or the dump file: its replies, and that clients change nothing.
//!
//! The segment of the journal, or the dump file, is a named pipe. Opening a pipe waits for a writer, so the test decides how
//! long the reading takes.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Server, run_rankd};
use crate::support::wait_for;
use rankd::config::FsyncPolicy;
use rankd::journal::{Journal, JournalOptions};
use rankd::machine::clock::Clock;
use rankd::machine::progress::ReadProgress;
use rankd::ranking::Score;
use rankd::store::change::ChangeBuffer;
use rankd::store::{Access, Board, Hold, Missing, Shards, Store, Writer};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A directory whose journal cannot be read before `segment` is written to.
pub(crate) fn unreadable_directory() -> (tempfile::TempDir, PathBuf) {
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
    // The lock file is empty. It is made when the reading begins.
    names.retain(|name| name != "lock");
    names.sort();
    names
}

#[test]
fn only_commands_that_need_no_data_are_answered() {
    let (directory, _segment) = unreadable_directory();
    let server = Server::rankd_unready(directory, &[]);
    let mut client = connect(&server);
    let refused = "LOADING Redis is loading the dataset in memory";
    for line in ["PING", "GET a", "ZADD b 1 m", "DBSIZE", "FLUSHALL", "EXISTS a", "TTL a", "BGREWRITEAOF"] {
        assert_eq!(error(&client.ask(line)), refused, "{line}");
    }
    // Errors of the request itself come first.
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
    // A pipeline of commands that prefetch their keys, and a transaction.
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
fn sigterm_and_shutdown_during_loading_change_nothing() {
    for by_signal in [true, false] {
        let (directory, _segment) = unreadable_directory();
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
fn damage_that_is_found_during_loading_ends_the_server() {
    let (directory, segment) = unreadable_directory();
    let mut server = Server::rankd_unready(directory, &[]);
    let mut client = connect(&server);
    assert!(matches!(client.ask("GET a"), Reply::Error(_)));
    // The reading continues, and finds no header.
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
            // The data read so far must not replace the file.
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

/// Members of each board in the journal of [`renewed_boards`].
const MEMBERS: i64 = 1_001;

/// A journal of two boards, one in the base and one in the segment, that seem expired while it is read. After `between`
/// other records their expiry is removed.
fn renewed_boards(directory: &Path, between: u32) {
    // The clock of the writer is in the year 1970, so nothing has expired.
    let clock = Clock::manual(1_000);
    let options = JournalOptions {
        directory: directory.join("journal"),
        fsync: FsyncPolicy::Never,
        rewrite_percentage: 0,
        rewrite_min_bytes: 0,
        clock: clock.clone(),
    };
    let store = Arc::new(Store::new(1, 16, 7, clock));
    let (journal, _) = Journal::open(options, &store, &ReadProgress::default()).expect("a new journal");
    store.attach(Arc::clone(&journal) as _);
    let write = |work: &dyn Fn(&mut Writer<'_, '_>)| {
        work(&mut Hold::on(&store, &[0], Access::Write, ChangeBuffer::default()).writer(0));
    };
    let fill = |board: &'static [u8]| {
        write(&|writer| {
            let filled = writer.edit::<Board, _>(board, Missing::Create, "zadd", |ranking| {
                for member in 0..MEMBERS {
                    ranking
                        .plain()
                        .unwrap()
                        .update(member.to_string().as_bytes(), |_| Score::new(member as f64));
                }
            });
            assert_eq!(filled, Ok(Some(())));
            writer.set_expiry(board, Some(2_000));
        });
    };
    fill(b"in the base");
    journal.checkpoint().expect("none is running");
    while journal.checkpoint_running() {
        std::thread::yield_now();
    }
    fill(b"in the segment");
    // A flush is applied when everything before it has been applied.
    Shards::free(&store).flush(Some(1)).expect("no master is followed");
    let mut hold = Hold::on(&store, &[0], Access::Write, ChangeBuffer::default());
    for number in 0..between {
        hold.writer(0).set_string(b"other", &number.to_le_bytes(), None);
        hold.end_record();
    }
    drop(hold);
    for board in [b"in the base".as_slice(), b"in the segment"] {
        write(&|writer| assert!(writer.set_expiry(board, None)));
    }
    journal.close().expect("the journal is written");
}

/// A WATCH during the reading of the journal removed a board that had expired by the clock, but whose expiry a later record
/// removed. The board then had only the members that were added later, and the next checkpoint made that permanent.
/// UNWATCH, DISCARD, EXEC and the end of a connection had the same effect.
#[test]
fn a_key_watched_during_loading_can_be_renewed_by_a_later_record() {
    let mut between = 100_000;
    loop {
        let directory = tempfile::tempdir().expect("a temporary directory");
        renewed_boards(directory.path(), between);
        let server = Server::rankd_unready(directory, &["--auto-aof-rewrite-percentage", "0"]);
        let mut client = connect(&server);
        let mut asked_while_loading = 0;
        while client.ask("PING").is_error() {
            let mut other = server.client();
            for words in
                [&["WATCH", "in the base", "in the segment"][..], &["UNWATCH"], &["MULTI"], &["EXEC"]]
            {
                assert!(!client.call(words).is_error(), "{words:?}");
            }
            assert!(!other.call(&["WATCH", "in the base", "in the segment"]).is_error());
            drop(other);
            let facts = client.ask("INFO persistence").text();
            let loaded = facts.lines().find_map(|line| line.strip_prefix("loading_loaded_bytes:"));
            // The boards are read, but the reading has not finished.
            let is_past = loaded.is_some_and(|bytes| bytes.parse::<u64>().expect("a number") > 100_000);
            asked_while_loading += u32::from(is_past);
        }
        if asked_while_loading < 3 {
            // The server was faster than the test: try again with more records.
            between *= 2;
            continue;
        }
        println!("watched {asked_while_loading} times beside {between} records");
        let is_whole = |client: &mut Client| {
            for board in ["in the base", "in the segment"] {
                assert_eq!(client.call(&["ZCARD", board]).integer(), MEMBERS, "{board}");
                assert_eq!(client.call(&["TTL", board]).integer(), -1, "{board}");
            }
        };
        is_whole(&mut client);
        is_whole(&mut server.restart().client());
        return;
    }
}
