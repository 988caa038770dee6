//! Replies that are encoded while they are sent: the bytes are the same, they show one point in time, they are in order, and
//! a reply is never completely in memory.

use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;
use std::collections::BTreeMap;

/// A member of a board whose reply is larger than socket buffers, while the board itself is small: the names are long and
/// have a long common prefix.
const MEMBERS: usize = 40_000;

fn member(number: usize) -> String {
    format!("{:x>300}{number:06}", "")
}

/// Sends `words` and then as many of `items` at a time.
fn send_all(client: &mut Client, words: &[&str], items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    for some in items.chunks(2000) {
        let words = words.iter().copied().chain(some.iter().map(String::as_str));
        assert!(!client.call(&words.collect::<Vec<_>>()).is_error());
    }
}

fn load_board(server: &Server) {
    let members = (0..MEMBERS).flat_map(|number| [(number % 1000).to_string(), member(number)]);
    send_all(&mut server.client(), &["ZADD", "board"], members);
}

/// Adds members that cannot be packed with a common prefix.
fn add_odd_members(server: &Server) {
    let odd = [Vec::new(), b"\xff\0\r\n".to_vec(), b"00000000000000000000".to_vec(), vec![b'y'; 100_000]];
    for (member, score) in odd.iter().zip(["-inf", "-0.5", "1e300", "500"]) {
        let words: [&[u8]; 4] = [b"ZADD", b"board", score.as_bytes(), member];
        assert_eq!(server.client().call(&words), Reply::Integer(1));
    }
}

/// A client that requested the whole board, and has not read the part that was sent.
fn reader(server: &Server) -> Client {
    let mut client = server.client();
    let id = client.ask("CLIENT ID").integer();
    client.send(&["ZRANGE", "board", "0", "-1"]);
    wait_until_unread(server, id);
    client
}

/// The same within a transaction, in several replies beside short ones.
fn reader_of_a_transaction(server: &Server) -> Client {
    let mut client = server.client();
    let id = client.ask("CLIENT ID").integer();
    client.ask("MULTI");
    for start in (0..MEMBERS).step_by(MEMBERS / 10) {
        client.call(&["ZRANGE", "board", &start.to_string(), &(start + MEMBERS / 10 - 1).to_string()]);
        client.ask("ZCARD board");
    }
    client.send(&["EXEC"]);
    wait_until_unread(server, id);
    client
}

fn wait_until_unread(server: &Server, id: i64) {
    let mut observer = server.client();
    wait_for("a reply to be on its way", || unread(&mut observer).contains_key(&id).then_some(()));
}

/// CLIENT LIST's `omem` of each client for which a large reply waits, by its number.
fn unread(observer: &mut Client) -> BTreeMap<i64, usize> {
    let list = observer.ask("CLIENT LIST").text();
    let field = |line: &str, name: &str| -> usize {
        let value =
            line.split(' ').find_map(|field| field.strip_prefix(name)).expect("a field of CLIENT LIST");
        value.parse().expect("a number")
    };
    let clients = list.lines().map(|line| (field(line, "id=") as i64, field(line, "omem=")));
    clients.filter(|(_, bytes)| *bytes > 64 * 1024).collect()
}

fn used_memory(client: &mut Client) -> usize {
    let text = client.ask("INFO memory").text();
    let line = text.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("a used_memory line");
    line.parse().expect("a number of bytes")
}

/// The reply's bytes, alone and in a transaction.
fn both_ways(client: &mut Client, request: &[&str]) -> [Vec<u8>; 2] {
    client.send(request);
    let (reply, alone) = client.reply_with_bytes().expect("a reply");
    assert!(reply.items().len() > 8192, "{request:?}");
    client.ask("MULTI");
    client.call(request);
    client.send(&["EXEC"]);
    let (_, executed) = client.reply_with_bytes().expect("a reply");
    [alone, executed.strip_prefix(b"*1\r\n").expect("an array of one").to_vec()]
}

