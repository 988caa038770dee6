//! Requests as bytes: split anywhere, incomplete, far too large, or invalid. `tests/scripts/parser.resp` tests what a script
//! can express. These tests need a loop, a second connection or the memory of the server.

use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;

fn error(text: &str) -> Reply {
    Reply::Error(text.as_bytes().to_vec())
}

fn assert_serves(server: &mut Server) {
    assert!(server.is_running(), "the server is gone:\n{}", server.said());
    assert_eq!(server.client().call(&["PING"]), Reply::Simple(b"PONG".to_vec()));
}

/// Sends `bytes` on a connection of their own and gives the replies up to the close.
fn last_words(server: &Server, bytes: &[u8]) -> Vec<Reply> {
    let mut client = server.client();
    // The server may close before it has read everything. Then the rest cannot be sent, which is correct.
    let _ = client.try_send_raw(bytes);
    std::iter::from_fn(|| client.try_reply().ok()).collect()
}

/// A reader that descends into nested arrays overflows its stack on these 32 kB, before any AUTH.
#[test]
fn nested_requests_are_refused_at_the_first_level() {
    let mut server = Server::rankd();
    let refusal = error("ERR Protocol error: expected '$', got '*'");
    assert_eq!(last_words(&server, &b"*1\r\n".repeat(8_000)), std::slice::from_ref(&refusal));
    assert_eq!(last_words(&server, &b"*2\r\n$4\r\nECHO\r\n*1\r\n".repeat(8_000)), [refusal]);
    assert_serves(&mut server);
}

/// An announced length must not reserve memory (CVE-2021-32675).
#[test]
fn a_giant_header_reserves_no_memory() {
    let mut server = Server::rankd();
    assert_serves(&mut server);
    let before = server.resident_kib();
    let connections: Vec<Client> = (0..50)
        .map(|_| {
            let mut client = server.client();
            client.send_raw(b"*1048576\r\n$536870912\r\nZADD");
            client
        })
        .chain((0..50).map(|_| {
            let mut client = server.client();
            client.send_raw(b"*1048576\r\n$4\r\nZADD\r\n$536870912\r\n");
            client
        }))
        .collect();
    // Connections are read in turn, so when a later one has its reply, the earlier ones have been read.
    for _ in 0..20 {
        assert_serves(&mut server);
    }
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 32 * 1024, "{} half requests cost {grown} KiB", connections.len());
}

/// A line of more than 64 KiB closes the connection. This holds for each kind of line, as in Redis.
#[test]
fn a_line_without_an_end_closes_the_connection() {
    let endless = [
        (b"".as_slice(), b'a', "ERR Protocol error: too big inline request"),
        (b"*", b'1', "ERR Protocol error: too big mbulk count string"),
        (b"*2\r\n$4\r\nECHO\r\n$", b'1', "ERR Protocol error: too big bulk count string"),
    ];
    let mut servers = vec![Server::rankd()];
    servers.extend(Server::peer(Peer::Redis, &[]));
    for server in &mut servers {
        for (start, byte, refusal) in endless {
            let mut client = server.client();
            client.send_raw(&[start, vec![byte; 64 * 1024 + 2].as_slice()].concat());
            assert_eq!(client.reply(), error(refusal));
            assert!(client.is_closed());
        }
        assert_serves(server);
    }
}

#[test]
fn incomplete_requests_do_not_delay_other_clients() {
    let mut server = Server::rankd();
    let request = encode(&["ZADD", "board", "1", "half"]);
    let waiting: Vec<Client> = (0..request.len())
        .map(|length| {
            let mut client = server.client();
            client.send_raw(&request[..length]);
            client
        })
        .collect();
    assert_serves(&mut server);
    // Half of the clients disconnect, the other half complete their requests.
    for (index, mut client) in waiting.into_iter().enumerate() {
        if index % 2 == 1 {
            client.send_raw(&request[index..]);
            assert!(!client.reply().is_error());
        }
    }
    let board = server.client().call(&["ZRANGE", "board", "0", "-1"]);
    assert_eq!(board, Reply::Array(vec![Reply::Bulk(b"half".to_vec())]));
    assert_serves(&mut server);
}

