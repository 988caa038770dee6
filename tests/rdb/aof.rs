//! Imports of Redis's append-only files, compared with Redis: a file that Redis loads is imported with the same result, and a
//! file that it refuses is refused.

use std::path::Path;
use std::process::{Command, Stdio};

use super::data::{Contents, contents};
use crate::support::client::{Client, encode};
use crate::support::server::{Peer, Server, free_address, run_rankd};
use crate::support::wait_for;

/// The data after `rankd import SOURCE`, or its error.
fn imported(source: &Path) -> Result<Contents, String> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let arguments = ["import", &source.to_string_lossy(), "--dir", &directory.path().to_string_lossy()];
    let (status, _, errors) = run_rankd(&arguments);
    if !status.success() {
        assert_eq!(status.code(), Some(1), "{errors}");
        return Err(errors);
    }
    let server = Server::rankd_in(directory, &[]).expect("rankd starts on what was imported");
    Ok(contents(&mut server.client()))
}

/// The data of Redis after a start on a copy of `directory`. `None` if it does not start.
fn loaded_by_redis(binary: &Path, directory: &Path) -> Option<Contents> {
    let copy = tempfile::tempdir().expect("a temporary directory");
    copy_files(directory, copy.path());
    let address = free_address();
    let mut child = Command::new(binary)
        .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--dir"])
        .arg(copy.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Redis runs");
    let client = wait_for("Redis's start or end", || {
        if child.try_wait().expect("a child").is_some() {
            return Some(None);
        }
        let mut client = Client::try_connect(address).ok()?;
        client.try_call(&["PING"]).ok().filter(|reply| !reply.is_error()).map(|_| Some(client))
    });
    let found = client.map(|mut client| contents(&mut client));
    let _ = child.kill();
    child.wait().expect("a child that can be waited for");
    found
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            std::fs::create_dir(&target).expect("a directory");
            copy_files(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a copy");
        }
    }
}

fn commands(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>())).collect()
}

/// With exit code 0 (redis#9788, redis#10061), a repeated increment in a manifest was run twice, a base at the end of a
/// manifest was read last, and an empty manifest imported nothing. Each case is compared with Redis.
#[test]
fn manifests_are_accepted_or_refused_as_by_redis() {
    const MANIFESTS: [&str; 30] = [
        "file b seq 1 type b\nfile i seq 1 type i\n",
        "file i seq 1 type i\nfile b seq 1 type b\n",
        "file b seq 1 type b\nfile i seq 1 type i\nfile i seq 1 type i\n",
        "file b seq 1 type b\nfile i seq 2 type i\nfile j seq 1 type i\n",
        "file b seq 1 type b\nfile j seq 1 type i\nfile i seq 2 type i\n",
        "file b seq 1 type b\nfile b seq 2 type b\n",
        "file i seq 1 type i\nfile j seq 7 type i\n",
        "file b seq 1 type b\nfile i seq 1 type h\nfile j seq 2 type i\n",
        "",
        "\n",
        "file b seq 1 type b\n\n",
        "file b seq 1 type b",
        "file b seq 1 type b\nfile i seq 1 type i",
        "# a remark\nfile b seq 1 type b\n# another\n",
        " # no remark\nfile b seq 1 type b\n",
        "file b seq 1 type b\nfile gone seq 1 type i\n",
        "file b seq 1 type b\nfile empty seq 1 type i\nfile i seq 2 type i\n",
        "file empty seq 1 type b\nfile i seq 1 type i\n",
        "file b seq 0 type b\n",
        "file b seq -1 type b\n",
        "file b seq 1 type b\nfile i seq -1 type i\n",
        "file b seq x type b\n",
        "file b seq 1x type base\n",
        "file b seq 1 type x\n",
        "file b seq 1\n",
        "FILE b SEQ 1 Type b other word\r\n",
        "file b seq 1 type b word\n",
        "file gone seq 1 type b file b\n",
        "file \"b\" seq 1 type b startoffset 7 endoffset 9\n",
        "file ../appendonlydir/b seq 1 type b\n",
    ];
    let Some(redis) = Peer::Redis.find() else { return };
    for (turn, manifest) in MANIFESTS.into_iter().enumerate() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let aof = directory.path().join("appendonlydir");
        std::fs::create_dir(&aof).expect("a directory");
        let write = |name: &str, bytes: &[u8]| std::fs::write(aof.join(name), bytes).expect("a file");
        write("b", &commands(&["SELECT 0", "ZADD lb 100 alice", "SET n 5"]));
        write("i", &commands(&["SELECT 0", "ZINCRBY lb 7 alice", "INCR n"]));
        write("j", &commands(&["SELECT 1", "SET n 50", "INCRBY n 450"]));
        write("empty", b"");
        write("appendonly.aof.manifest", manifest.as_bytes());
        // A file that Redis was writing when it ended. Redis never reads it.
        write("temp-appendonly.aof.manifest", b"file i seq 1 type i\n");
        let expected = loaded_by_redis(&redis, directory.path());
        println!("{manifest:?}: {}", if expected.is_some() { "loaded" } else { "refused" });
        // The source is given as the file, as its directory, or as the server's directory.
        let sources = [directory.path().to_owned(), aof.clone(), aof.join("appendonly.aof.manifest")];
        let found = imported(&sources[turn % sources.len()]);
        assert_eq!(found.clone().ok(), expected, "{manifest:?}: {found:?}");
    }
}

