//! `rankd import` from files and servers of Redis and Valkey.

use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rankd::machine::clock::Clock;
use rankd::ranking::Score;
use rankd::store::Store;
use rankd::store::change::{ChangeBuffer, decode};

use super::data::{Contents, contents, date_fields, expiries, fill, fill_foreign};
use crate::support::chance::Chance;
use crate::support::client::{Client, encode};
use crate::support::server::{Peer, Server, run_rankd};
use crate::support::wait_for;

/// Imports `source` and returns a server on the result, and the report.
fn import(source: &str) -> (Server, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (status, report, errors) =
        run_rankd(&["import", source, "--dir", &directory.path().to_string_lossy()]);
    assert!(status.success(), "{source}: {report}{errors}");
    (Server::rankd_in(directory, &[]).expect("rankd starts on what was imported"), report)
}

/// Checks that an import fails with an error that contains `words`.
fn assert_refused(source: &Path, words: &str) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let arguments = ["import", &source.to_string_lossy(), "--dir", &directory.path().to_string_lossy()];
    let (status, _, errors) = run_rankd(&arguments);
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains(words), "{errors}");
    let server = Server::rankd_in(directory, &[]).expect("nothing was imported");
    assert_eq!(server.client().ask("DBSIZE").integer(), 0);
}

/// Compares key by key, so that a failure prints only the key that differs.
fn assert_same(expected: &Contents, found: &Contents, of: &str) {
    for (key, value) in expected {
        assert_eq!(Some(value), found.get(key), "{of}: {key:?}");
    }
    assert_eq!(expected.len(), found.len(), "{of}: keys that should not be there");
}

/// Redis prints -0 in a large sorted set as such; rankd holds 0.
fn without_negative_zero(mut contents: Contents) -> Contents {
    for value in contents.values_mut() {
        if let super::data::Value::Ranking(entries) = value {
            for score in entries.iter_mut().skip(1).step_by(2).filter(|score| *score == b"-0") {
                *score = b"0".to_vec();
            }
            // Equal scores are ordered by member, and both zeros are equal.
        }
    }
    contents
}

/// Checks that the same keys expire at the same milliseconds: the peer loads a dump of rankd.
fn assert_same_expiries(peer: Peer, expected: &mut Client, rankd: &Server, contents: &Contents) {
    assert!(!rankd.client().ask("SAVE").is_error());
    let directory = rankd.directory().to_string_lossy().into_owned();
    let loaded = Server::peer(peer, &["--dir", &directory]).expect("the peer is here");
    assert_eq!(expiries(expected, contents), expiries(&mut loaded.client(), contents));
}

/// Redis and Valkey have different formats for hashes whose fields expire, and each has one for small and one for large
/// hashes. All are imported, and Redis loads what rankd writes.
#[test]
fn expiring_fields_are_imported_and_exported() {
    for peer in [Peer::Redis, Peer::Valkey] {
        let Some(server) = Server::peer(peer, &[]) else { continue };
        let mut client = server.client();
        let fields: Vec<Vec<u8>> = (0..600).map(|i| format!("f{i}").into_bytes()).collect();
        for (key, count) in [("small", 5), ("large", 600)] {
            let pairs = fields[..count].iter().flat_map(|field| [field.clone(), b"1".to_vec()]);
            let request: Vec<_> = [b"HSET".to_vec(), key.into()].into_iter().chain(pairs).collect();
            assert_eq!(client.call(&request).integer(), count as i64);
            date_fields(&mut client, key.as_bytes(), 2_000_000_000_123, &fields[..2]);
            date_fields(&mut client, key.as_bytes(), 1_900_000_000_000, &fields[3..4]);
        }
        assert!(!client.ask("SAVE").is_error());
        let expected = contents(&mut client);
        let dump = server.directory().join("dump.rdb").to_string_lossy().into_owned();
        for source in [dump, format!("redis://{}", server.address)] {
            let (rankd, _) = import(&source);
            assert_same(&expected, &contents(&mut rankd.client()), &source);
            assert!(!rankd.client().ask("SAVE").is_error());
            let directory = rankd.directory().to_string_lossy().into_owned();
            let Some(loaded) = Server::peer(Peer::Redis, &["--dir", &directory]) else { continue };
            assert_same(&expected, &contents(&mut loaded.client()), "Redis");
        }
    }
}

#[test]
fn all_data_of_a_peer_are_imported_exactly() {
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
        // An expired key that is still in the file, because no client has read it.
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
            let called = rankd.client().ask("FCALL f 0");
            assert_eq!(called, crate::support::reply::Reply::Integer(1), "{source}");
            for (name, keys) in &foreign {
                let line =
                    format!("{keys} key{}: rankd has no type {name}", if *keys == 1 { "" } else { "s" });
                assert!(report.contains(&line), "{line}\n{report}");
            }
        }
        let report = import(&dump).1;
        assert!(report.contains("1 key: expired"), "{report}");

        // Only one database.
        let (rankd, _) = import(&format!("{live}/3"));
        let third: Contents = expected
            .iter()
            .filter(|((database, _), _)| *database == 3)
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        assert_same(&third, &contents(&mut rankd.client()), "database 3");
    }
}

