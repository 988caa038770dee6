//! Idempotent XADD as Redis 8.6.3 hands it on: a payload that it made, and commands as it writes them to its append-only file and
//! to its replicas.

use std::io::Write;
use std::net::TcpListener;

use super::idempotence::facts;
use crate::following::played::{FILE, accepted, answer, full_sync};
use crate::following::{fact, follow};
use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::{Server, run_rankd};
use crate::support::wait_for;

/// What DUMP gave for a stream of four entries, 9999999999999-1 to -4: the first two with IDMPAUTO of `auto`, the others with IDMP of
/// `p`, which has the ids `b`, `a`, and `0` for the first entry.
const PAYLOAD: &[u8] = b"\x1a\x01\x10\x00\x00\x09\x18Nr\x9f\xff\x00\x00\x00\x00\x00\x00\x00\x01\xc3@gA\x97\x18\x97\x01\x00\x00'\x00\x04\x01\x00\x01\x02\x01\x84user\x05\x85steps\x06@\x10\x00\x00 \x01\x08\x83ann\x04\xc4\xb0\x02\x05 \x0b\x09\x00\x01\x01\x01\x04\x01\x81a\x02\x01\x80\x04\x00\x80 \x01\x05\x81b\x02\xe1,x\xe0\xff\x00\xe0\x1a\x00\x02\x02\xae\x0c!HA^!E\x05f\x02\x81v\x02\x06 \x0d\x02\x00\x01\x03\xe0\x01\x0f\x01\x01\xff\x04\x81\x00\x00\x09\x18Nr\x9f\xff\x04\x81\x00\x00\x09\x18Nr\x9f\xff\x01\x00\x00\x04\x01\x01g\x00\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00@d@d\x02\x04auto\x02\x10{\xf0\xbb\xd9\xa8m\xed\x86\xd4\x9d\xac{\xe1\xfa\x15\xd3\x81\x00\x00\x09\x18Nr\x9f\xff\x01\x10#\x98\xf5\x9c\xb9\x22z\x9e\xfc;\xe59\xb9\xd8{B\x81\x00\x00\x09\x18Nr\x9f\xff\x02\x01p\x03\x01b\x81\x00\x00\x09\x18Nr\x9f\xff\x03\x01a\x81\x00\x00\x09\x18Nr\x9f\xff\x04\xc0\x00\x81\x00\x00\x09\x18Nr\x9f\xff\x01\x05\x01\x0d\x00d\xd4\x96\x7f\xfb\x82\xcc~";

/// Commands as it writes them: an entry that was added has its id, and a request that has added nothing has `*`.
const COMMANDS: [&str; 11] = [
    "SELECT 0",
    "XADD s IDMP p i 9999999999999-1 f v",
    "XADD s IDMP p i * f v",
    "XADD s IDMPAUTO p 9999999999999-2 f v MAXLEN 3",
    "XADD s IDMP p j MAXLEN = 3 9999999999999-3 f v",
    "XADD s IDMP p i * f v",
    // This server has forgotten it, by its own clock. The other one had not.
    "XADD old IDMP p i 5-1 f v",
    "XADD old IDMP p i * f v",
    "XADD t 1-1 f v",
    "XCFGSET t IDMP-DURATION 5",
    "XIDMPRECORD t p i 1-1",
];

fn commands(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>())).collect()
}

/// What is there after [`COMMANDS`], and what comes of the requests when they are sent again.
fn check(client: &mut Client) {
    assert_eq!(client.ask("XLEN s").integer(), 3);
    assert_eq!(facts(client, "s"), [100, 100, 1, 3, 3, 2]);
    assert_eq!(client.ask("XLEN old").integer(), 1);
    assert_eq!(facts(client, "old")[4..], [1, 1]);
    assert_eq!(facts(client, "t")[..2], [5, 100]);
    assert_eq!(facts(client, "t")[4..], [1, 0]);
}

fn retry(client: &mut Client) {
    for (request, id) in [
        ("XADD s IDMP p i * f v", "9999999999999-1"),
        ("XADD s IDMPAUTO p * f v MAXLEN 3", "9999999999999-2"),
        ("XADD s IDMP p j * f v", "9999999999999-3"),
    ] {
        assert_eq!(client.ask(request).text(), id, "{request}");
    }
    assert_eq!(client.ask("XLEN s").integer(), 3);
    // Clients give no ids of entries, and what they ask for is judged by this server's clock.
    assert!(client.ask("XADD s IDMP p k 9999999999999-9 f v").is_error());
    assert_ne!(client.ask("XADD old IDMP p i * f v").text(), "5-1");
}