#[test]
fn a_large_reply_has_the_bytes_of_redis() {
    const ROWS: usize = 20_000;
    let mut servers = vec![Server::rankd_with(&["--appendonly", "no"])];
    servers.extend(Server::peer(Peer::Redis, &[]));
    let name = |number: usize| match number % 3 {
        0 => format!("user:{number:09}"),
        1 => format!("{number:x}-{}", "y".repeat(number % 90)),
        _ => number.to_string(),
    };
    let ordered: &[&[&str]] = &[
        &["ZRANGE", "board", "0", "-1"],
        &["ZRANGE", "board", "0", "-1", "WITHSCORES"],
        &["ZRANGE", "board", "70", "-7", "REV", "WITHSCORES"],
        &["ZREVRANGE", "board", "100", "15000"],
        &["ZRANGEBYSCORE", "board", "(3", "+inf", "WITHSCORES", "LIMIT", "17", "12345"],
        &["ZREVRANGEBYSCORE", "board", "+inf", "-inf", "WITHSCORES"],
        &["ZRANGEBYLEX", "names", "-", "[user:000019000"],
        &["ZRANGE", "names", "+", "-", "BYLEX", "REV", "LIMIT", "3", "11111"],
        &["ZUNION", "2", "board", "names", "WITHSCORES"],
        &["ZINTER", "2", "board", "names"],
        &["ZDIFF", "1", "board", "WITHSCORES"],
        &["LRANGE", "list", "0", "-1"],
        &["LRANGE", "list", "77", "-1234"],
        &["SORT", "list", "ALPHA"],
        &["SORT_RO", "list", "ALPHA", "DESC", "LIMIT", "77", "12345"],
        &["SORT", "list", "BY", "nosort", "DESC", "GET", "#"],
        &["SORT", "list", "BY", "key:*", "GET", "#", "GET", "key:*", "GET", "nothing:*", "ALPHA"],
        &["SORT", "list", "BY", "nothing:*", "DESC", "LIMIT", "9", "15000"],
        &["SORT", "set", "ALPHA", "DESC"],
        &["SORT", "board", "ALPHA", "LIMIT", "3", "9999"],
        &["SORT_RO", "board", "BY", "nosort", "DESC", "LIMIT", "5", "10000"],
        &["SORT", "places"],
        &["GEOSEARCH", "places", "FROMLONLAT", "10", "20", "BYRADIUS", "20000", "km"],
        &[
            "GEOSEARCH",
            "places",
            "FROMLONLAT",
            "10",
            "20",
            "BYBOX",
            "12000",
            "12000",
            "km",
            "DESC",
            "WITHDIST",
            "WITHHASH",
            "WITHCOORD",
        ],
        &["GEOSEARCH", "places", "FROMMEMBER", "0", "BYRADIUS", "9000", "km", "COUNT", "9000", "WITHDIST"],
        &["GEOSEARCH", "places", "FROMLONLAT", "0", "0", "BYRADIUS", "9000", "km", "COUNT", "9000", "ANY"],
    ];
    let unordered: &[&[&str]] = &[
        &["SMEMBERS", "set"],
        &["SINTER", "set", "set"],
        &["SUNION", "set", "nothing"],
        &["SDIFF", "set", "nothing"],
        &["SDIFF", "set", "few", "few", "few"],
        &["SRANDMEMBER", "set", "30000"],
        &["KEYS", "*"],
        &["KEYS", "key:*"],
    ];
    for server in &servers {
        let mut client = server.client();
        let scored =
            |number: usize| [(number * 7919 % 5000) as f64 / 8.0 - 100.0].map(|score| score.to_string());
        send_all(&mut client, &["ZADD", "board"], (0..ROWS).flat_map(|n| [scored(n)[0].clone(), name(n)]));
        send_all(&mut client, &["ZADD", "names"], (0..ROWS).flat_map(|n| ["0".to_owned(), name(n)]));
        send_all(&mut client, &["SADD", "set"], (0..ROWS).map(name));
        let place = |number: usize| {
            let degrees = |number: usize, most: usize| (number % most) as f64 / 100.0 - most as f64 / 200.0;
            let [east, north] = [degrees(number * 7919, 12_000), degrees(number * 104_729, 9_000)];
            [east.to_string(), north.to_string(), number.to_string()]
        };
        for start in (0..ROWS).step_by(500) {
            send_all(&mut client, &["GEOADD", "places"], (start..start + 500).flat_map(place));
        }
        send_all(&mut client, &["SADD", "few"], (ROWS..ROWS + 9).map(name));
        send_all(&mut client, &["RPUSH", "list"], (0..ROWS).map(name));
        add_odd_members(server);
        for start in (0..ROWS).step_by(1000) {
            let keys =
                (start..start + 1000).map(|number| encode(&["SET", &format!("key:{}", name(number)), "v"]));
            client.send_raw(&keys.flatten().collect::<Vec<u8>>());
            (0..1000).for_each(|_| assert_eq!(client.reply(), Reply::Simple(b"OK".to_vec())));
        }
    }
    for protocol in ["2", "3"] {
        let mut clients: Vec<Client> = servers.iter().map(Server::client).collect();
        clients.iter_mut().for_each(|client| assert!(!client.call(&["HELLO", protocol]).is_error()));
        for request in ordered.iter().chain(unordered) {
            let [alone, executed] = both_ways(&mut clients[0], request);
            assert!(alone == executed, "RESP{protocol} {request:?} alone and in a transaction");
        }
        let [ours, theirs] = &mut clients[..] else { continue };
        for request in ordered {
            let [ours, theirs] = [&mut *ours, theirs].map(|client| {
                client.send(request);
                client.reply_with_bytes().expect("a reply").1
            });
            assert!(ours == theirs, "RESP{protocol} {request:?} of rankd and of Redis");
        }
        for request in unordered {
            assert!(ours.call(request).unordered() == theirs.call(request).unordered(), "{request:?}");
        }
    }
}

