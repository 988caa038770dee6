//! Masters that end in the middle of a word, and masters that lie. The replica keeps its data, serves them, and takes those of
//! a true master afterwards.

use super::played::{FILE, ID, accepted, answer, full_sync, request};
use super::{follow, wait_for_link};
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;
use rankd::journal::write_base;
use rankd::machine::clock::Clock;
use rankd::rdb::RdbReader;
use rankd::store::Store;
use rankd::store::change::DatabaseNumbering;
use rankd::store::change::position::{FollowedPosition, StreamPlace};
use std::io::{Read, Write};
use std::net::TcpListener;

/// Bytes of the answer to PSYNC in front of a full sync.
const ANSWER_BYTES: usize = "+FULLRESYNC  100\r\n".len() + ID.len();

/// The same as a base, of a master whose stream goes on behind `offset`.
fn base(offset: u64) -> Vec<u8> {
    let store = Store::new(1, 16, 7, Clock::system());
    RdbReader::new(&store).file(FILE).map(|_| ()).expect("a file");
    let place = StreamPlace { offset, database: 0 };
    let history = ID.as_bytes().try_into().expect("40 digits");
    let position = FollowedPosition { history, reached: place };
    let mut walk = store.snapshot().for_replica(DatabaseNumbering::default(), position);
    let mut base = Vec::new();
    write_base(&mut base, &mut walk, offset, 1, &mut |_, _, _| (), || Ok(()), || Ok(offset))
        .expect("written");
    base
}

/// A replica that has a key, and the port of a master that the test plays.
fn stage() -> (Server, Client, TcpListener, u16) {
    let server = super::rankd();
    let mut client = server.client();
    client.ask("SET old value");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    (server, client, listener, port)
}

fn has_old_data(client: &mut Client) {
    assert_eq!(client.ask("GET old"), Reply::Bulk(b"value".to_vec()));
    assert_eq!(client.ask("EXISTS new"), Reply::Integer(0));
}

#[test]
fn a_handshake_and_a_full_sync_may_be_cut_at_every_byte() {
    let (_server, mut client, listener, port) = stage();
    let mark = "m".repeat(40);
    let framings = [
        full_sync(&format!("$EOF:{mark}"), &base(100), mark.as_bytes()),
        full_sync(&format!("${}", FILE.len()), FILE, b""),
        full_sync(&format!("$EOF:{mark}"), FILE, mark.as_bytes()),
    ];
    for sync in framings {
        let whole = b"+PONG\r\n+OK\r\n+OK\r\n".len() + sync.len();
        for most in 0..whole {
            follow(&mut client, port);
            let stream = accepted(&listener);
            assert!(answer(stream, &sync, most).is_none());
            has_old_data(&mut client);
            client.ask("REPLICAOF NO ONE");
        }
    }
    let end = [mark.as_bytes(), b"*3\r\n$3\r\nSET\r\n$4\r\nnewer\r\n"].concat();
    let sync = full_sync(&format!("$EOF:{mark}"), &base(100), &end);
    follow(&mut client, port);
    // A connection of an earlier turn may wait still, of which the replica has let go.
    let stream = loop {
        if let Some(stream) = answer(accepted(&listener), &sync, usize::MAX) {
            break stream;
        }
    };
    // The stream that begins behind the file names a wrong length; the data are the new ones all the same.
    wait_for("the new data", || (client.ask("GET new") == Reply::Bulk(b"value".to_vec())).then_some(()));
    assert_eq!(client.ask("EXISTS old"), Reply::Integer(0));
    drop(stream);
}

