//! SAVE, BGSAVE, DEBUG RELOAD, SHUTDOWN SAVE, and the start from a dump file.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::data::{Contents, Value, contents, fill};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::server::{Peer, Server, run_rankd};
use crate::support::wait_for;

/// Checks that the dump file in `directory` passes `redis-check-rdb` of Redis 8.2.3.
fn check(directory: &Path) {
    let Some(server) = Peer::Redis.find() else { return };
    // This is the binary of the server. It checks a file when it is called by this name.
    let mut tool = Command::new(server);
    let output = tool.arg0("redis-check-rdb").arg(directory.join("dump.rdb")).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("RDB looks OK!") && said.contains("Checksum OK"),
        "{said}"
    );
}

/// What each peer loads from the dump file in `directory`.
fn loaded(directory: &Path) -> Vec<Contents> {
    let start = |peer| Server::peer(peer, &["--dir", &directory.to_string_lossy()]);
    let servers = [Peer::Redis, Peer::Valkey].into_iter().filter_map(start);
    servers.map(|server| contents(&mut server.client())).collect()
}

fn wait_for_save(client: &mut Client) -> String {
    wait_for("the background save", || {
        let info = client.ask("INFO persistence").text();
        info.contains("rdb_bgsave_in_progress:0").then_some(info)
    })
}

#[test]
fn redis_and_valkey_load_the_saved_file() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let server = Server::rankd();
    let mut client = server.client();
    fill(&mut client, &mut Chance::new(seed));
    // Larger than one step, so that its length is written in the long form.
    for chunk in 0..30 {
        let mut request = vec!["ZADD".to_owned(), "large".to_owned()];
        request.extend((0..100).flat_map(|i| [format!("{}.25", i * chunk), format!("member:{chunk}:{i}")]));
        client.call(&request);
        let mut request = vec!["SADD".to_owned(), "large set".to_owned()];
        request.extend((0..100).map(|i| format!("member:{chunk}:{i}")));
        client.call(&request);
    }
    let expected = contents(&mut client);
    for command in ["SAVE", "BGSAVE"] {
        let reply = client.ask(command);
        assert!(!reply.is_error(), "{reply:?}");
        let info = wait_for_save(&mut client);
        assert!(info.contains("rdb_last_bgsave_status:ok\r\n"), "{info}");
        assert!(info.contains("rdb_changes_since_last_save:0\r\n"), "{info}");
        check(server.directory());
        for found in loaded(server.directory()) {
            for (key, value) in &expected {
                assert_eq!(Some(value), found.get(key), "{command}: {key:?}");
            }
            assert_eq!(found.len(), expected.len());
        }
        assert!(client.ask("LASTSAVE").integer() > 1_700_000_000);
        std::fs::remove_file(server.directory().join("dump.rdb")).expect("it was written");
    }
    assert!(client.ask("INFO persistence").text().contains("rdb_saves:2\r\n"));
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A background save while clients write: a member that exists throughout is in the file once, with a score that it has had.
/// The number of elements in front of them is right, although it is written before they are counted.
#[test]
fn a_save_during_writes_has_each_member_once() {
    const MEMBERS: usize = 20_000;
    let server = Server::rankd();
    let mut client = server.client();
    for chunk in 0..MEMBERS / 1000 {
        let mut request = vec!["ZADD".to_owned(), "board".to_owned()];
        request.extend((0..1000).flat_map(|i| ["0".to_owned(), format!("stays:{}", chunk * 1000 + i)]));
        client.call(&request);
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // The writer ends even if this thread panics.
        let _over = SetOnDrop(&over);
        scope.spawn(|| {
            let (mut client, mut chance, mut turn) = (server.client(), Chance::new(3), 0u64);
            while !over.load(Ordering::Relaxed) {
                turn += 1;
                let moved = format!("stays:{}", chance.below(MEMBERS));
                client.call(&["ZADD", "board", &chance.below(1_000_000).to_string(), &moved]);
                client.call(&["ZADD", "board", "5", &format!("comes:{turn}")]);
                if turn % 3 == 0 {
                    client.call(&["ZREM", "board", &format!("comes:{}", turn / 2)]);
                }
            }
        });
        for _ in 0..3 {
            assert!(!client.ask("BGSAVE").is_error());
            let info = wait_for_save(&mut client);
            assert!(info.contains("rdb_last_bgsave_status:ok\r\n"), "{info}");
            check(server.directory());
            for found in loaded(server.directory()) {
                let Value::Ranking(entries) = &found[&(0, b"board".to_vec())] else { panic!("a sorted set") };
                let stays = entries.chunks(2).filter(|entry| entry[0].starts_with(b"stays:"));
                assert_eq!(stays.count(), MEMBERS);
            }
        }
    });
}

