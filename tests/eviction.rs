//! Eviction: what the policies keep, that a restart agrees with what was evicted, and that memory stays within its bound.

use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

/// A figure of INFO.
fn figure(client: &mut Client, name: &str) -> u64 {
    let Reply::Bulk(text) = client.ask("INFO everything") else { panic!("a text") };
    let text = String::from_utf8(text).expect("a text");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|figure| figure.parse().ok()).expect("a number")
}

fn ok(client: &mut Client, request: &str) {
    assert_eq!(client.ask(request), Reply::Simple("OK".into()), "{request}");
}

fn integer(client: &mut Client, request: &str) -> i64 {
    let Reply::Integer(number) = client.ask(request) else { panic!("{request}: a number") };
    number
}

/// Sends the requests at once and returns their replies.
fn pipeline(client: &mut Client, requests: &[Vec<String>]) -> Vec<Reply> {
    let bytes: Vec<u8> = requests.iter().flat_map(|request| encode(request)).collect();
    client.send_raw(&bytes);
    requests.iter().map(|_| client.reply()).collect()
}

/// Sends SETs of `numbers`, a thousand at a time, with a value of 60 bytes and an expiry of some hours.
fn fill(client: &mut Client, numbers: std::ops::Range<u64>) {
    let value = "v".repeat(60);
    let requests: Vec<Vec<String>> = numbers
        .map(|n| {
            vec!["SET".into(), format!("key:{n:08}"), value.clone(), "EX".into(), (50_000 + n).to_string()]
        })
        .collect();
    for batch in requests.chunks(1000) {
        for reply in pipeline(client, batch) {
            assert_eq!(reply, Reply::Simple("OK".into()));
        }
    }
}

/// How many of the keys exist.
fn existing(client: &mut Client, numbers: std::ops::Range<u64>) -> u64 {
    let names: Vec<String> = numbers.map(|n| format!("key:{n:08}")).collect();
    names.chunks(1000).map(|names| integer(client, &format!("EXISTS {}", names.join(" "))) as u64).sum()
}

/// A server with `keys` keys and room for few more.
fn full_server(policy: &str, keys: u64, arguments: &[&str]) -> (Server, Client, u64) {
    let server = Server::rankd_with(arguments);
    let mut client = server.client();
    ok(&mut client, &format!("CONFIG SET maxmemory-policy {policy}"));
    fill(&mut client, 0..keys);
    let bound = figure(&mut client, "used_memory") + 64 * 1024;
    ok(&mut client, &format!("CONFIG SET maxmemory {bound}"));
    (server, client, bound)
}

/// The number of keys, and how many were evicted. What a command itself needs can cost some keys before it runs, so both are
/// asked again until none was evicted in between.
fn keys_and_evicted(client: &mut Client) -> (u64, u64) {
    loop {
        let before = figure(client, "evicted_keys");
        let keys = integer(client, "DBSIZE") as u64;
        if figure(client, "evicted_keys") == before {
            return (keys, before);
        }
    }
}

/// Every policy that evicts: as many keys again are taken, and memory stays within the bound.
#[test]
fn memory_stays_within_its_bound_by_every_policy() {
    const KEYS: u64 = 20_000;
    for policy in [
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
    ] {
        let (_server, mut client, bound) = full_server(policy, KEYS, &["--appendonly", "no"]);
        for start in (KEYS..2 * KEYS).step_by(5000) {
            fill(&mut client, start..start + 5000);
            let used = figure(&mut client, "used_memory");
            // The reply of INFO itself takes some.
            assert!(used < bound + 64 * 1024, "{policy}: {used} bytes of {bound}");
        }
        let (keys, evicted) = keys_and_evicted(&mut client);
        assert_eq!(keys + evicted, 2 * KEYS, "{policy}: what is not there was evicted");
        assert!((KEYS * 9 / 10..=KEYS * 12 / 10).contains(&keys), "{policy}: {keys} keys");
    }
}

/// Keys that are used stay; the policies for the last use and for the frequency both find them among the others.
#[test]
fn what_is_used_stays() {
    const KEYS: u64 = 20_000;
    const USED: u64 = 2000;
    for policy in ["allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-lfu"] {
        let (_server, mut client, _) = full_server(policy, KEYS, &["--appendonly", "no"]);
        ok(&mut client, "CONFIG SET maxmemory-samples 10");
        let uses: Vec<Vec<String>> =
            (0..USED).map(|n| vec!["GET".to_owned(), format!("key:{n:08}")]).collect();
        for round in 0..10 {
            (0..5).for_each(|_| drop(pipeline(&mut client, &uses)));
            fill(&mut client, KEYS + round * 1500..KEYS + (round + 1) * 1500);
        }
        let (used, others) = (existing(&mut client, 0..USED), existing(&mut client, USED..KEYS));
        assert!(used > USED * 95 / 100, "{policy}: {used} of {USED} used keys are left");
        assert!(others < (KEYS - USED) / 2, "{policy}: {others} of the others are left");
    }
}

