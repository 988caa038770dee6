//! Exceeds each limit of `src/limits.rs`, here or in the module that the list names.

use std::collections::BTreeSet;

use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server, run_rankd};
use crate::support::wait_for;

/// Every limit, and the test that exceeds it.
const LIMITS: &[(&str, &str)] = &[
    ("INLINE_BYTES", "protocol: a line without an end"),
    ("REQUEST_ARGUMENTS", "here: one argument too many"),
    ("BULK_BYTES", "here: one byte too many, and a lower proto-max-bulk-len"),
    ("UNAUTHENTICATED_ARGUMENTS", "protocol: an unauthenticated client"),
    ("UNAUTHENTICATED_BULK_BYTES", "protocol: an unauthenticated client"),
    ("QUERY_BUFFER_BYTES", "here: a lower client-query-buffer-limit"),
    ("READ_CHUNK_BYTES", "protocol: a pipeline of thousands is many chunks"),
    ("KEPT_BUFFER_BYTES", "here: the memory of a large request is freed"),
    ("PENDING_REPLY_BYTES", "protocol: a client that does not read"),
    ("REPLICATION_LINE_BYTES", "replication::upstream::lines: a line without an end"),
    ("COMMANDS_PER_LOCK", "protocol: a pipeline of thousands on one key"),
    ("REQUESTS_PER_BATCH", "protocol: many queued requests beside another connection"),
    ("ACL_LOG_COMPARED", "commands::acl::log: a denial is compared with few entries"),
    ("ACL_LOG_GROUPING", "commands::acl::log: a denial is compared with few entries"),
    ("GENERATED_PASSWORD_BITS", "scripts: acl"),
    ("BATCH", "protocol: many queued requests beside another connection"),
    ("BASE_PAUSE_MS", "following: a write to a server that was promoted behind a full sync"),
    ("STREAM_PRODUCERS", "here: a producer more than a stream remembers"),
    ("PRODUCER_ID_BYTES", "here: names and ids of producers"),
    ("STREAM_ENTRY_BYTES", "the stream's own tests: an entry of more than a gigabyte"),
    ("SHARED_NAMES_BYTES", "names that the entries of a stream share"),
    ("SHARED_NAMES_RATIO", "names that the entries of a stream share"),
    ("METRICS_CONNECTIONS", "metrics: clients that send nothing or half a request"),
    ("METRICS_REQUEST", "metrics: clients that send nothing or half a request"),
    ("METRICS_HEAD_BYTES", "metrics: a huge head"),
    ("METRICS_BOARDS", "metrics: at most a hundred boards and no long names"),
    ("METRICS_BOARD_NAME_BYTES", "metrics: at most a hundred boards and no long names"),
    ("TURN", "concurrency: pipelines of many clients on one board"),
    ("MAILBOX_BYTES", "a_subscriber_that_does_not_read_is_disconnected"),
    ("MOST_BULK_BYTES", "an_argument_beyond_the_configured_length_ends_the_connection"),
    ("FRIENDSHIP_BYTES", "names_too_long_for_the_number_of_friends_are_refused"),
    ("MEMBERS_PER_LOCK", "differential: a ranking of very many friends"),
    ("REPEATED_MEMBERS", "here: members drawn with repeats"),
    ("REPEATED_MEMBERS_BYTES", "here: members drawn with repeats"),
    ("FRIENDS_AT_ONCE", "differential: a ranking of very many friends"),
    ("KEPT_RESULTS_BYTES", "here: a lower friendrank-keep-bytes"),
    ("RELOCATED_BYTES", "the store's own tests of relocations"),
    ("JOURNAL_BACKLOG_BYTES", "it depends on the disk: the journal's own tests"),
    ("RECORD_PART_BYTES", "the journal's and the Changes' own tests, with a lower one"),
    ("JOURNAL_RECORD_BYTES", "no client reaches it: the journal's own tests"),
    ("HLL_SPARSE_BYTES", "scripts: a HyperLogLog becomes dense when it is large"),
    ("EXPIRED_PER_STEP", "here: a thousand keys expire at once"),
    ("ELEMENTS_ON_THREAD", "here: commands over very many elements, sorted and restored values"),
    ("LOCK_PATIENCE", "store::hold: a lock that cannot be had"),
    ("SENT_AT_ONCE_BYTES", "large_replies: each of them is many pieces"),
    ("DATABASES", "here: one database too many"),
    ("PASSWORD_FILE_BYTES", "configuration: a file that is no password"),
    ("TLS_FILE_BYTES", "tls: a device in the place of a file"),
    ("TLS_HANDSHAKE", "tls: a client that says nothing"),
    ("TLS_HANDSHAKES", "server/threads/tls.rs: one handshake too many"),
    ("REQUEST_ID_BYTES", "scripts: submits that are refused change nothing"),
    ("BOARD_IDS_MAX", "scripts: words that are no policy"),
    ("TEMPLATES", "here: one template too many"),
    ("TEMPLATE_PREFIX_BYTES", "here: one template too many"),
    ("SCRIPT_BYTES", "eval: what needs too much"),
    ("SCRIPT_MEMORY_BYTES", "eval: what needs too much"),
    ("SCRIPT_REQUEST_BYTES", "eval: what needs too much"),
    ("SCRIPT_REPLY_DEPTH", "eval: what needs too much"),
    ("SCRIPT_REPLY_ELEMENTS", "eval: what needs too much"),
    ("SCRIPT_REPLY_BYTES", "eval: what needs too much"),
    ("SCRIPT_STEPS_BETWEEN_CHECKS", "eval: a script that runs too long"),
    ("SCRIPTS_LOADED", "eval: more scripts than are kept"),
    ("EVALUATED_SCRIPTS", "eval: more scripts than are kept"),
    ("SHORT_SCRIPT", "eval: a script that becomes long"),
    ("SCRIPT_ON_THREAD", "eval: a script that becomes long"),
    ("LONGEST_LOCK_SLICE", "src/store/access/extension.rs: readers one after the other"),
    ("FIRST_LOCK_SLICE", "eval: a reader sees all of a script"),
    ("REACH_PATIENCE", "it depends on others who hold locks: eval: a reader sees all of a script"),
    ("SCRIPT_LIBRARY_SLOTS", "scripts: the libraries' results and their depth"),
    ("SCRIPT_STRING_BYTES", "src/scripts/libraries: what is larger than memory"),
    ("SCRIPT_LIBRARY_STEPS", "src/scripts/libraries: long work"),
    ("MESSAGE_PACK_DEPTH", "scripts: tables within tables"),
    ("STRUCT_INTEGER_BYTES", "scripts: an integer of 33 bytes"),
    ("LIBRARY_LOAD", "scripts: a library that never ends"),
    ("LIBRARIES_COMPILED", "functions: more libraries in one payload than are kept"),
    ("BOARD_TTL_S_MAX", "the words of a policy: their own tests"),
    ("UNSPELLED_BYTES", "no client reaches it without a stopped thread: store::feed, with a lower one"),
    ("REPLICA_WORD_BYTES", "replication: replicas that send what is no acknowledgement"),
    ("REPLICA_INPUT_BYTES", "replication: replicas that send what is no acknowledgement"),
    ("REPLICA_ADDRESS_BYTES", "scripts: an address is bounded"),
    ("LEAST_BACKLOG_BYTES", "here: a backlog beyond its bounds"),
    ("MOST_BACKLOG_BYTES", "here: a backlog beyond its bounds"),
];

