//! The real binary on a failing disk: a full one (a small tmpfs in its own mount namespace), and one whose fdatasync fails
//! with EIO (injected by strace).
//!
//! If this machine does not allow a test, one visible line says so. `src/journal/tests` simulates every fault as well.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Server, run_rankd};
use crate::support::wait_for;

/// Whether `command` succeeds on this machine. Prints a line if it does not.
fn can(what: &str, program: &str, arguments: &[&str]) -> bool {
    let ran = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    if !ran {
        // Straight to the file descriptor: the macros' output would be captured by the test harness.
        let line = format!("\nNOT TESTED: {what}: this machine does not allow `{program}`\n");
        std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
    }
    ran
}

/// Writes members from `next` on until one is refused. Returns that reply.
fn write_until_refused(client: &mut Client, next: &mut u32) -> String {
    let text = "x".repeat(500);
    loop {
        match client.call(&["ZADD", "board", "1", &format!("{next}{text}")]) {
            Reply::Integer(1) => *next += 1,
            Reply::Error(text) => return String::from_utf8_lossy(&text).into_owned(),
            other => panic!("{other:?}"),
        }
    }
}

/// A server on a disk of a megabyte, of which the file `ballast` takes so many bytes. `None` where there can be no such disk.
fn on_small_disk(ballast_bytes: usize, arguments: &[&str]) -> Option<Server> {
    let small = format!(
        "mount -t tmpfs -o size=1m rankd \"$1\" && head -c {ballast_bytes} /dev/zero > \"$1/ballast\""
    );
    let namespace = ["--user", "--map-root-user", "--mount", "sh", "-c"];
    let probe = tempfile::tempdir().expect("a temporary directory");
    let mounted = probe.path().to_str().expect("UTF-8");
    if !can("a full disk", "unshare", &[&namespace[..], &[&small, "sh", mounted]].concat()) {
        return None;
    }
    let start = format!("{small} && shift && exec \"$@\"");
    let around = [&["unshare"][..], &namespace, &[&start, "sh", "{dir}"]].concat();
    Some(Server::rankd_within(&around, arguments))
}

#[test]
fn a_full_disk_refuses_writes_until_it_has_space() {
    let arguments = ["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"];
    let Some(server) = on_small_disk(300_000, &arguments) else { return };
    let mut client = server.client();
    let mut acknowledged = 0;
    let refusal = write_until_refused(&mut client, &mut acknowledged);
    assert!(refusal.starts_with("MISCONF Errors writing to the AOF file: "), "{refusal}");
    assert!(refusal.contains("No space left"), "{refusal}");
    assert!(acknowledged > 500, "{acknowledged} before the disk was full");
    assert_eq!(client.fact("aof_last_write_status"), "err");
    assert!(client.fact("aof_last_write_error").contains("No space left"));
    // Reads are still served, and a write is refused with the reason.
    assert!(matches!(client.call(&["ZCARD", "board"]), Reply::Integer(n) if n >= i64::from(acknowledged)));
    assert!(matches!(client.call(&["PING"]), Reply::Error(_)));

    std::fs::remove_file(server.seen_from_outside("ballast")).expect("a ballast file");
    wait_for("the disk to heal", || (client.fact("aof_last_write_status") == "ok").then_some(()));
    assert_eq!(client.call(&["ZADD", "board", "2", "after"]), Reply::Integer(1));
    let board = client.call(&["ZRANGE", "board", "0", "-1", "WITHSCORES"]);
    // The files as a crash at this moment would leave them.
    let copy = Server::rankd_on_copy(&server.seen_from_outside("journal"), &["--appendonly", "yes"]);
    assert_eq!(copy.client().call(&["ZRANGE", "board", "0", "-1", "WITHSCORES"]), board);
}

/// An operator's way out of a full disk, and back.
#[test]
fn on_a_full_disk_the_journal_can_be_turned_off_and_not_on() {
    let arguments = ["--appendonly", "yes", "--appendfsync", "always"];
    let Some(server) = on_small_disk(700_000, &arguments) else { return };
    let mut client = server.client();
    let mut next = 0;
    let refusal = write_until_refused(&mut client, &mut next);
    assert!(refusal.contains("No space left"), "{refusal}");
    let ok = Reply::Simple(b"OK".to_vec());
    assert_eq!(client.ask("CONFIG SET appendonly no"), ok);
    assert_eq!((client.fact("aof_enabled"), client.fact("aof_last_write_status")), ("0".into(), "ok".into()));
    for _ in 0..500 {
        assert!(!client.call(&["ZADD", "board", "2", &format!("off{next}")]).is_error());
        next += 1;
    }
    // Whatever space is left, a disk that has none takes no journal.
    let filler = server.seen_from_outside("filler");
    let mut file = std::fs::File::create(&filler).expect("a file");
    while file.write_all(&[0; 512]).is_ok() {}
    drop(file);
    let Reply::Error(why) = client.ask("CONFIG SET appendonly yes") else {
        panic!("a journal without space")
    };
    let why = String::from_utf8(why).expect("text");
    assert!(why.starts_with("ERR CONFIG SET failed (possibly related to argument 'appendonly') - "), "{why}");
    assert!(why.contains("No space left"), "{why}");
    assert_eq!(client.fact("aof_enabled"), "0");
    assert!(!client.call(&["ZADD", "board", "3", "still off"]).is_error());

    std::fs::remove_file(filler).expect("a filler file");
    std::fs::remove_file(server.seen_from_outside("ballast")).expect("a ballast file");
    assert_eq!(client.ask("CONFIG SET appendonly yes"), ok);
    assert_eq!(client.call(&["ZADD", "board", "4", "on again"]), Reply::Integer(1));
    let both = Reply::Array(vec![Reply::Integer(1), Reply::Integer(0)]);
    assert_eq!(client.ask("WAITAOF 1 0 20000"), both);
    let board = client.call(&["ZRANGE", "board", "0", "-1", "WITHSCORES"]);
    let copy = Server::rankd_on_copy(&server.seen_from_outside("journal"), &["--appendonly", "yes"]);
    assert_eq!(copy.client().call(&["ZRANGE", "board", "0", "-1", "WITHSCORES"]), board);
}