/// An EXEC without MULTI, other bytes than CR LF after an argument, and a MULTI within a MULTI stopped the import or lost
/// commands. Each case is compared with Redis.
#[test]
fn commands_are_accepted_or_refused_as_by_redis() {
    let Some(redis) = Peer::Redis.find() else { return };
    let begin = commands(&["SELECT 0", "ZADD lb 100 alice"]);
    let set = commands(&["SET n 5"]);
    let replaced = |from: &str, to: &str| {
        let text = String::from_utf8(set.clone()).expect("ASCII");
        assert!(text.contains(from));
        text.replace(from, to).into_bytes()
    };
    let tails: Vec<Vec<u8>> = vec![
        Vec::new(),
        set.clone(),
        commands(&["EXEC", "SET n 5"]),
        commands(&["MULTI", "SET n 5", "MULTI", "INCR n", "EXEC", "INCR n"]),
        commands(&["MULTI", "SET n 5"]),
        commands(&["MULTI", "EXEC", "SET n 5", "MULTI"]),
        replaced("SET\r\n", "SETxy"),
        replaced("SET\r\n", "SET\0\0"),
        replaced("$3\r\n", "$3\n"),
        replaced("*3\r\n", "*3 and more\r\n"),
        replaced("*3\r\n", "* 3\n"),
        replaced("5\r\n", "5"),
        replaced("*3", "#TS:1700000000\r\n*3"),
        replaced("*3", "# a remark\n*3"),
        replaced("*3", "\r\n*3"),
        replaced("*3", "*0"),
        replaced("*3", "*x"),
        replaced("*3", "*5"),
        replaced("$3", "$4"),
        replaced("$3", "x3"),
        b"*".to_vec(),
        b"#TS:17".to_vec(),
        vec![0; 4096],
        b"SET n 5\r\n".to_vec(),
        [&b"#"[..], &[b'x'; 1500], b"\n", &set].concat(),
        set[..set.len() - 1].to_vec(),
        set[..set.len() - 9].to_vec(),
    ];
    for tail in tails {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("appendonly.aof");
        std::fs::write(&path, [&begin[..], &tail].concat()).expect("a file");
        let expected = loaded_by_redis(&redis, directory.path());
        let name = tail[..tail.len().min(60)].escape_ascii();
        println!("{name}: {}", if expected.is_some() { "loaded" } else { "refused" });
        let found = imported(&path);
        assert_eq!(found.clone().ok(), expected, "{name}: {found:?}");
    }
}

/// A file that is neither a dump nor an append-only file was imported as an empty one, with exit code 0 (redis#12521,
/// redis#3733). So was a part of an append-only file, as if it were the whole.
#[test]
fn incomplete_and_unknown_files_are_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("x");
    let write = |path: &Path, bytes: &[u8]| std::fs::write(path, bytes).expect("a file");
    let refused = |path: &Path, words: &str| {
        let error = imported(path).expect_err("refused");
        assert!(error.contains(words), "{error}");
    };
    let dump = include_bytes!("../data/redis-8.2.3.rdb");
    let set = commands(&["SET n 5"]);
    let cases: [(&[u8], &str); 12] = [
        (b"", "it is empty"),
        (b"REDI", "neither an RDB file"),
        (b"R", "neither an RDB file"),
        (b"\0\0\0\0\0\0\0\0", "neither an RDB file"),
        (b"SET n 5\r\n", "neither an RDB file"),
        (b"{\"n\": 5}", "neither an RDB file"),
        (b"\x1f\x8b\x08\0", "neither an RDB file"),
        (b"# appendonly no\nport 6379\n", "does not begin with '*'"),
        (b"#TS:1700000000\r\n", "no complete command is in it"),
        (&set[..set.len() - 1], "no complete command is in it"),
        (&[dump, &set[..]].concat(), "27 bytes of something else follow the dump"),
        (&commands(&["SELECT 16", "SET n 5"]), "SELECT, which Redis has run, is refused"),
    ];
    for (bytes, words) in cases {
        write(&path, bytes);
        refused(&path, words);
    }
    // A command that fails here has succeeded in Redis.
    write(&path, &commands(&["SET n x", "INCR n"]));
    refused(&path, "INCR, which Redis has run, is refused");

    let aof = directory.path().join("appendonlydir");
    std::fs::create_dir(&aof).expect("a directory");
    write(&aof.join("appendonly.aof.1.base.rdb"), dump);
    write(&aof.join("appendonly.aof.1.incr.aof"), &set);
    write(&directory.path().join("dump.rdb"), dump);
    for place in [directory.path(), &aof] {
        refused(place, "is a part of an append-only file whose manifest is missing");
    }
    write(
        &aof.join("appendonly.aof.manifest"),
        b"file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n",
    );
    for part in ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof"] {
        refused(&aof.join(part), "is a part of the append-only file that");
    }
    assert!(imported(&aof).is_ok());
    write(&aof.join("appendonly.aof.1.base.rdb"), &dump[..dump.len() - 1]);
    refused(&aof, "it ends too early");
}

/// A dump that announces another number of keys than it holds was imported, with exit code 0.
#[test]
fn a_dump_with_a_wrong_number_of_keys_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("dump.rdb");
    for (announced, found) in [(2, 1), (0, 1), (1, 1)] {
        let head = [b"REDIS0012\xfe\x03\xfb", &[announced][..], b"\0"].concat();
        std::fs::write(&path, [&head[..], b"\0\x01k\x01v\xff\0\0\0\0\0\0\0\0"].concat()).expect("a file");
        match imported(&path) {
            Ok(contents) => assert_eq!((announced, contents.len()), (1, found)),
            Err(error) => {
                assert!(announced != 1 && error.contains("it says that database 3 holds"), "{error}");
            }
        }
    }
}