#[test]
fn every_limit_has_a_test() {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/limits.rs"))
        .expect("src/limits.rs");
    let declared: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const "))
        .filter_map(|line| line.split(':').next())
        .collect();
    let tested: BTreeSet<&str> = LIMITS.iter().map(|(name, _)| *name).collect();
    assert_eq!(declared, tested, "src/limits.rs on the left, the list of this file on the right");
}

#[test]
fn one_template_too_many_is_refused() {
    let server = Server::rankd();
    let mut client = server.client();
    let prefix = "x".repeat(512);
    assert_eq!(client.ask(&format!("LB.TEMPLATE SET {prefix}*")), Reply::Simple(b"OK".to_vec()));
    let reply = client.ask(&format!("LB.TEMPLATE SET {prefix}y*"));
    assert!(matches!(reply, Reply::Error(text) if text.starts_with(b"ERR a template is for the keys")));
    for number in 1..1024 {
        assert_eq!(client.ask(&format!("LB.TEMPLATE SET t{number}* IDS 1")), Reply::Simple(b"OK".to_vec()));
    }
    let full = Reply::Error(b"ERR there are 1024 templates already".to_vec());
    assert_eq!(client.ask("LB.TEMPLATE SET another*"), full);
    assert_eq!(client.ask("LB.TEMPLATE SET t1* IDS 2"), Reply::Simple(b"OK".to_vec()), "one that is there");
    assert_eq!(client.ask("LB.TEMPLATE DEL t2*"), Reply::Integer(1));
    assert_eq!(client.ask("LB.TEMPLATE SET another*"), Reply::Simple(b"OK".to_vec()));
}