#[test]
fn after_a_failed_fdatasync_writes_are_refused_until_a_new_base() {
    let inject =
        ["-D", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=6"];
    if !can("a failing fdatasync", "strace", &[&inject[..], &["true"]].concat()) {
        return;
    }
    let around = [&["strace"][..], &inject].concat();
    let server = Server::rankd_within(&around, &["--appendonly", "yes", "--appendfsync", "always"]);
    let mut client = server.client();
    let mut acknowledged = 0;
    let refusal = write_until_refused(&mut client, &mut acknowledged);
    assert!(refusal.contains("fdatasync of the journal failed"), "{refusal}");
    // The journal recovers by a checkpoint that it starts itself: a later successful fdatasync is not enough.
    wait_for("the journal to heal", || (client.fact("aof_last_write_status") == "ok").then_some(()));
    wait_for("the checkpoint's end", || (client.fact("aof_rewrites") != "0").then_some(()));
    assert_ne!(client.fact("aof_failed_fsyncs"), "0");
    assert_eq!(client.call(&["ZADD", "board", "2", "after"]), Reply::Integer(1));
    let board = client.call(&["ZRANGE", "board", "0", "-1", "WITHSCORES"]);
    let copy = Server::rankd_on_copy(&server.directory().join("journal"), &["--appendonly", "yes"]);
    assert_eq!(copy.client().call(&["ZRANGE", "board", "0", "-1", "WITHSCORES"]), board);
}

/// The system calls that make the steps of a checkpoint durable; strace skips those that this machine does not have.
const STEPS: [&str; 4] = ["?rename,?renameat,?renameat2", "?unlink,?unlinkat", "fsync", "fdatasync"];

/// Kills the server at the first call of each kind, at the second, and so on, while base and manifest are written and
/// renamed, and old files are removed.
#[test]
fn a_kill_at_any_step_of_a_checkpoint_keeps_what_was_acknowledged() {
    if !can("a kill within a checkpoint", "strace", &["-D", "-o", "/dev/null", "true"]) {
        return;
    }
    let mut server = Server::rankd_with(&["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"]);
    let mut acknowledged = 0;
    let mut kills = 0;
    for calls in STEPS {
        for number in 1.. {
            if checkpoint_killed_at(&server, &mut acknowledged, calls, number) == Ended::Complete {
                break;
            }
            kills += 1;
            server = server.restart();
            let count = server.client().call(&["ZCARD", "board"]);
            let Reply::Integer(count) = count else { panic!("{count:?}") };
            // The unacknowledged write may exist or not.
            assert!(
                (acknowledged..=acknowledged + 1).contains(&count),
                "{count} of {acknowledged} members after a kill at {calls} {number}"
            );
            let directory = server.directory().to_str().expect("UTF-8");
            let (status, said, complained) = run_rankd(&["journal", "check", directory]);
            assert!(status.success(), "{calls} {number}: {said}{complained}");
        }
    }
    // Three renames, two removals, and the syncs around them.
    assert!(kills > 10, "{kills}");
}

#[derive(PartialEq)]
enum Ended {
    Complete,
    Killed,
}

/// Writes while strace kills the server at one system call of a checkpoint.
fn checkpoint_killed_at(server: &Server, acknowledged: &mut i64, calls: &str, number: u32) -> Ended {
    let mut client = server.client();
    let mut write = |client: &mut Client| {
        let reply = client.try_call(&["ZADD", "board", "1", &format!("member{acknowledged}")]);
        // A write that was sent and not acknowledged is sent again.
        *acknowledged += i64::from(reply.is_ok());
        reply.is_ok()
    };
    (0..50).for_each(|_| assert!(write(&mut client)));
    let mut strace = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}")])
        .args(["-e", &format!("inject={calls}:signal=KILL:when={number}"), "-p", &server.id().to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace runs");
    let mut said = BufReader::new(strace.stderr.take().expect("piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("strace says that it is attached");
    assert!(line.contains("attached"), "{line}");
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    let before = format!("aof_rewrites:{}\r\n", client.fact("aof_rewrites"));
    // The kill may come before the reply.
    let _ = client.try_call(&["BGREWRITEAOF"]);
    let ended = loop {
        if !write(&mut client) {
            break Ended::Killed;
        }
        match client.try_call(&["INFO", "persistence"]) {
            Ok(facts) if !facts.text().contains(&before) => break Ended::Complete,
            Ok(_) => {}
            Err(_) => break Ended::Killed,
        }
    };
    let _ = strace.kill();
    strace.wait().expect("strace ends");
    ended
}
