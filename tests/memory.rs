//! MEMORY USAGE compared with the allocated bytes: within a tenth, for values of every type and size.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;

fn used_memory(client: &mut Client) -> f64 {
    let Reply::Bulk(text) = client.ask("INFO memory") else { panic!("a text") };
    let text = String::from_utf8(text).expect("a text");
    let line = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|bytes| bytes.parse().ok()).expect("a number")
}

/// Sends the requests and returns how much the allocated memory has grown.
fn growth<W: AsRef<[u8]>>(client: &mut Client, requests: impl Iterator<Item = Vec<W>>) -> f64 {
    let before = used_memory(client);
    for request in requests {
        assert!(!matches!(client.call(&request), Reply::Error(_)));
    }
    used_memory(client) - before
}

fn usage(client: &mut Client, key: &str) -> f64 {
    let Reply::Integer(bytes) = client.ask(&format!("MEMORY USAGE {key} SAMPLES 0")) else {
        panic!("a number")
    };
    bytes as f64
}

#[track_caller]
fn is_within_a_tenth(account: f64, truth: f64) {
    assert!(
        (account / truth - 1.0).abs() < 0.1,
        "{account} bytes by its account, {truth} by the allocator's"
    );
}

/// An odd factor whose products look random.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// ZADDs of a hundred members each.
fn load(key: &str, members: u64, name: impl Fn(u64) -> String) -> impl Iterator<Item = Vec<String>> {
    (0..members).step_by(100).map(move |start| {
        let mut request = vec!["ZADD".to_owned(), key.to_owned()];
        for number in start..members.min(start + 100) {
            request.push((number.wrapping_mul(2_654_435_761) % 100_000).to_string());
            request.push(name(number * 7_919 % members));
        }
        request
    })
}

#[test]
fn memory_usage_of_a_key_is_what_the_allocator_gave_out() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    // The first request allocates the connection's buffers.
    growth(&mut client, load("warm", 200, |n| format!("user:{n:012}")));
    client.ask("DEL warm");

    for (key, name) in [
        ("decimal", &(|n| format!("user:{n:012}")) as &dyn Fn(u64) -> String),
        ("text", &|n| format!("{:x}-{n}", n.wrapping_mul(MIX))),
        // So long that the buffers of requests, which stay allocated, are a small part beside them.
        ("long", &|n| (0..8).map(|part| format!("{:016x}x", (n * 8 + part).wrapping_mul(MIX))).collect()),
    ] {
        let truth = growth(&mut client, load(key, 30_000, name));
        is_within_a_tenth(usage(&mut client, key), truth);
    }

    let few =
        |board: u64| load(&format!("board:{board}"), 1 + board % 20, |n| format!("user:{n:012}")).collect();
    let boards: Vec<Vec<Vec<String>>> = (0..3000).map(few).collect();
    let truth = growth(&mut client, boards.into_iter().flatten());
    let account: f64 = (0..3000).map(|board| usage(&mut client, &format!("board:{board}"))).sum();
    is_within_a_tenth(account, truth);

    let friends = (0..30_000).map(|n| vec!["SADD".to_owned(), "friends".to_owned(), format!("user:{n:012}")]);
    let truth = growth(&mut client, friends);
    is_within_a_tenth(usage(&mut client, "friends"), truth);

    let texts = (0..3000).map(|n| vec!["SET".to_owned(), format!("text:{n}"), "x".repeat(n % 500)]);
    let truth = growth(&mut client, texts);
    let account: f64 = (0..3000).map(|n| usage(&mut client, &format!("text:{n}"))).sum();
    is_within_a_tenth(account, truth);
}