/// A password, a database beyond the configured ones, values of many megabytes, and an address without a server.
#[test]
fn passwords_databases_and_large_values_of_a_source_are_handled() {
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
    assert!(!status.success() && errors.contains("give --databases 40"), "{errors}");
    let (status, report, errors) = run(&url, "40");
    assert!(status.success(), "{errors}");
    assert!(report.contains("strings     5\n") && !report.contains("secret"), "{report}");
    let (status, _, errors) = run("redis://127.0.0.1:1", "16");
    assert!(!status.success() && errors.contains("127.0.0.1:1: "), "{errors}");
}

/// The append-only file: a base that is a dump, then commands, with commands of other types and a transaction among
/// them.
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
            let (rankd, _) = import(&source.to_string_lossy());
            assert_same(&expected, &contents(&mut rankd.client()), &source.to_string_lossy());
            assert_same_expiries(peer, &mut client, &rankd, &expected);
        }
        // The files do not say which of the two is current.
        assert!(!client.ask("SAVE").is_error());
        assert_refused(server.directory(), "name the one to read");
    }
}

/// A dump in which all expiries are long ago.
fn dated_dump() -> Vec<u8> {
    const PAST_MS: Option<u64> = Some(1_000);
    let store = Store::new(1, 16, 7, Clock::system());
    let mut changes = ChangeBuffer::default();
    for member in [b"a", b"b"] {
        changes.set_score(0, b"board", member, Score::new(1.0).expect("a number"));
        changes.add_member(0, b"set", member);
    }
    changes.set_expiry(0, b"board", PAST_MS);
    changes.set_expiry(0, b"set", PAST_MS);
    for (key, value) in [(&b"string"[..], &b"v"[..]), (b"counter", b"5"), (b"kept", b"v"), (b"gone", b"v")] {
        changes.set_string(0, key, value, PAST_MS);
    }
    changes.end_record();
    for mut body in changes.records() {
        while !body.is_empty() {
            store.apply(&decode(&mut body).expect("a Change")).expect("a database");
        }
    }
    let mut dump = Cursor::new(Vec::new());
    rankd::rdb::write(&mut dump, store.export(), 1, || Ok(())).expect("memory takes it");
    dump.into_inner()
}

/// Import compared expiries with the clock although later commands of the file renewed them. A board, a set and a string with
/// PX 1500, renewed four times and then given a long expiry, were imported with the last member only or not at all, and the
/// report did not mention it. Redis 8.2.3 expires nothing while it reads the file and the dump in front of it.
#[test]
fn keys_that_an_append_only_file_renews_are_imported() {
    let first = [
        "ZADD board 1 a 1 b",
        "PEXPIREAT board 1000",
        "SADD set a b",
        "PEXPIREAT set 1000",
        "SET string v PXAT 1000",
        "SET counter 5",
        "EXPIREAT counter 1",
        "SET kept v PXAT 1000",
        "SET gone v PXAT 1000",
    ];
    let renewed = [
        "ZADD board 2 c",
        "PEXPIREAT board 2000",
        "ZINCRBY board 1 a",
        "PEXPIREAT board 4000000000000",
        "SADD set c",
        "PEXPIREAT set 2000 GT",
        "SREM set a",
        "PEXPIREAT set 4000000000000",
        "PEXPIREAT string 4000000000000",
        "INCRBY counter 7",
        "PERSIST counter",
        "SET kept w KEEPTTL",
        "PERSIST kept",
    ];
    let encoded = |lines: &[&str]| -> Vec<u8> {
        lines.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>())).collect()
    };
    for start in [encoded(&first), dated_dump()] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("appendonly.aof");
        let bytes = [&start[..], &encoded(&renewed)].concat();
        std::fs::write(&path, &bytes).expect("a file");
        let (rankd, report) = import(&path.to_string_lossy());
        println!("{report}");
        let found = contents(&mut rankd.client());
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(rankd.client().ask("ZCARD board").integer(), 3);
        assert_eq!(rankd.client().ask("GET counter").text(), "12");
        assert!(report.contains("1 key: expired"), "{report}");
        for peer in [Peer::Redis, Peer::Valkey] {
            // The step moves the file away.
            std::fs::write(&path, &bytes).expect("a file");
            let arguments = ["--dir", &directory.path().to_string_lossy(), "--appendonly", "yes"];
            let Some(server) = Server::peer(peer, &arguments) else { continue };
            wait_for("the file to be read", || (!server.client().ask("PING").is_error()).then_some(()));
            assert_same(&contents(&mut server.client()), &found, "what the peer reads");
            assert_same_expiries(peer, &mut server.client(), &rankd, &found);
            std::fs::remove_dir_all(directory.path().join("appendonlydir")).expect("the file's new place");
        }
    }
}