/// The reply shows the board at one point in time, although it changes while the reply is sent. Later requests of the client
/// are answered after it.
#[test]
fn a_reply_that_is_being_sent_shows_one_point_in_time() {
    let server = Server::rankd();
    load_board(&server);
    let mut reader = reader(&server);
    reader.send_raw(&encode(&["ZCARD", "board"]));
    let mut writer = server.client();
    assert_eq!(writer.ask("ZREMRANGEBYRANK board 100 -1"), Reply::Integer(MEMBERS as i64 - 100));
    assert_eq!(writer.ask("ZADD board 0.5 new"), Reply::Integer(1));
    let reply = reader.reply();
    let first = |place: usize| Reply::Bulk(member(place * 1000).into_bytes());
    assert_eq!(reply.items().len(), MEMBERS);
    assert_eq!(reply.items()[..3], [first(0), first(1), first(2)]);
    assert_eq!(reply.items()[MEMBERS - 1], Reply::Bulk(member(MEMBERS - 1).into_bytes()));
    assert_eq!(reader.reply(), Reply::Integer(101));
    assert!(unread(&mut writer).is_empty());
}

/// Replies of 12 MB each wait for clients that do not read. The server keeps a fraction of that memory, CLIENT LIST shows
/// it, and it is freed when the clients disconnect.
#[test]
fn unread_replies_take_little_memory_and_free_it() {
    const READERS: usize = 20;
    let server = Server::rankd_with(&["--appendonly", "no"]);
    load_board(&server);
    let mut observer = server.client();
    let before = used_memory(&mut observer);
    for reader in [reader, reader_of_a_transaction] {
        let readers: Vec<Client> = (0..READERS).map(|_| reader(&server)).collect();
        let unread = wait_for("all replies to wait for their readers", || {
            Some(unread(&mut observer)).filter(|unread| unread.len() == READERS)
        });
        let grown = used_memory(&mut observer).saturating_sub(before);
        assert!(grown < READERS * 3 * 1024 * 1024, "{READERS} unread replies cost {grown} bytes");
        let reported: usize = unread.values().sum();
        assert!(
            reported > grown / 4 && reported < grown * 2,
            "{reported} bytes by CLIENT LIST, {grown} by the allocator"
        );
        drop(readers);
        wait_for("the memory of replies whose readers have left", || {
            (used_memory(&mut observer) < before + 1024 * 1024).then_some(())
        });
    }
    assert_eq!(observer.ask("ZCARD board"), Reply::Integer(MEMBERS as i64));
}

