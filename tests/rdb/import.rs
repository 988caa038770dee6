//! `rankd import` from files and servers of Redis and Valkey.

use std::path::Path;

use super::data::{Contents, contents, expiries, fill, fill_foreign};
use crate::support::chance::Chance;
use crate::support::client::{Client, encode};
use crate::support::server::{Peer, Server, run_rankd};
use crate::support::wait_for;

/// Imports `source` and gives a server on the result, and the report.
fn import(source: &str) -> (Server, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (status, report, errors) =
        run_rankd(&["import", source, "--dir", &directory.path().to_string_lossy()]);
    assert!(status.success(), "{source}: {report}{errors}");
    (Server::rankd_in(directory, &[]).expect("rankd starts on what was imported"), report)
}

/// That an import is refused, with these words.
fn assert_refused(source: &Path, words: &str) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let arguments = ["import", &source.to_string_lossy(), "--dir", &directory.path().to_string_lossy()];
    let (status, _, errors) = run_rankd(&arguments);
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains(words), "{errors}");
    let server = Server::rankd_in(directory, &[]).expect("nothing was imported");
    assert_eq!(server.client().ask("DBSIZE").integer(), 0);
}

/// Tells which key differs, rather than all there is.
fn assert_same(expected: &Contents, found: &Contents, of: &str) {
    for (key, value) in expected {
        assert_eq!(Some(value), found.get(key), "{of}: {key:?}");
    }
    assert_eq!(expected.len(), found.len(), "{of}: keys that should not be there");
}

/// -0 in a large sorted set prints as such in Redis; rankd holds 0.
fn without_negative_zero(mut contents: Contents) -> Contents {
    for value in contents.values_mut() {
        if let super::data::Value::Ranking(entries) = value {
            for score in entries.iter_mut().skip(1).step_by(2).filter(|score| *score == b"-0") {
                *score = b"0".to_vec();
            }
            // Among equal scores the order is by member, and the zeros are equal in both.
        }
    }
    contents
}

/// The same keys expire at the same milliseconds: rankd says so by a dump that the peer loads.
fn assert_same_expiries(peer: Peer, expected: &mut Client, rankd: &Server, contents: &Contents) {
    assert!(!rankd.client().ask("SAVE").is_error());
    let directory = rankd.directory().to_string_lossy().into_owned();
    let loaded = Server::peer(peer, &["--dir", &directory]).expect("the peer is here");
    assert_eq!(expiries(expected, contents), expiries(&mut loaded.client(), contents));
}

#[test]
fn all_that_a_peer_holds_comes_over_to_the_bit() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    for peer in [Peer::Redis, Peer::Valkey] {
        let mut chance = Chance::new(seed);
        let Some(server) = Server::peer(peer, &["--appenddirname", "aof"]) else { continue };
        let mut client = server.client();
        fill(&mut client, &mut chance);
        let foreign = fill_foreign(&mut client);
        let expected = without_negative_zero(contents(&mut client));
        assert!(expected.len() > 100);
        // In the file although its time has come: nobody asks for it.
        client.ask("DEBUG SET-ACTIVE-EXPIRE 0");
        client.ask("SET past 1 PX 1");
        assert!(!client.ask("SAVE").is_error());

        let dump = server.directory().join("dump.rdb").to_string_lossy().into_owned();
        let live = format!("redis://{}", server.address);
        for source in [&dump, &live] {
            let (rankd, report) = import(source);
            println!("{report}");
            assert_same(&expected, &contents(&mut rankd.client()), source);
            assert_same_expiries(peer, &mut client, &rankd, &expected);
            for (name, keys) in &foreign {
                let line =
                    format!("{keys} key{}: rankd has no type {name}", if *keys == 1 { "" } else { "s" });
                assert!(report.contains(&line), "{line}\n{report}");
            }
        }
        let report = import(&dump).1;
        assert!(report.contains("1 function library: rankd runs no scripts"), "{report}");
        assert!(report.contains("1 key: expired"), "{report}");

        // One database alone.
        let (rankd, _) = import(&format!("{live}/3"));
        let third: Contents = expected
            .iter()
            .filter(|((database, _), _)| *database == 3)
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        assert_same(&third, &contents(&mut rankd.client()), "database 3");
    }
}