/// Messages that a subscriber does not read are kept only up to a limit; other clients are not affected.
#[test]
fn a_subscriber_that_does_not_read_is_disconnected() {
    let server = Server::rankd();
    let (mut publisher, mut subscriber) = (server.client(), server.client());
    subscriber.ask("SUBSCRIBE news");
    let message = "x".repeat(1024 * 1024);
    wait_for("the subscriber to be gone", || {
        let receivers = publisher.call(&["PUBLISH", "news", &message]);
        (receivers == Reply::Integer(0)).then_some(())
    });
    assert!(server.resident_kib() < 200 * 1024);
    assert!(publisher.ask("PUBSUB CHANNELS").items().is_empty());
}

/// Long commands run on another thread than that of their connection. Their replies are complete, in order, and the same
/// as in a transaction, which stays on its thread.
#[test]
fn commands_over_very_many_elements_are_answered_in_order() {
    const MEMBERS: usize = 50_000;
    let server = Server::rankd();
    let mut client = server.client();
    for start in (0..MEMBERS).step_by(1000) {
        let names = (start..start + 1000).map(|number| format!("member:{number:06}")).collect::<Vec<_>>();
        let mut added = vec!["ZADD", "board"];
        names.iter().for_each(|name| added.extend(["1", name]));
        assert_eq!(client.call(&added), Reply::Integer(1000));
        let mut added = vec!["SADD", "set"];
        added.extend(names.iter().map(String::as_str));
        assert_eq!(client.call(&added), Reply::Integer(1000));
        client.call(&["SET", &names[0], "1"]);
    }
    let large = [
        &["ZRANGE", "board", "0", "-1"][..],
        &["SMEMBERS", "set"],
        &["ZUNION", "2", "board", "set"],
        &["ZRANDMEMBER", "board", "-50000"],
        &["SRANDMEMBER", "set", "-50000"],
        &["SRANDMEMBER", "set", "50000"],
        &["SINTER", "set", "set"],
        &["SUNION", "set", "set"],
        &["SDIFF", "set", "nothing"],
        &["SORT", "set", "ALPHA"],
        &["SORT_RO", "board", "BY", "member:*", "ALPHA", "DESC"],
        &["SORT", "board", "BY", "nosort"],
        &["SPOP", "set", "50000"],
    ];
    for words in large {
        let mut pipeline = encode(&["SET", "before", "1"]);
        pipeline.extend(encode(words));
        pipeline.extend(encode(&["INCR", "before"]));
        client.send_raw(&pipeline);
        assert_eq!(client.reply(), Reply::Simple(b"OK".to_vec()));
        assert_eq!(client.reply().items().len(), MEMBERS, "{words:?}");
        assert_eq!(client.reply(), Reply::Integer(2));
    }
    assert_eq!(client.ask("KEYS member:*").items().len(), MEMBERS / 1000);
    client.ask("MULTI");
    client.call(large[0]);
    client.ask("ZREMRANGEBYRANK board 0 -1");
    let replies = client.ask("EXEC");
    assert_eq!(replies.items()[0].items().len(), MEMBERS);
    assert_eq!(replies.items()[1], Reply::Integer(MEMBERS as i64));
}