#[test]
fn what_a_lying_master_sends_changes_nothing() {
    let (_server, mut client, listener, port) = stage();
    let flipped: Vec<u8> = FILE.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 14) << 7).collect();
    let sized = |file: &[u8]| full_sync(&format!("${}", file.len()), file, b"");
    let mut twice = FILE[..FILE.len() - 9].to_vec();
    twice.extend_from_slice(&FILE[14..]);
    let base = base(100);
    let without_end = &base[..base.len() - 40];
    let of_another_version: Vec<u8> = [&base[..8], &99u32.to_le_bytes(), &base[12..]].concat();
    let lies: Vec<Vec<u8>> = vec![
        sized(&self::base(101)),
        sized(without_end),
        sized(&of_another_version),
        sized(&[&base[..], b"x"].concat()),
        sized(&[&base[..], &base].concat()),
        sized(&[&base[..], FILE].concat()),
        sized(&base[..8]),
        full_sync("$9223372036854775807", &base, b""),
        [format!("+FULLRESYNC {} 100\r\n", "0".repeat(40)).as_bytes(), &sized(&base)[ANSWER_BYTES..]]
            .concat(),
        b"+CONTINUE\r\n".to_vec(),
        format!("+CONTINUE {ID}\r\n").into_bytes(),
        b"+FULLRESYNC\r\n".to_vec(),
        b"+FULLRESYNC zzz 1\r\n".to_vec(),
        format!("+FULLRESYNC {ID} -1\r\n").into_bytes(),
        vec![b'x'; 40_000],
        full_sync("$-5", FILE, b""),
        full_sync("$EOF:short", FILE, b""),
        full_sync(&format!("${}", FILE.len() - 1), FILE, b""),
        full_sync(&format!("${}", FILE.len() + 3), FILE, b"abc"),
        full_sync("$9223372036854775807", b"REDIS0009\xfe\x00\x00\x80\xff\xff\xff\xff", b""),
        sized(b"not a file at all"),
        sized(&flipped),
        sized(&twice),
        sized(b"REDIS9999\xff\0\0\0\0\0\0\0\0"),
        sized(b"REDIS0009\xfe\x63\x00\x03new\x05value\xff\0\0\0\0\0\0\0\0"),
        sized(b"REDIS0009\xfb\x05\x00\x00\x03new\x05value\xff\0\0\0\0\0\0\0\0"),
        sized(b"REDIS0009\x00\x03new\x05value\xff\x01\x02\x03\x04\x05\x06\x07\x08"),
        sized(b"REDIS0009\x05\x03new\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a"),
    ];
    for lie in lies {
        follow(&mut client, port);
        let stream = accepted(&listener);
        if let Some(stream) = answer(stream, &lie, usize::MAX) {
            // The end of what it sends, for a reader that would wait for more.
            let _ = stream.get_ref().shutdown(std::net::Shutdown::Write);
            // The replica hangs up.
            let mut rest = Vec::new();
            let mut stream = stream;
            let _ = stream.read_to_end(&mut rest);
        }
        has_old_data(&mut client);
        client.ask("REPLICAOF NO ONE");
    }
    assert_eq!(client.ask("SET old value"), Reply::Simple(b"OK".to_vec()));
}

#[test]
fn a_master_is_told_how_far_its_replica_is() {
    let (_server, mut client, listener, port) = stage();
    follow(&mut client, port);
    let stream = accepted(&listener);
    let mark = "m".repeat(40);
    let sync = full_sync(&format!("$EOF:{mark}"), FILE, mark.as_bytes());
    let mut stream = answer(stream, &sync, usize::MAX).expect("all of it is sent");
    let offset = |words: &[Vec<u8>]| -> u64 {
        assert_eq!([&words[0][..], &words[1][..]], [&b"REPLCONF"[..], b"ACK"]);
        std::str::from_utf8(&words[2]).expect("digits").parse().expect("an offset")
    };
    // At once, because a master waits for it when it has sent a file with a mark.
    assert_eq!(offset(&request(&mut stream).expect("an acknowledgement")), 100);
    wait_for_link(&mut client);
    let commands =
        b"*1\r\n$4\r\nPING\r\n\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n";
    let get_ack = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
    stream.get_mut().write_all(&[&commands[..], get_ack].concat()).expect("it is read");
    let end = 100 + (commands.len() + get_ack.len()) as u64;
    while offset(&request(&mut stream).expect("an acknowledgement")) != end {}
    // A transaction counts when it is complete.
    let (begin, rest) =
        (&b"*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"[..], &b"*1\r\n$4\r\nEXEC\r\n"[..]);
    stream.get_mut().write_all(begin).expect("it is read");
    assert_eq!(offset(&request(&mut stream).expect("an acknowledgement")), end);
    client.ask("SELECT 1");
    assert_eq!(client.ask("EXISTS n"), Reply::Integer(0));
    stream.get_mut().write_all(rest).expect("it is read");
    let end = end + (begin.len() + rest.len()) as u64;
    while offset(&request(&mut stream).expect("an acknowledgement")) != end {}
    assert_eq!(client.ask("GET n"), Reply::Bulk(b"1".to_vec()));
    assert_eq!(client.ask("GET a"), Reply::Bulk(b"b".to_vec()));
}