#[test]
fn a_payload_has_ids_that_are_known_here() {
    let server = Server::rankd();
    let mut client = server.client();
    let restored = client.call(&[&b"RESTORE"[..], b"s", b"0", PAYLOAD]);
    assert_eq!(restored, Reply::Simple(b"OK".to_vec()));
    assert_eq!(facts(&mut client, "s"), [100, 100, 2, 5, 5, 1]);
    let long = "x".repeat(300);
    let requests: [(&[&str], &str); 6] = [
        (&["IDMPAUTO", "auto", "*", "steps", "1200", "user", "ann"], "9999999999999-1"),
        (&["IDMPAUTO", "auto", "*", "", "", "a", "1", "b", &long, "a", "1"], "9999999999999-2"),
        (&["IDMP", "p", "b", "*", "f", "v"], "9999999999999-3"),
        (&["IDMP", "p", "a", "*", "f", "v"], "9999999999999-4"),
        (&["IDMP", "p", "0", "*", "f", "v"], "9999999999999-1"),
        (&["IDMPAUTO", "auto", "*", "a", "1", "", "", "b", &long], "9999999999999-5"),
    ];
    for (words, id) in requests {
        let words = [&["XADD", "s"], words].concat();
        assert_eq!(client.call(&words).text(), id, "{words:?}");
    }
    // The ids keep their order: the oldest of this producer goes first.
    let payload = client.ask("DUMP s").bytes().to_vec();
    let place = |id: &[u8]| payload.windows(id.len()).position(|window| window == id).expect("the id");
    assert!(place(b"\x01b\x81\0\0\x09\x18Nr\x9f\xff\x03") < place(b"\x01a\x81\0\0\x09\x18Nr\x9f\xff\x04"));
    assert!(place(b"\x01a\x81\0\0\x09\x18Nr\x9f\xff\x04") < place(b"\xc0\0\x81\0\0\x09\x18Nr\x9f\xff\x01"));
}

#[test]
fn an_append_only_file_is_imported_with_its_ids() {
    let source = tempfile::tempdir().expect("a temporary directory");
    let path = source.path().join("appendonly.aof");
    let import = |directory: &tempfile::TempDir, bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("a file");
        let [path, directory] =
            [&path, directory.path()].map(|path: &std::path::Path| path.to_string_lossy());
        run_rankd(&["import", &path, "--dir", &directory])
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (status, report, errors) = import(&directory, &commands(&COMMANDS));
    assert!(status.success(), "{report}{errors}");
    let server = Server::rankd_in(directory, &[]).expect("rankd starts on what was imported");
    let mut client = server.client();
    check(&mut client);
    retry(&mut client);
    // What cannot be kept is told, with its bound.
    let directory = tempfile::tempdir().expect("a temporary directory");
    let long = format!("XADD s IDMP {} i 5-1 f v", "x".repeat(65_537));
    let (status, _, errors) = import(&directory, &commands(&["SELECT 0", &long]));
    assert!(!status.success() && errors.contains("65536 bytes"), "{errors}");
}

#[test]
fn a_server_that_follows_it_knows_the_ids() {
    let server = Server::rankd();
    let mut client = server.client();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    follow(&mut client, listener.local_addr().expect("bound").port());
    let sync = full_sync(&format!("${}", FILE.len()), FILE, b"");
    let mut stream = answer(accepted(&listener), &sync, usize::MAX).expect("all of it is sent");
    stream.get_mut().write_all(&commands(&COMMANDS)).expect("it is read");
    wait_for("the commands", || {
        (client.ask("EXISTS t").integer() == 1 && facts(&mut client, "t")[4] == 1).then_some(())
    });
    check(&mut client);
    assert_eq!(fact(&mut client, "rankd_failed_commands").as_deref(), Some("0"));
    // An id that cannot be kept costs no entry, but is counted.
    let long = format!("XADD s IDMP {} i 9999999999999-4 f v", "x".repeat(65_537));
    stream.get_mut().write_all(&commands(&[&long, "SET done 1"])).expect("it is read");
    wait_for("the entry", || (client.ask("EXISTS done").integer() == 1).then_some(()));
    assert_eq!(client.ask("XLEN s").integer(), 4);
    assert_eq!(facts(&mut client, "s")[3..5], [3, 3]);
    assert_eq!(fact(&mut client, "rankd_failed_commands").as_deref(), Some("1"));
    client.ask("REPLICAOF NO ONE");
    client.ask("XTRIM s MINID 9999999999999-2");
    retry(&mut client);
}