/// What looks at just as many elements as its connection's thread may, and at one more, has the same result: a SORT that
/// returns, one that stores, a DUMP, and a RESTORE.
#[test]
fn sorted_and_restored_values_pass_the_bound_of_their_thread() {
    const BOUND: usize = 8192;
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    for count in [BOUND - 1, BOUND, BOUND + 1] {
        let numbers: Vec<String> = (0..count).map(|number| (number * 7919 % count).to_string()).collect();
        let push: Vec<&str> =
            ["RPUSH", "list"].into_iter().chain(numbers.iter().map(String::as_str)).collect();
        client.call(&["DEL", "list"]);
        assert_eq!(client.call(&push), Reply::Integer(count as i64));
        let payload = client.ask("DUMP list");
        let restore: [&[u8]; 5] = [b"RESTORE", b"restored", b"0", payload.bytes(), b"REPLACE"];
        assert_eq!(client.call(&restore), Reply::Simple(b"OK".to_vec()));
        assert_eq!(client.ask("LRANGE restored 0 -1"), client.ask("LRANGE list 0 -1"));
        let mut in_order: Vec<usize> = numbers.iter().map(|number| number.parse().unwrap()).collect();
        in_order.sort_unstable();
        let in_order =
            Reply::Array(in_order.iter().map(|number| Reply::Bulk(number.to_string().into())).collect());
        assert_eq!(client.ask("SORT restored"), in_order);
        assert_eq!(client.ask("SORT_RO restored BY nothing:* GET #").items().len(), count);
        assert_eq!(client.ask("SORT restored STORE sorted"), Reply::Integer(count as i64));
        assert_eq!(client.ask("LRANGE sorted 0 -1"), in_order);
        assert_eq!(client.ask(&format!("SORT restored LIMIT {} 5", count - 1)).items().len(), 1);
        assert_eq!(client.ask(&format!("SORT restored LIMIT {count} 5")), Reply::Array(Vec::new()));
    }
    // RESTORE counts eight bytes of a payload as an element.
    for length in [8 * BOUND - 100, 8 * BOUND, 8 * BOUND + 100] {
        let text = "x".repeat(length);
        client.call(&["SET", "text", &text]);
        let payload = client.ask("DUMP text");
        assert!(payload.bytes().len() > length);
        let restore: [&[u8]; 5] = [b"RESTORE", b"restored", b"0", payload.bytes(), b"REPLACE"];
        assert_eq!(client.call(&restore), Reply::Simple(b"OK".to_vec()));
        assert_eq!(client.ask("GET restored").text(), text);
        let cut = &payload.bytes()[..payload.bytes().len() - 1];
        let broken: [&[u8]; 5] = [b"RESTORE", b"restored", b"0", cut, b"REPLACE"];
        assert_eq!(client.call(&broken), error("ERR DUMP payload version or checksum are wrong"));
    }
}