/// A password, a database beyond those that are configured, values of many megabytes, and a server that is none.
#[test]
fn servers_are_met_as_they_are() {
    let settings = ["--requirepass", "secret/@", "--databases", "40"];
    let Some(server) = Server::peer(Peer::Redis, &settings) else { return };
    let mut client = server.client();
    assert!(!client.ask("AUTH secret/@").is_error());
    assert!(!client.ask("SELECT 39").is_error());
    for key in 0..5 {
        let value = Chance::new(key).next().to_le_bytes().repeat(300_000);
        assert!(!client.call(&[b"SET".as_slice(), format!("{key}").as_bytes(), &value]).is_error());
    }
    let run = |url: &str, databases: &str| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().to_string_lossy().into_owned();
        run_rankd(&["import", url, "--dir", &path, "--databases", databases])
    };
    let (status, _, errors) = run(&format!("redis://{}", server.address), "40");
    assert!(!status.success() && errors.contains("NOAUTH"), "{errors}");
    let url = format!("redis://:secret%2F%40@{}", server.address);
    let (status, _, errors) = run(&url, "16");
    assert!(!status.success() && errors.contains("say --databases 40"), "{errors}");
    let (status, report, errors) = run(&url, "40");
    assert!(status.success(), "{errors}");
    assert!(report.contains("strings     5\n") && !report.contains("secret"), "{report}");
    let (status, _, errors) = run("redis://127.0.0.1:1", "16");
    assert!(!status.success() && errors.contains("127.0.0.1:1: "), "{errors}");
}

/// The append-only file: a base that is a dump, then commands, those for other types and a transaction among them.
#[test]
fn an_append_only_directory_is_replayed() {
    for (peer, preamble) in [(Peer::Redis, "yes"), (Peer::Redis, "no"), (Peer::Valkey, "yes")] {
        let Some(server) = Server::peer(peer, &["--aof-use-rdb-preamble", preamble]) else { continue };
        let mut client = server.client();
        fill(&mut client, &mut Chance::new(7));
        client.ask("RPUSH list a b c");
        assert!(!client.ask("CONFIG SET appendonly yes").is_error());
        wait_for("the base", || {
            let info = client.ask("INFO persistence").text();
            (info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0"))
                .then_some(())
        });
        for line in [
            "ZADD after 1 a 2 b 3 c",
            "ZINCRBY after 0.1 a",
            "ZPOPMAX after",
            "SET s x EX 100000",
            "EXPIRE after 200000",
            "LPUSH list z",
            "HSET h f v",
            "XADD x 1-1 f v",
            "MULTI",
            "ZADD both 1 a",
            "SELECT 5",
            "SADD both x y",
            "EXEC",
            "SREM both y",
            "SET gone 1",
            "DEL gone",
            "SELECT 0",
        ] {
            let reply = client.ask(line);
            assert!(!reply.is_error(), "{line}: {reply:?}");
        }
        let expected = without_negative_zero(contents(&mut client));
        for source in [server.directory().to_path_buf(), server.directory().join("appendonlydir")] {
            let (rankd, report) = import(&source.to_string_lossy());
            assert_same(&expected, &contents(&mut rankd.client()), &source.to_string_lossy());
            assert_same_expiries(peer, &mut client, &rankd, &expected);
            for line in ["1 command: rankd has no type hash", "1 command: rankd has no type stream"] {
                assert!(report.contains(line), "{line}\n{report}");
            }
        }
        // Which of the two holds the truth is not in the files.
        assert!(!client.ask("SAVE").is_error());
        assert_refused(server.directory(), "name the one to read");
    }
}

#[test]
fn an_old_append_only_file_is_read_up_to_its_torn_end() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("appendonly.aof");
    let mut bytes = encode(&["SELECT", "2"]);
    bytes.extend(b"#TS:1700000000\r\n");
    bytes.extend(encode(&["ZADD", "board", "1.5", "alice"]));
    let whole = bytes.len();
    bytes.extend(encode(&["MULTI"]));
    bytes.extend(encode(&["ZADD", "board", "2", "bob"]));
    std::fs::write(&path, &bytes).expect("a file");
    let (rankd, report) = import(&path.to_string_lossy());
    let mut client = rankd.client();
    client.ask("SELECT 2");
    assert_eq!(client.ask("ZRANGE board 0 -1").items().len(), 1, "half a transaction is none");
    assert!(report.contains("at the end: an incomplete command or transaction"), "{report}");

    std::fs::write(&path, &bytes[..whole - 4]).expect("a file");
    let (rankd, report) = import(&path.to_string_lossy());
    assert_eq!(rankd.client().ask("DBSIZE").integer(), 0, "{report}");

    bytes.truncate(whole);
    bytes.extend(encode(&["GETSET-LIKE", "x", "y"]));
    std::fs::write(&path, &bytes).expect("a file");
    assert_refused(&path, "rankd has no command 'getset-like', without which keys would differ");
    assert_refused(&path, &format!("at byte {whole}"));
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_imported() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("dump.rdb");
    let dump = include_bytes!("../data/redis-8.2.3.rdb");
    let refused = |bytes: &[u8], words: &str| {
        std::fs::write(&path, bytes).expect("a file");
        assert_refused(&path, words);
    };
    refused(&dump[..dump.len() - 9], "it ends in the middle of something, at byte");
    refused(b"REDIS0099", "RDB version 0099 is not known");
    let mut flipped = dump.to_vec();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    refused(&flipped, "the checksum is wrong");
    assert_refused(&directory.path().join("missing"), "No such file or directory");
}