#[test]
fn a_reload_changes_nothing_and_the_journal_agrees() {
    let server = Server::rankd_with(&["--enable-debug-command", "local"]);
    let mut client = server.client();
    fill(&mut client, &mut Chance::new(11));
    let expected = contents(&mut client);
    for _ in 0..2 {
        let reply = client.ask("DEBUG RELOAD");
        assert!(!reply.is_error(), "{reply:?}");
        assert_eq!(contents(&mut client), expected);
    }
    // In the journal, the changes after a reload follow those before it.
    assert_eq!(client.ask("ZADD later 1 a").integer(), 1);
    let expected = contents(&mut client);
    assert_eq!(contents(&mut server.restart().client()), expected);
}

#[test]
fn without_a_journal_a_start_loads_the_dump_file() {
    let mut server = Server::rankd();
    let mut client = server.client();
    fill(&mut client, &mut Chance::new(5));
    let expected = contents(&mut client);
    client.send(&["SHUTDOWN", "SAVE"]);
    assert!(server.exit().success());
    let server = server.restart();
    server.says(" keys read from ");
    assert_eq!(contents(&mut server.client()), expected);
    assert!(server.client().ask("INFO persistence").text().contains("rdb_last_load_keys_loaded:158\r\n"));

    // With a journal the dump file is not read: the journal has the data.
    let dump = server.directory().join("dump.rdb");
    let server = server.restart_with(&[]).expect("a start");
    assert_eq!(server.client().ask("DBSIZE").integer(), 0);
    server.says("is not read, because there is a journal");

    let bytes = std::fs::read(&dump).expect("the dump file");
    std::fs::write(&dump, &bytes[..bytes.len() / 2]).expect("a damaged one");
    let directory = server.directory().to_string_lossy().into_owned();
    let (status, _, errors) = run_rankd(&["--port", "0", "--appendonly", "no", "--dir", &directory]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("dump.rdb: it ends too early, at byte"), "{errors}");
}

#[test]
fn the_server_saves_at_save_points_and_at_its_end() {
    let mut server = Server::rankd_with(&["--appendonly", "no", "--save", "1 2"]);
    let mut client = server.client();
    client.ask("SET a 1");
    client.ask("SET b 1");
    wait_for("the save point", || {
        client.ask("INFO persistence").text().contains("rdb_saves:1\r\n").then_some(())
    });
    assert_eq!(client.ask("SET late 1").text(), "OK");
    assert!(server.terminate().success());
    let mut server = server.restart();
    let mut client = server.client();
    assert_eq!(client.ask("DBSIZE").integer(), 3);
    client.ask("SET unwanted 1");
    client.send(&["SHUTDOWN", "NOSAVE"]);
    assert!(server.exit().success());
    assert_eq!(server.restart().client().ask("DBSIZE").integer(), 3);
}

#[test]
fn a_failed_save_keeps_the_previous_file() {
    let mut server = Server::rankd();
    let mut client = server.client();
    client.ask("SET a 1");
    assert!(!client.ask("SAVE").is_error());
    let files = |directory: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        let entries =
            std::fs::read_dir(directory).expect("the directory").map(|entry| entry.expect("an entry").path());
        entries
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), std::fs::read(path).expect("a file")))
            .collect()
    };
    let before = files(server.directory());
    // A directory has the name of the next temporary file.
    let pid = server.id();
    let blocked = server.directory().join(format!("dump.rdb.temporary-{pid}"));
    std::fs::create_dir(&blocked).expect("a directory");
    client.ask("SET a 2");
    let reply = client.ask("SAVE");
    assert!(reply.is_error(), "{reply:?}");
    assert!(!client.ask("BGSAVE").is_error());
    let info = wait_for_save(&mut client);
    assert!(info.contains("rdb_last_bgsave_status:err\r\n"), "{info}");
    assert_eq!(client.ask("SHUTDOWN SAVE").lines(), ["-ERR Errors trying to SHUTDOWN. Check logs."]);
    assert_eq!(files(server.directory()), before);
    std::fs::remove_dir(&blocked).expect("the directory");
    assert!(!client.ask("SAVE").is_error());
    assert!(server.is_running());
}