/// A transaction has the same size limit as one request.
#[test]
fn a_transaction_too_large_to_queue_ends_the_connection() {
    let server = Server::rankd_with(&["--client-query-buffer-limit", "1mb"]);
    let mut client = server.client();
    client.ask("MULTI");
    let value = "x".repeat(100 * 1024);
    let queued = (0..20).take_while(|_| client.try_call(&["SET", "k", &value]).is_ok()).count();
    assert!((9..=11).contains(&queued), "{queued} requests of 100 KiB were queued");
    let mut admin = server.client();
    assert_eq!(admin.ask("EXISTS k"), Reply::Integer(0));
    let count = "client_query_buffer_limit_disconnections";
    assert!(admin.ask("INFO stats").text().contains(&format!("{count}:1\r")));
    // So has one request.
    let mut client = server.client();
    assert!(client.try_call(&["SET", "k", &"x".repeat(2 << 20)]).is_err());
    assert!(admin.ask("INFO stats").text().contains(&format!("{count}:2\r")));
    // And one that comes in one read; what was before it has run.
    for round in 3..20 {
        let mut client = server.client();
        let fits = client.call(&["SET", "k", &"x".repeat((1 << 20) - 20)]);
        assert_eq!(fits, Reply::Simple("OK".into()));
        let requests =
            [encode(&["SET", "n", &round.to_string()]), encode(&["SET", "k", &"y".repeat(1 << 20)])];
        let _ = client.try_send_raw(&requests.concat());
        assert_eq!(client.try_reply().ok(), Some(Reply::Simple("OK".into())));
        assert!(client.is_closed());
        assert_eq!(admin.ask("GET n"), Reply::Bulk(round.to_string().into()));
        assert!(admin.ask("INFO stats").text().contains(&format!("{count}:{round}\r")));
    }
    assert!(admin.ask("GET k").text().starts_with('x'));
    admin.ask("CONFIG RESETSTAT");
    assert!(admin.ask("INFO stats").text().contains(&format!("{count}:0\r")));
}

#[test]
fn a_backlog_beyond_its_bounds_is_enlarged_or_refused() {
    let server = Server::rankd();
    let mut client = server.client();
    assert_eq!(client.ask("CONFIG SET repl-backlog-size 1"), Reply::Simple("OK".into()));
    assert_eq!(client.ask("CONFIG GET repl-backlog-size").items()[1].text(), "16384");
    let Reply::Error(why) = client.ask("CONFIG SET repl-backlog-size 1125899906842625") else {
        panic!("refused")
    };
    let why = String::from_utf8_lossy(&why);
    assert!(why.contains("repl-backlog-size"), "{why}");
    assert_eq!(client.ask("CONFIG GET repl-backlog-size").items()[1].text(), "16384");
}

fn error(text: &str) -> Reply {
    Reply::Error(text.as_bytes().to_vec())
}

#[test]
fn an_argument_too_many_or_too_long_ends_the_connection() {
    let server = Server::rankd();
    let cases = [
        (format!("*{}\r\n", 1_i64 << 31), "ERR Protocol error: invalid multibulk length"),
        (format!("*1\r\n${}\r\n", 512 * 1024 * 1024 + 1), "ERR Protocol error: invalid bulk length"),
    ];
    for (bytes, refusal) in cases {
        let mut client = server.client();
        client.send_raw(bytes.as_bytes());
        assert_eq!(client.reply(), error(refusal));
        assert!(client.is_closed());
    }
}

/// redis#5535: a ZADD of 524,288 pairs has two arguments more than 1,048,576 and was refused, and the connection closed.
#[test]
fn a_request_may_have_more_than_a_million_arguments() {
    let server = Server::rankd();
    let mut client = server.client();
    // An announced length takes no memory.
    let before_kib = server.resident_kib();
    let mut waiting: Vec<_> = (0..100).map(|_| server.client()).collect();
    waiting.iter_mut().for_each(|other| other.send_raw(b"*2147483647\r\n$4\r\nPING\r\n"));
    client.ask("PING");
    let announced_kib = server.resident_kib().saturating_sub(before_kib);
    assert!(announced_kib < 32 * 1024, "{announced_kib} KiB for 100 headers");

    let mut words = vec!["ZADD".to_owned(), "lb".to_owned()];
    words.extend((0..524_288).flat_map(|number| [number.to_string(), format!("m{number}")]));
    let sent_kib = encode(&words).len() as u64 / 1024;
    assert_eq!(client.call(&words), Reply::Integer(524_288));
    assert_eq!(client.call(&["ZCARD", "lb"]), Reply::Integer(524_288));
    // The board, the request and the positions of its arguments take at most a few times the bytes that were sent.
    let taken_kib = server.resident_kib().saturating_sub(before_kib);
    assert!(taken_kib < 8 * sent_kib, "{taken_kib} KiB for a request of {sent_kib} KiB");
    // A transaction queues such a request unchanged.
    client.ask("MULTI");
    words.truncate(2 + 2 * 300_000);
    client.call(&words);
    assert_eq!(client.ask("EXEC").items(), [Reply::Integer(0)]);
    let keys: Vec<String> =
        std::iter::once("DEL".to_owned()).chain((0..1_200_000).map(|number| number.to_string())).collect();
    assert_eq!(client.call(&keys), Reply::Integer(0));
}