/// The keys that expire first go first.
#[test]
fn the_first_to_expire_is_evicted_first() {
    let (_server, mut client, _) = full_server("volatile-ttl", 20_000, &["--appendonly", "no"]);
    fill(&mut client, 20_000..30_000);
    let (soon, late) = (existing(&mut client, 0..8000), existing(&mut client, 12_000..30_000));
    assert!(
        soon < 100 && late > 17_900,
        "{soon} of those that expire soon, {late} of those that expire late"
    );
}

/// A restart finds what was there, and nothing that was evicted.
#[test]
fn a_restart_agrees_with_eviction() {
    let (server, mut client, _) = full_server("allkeys-lru", 20_000, &["--databases", "2"]);
    fill(&mut client, 20_000..35_000);
    ok(&mut client, "CONFIG SET maxmemory 0");
    let keys = integer(&mut client, "DBSIZE");
    let sample: Vec<i64> =
        (0..35_000u64).step_by(500).map(|start| existing(&mut client, start..start + 500) as i64).collect();
    drop(client);
    let server = server.restart();
    let mut client = server.client();
    assert_eq!(integer(&mut client, "DBSIZE"), keys);
    let again: Vec<i64> =
        (0..35_000u64).step_by(500).map(|start| existing(&mut client, start..start + 500) as i64).collect();
    assert_eq!(again, sample);
}

/// A large value is freed on another thread. Until it is, its memory does not count, so no other key is evicted for it.
#[test]
fn what_waits_to_be_freed_is_not_evicted_for_again() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    fill(&mut client, 0..2000);
    for start in (0..200_000).step_by(1000) {
        let members: Vec<String> = (start..start + 1000).map(|n| format!("member:{n}")).collect();
        integer(&mut client, &format!("SADD large {}", members.join(" ")));
    }
    let used = figure(&mut client, "used_memory");
    ok(&mut client, "CONFIG SET maxmemory-policy allkeys-lru");
    // The large value has the oldest use by far.
    wait_for("an idle second", || (integer(&mut client, "OBJECT IDLETIME large") > 0).then_some(()));
    let touches: Vec<Vec<String>> =
        (0..2000).map(|n| vec!["TOUCH".to_owned(), format!("key:{n:08}")]).collect();
    pipeline(&mut client, &touches);
    ok(&mut client, "CONFIG SET maxmemory-samples 64");
    ok(&mut client, &format!("CONFIG SET maxmemory {}", used - 100_000));
    while integer(&mut client, "EXISTS large") == 1 {
        ok(&mut client, "SET more value");
    }
    fill(&mut client, 2000..2100);
    let evicted = figure(&mut client, "evicted_keys");
    // The sample may have missed the large one at first.
    assert!(evicted < 700, "{evicted} keys were evicted");
    wait_for("the reclaimer", || (figure(&mut client, "lazyfree_pending_objects") == 0).then_some(()));
}

/// All clients together are bounded: the one that uses most is disconnected, but not one that is excepted.
#[test]
fn the_client_that_uses_most_is_disconnected() {
    let server = Server::rankd();
    let (mut small, mut large, mut excepted) = (server.client(), server.client(), server.client());
    ok(&mut small, "CONFIG SET maxmemory-clients 8mb");
    ok(&mut excepted, "CLIENT NO-EVICT on");
    let half = format!("*2\r\n$4\r\nECHO\r\n$2000000\r\n{}", "x".repeat(1_900_000));
    excepted.send_raw(half.as_bytes());
    wait_for("the request to come", || (figure(&mut small, "mem_clients_normal") > 1_000_000).then_some(()));
    let more = format!("*2\r\n$4\r\nECHO\r\n$20000000\r\n{}", "x".repeat(15_000_000));
    // It may be disconnected before all of this is sent.
    let _ = large.try_send_raw(more.as_bytes());
    assert!(large.is_closed());
    assert_eq!(small.ask("PING"), Reply::Simple("PONG".into()));
    excepted.send_raw(format!("{}\r\n", "x".repeat(100_000)).as_bytes());
    assert_eq!(excepted.reply(), Reply::Bulk(vec![b'x'; 2_000_000]));
    assert_eq!(figure(&mut small, "evicted_clients"), 1);
}