/// A conversation with every kind of request in it.
fn small_pipeline() -> Vec<u8> {
    [
        encode(&["ZADD", "board", "1.5", "a", "2", "b\r\n"]),
        b"\r\n*0\r\n*-1\r\n".to_vec(),
        encode(&["ZRANGE", "board", "0", "-1", "WITHSCORES"]),
        b"PING \"in\\x41line\"\r\n".to_vec(),
        encode(&["NOSUCH", "", "$3\r\n"]),
        b"ECHO 'x y'\n".to_vec(),
        encode(&["ZINCRBY", "board", "x", "a"]),
        encode(&["ECHO", ""]),
        encode(&["DEL", "board"]),
    ]
    .concat()
}

fn replies_until_end(mut client: Client) -> Vec<u8> {
    client.finish_sending();
    let mut bytes = Vec::new();
    while let Ok((_, raw)) = client.reply_with_bytes() {
        bytes.extend(raw);
    }
    bytes
}

#[test]
fn a_pipeline_may_arrive_in_any_pieces() {
    let server = Server::rankd();
    let pipeline = small_pipeline();
    let mut client = server.client();
    client.send_raw(&pipeline);
    let whole = replies_until_end(client);
    assert!(whole.starts_with(b":2\r\n*4\r\n"), "{}", crate::support::escape::escape(&whole));
    assert!(whole.ends_with(b"$0\r\n\r\n:1\r\n"), "{}", crate::support::escape::escape(&whole));

    for cut in 1..pipeline.len() {
        let mut client = server.client();
        client.send_raw(&pipeline[..cut]);
        // A reply on another connection shows that the server has read the first piece alone.
        server.client().call(&["PING"]);
        client.send_raw(&pipeline[cut..]);
        assert_eq!(replies_until_end(client), whole, "cut after {cut} bytes");
    }

    let mut client = server.client();
    for byte in &pipeline {
        client.send_raw(&[*byte]);
    }
    assert_eq!(replies_until_end(client), whole, "byte by byte");
}

#[test]
fn thousands_of_requests_at_once_are_answered_in_order() {
    const REQUESTS: usize = 20_000;
    let server = Server::rankd();
    let mut client = server.client();
    let bytes: Vec<u8> = (0..REQUESTS)
        .flat_map(|number| {
            let member = format!("member:{}", number % 500);
            [encode(&["ZADD", "board", &number.to_string(), &member]), encode(&["ECHO", &number.to_string()])]
                .concat()
        })
        .collect();
    let mut writer = client.try_clone();
    std::thread::scope(|scope| {
        scope.spawn(move || writer.send_raw(&bytes));
        for number in 0..REQUESTS {
            assert_eq!(client.reply(), Reply::Integer(i64::from(number < 500)));
            assert_eq!(client.reply().text(), number.to_string());
        }
    });
    assert_eq!(client.call(&["ZCARD", "board"]), Reply::Integer(500));
}

/// A client that does not read its replies must not use up the server's memory: no further command of it is run until it has
/// read them (redis#11573, CVE-2025-21605).
#[test]
fn a_client_that_does_not_read_is_not_served_further() {
    const ASKED: usize = 600;
    let mut server = Server::rankd();
    let mut client = server.client();
    for hundred in 0..50 {
        let mut request = vec!["ZADD".to_owned(), "board".to_owned()];
        for number in 0..100 {
            request.extend([number.to_string(), format!("member:{hundred}:{number}:{:060}", 0)]);
        }
        client.call(&request);
    }
    let mut greedy = server.client();
    let before = server.resident_kib();
    // Each of these has a reply of about 400 KB, 240 MB in all.
    greedy.send_raw(&encode(&["ZRANGE", "board", "0", "-1"]).repeat(ASKED));
    let mut most = 0;
    for _ in 0..ASKED {
        assert_eq!(greedy.reply().items().len(), 5_000);
        most = most.max(server.resident_kib());
    }
    let grown = most.saturating_sub(before);
    assert!(grown < 48 * 1024, "{ASKED} unread replies cost {grown} KiB");
    // A client that disconnects in the middle does not affect others.
    let mut leaving = server.client();
    leaving.send_raw(&encode(&["ZRANGE", "board", "0", "-1"]).repeat(20));
    drop(leaving);
    assert_serves(&mut server);
}