#[test]
fn an_argument_beyond_the_configured_length_ends_the_connection() {
    let server = Server::rankd_with(&["--appendonly", "no", "--proto-max-bulk-len", "1mb"]);
    let mut client = server.client();
    assert_eq!(
        client.call(&["CONFIG", "SET", "proto-max-bulk-len", "1073741825"]),
        error(
            "ERR CONFIG SET failed (possibly related to argument 'proto-max-bulk-len') - argument must be between \
             1048576 and 1073741824 inclusive"
        )
    );
    let most = "x".repeat(1024 * 1024);
    assert_eq!(client.call(&["SET", "k", &most]), Reply::Simple(b"OK".to_vec()));
    client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048577\r\n");
    assert_eq!(client.reply(), error("ERR Protocol error: invalid bulk length"));
    assert!(client.is_closed());
}

/// A short request with one long name could take gigabytes: the name of the user is added to the list of every friend.
#[test]
fn names_too_long_for_the_number_of_friends_are_refused() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    let user = "u".repeat(70_000);
    let friends: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    let words: Vec<&str> =
        ["FRIENDADD", user.as_str()].into_iter().chain(friends.iter().map(String::as_str)).collect();
    let refusal = "ERR the names of these friendships take more than 64 MiB, make fewer at a time";
    assert_eq!(client.call(&words), error(refusal));
    assert_eq!(client.call(&["DBSIZE"]), Reply::Integer(0));
    assert_eq!(client.call(&words[..502]), Reply::Integer(500));
}

/// A short request could otherwise get a reply of any size.
#[test]
fn members_drawn_with_repeats_are_limited() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    let long = "x".repeat(1024 * 1024);
    client.call(&["ZADD", "short", "1", "m"]);
    client.call(&["ZADD", "long", "1", &long]);
    assert_eq!(client.call(&["ZRANDMEMBER", "short", "-1048576"]).items().len(), 1_048_576);
    let too_many = "ERR at most 1048576 members are drawn with repeats at a time";
    assert_eq!(client.call(&["ZRANDMEMBER", "short", "-1048577"]), error(too_many));
    assert_eq!(client.call(&["ZRANDMEMBER", "long", "-64"]).items().len(), 64);
    let too_long = "ERR the members take more than 64 MiB, draw fewer at a time";
    assert_eq!(client.call(&["ZRANDMEMBER", "long", "-65"]), error(too_long));
    for set in [["SADD", "short set", "m"], ["SADD", "long set", &long]] {
        client.call(&set);
    }
    assert_eq!(client.call(&["SRANDMEMBER", "short set", "-1048576"]).items().len(), 1_048_576);
    assert_eq!(client.call(&["SRANDMEMBER", "short set", "-1048577"]), error(too_many));
    assert_eq!(client.call(&["SRANDMEMBER", "long set", "-64"]).items().len(), 64);
    assert_eq!(client.call(&["SRANDMEMBER", "long set", "-65"]), error(too_long));
}

#[test]
fn a_request_beyond_the_configured_length_ends_the_connection() {
    let server = Server::rankd_with(&["--appendonly", "no", "--client-query-buffer-limit", "1mb"]);
    let mut client = server.client();
    let mut sent = client.try_send_raw(b"*1000000\r\n$3\r\nDEL\r\n");
    let chunk =
        b"$100\r\n".iter().chain(&[b'x'; 100]).chain(b"\r\n").copied().collect::<Vec<u8>>().repeat(1_000);
    for _ in 0..40 {
        sent = sent.and_then(|()| client.try_send_raw(&chunk));
    }
    // Redis closes without a reply. With or without one, the connection is closed.
    while client.try_reply().is_ok() {}
    assert!(client.is_closed() || sent.is_err());
    assert_eq!(server.client().call(&["PING"]), Reply::Simple(b"PONG".to_vec()));
}