/// Each request of a transaction sees the changes of those before it, and its reply shows them, even if it is written much
/// later. Large and short replies are in order, each in the protocol at the time of its request.
#[test]
fn large_replies_of_a_transaction_equal_those_of_single_requests() {
    let requests: &[&[&str]] = &[
        &["SET", "text", "one"],
        &["ZRANGE", "board", "0", "-1"],
        &["ZADD", "board", "-1", "first"],
        &["ZRANGE", "board", "0", "-1", "WITHSCORES"],
        &["HELLO", "3"],
        &["ZRANGE", "board", "0", "-1", "REV", "WITHSCORES"],
        &["ZRANGE", "board", "0", "9"],
        &["ZRANGE", "board", "0", "199", "WITHSCORES"],
        &["ZRANGE", "text", "0", "-1"],
        &["ZREMRANGEBYRANK", "board", "0", "29999"],
        &["ZUNION", "2", "board", "set"],
        &["DEL", "board", "set"],
        &["ZRANGE", "board", "0", "-1"],
        &["HELLO", "2"],
        &["GET", "text"],
    ];
    let servers = [Server::rankd(), Server::rankd()];
    let [mut apart, mut together] = servers.each_ref().map(|server| {
        load_board(server);
        let mut client = server.client();
        send_all(&mut client, &["SADD", "set"], (0..9_000).map(member));
        client
    });
    let ids = [&mut apart, &mut together].map(|client| format!(":{}\r\n", client.ask("CLIENT ID").integer()));
    let mut expected = format!("*{}\r\n", requests.len()).into_bytes();
    for request in requests {
        apart.send(request);
        let (_, bytes) = apart.reply_with_bytes().expect("a reply");
        expected.extend(match request[0] {
            // It names the client.
            "HELLO" => String::from_utf8(bytes).expect("text").replace(&ids[0], &ids[1]).into_bytes(),
            _ => bytes,
        });
    }
    together.ask("MULTI");
    requests.iter().for_each(|request| assert!(!together.call(request).is_error(), "{request:?}"));
    together.send(&["EXEC"]);
    let (_, executed) = together.reply_with_bytes().expect("a reply");
    assert!(executed == expected, "the transaction's bytes are those of its requests");
}

#[test]
fn messages_to_a_subscriber_follow_the_reply() {
    let server = Server::rankd();
    load_board(&server);
    let mut client = server.client();
    assert!(!client.ask("HELLO 3").is_error());
    let id = client.ask("CLIENT ID").integer();
    client.ask("SUBSCRIBE news");
    let mut publisher = server.client();
    client.send_raw(&[encode(&["ZRANGE", "board", "0", "-1", "WITHSCORES"]), encode(&["PING"])].concat());
    wait_until_unread(&server, id);
    for message in ["one", "two"] {
        assert_eq!(publisher.call(&["PUBLISH", "news", message]), Reply::Integer(1));
    }
    assert_eq!(client.reply().items().len(), MEMBERS);
    let mut rest: Vec<Reply> = (0..3).map(|_| client.reply()).collect();
    rest.retain(|reply| *reply != Reply::Simple(b"PONG".to_vec()));
    let message =
        |text: &str| Reply::Push(["message", "news", text].map(|word| Reply::Bulk(word.into())).to_vec());
    assert_eq!(rest, [message("one"), message("two")]);
}

#[test]
fn a_server_can_stop_while_a_reply_is_being_sent() {
    let mut server = Server::rankd();
    load_board(&server);
    let mut reader = reader(&server);
    assert!(server.terminate().success());
    assert!(reader.try_reply().is_err(), "the reply's end was never written");
}