#[test]
fn a_directory_with_data_or_a_server_is_left_alone() {
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/redis-8.2.3.rdb");
    let server = Server::rankd_with(&[]);
    let directory = server.directory().to_string_lossy().into_owned();
    let arguments = ["import", &dump.to_string_lossy(), "--dir", &directory];
    assert!(!server.client().ask("SET mine 1").is_error());
    let (status, _, errors) = run_rankd(&arguments);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("in use"), "{errors}");
    let server = {
        let mut server = server;
        assert!(server.terminate().success());
        server
    };
    let (status, _, errors) = run_rankd(&arguments);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("holds data; import takes an empty directory"), "{errors}");
    assert_eq!(server.restart().client().ask("GET mine").text(), "1");
}

/// A start beside Redis's files began empty, and said so of a dump file only: who changed the binary alone would have seen
/// an empty server and no reason.
#[test]
fn a_start_beside_redis_files_says_what_it_does_not_read() {
    let dump = include_bytes!("../data/redis-8.2.3.rdb");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().canonicalize().expect("a directory");
    std::fs::create_dir(path.join("appendonlydir")).expect("a directory");
    std::fs::write(path.join("appendonly.aof"), encode(&["SET", "n", "1"])).expect("a file");
    std::fs::write(path.join("dump.rdb"), dump).expect("a file");
    let server = Server::rankd_in(directory, &[]).expect("it starts");
    wait_for("the end of what it says", || server.said().contains("ready to accept").then_some(()));
    let said = server.said();
    assert!(said.contains("dump.rdb is not read, for there is a journal"), "{said}");
    for name in ["appendonlydir", "appendonly.aof", "dump.rdb"] {
        let command = format!("run `rankd import {} --dir {}`", path.join(name).display(), path.display());
        assert!(said.contains(&command), "{command}\n{said}");
    }
    // Without a journal the dump file is read; of what it holds some is left out, and the append-only file is not read.
    let server = server.restart_with(&["--appendonly", "no"]).expect("it starts");
    wait_for("the end of what it says", || server.said().contains("ready to accept").then_some(()));
    let said = server.said();
    assert!(said.contains("12 keys read from") && !said.contains("dump.rdb is not read"), "{said}");
    assert!(said.contains("append-only file, which is not read"), "{said}");
    assert!(said.contains("4 keys: rankd has no type hash"), "{said}");
}

/// A database that the source has not was imported as one without keys, with exit code 0.
#[test]
fn what_a_server_counts_is_what_was_read() {
    let Some(server) = Server::peer(Peer::Redis, &[]) else { return };
    let mut client = server.client();
    fill(&mut client, &mut Chance::new(3));
    let url = format!("redis://{}", server.address);
    let refused = |url: &str, words: &str| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().to_string_lossy().into_owned();
        let (status, _, errors) = run_rankd(&["import", url, "--dir", &path, "--databases", "20"]);
        assert!(!status.success() && errors.contains(words), "{errors}");
    };
    refused(&format!("{url}/16"), "database 16: ERR DB index is out of range");
    let (_, report) = import(&format!("{url}/3"));
    let keys = {
        client.ask("SELECT 3");
        client.ask("DBSIZE").integer()
    };
    assert!(
        report.contains(&format!("counted     {keys} keys in database 3, as the server counts")),
        "{report}"
    );
    let (_, report) = import(&format!("{url}/5"));
    assert!(report.contains("counted     0 keys in database 5, as the server counts"), "{report}");
    let (_, report) = import(&url);
    assert_eq!(report.matches("as the server counts").count(), 3, "{report}");
}