/// Import read the expiries of a hundred keys in one request, and their values later. A key that was renewed in between was
/// imported with its old expiry, and expired too early.
#[test]
fn value_and_expiry_of_a_key_are_read_together() {
    const KEYS: usize = 200;
    const BASE_MS: i64 = 4_000_000_000_000;
    for peer in [Peer::Redis, Peer::Valkey] {
        let Some(server) = Server::peer(peer, &[]) else { continue };
        let renew = |client: &mut Client, number: usize| {
            let (key, at_ms) = ((number % KEYS).to_string(), BASE_MS + number as i64);
            let words = ["SET", &key, &number.to_string(), "PXAT", &at_ms.to_string()];
            assert!(!client.call(&words).is_error());
        };
        let mut client = server.client();
        (0..KEYS).for_each(|number| renew(&mut client, number));
        let over = AtomicBool::new(false);
        let rankd = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut client = server.client();
                let mut number = KEYS;
                while !over.load(Ordering::Relaxed) {
                    renew(&mut client, number);
                    number += 1;
                }
            });
            let (rankd, _) = import(&format!("redis://{}", server.address));
            over.store(true, Ordering::Relaxed);
            writer.join().expect("the server lives");
            rankd
        });
        assert!(!rankd.client().ask("SAVE").is_error());
        let directory = rankd.directory().to_string_lossy().into_owned();
        let loaded = Server::peer(peer, &["--dir", &directory]).expect("the peer is here");
        let found = contents(&mut loaded.client());
        let times = expiries(&mut loaded.client(), &found);
        assert_eq!(found.len(), KEYS);
        for (key, value) in &found {
            let super::data::Value::String(number) = value else { panic!("a string") };
            let number: i64 = String::from_utf8_lossy(number).parse().expect("a number");
            assert_eq!(times[key], BASE_MS + number, "{key:?}");
        }
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

    // A command of a later Redis on a type that rankd has: without it the list would differ.
    bytes.truncate(whole);
    bytes.extend(encode(&["LMOVEM", "list", "other", "LEFT", "RIGHT", "2"]));
    std::fs::write(&path, &bytes).expect("a file");
    assert_refused(&path, "rankd has no command 'lmovem', without which keys would differ");
}

#[test]
fn an_error_is_reported_and_nothing_is_imported() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("dump.rdb");
    let dump = include_bytes!("../data/redis-8.2.3.rdb");
    let refused = |bytes: &[u8], words: &str| {
        std::fs::write(&path, bytes).expect("a file");
        assert_refused(&path, words);
    };
    refused(&dump[..dump.len() - 9], "it ends too early, at byte");
    refused(b"REDIS0099", "RDB version 0099 is not known");
    let mut flipped = dump.to_vec();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    refused(&flipped, "the checksum is wrong");
    assert_refused(&directory.path().join("missing"), "No such file or directory");
}

#[test]
fn an_import_into_a_directory_with_data_or_a_server_is_refused() {
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

/// A start in a directory with files of Redis began with empty databases, and only a dump file was reported. A user who had
/// replaced the binary saw an empty server and no reason.
#[test]
fn a_start_in_a_directory_of_redis_reports_files_that_it_does_not_read() {
    let dump = include_bytes!("../data/redis-8.2.3.rdb");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().canonicalize().expect("a directory");
    std::fs::create_dir(path.join("appendonlydir")).expect("a directory");
    std::fs::write(path.join("appendonly.aof"), encode(&["SET", "n", "1"])).expect("a file");
    std::fs::write(path.join("dump.rdb"), dump).expect("a file");
    let server = Server::rankd_in(directory, &[]).expect("it starts");
    server.says("ready to accept");
    let said = server.said();
    assert!(said.contains("dump.rdb is not read, because there is a journal"), "{said}");
    for name in ["appendonlydir", "appendonly.aof", "dump.rdb"] {
        let command = format!("run `rankd import {} --dir {}`", path.join(name).display(), path.display());
        assert!(said.contains(&command), "{command}\n{said}");
    }
    // Without a journal the dump file is read. Some of its keys are left out, and the append-only file is not read.
    let server = server.restart_with(&["--appendonly", "no"]).expect("it starts");
    server.says("ready to accept");
    let said = server.said();
    assert!(said.contains("18 keys read from") && !said.contains("dump.rdb is not read"), "{said}");
    assert!(said.contains("append-only file, which is not read"), "{said}");
    assert!(said.contains("1 key: rankd has no type vectorset"), "{said}");
}

/// A database that the source does not have was imported as an empty one, with exit code 0.
#[test]
fn the_number_of_imported_keys_must_be_that_of_the_source() {
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