#[test]
fn the_memory_of_a_large_request_is_freed() {
    let server = Server::rankd();
    let mut client = server.client();
    client.call(&["PING"]);
    let before = server.resident_kib();
    let large = "x".repeat(64 * 1024 * 1024);
    assert_eq!(client.call(&["ECHO", &large]).bytes().len(), large.len());
    drop(large);
    wait_for("the buffers of 64 MiB to be given back", || {
        client.call(&["PING"]);
        (server.resident_kib() < before + 32 * 1024).then_some(())
    });
}

#[test]
fn a_client_too_many_is_refused() {
    let server = Server::rankd_with(&["--appendonly", "no", "--maxclients", "5"]);
    let mut clients: Vec<Client> = (0..5).map(|_| server.client()).collect();
    for client in &mut clients {
        assert_eq!(client.call(&["PING"]), Reply::Simple(b"PONG".to_vec()));
    }
    let mut sixth = server.client();
    assert_eq!(sixth.reply(), error("ERR max number of clients reached"));
    assert!(sixth.is_closed());
    drop(clients.pop());
    wait_for("a place", || {
        let mut client = server.client();
        client.try_call(&["PING"]).is_ok_and(|reply| !reply.is_error()).then_some(())
    });
}

#[test]
fn a_database_too_many_stops_the_start() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path().to_str().expect("UTF-8");
    let (status, said, complained) = run_rankd(&["--port", "0", "--dir", directory, "--databases", "1025"]);
    assert!(!status.success(), "started with 1025 databases: {said}");
    assert!(format!("{said}{complained}").contains("databases"), "{said}{complained}");
}

#[test]
fn a_thousand_keys_that_expire_at_once_are_all_removed() {
    const KEYS: usize = 1_000;
    let server = Server::rankd();
    let mut client = server.client();
    let mut bytes = Vec::new();
    for number in 0..KEYS {
        let key = format!("board:{number}");
        bytes.extend(encode(&["ZADD", &key, "1", "a"]));
        bytes.extend(encode(&["PEXPIRE", &key, "30"]));
    }
    bytes.extend(encode(&["SET", "stays", "1"]));
    client.send_raw(&bytes);
    for _ in 0..2 * KEYS + 1 {
        assert!(!client.reply().is_error());
    }
    // No client accesses the keys: they must be removed without that.
    wait_for("the keys to expire", || (client.call(&["DBSIZE"]) == Reply::Integer(1)).then_some(()));
    assert_eq!(client.call(&["EXISTS", "board:0"]), Reply::Integer(0));
}

/// Kept FRIENDRANK results are a cache: they stay within their limit, and replies stay correct.
#[test]
fn kept_friend_rankings_stay_within_their_limit() {
    let server = Server::rankd_with(&["--appendonly", "no", "--friendrank-keep-bytes", "1mb"]);
    let mut client = server.client();
    let members: Vec<String> = (0..5_000).map(|number| format!("member:{number:05}")).collect();
    for chunk in members.chunks(500) {
        let scores = chunk.iter().flat_map(|member| ["7".to_owned(), member.clone()]);
        client.call(&[vec!["ZADD".to_owned(), "board".to_owned()], scores.collect()].concat());
        client.call(&[vec!["SADD".to_owned(), "many".to_owned()], chunk.to_vec()].concat());
    }
    let before = server.resident_kib();
    for number in 0..100 {
        let user = format!("member:{number:05}");
        let words = ["FRIENDRANK", "board", &user, "FRIENDS", "many", "TOP", "1", "MAXAGE", "600000"];
        let answer = client.call(&words);
        assert_eq!(answer.items()[0].items()[0].text(), "member:04999");
    }
    // A hundred kept lists of five thousand would be well above ten megabytes.
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 10 * 1024, "kept results cost {grown} KiB");
}