/// The file of a killed BGSAVE was never removed: after three kills there were three files.
#[test]
fn files_of_a_killed_save_are_removed_by_a_start_and_by_a_save() {
    let mut server = Server::rankd();
    let leave = |server: &Server| {
        let left =
            ["dump.rdb.temporary-1", "dump.rdb.temporary-4194303"].map(|name| server.directory().join(name));
        left.iter().for_each(|path| std::fs::write(path, "REDIS0009").expect("a file"));
        left
    };
    server.kill();
    let left = leave(&server);
    server = server.restart();
    assert!(left.iter().all(|path| !path.exists()), "after a start");
    let left = leave(&server);
    let mut client = server.client();
    client.ask("BGSAVE");
    wait_for_save(&mut client);
    assert!(left.iter().all(|path| !path.exists()), "after a save");
}

/// How keys are used is in the file where the policy needs it, and both servers read it.
#[test]
fn idle_times_and_counts_go_with_the_file() {
    const PAYLOAD: &[u8] = b"\x00\x01v\x09\x00A\xfa\x9f~M\xbe\xe9\x7f";
    for (policy, option, ask, set) in [
        ("allkeys-lru", "IDLETIME", "OBJECT IDLETIME k", "5000"),
        ("volatile-lfu", "FREQ", "OBJECT FREQ k", "77"),
    ] {
        let arguments = ["--maxmemory-policy", policy];
        let near = |reply: i64| (reply - set.parse::<i64>().expect("a number")).abs() <= 60;
        let fill = |client: &mut Client| {
            let request: [&[u8]; 6] = [b"RESTORE", b"k", b"0", PAYLOAD, option.as_bytes(), set.as_bytes()];
            assert!(!client.call(&request).is_error());
            assert!(!client.ask("SAVE").is_error());
        };
        let server = Server::rankd_with(&["--appendonly", "no", arguments[0], arguments[1]]);
        fill(&mut server.client());
        check(server.directory());
        let directory = server.directory().to_string_lossy().into_owned();
        let [dir, name] = ["--dir", &directory];
        for peer in [Peer::Redis, Peer::Valkey] {
            if let Some(peer) = Server::peer(peer, &[dir, name, arguments[0], arguments[1]]) {
                assert!(near(peer.client().ask(ask).integer()), "{policy}: as the peer reads it");
            }
        }
        let server = server.restart();
        assert!(near(server.client().ask(ask).integer()), "{policy}: as rankd reads it");

        if let Some(peer) = Server::peer(Peer::Redis, &arguments) {
            fill(&mut peer.client());
            let directory = tempfile::tempdir().expect("a temporary directory");
            let dump = peer.directory().join("dump.rdb");
            std::fs::copy(dump, directory.path().join("dump.rdb")).expect("it was written");
            let server = Server::rankd_in(directory, &["--appendonly", "no", arguments[0], arguments[1]]);
            let server = server.expect("it starts");
            assert!(near(server.client().ask(ask).integer()), "{policy}: as Redis wrote it");
        }
    }
}

/// With save points FLUSHALL writes an empty file, so a start does not bring back what was removed.
#[test]
fn flushall_empties_the_file() {
    let arguments = ["--appendonly", "no", "--save", "900 1"];
    for flush in ["FLUSHALL", "FLUSHALL ASYNC", "EVAL return(redis.call('flushall')) 0"] {
        let server = Server::rankd_with(&arguments);
        let mut client = server.client();
        client.ask("SET key value");
        assert_eq!(client.ask("SAVE").text(), "OK");
        client.ask("FLUSHDB");
        assert!(client.ask("INFO persistence").text().contains("rdb_changes_since_last_save:1\r"));
        client.ask("SET key value");
        // What a save under way would write is older.
        client.ask("BGSAVE");
        assert_eq!(client.ask(flush).text(), "OK");
        assert!(client.ask("INFO persistence").text().contains("rdb_changes_since_last_save:0\r"), "{flush}");
        let server = server.restart();
        assert_eq!(server.client().ask("DBSIZE").integer(), 0, "{flush}");
    }
    let server = Server::rankd_with(&arguments);
    let mut client = server.client();
    client.ask("SET key value");
    assert_eq!(client.ask("SAVE").text(), "OK");
    for request in ["MULTI", "FLUSHALL", "SET other value", "EXEC"] {
        client.ask(request);
    }
    let server = server.restart();
    assert_eq!(server.client().ask("EXISTS key").integer(), 0, "a transaction");
    let server = Server::rankd();
    let mut client = server.client();
    client.ask("SET key value");
    assert_eq!(client.ask("SAVE").text(), "OK");
    assert_eq!(client.ask("FLUSHALL").text(), "OK");
    let server = server.restart();
    assert_eq!(server.client().ask("DBSIZE").integer(), 1, "without save points the file stays");
}