/// Requests before a malformed request are still answered, and requests after it are not run.
#[test]
fn a_malformed_request_ends_the_pipeline_at_its_place() {
    let server = Server::rankd();
    let bytes =
        [encode(&["SET", "before", "1"]), b"*1\r\n$x\r\n".to_vec(), encode(&["SET", "after", "1"])].concat();
    let replies = last_words(&server, &bytes);
    assert_eq!(replies, [Reply::Simple(b"OK".to_vec()), error("ERR Protocol error: invalid bulk length")]);
    let mut client = server.client();
    assert_eq!(client.call(&["EXISTS", "before"]), Reply::Integer(1));
    assert_eq!(client.call(&["EXISTS", "after"]), Reply::Integer(0));
}

/// Before it has authenticated, a connection may send at most ten short arguments, in any pieces (CVE-2021-32675).
#[test]
fn an_unauthenticated_client_may_send_only_short_requests() {
    let mut servers = vec![Server::rankd_with(&["--appendonly", "no", "--requirepass", "secret"])];
    servers.extend(Server::peer(Peer::Redis, &["--requirepass", "secret"]));
    let count = error("ERR Protocol error: unauthenticated multibulk length");
    let length = error("ERR Protocol error: unauthenticated bulk length");
    for server in &servers {
        assert_eq!(last_words(server, b"*11\r\n"), std::slice::from_ref(&count));
        assert_eq!(last_words(server, b"*1048576\r\n"), std::slice::from_ref(&count));
        assert_eq!(last_words(server, b"*2\r\n$4\r\nECHO\r\n$16385\r\n"), std::slice::from_ref(&length));
        let noauth = error("NOAUTH Authentication required.");
        let mut client = server.client();
        assert_eq!(client.call(&["ECHO".to_owned(), "x".repeat(16 * 1024)]), noauth);
        assert_eq!(client.call(&["AUTH", "secret"]), Reply::Simple(b"OK".to_vec()));
        assert_eq!(client.call(&["ECHO".to_owned(), "x".repeat(16 * 1024 + 1)]).bytes().len(), 16 * 1024 + 1);
        assert_eq!(client.call(&["DEL"; 12]), Reply::Integer(0));
    }
}

/// A blocked client had sent very many requests. When it was served, its thread read all of them, and then ran requests for
/// up to a megabyte of replies. Other connections waited for seconds.
#[test]
fn many_queued_requests_do_not_block_other_connections() {
    const PILE: usize = 400_000;
    let server = Server::rankd_with(&["--appendonly", "no", "--threads", "1"]);
    let (mut waiting, mut other) = (server.client(), server.client());
    let id = waiting.ask("CLIENT ID").integer();
    let field = |client: &mut Client, name: &str| -> usize {
        let line = client.call(&["CLIENT", "LIST", "ID", &id.to_string()]).text();
        let value =
            line.split(' ').find_map(|field| field.strip_prefix(name)).expect("a field of CLIENT LIST");
        value.trim_end().parse().expect("a number")
    };
    waiting.send_raw(&[encode(&["BZPOPMIN", "board", "0"]), b"PING\r\n".repeat(PILE)].concat());
    wait_for("the pile to have come", || (field(&mut other, "qbuf=") >= PILE * 6).then_some(()));
    let before = field(&mut other, "tot-cmds=");
    // Enough requests for more than two turns of this connection, all received at once.
    let pings = b"PING\r\n".repeat(2_500);
    other.send_raw(&[encode(&["ZADD", "board", "1", "member"]), pings.clone(), pings].concat());
    assert_eq!(other.reply(), Reply::Integer(1));
    (0..5_000).for_each(|_| assert_eq!(other.reply(), Reply::Simple(b"PONG".to_vec())));
    let run = field(&mut other, "tot-cmds=") - before;
    assert!(run < 100_000, "{run} requests of one connection between a few of another");
    assert_eq!(waiting.reply().items().len(), 3);
    (0..PILE).for_each(|_| assert_eq!(waiting.reply(), Reply::Simple(b"PONG".to_vec())));
}