/// A thousand entries of a stream in one block, as a Redis without `stream-node-max-bytes` makes it, share a name of 10,000
/// bytes: ten million bytes of Changes in 16 KB of a payload.
#[test]
fn names_that_the_entries_of_a_stream_share_are_limited() {
    let unbounded = ["--stream-node-max-entries", "0", "--stream-node-max-bytes", "0"];
    let Some(redis) = Server::peer(Peer::Redis, &unbounded) else { return };
    let (mut redis, rankd) = (redis.client(), Server::rankd());
    let (mut client, name) = (rankd.client(), "n".repeat(10_000));
    for entry in 1..=1_000 {
        redis.call(&["XADD", "s", &format!("{entry}-1"), &name, "v"]);
    }
    let payload = redis.ask("DUMP s").bytes().to_vec();
    assert!(payload.len() < 30_000, "{} bytes", payload.len());
    let reply = client.call(&[&b"RESTORE"[..], b"s", b"0", &payload]);
    assert!(reply.is_error(), "{reply:?}");
    assert_eq!(client.ask("EXISTS s").integer(), 0);
    redis.ask("XTRIM s MAXLEN 50");
    let payload = redis.ask("DUMP s").bytes().to_vec();
    assert!(!client.call(&[&b"RESTORE"[..], b"s", b"0", &payload]).is_error());
    assert_eq!(client.ask("XLEN s").integer(), 50);
}

#[test]
fn one_producer_too_many_of_a_stream_is_refused() {
    const PRODUCERS: usize = 100_000;
    let server = Server::rankd_with(&["--appendonly", "no", "--stream-idmp-duration", "86400"]);
    let mut client = server.client();
    for first in (0..PRODUCERS).step_by(1_000) {
        let requests = (first..first + 1_000)
            .map(|number| encode(&["XADD", "s", "IDMP", &format!("p{number}"), "i", "*", "f", "v"]));
        client.send_raw(&requests.collect::<Vec<_>>().concat());
        (0..1_000).for_each(|_| assert!(!client.reply().is_error()));
    }
    let known = client.ask("XRANGE s - + COUNT 1").items()[0].items()[0].text();
    let before = client.ask("XINFO STREAM s");
    for request in ["XADD s IDMP more i * f v", "XADD s IDMPAUTO more * f v"] {
        assert!(client.ask(request).is_error(), "{request}");
    }
    let last = client.ask("XREVRANGE s + - COUNT 1").items()[0].items()[0].text();
    assert!(client.ask(&format!("XIDMPRECORD s more i {last}")).is_error());
    assert_eq!(client.ask("XINFO STREAM s"), before);
    // Those that it knows go on, and so do entries without an id.
    assert_eq!(client.ask("XADD s IDMP p0 i * f v").text(), known);
    assert!(!client.ask("XADD s IDMP p0 j * f v").is_error());
    assert!(!client.ask("XADD s * f v").is_error());
    assert!(!client.ask("DEL s").is_error());
}

#[test]
fn names_and_ids_of_producers_have_a_longest_length() {
    const BYTES: usize = 65_536;
    let server = Server::rankd();
    let mut client = server.client();
    let (longest, longer) = ("x".repeat(BYTES), "x".repeat(BYTES + 1));
    for (producer, id, fits) in [
        (&*longest, &*longest, true),
        (&longer, "i", false),
        ("p", &longer, false),
        ("", "i", false),
        ("p", "", false),
    ] {
        let reply = client.call(&["XADD", "s", "IDMP", producer, id, "*", "f", "v"]);
        assert_eq!(reply.is_error(), !fits, "{} {}", producer.len(), id.len());
    }
    assert!(client.call(&["XADD", "s", "IDMPAUTO", &longer, "*", "f", "v"]).is_error());
    assert!(client.call(&["XIDMPRECORD", "s", "p", &longer, "1-1"]).is_error());
    assert_eq!(client.ask("XLEN s").integer(), 1);
    assert!(client.call(&["XCFGSET", "s", "IDMP-MAXSIZE", "10001"]).is_error());
    assert!(client.call(&["XCFGSET", "s", "IDMP-DURATION", "86401"]).is_error());
}