/// A share of `maxmemory` bounds the clients, and not if there is no `maxmemory`.
#[test]
fn clients_may_use_a_share_of_the_memory() {
    let server = Server::rankd();
    let (mut small, mut queues) = (server.client(), server.client());
    ok(&mut small, "CONFIG SET maxmemory-clients 1%");
    ok(&mut queues, "MULTI");
    let request = format!("SET k {}", "x".repeat(100_000));
    for _ in 0..20 {
        assert_eq!(queues.ask(&request), Reply::Simple("QUEUED".into()));
    }
    ok(&mut small, "CONFIG SET maxmemory 100mb");
    assert!(queues.is_closed());
    assert_eq!(small.ask("EXISTS k"), Reply::Integer(0));
    assert_eq!(figure(&mut small, "evicted_clients"), 1);
}

/// What CLIENT LIST says that a client's memory is; `None` if there is no such client.
fn memory_of(client: &mut Client, id: i64) -> Option<u64> {
    let list = client.ask(&format!("CLIENT LIST ID {id}")).text();
    list.split(' ')
        .find_map(|field| field.strip_prefix("tot-mem="))
        .map(|bytes| bytes.parse().expect("a number"))
}

/// The names that a client watches, is subscribed to and tracks are its memory.
#[test]
fn names_that_are_kept_for_a_client_count() {
    let server = Server::rankd();
    let (mut client, mut other) = (server.client(), server.client());
    let id = integer(&mut client, "CLIENT ID");
    let is_idle = |other: &mut Client| (memory_of(other, id).expect("connected") < 2_000).then_some(());
    for begin in ["WATCH", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "CLIENT TRACKING ON BCAST PREFIX"] {
        for name in 0..100 {
            let reply = client.ask(&format!("{begin} {name:0500}"));
            assert!(!matches!(reply, Reply::Error(_)), "{begin}: {reply:?}");
        }
        let memory = memory_of(&mut other, id).expect("connected");
        assert!((50_000..100_000).contains(&memory), "{begin}: {memory}");
        assert!(figure(&mut other, "mem_clients_normal") >= 50_000);
        assert_eq!(client.ask("RESET"), Reply::Simple("RESET".into()));
        wait_for("its names to be gone", || is_idle(&mut other));
    }
    ok(&mut client, &format!("WATCH {}", "a".repeat(5_000)));
    ok(&mut client, "MULTI");
    client.ask("EXEC");
    wait_for("its watches to be gone", || is_idle(&mut other));
    ok(&mut other, "CONFIG SET maxmemory-clients 200kb");
    let watched = (0..10_000).take_while(|n| client.try_call(&["WATCH", &n.to_string()]).is_ok()).count();
    assert!((1_000..5_000).contains(&watched), "{watched} keys were watched");
    assert_eq!(memory_of(&mut other, id), None);
}

/// No command runs while the clients use more than they may: not even the list of clients sees that.
#[test]
fn clients_are_disconnected_before_the_next_command() {
    const MOST: u64 = 3_000_000;
    let server = Server::rankd();
    let (mut subscriber, mut sender) = (server.client(), server.client());
    let id = integer(&mut subscriber, "CLIENT ID");
    subscriber.ask("SUBSCRIBE news");
    ok(&mut sender, &format!("CONFIG SET maxmemory-clients {MOST}"));
    let message = "x".repeat(200_000);
    for _ in 0..1000 {
        assert!(matches!(sender.call(&["PUBLISH", "news", &message]), Reply::Integer(_)));
        let Some(memory) = memory_of(&mut sender, id) else { break };
        assert!(memory < MOST, "{memory}");
    }
    assert_eq!(memory_of(&mut sender, id), None);
    assert_eq!(figure(&mut sender, "evicted_clients"), 1);
}

/// A client that tracks learns that a key was evicted before it has the reply of the command that evicted it.
#[test]
fn an_eviction_is_told_before_the_reply() {
    let server = Server::rankd();
    let mut client = server.client();
    client.ask("HELLO 3");
    ok(&mut client, "CLIENT TRACKING on");
    let info = client.ask("INFO memory").text();
    let used = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:")?.parse::<u64>().ok())
        .expect("a number");
    // However little the machine lets the server run, its time for the eviction is not up.
    ok(&mut client, "CONFIG SET maxmemory-eviction-tenacity 100");
    ok(&mut client, "CONFIG SET maxmemory-policy volatile-random");
    ok(&mut client, &format!("CONFIG SET maxmemory {}", used + (1 << 20)));
    ok(&mut client, "SETEX volatile 10000 x");
    assert_eq!(client.ask("GET volatile"), Reply::Bulk(b"x".to_vec()));
    assert_eq!(client.ask("SETBIT big 16000000 0"), Reply::Integer(0));
    let Reply::Push(message) = client.ask("GETBIT big 0") else { panic!("the message comes first") };
    assert_eq!(message[1].items()[0].text(), "volatile");
    assert_eq!(client.reply(), Reply::Integer(0));
}
