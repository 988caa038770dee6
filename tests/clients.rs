//! Clients that other clients know of: tracking that goes to another connection, ends from outside, and limits of what waits
//! for a client.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

fn text_of(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.to_bytes()).into_owned()
}

fn id_of(client: &mut Client) -> String {
    client.ask("CLIENT ID").integer().to_string()
}

/// The line of the client in CLIENT LIST, if it is there.
fn line(admin: &mut Client, id: &str) -> Option<String> {
    let list = admin.ask("CLIENT LIST").text();
    list.lines().find(|line| line.starts_with(&format!("id={id} "))).map(str::to_owned)
}

fn field(line: &str, name: &str) -> String {
    let start = format!("{name}=");
    let value = line.split(' ').find_map(|field| field.strip_prefix(&start));
    value.unwrap_or_else(|| panic!("{name} in {line}")).to_owned()
}

/// A client that speaks RESP2 gets the invalidations of another by a channel, one that speaks RESP3 as pushes, whether it is
/// subscribed or not. When it is gone, the client that tracks learns that.
#[test]
fn invalidations_go_to_another_client() {
    let server = Server::rankd();
    let (mut tracker, mut target, mut writer) = (server.client(), server.client(), server.client());
    let id = id_of(&mut target);
    let tracking = ["CLIENT", "TRACKING", "ON", "REDIRECT", &id];
    assert_eq!(tracker.call(&tracking), Reply::Simple(b"OK".to_vec()));
    assert_eq!(tracker.ask("CLIENT GETREDIR").integer().to_string(), id);
    target.ask("SUBSCRIBE __redis__:invalidate");
    tracker.ask("GET k");
    writer.ask("SET k 1");
    assert_eq!(
        text_of(&target.reply()),
        "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n"
    );
    writer.ask("FLUSHALL");
    assert_eq!(text_of(&target.reply()), "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n");
    target.ask("UNSUBSCRIBE");
    target.ask("HELLO 3");
    tracker.ask("GET k");
    writer.ask("SET k 1");
    assert_eq!(text_of(&target.reply()), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
    tracker.ask("HELLO 3");
    tracker.ask("GET k");
    drop(target);
    wait_for("the target to be gone", || line(&mut writer, &id).is_none().then_some(()));
    writer.ask("SET k 2");
    let broken = format!(">2\r\n$21\r\ntracking-redir-broken\r\n:{id}\r\n");
    assert_eq!(text_of(&tracker.reply()), broken);
    assert!(text_of(&tracker.ask("CLIENT TRACKINGINFO")).contains("broken_redirect"));
    assert_eq!(field(&line(&mut writer, &id_of(&mut tracker)).unwrap(), "flags"), "tR");
}

/// Beyond `tracking-table-max-keys` clients are told to drop keys that nobody has changed. When nobody tracks any more,
/// nothing is remembered.
#[test]
fn the_table_of_tracked_keys_is_bounded() {
    let server = Server::rankd_with(&["--tracking-table-max-keys", "100"]);
    let (mut tracker, mut admin) = (server.client(), server.client());
    tracker.ask("HELLO 3");
    tracker.ask("CLIENT TRACKING ON");
    let tracked_keys = |admin: &mut Client| {
        let info = admin.ask("INFO stats").text();
        let keys = info.lines().find_map(|line| line.strip_prefix("tracking_total_keys:"));
        keys.expect("tracking_total_keys").parse::<usize>().unwrap()
    };
    let mut invalidated = 0;
    for number in 0..1000 {
        tracker.send(&["GET", &format!("key:{number}")]);
        let reply = tracker.reply();
        assert_eq!(text_of(&reply), "_\r\n");
        if number >= 100 {
            assert!(text_of(&tracker.reply()).contains("invalidate"));
            invalidated += 1;
        }
        assert!(number % 100 > 0 || tracked_keys(&mut admin) <= 100);
    }
    assert_eq!((invalidated, tracked_keys(&mut admin)), (900, 100));
    admin.ask("CONFIG SET tracking-table-max-keys 10");
    for _ in 0..90 {
        tracker.reply();
    }
    assert_eq!(tracked_keys(&mut admin), 10);
    tracker.ask("CLIENT TRACKING OFF");
    assert_eq!(tracked_keys(&mut admin), 0);
}

/// Reads and writes of many clients at once: a client's copy is never stale once its messages have come.
#[test]
fn copies_that_no_message_has_called_stale_are_true() {
    const KEYS: u64 = 8;
    const ROUNDS: u64 = 1500;
    let server = Server::rankd();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut writer = server.client();
            for round in 0..ROUNDS {
                writer.call(&["SET", &format!("k{}", round % KEYS), &round.to_string()]);
            }
        });
        let mut reader = server.client();
        reader.ask("HELLO 3");
        reader.ask("CLIENT TRACKING ON");
        let mut copies = vec![None; KEYS as usize];
        let next = |reader: &mut Client, copies: &mut Vec<Option<String>>| loop {
            let reply = reader.reply();
            let Reply::Push(parts) = &reply else { return reply };
            for key in parts[1].items() {
                let number: usize = key.text()[1..].parse().unwrap();
                copies[number] = None;
            }
        };
        let mut round = 0;
        while !writer.is_finished() || round % KEYS != 0 {
            let key = round % KEYS;
            reader.send(&["GET", &format!("k{key}")]);
            let reply = next(&mut reader, &mut copies);
            copies[key as usize] = Some(text_of(&reply));
            round += 1;
        }
        // All messages about the changes so far come before this reply.
        reader.send(&["PING"]);
        next(&mut reader, &mut copies);
        let mut plain = server.client();
        for (key, copy) in copies.iter().enumerate() {
            if let Some(copy) = copy {
                assert_eq!(*copy, text_of(&plain.call(&["GET", &format!("k{key}")])), "k{key}");
            }
        }
    });
}

/// CLIENT KILL ends a connection at once: one that is idle, one that waits, one whose client does not read.
#[test]
fn clients_are_ended_from_outside() {
    let server = Server::rankd();
    let mut admin = server.client();
    let mut idle = server.client();
    let mut waiting = server.client();
    let mut deaf = server.client();
    let ids = [&mut idle, &mut waiting, &mut deaf].map(id_of);
    admin.call(&["SET", "long", &"x".repeat(1 << 20)]);
    waiting.send(&["BLPOP", "list", "0"]);
    for _ in 0..64 {
        deaf.send(&["GET", "long"]);
    }
    wait_for("the replies to pile up", || {
        let line = line(&mut admin, &ids[2]).expect("a client");
        (field(&line, "omem") != "0" && field(&line, "events") == "rw").then_some(())
    });
    wait_for("a client to wait", || {
        (field(&line(&mut admin, &ids[1]).expect("a client"), "flags") == "b").then_some(())
    });
    for id in &ids {
        assert_eq!(admin.call(&["CLIENT", "KILL", "ID", id]), Reply::Integer(1));
        assert_eq!(admin.call(&["CLIENT", "KILL", "ID", id]), Reply::Integer(0));
        assert_eq!(line(&mut admin, id), None);
    }
    assert!(idle.is_closed() && waiting.is_closed());
    wait_for("the socket to be closed", || deaf.try_reply().is_err().then_some(()));
    assert_eq!(admin.ask("RPUSH list a"), Reply::Integer(1));
    assert_eq!(admin.ask("LLEN list"), Reply::Integer(1));
    let own = admin.ask("CLIENT INFO").text();
    let address = field(&own, "addr");
    assert_eq!(admin.call(&["CLIENT", "KILL", &address]), Reply::Simple(b"OK".to_vec()));
    assert!(admin.is_closed());
}

/// `client-output-buffer-limit` for subscribers and for others, hard and soft.
#[test]
fn a_client_for_which_too_much_waits_is_cut_off() {
    let server = Server::rankd();
    let mut admin = server.client();
    let cut_off = |admin: &mut Client, expected: usize| {
        wait_for("a client to be cut off", || {
            let info = admin.ask("INFO stats").text();
            info.contains(&format!("client_output_buffer_limit_disconnections:{expected}\r")).then_some(())
        });
    };
    admin.call(&["SET", "long", &"x".repeat(1 << 20)]);
    // A reply beyond the hard limit is not sent.
    admin.call(&["CONFIG", "SET", "client-output-buffer-limit", "normal 500000 0 0"]);
    let mut client = server.client();
    client.send(&["GET", "long"]);
    assert!(client.is_closed());
    cut_off(&mut admin, 1);
    // Messages beyond the hard limit of subscribers.
    admin.call(&["CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0 pubsub 2000000 0 0"]);
    let mut subscriber = server.client();
    subscriber.ask("SUBSCRIBE news");
    let message = "x".repeat(100_000);
    wait_for("the subscriber to be gone", || {
        (admin.call(&["PUBLISH", "news", &message]) == Reply::Integer(0)).then_some(())
    });
    cut_off(&mut admin, 2);
    // More than the soft limit for longer than it may. How much of a reply the socket has no room for is up to the kernel.
    admin.call(&["CONFIG", "SET", "client-output-buffer-limit", "normal 0 1 1 pubsub 0 0 0"]);
    let mut slow = server.client();
    for _ in 0..64 {
        slow.send(&["GET", "long"]);
    }
    cut_off(&mut admin, 3);
    // Without a limit a client that does not read is not read from, and stays.
    admin.call(&["CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0"]);
    let mut patient = server.client();
    for _ in 0..64 {
        patient.send(&["GET", "long"]);
    }
    for _ in 0..64 {
        assert_eq!(patient.reply().bytes().len(), 1 << 20);
    }
}

/// MONITOR shows each command with its time, database, address and quoted arguments: when it has run, without passwords,
/// and without the commands of administrators.
#[test]
fn monitors_see_what_clients_do() {
    let server = Server::rankd();
    let (mut monitor, mut other, mut client) = (server.client(), server.client(), server.client());
    assert_eq!(monitor.ask("MONITOR"), Reply::Simple(b"OK".to_vec()));
    let address = field(&client.ask("CLIENT INFO").text(), "addr");
    client.call(&[&b"SET"[..], b"k\0\n\r\t\x07\x08\"\\\xe9", b""]);
    client.ask("CONFIG GET save");
    client.ask("SELECT 3");
    client.ask("nosuch");
    client.ask("GET");
    client.ask("LPOP a b");
    client.ask("AUTH secret");
    client.ask("HELLO 3 AUTH default secret SETNAME me");
    client.ask("MULTI");
    client.ask("INCR n");
    client.ask("EXEC");
    let mut seen = |database: u32, words: &str| {
        let Reply::Simple(line) = monitor.reply() else { panic!("a line") };
        let line = String::from_utf8(line).expect("printable");
        let (time, rest) = line.split_once(' ').expect("a time");
        let (seconds, micros) = time.split_once('.').expect("a fraction");
        assert!(
            seconds.parse::<u64>().is_ok() && micros.len() == 6 && micros.parse::<u64>().is_ok(),
            "{line}"
        );
        assert_eq!(rest, format!("[{database} {address}] {words}"));
    };
    seen(0, r#""CLIENT" "INFO""#);
    seen(0, r#""SET" "k\x00\n\r\t\a\b\"\\\xe9" """#);
    seen(3, r#""SELECT" "3""#);
    seen(3, r#""LPOP" "a" "b""#);
    seen(3, r#""AUTH" "(redacted)""#);
    seen(3, r#""HELLO" "3" "AUTH" "(redacted)" "(redacted)" "SETNAME" "me""#);
    for words in [r#""MULTI""#, r#""INCR" "n""#, r#""EXEC""#] {
        seen(3, words);
    }
    client.ask("SET key-of-script 3");
    seen(3, r#""SET" "key-of-script" "3""#);
    // The script names a key that it has not declared, so it is begun twice.
    client.ask("EVAL \"redis.call('GET', 'key-of-script') return redis.call('SELECT', '4')\" 1 other");
    let Reply::Simple(line) = monitor.reply() else { panic!("a line") };
    assert!(String::from_utf8_lossy(&line).contains(&format!(" [3 {address}] \"EVAL\" ")), "{line:?}");
    for words in [r#"[3 lua] "GET" "key-of-script""#, r#"[4 lua] "SELECT" "4""#] {
        let Reply::Simple(line) = monitor.reply() else { panic!("a line") };
        assert!(line.ends_with(words.as_bytes()), "{}", line.escape_ascii());
    }
    let id = id_of(&mut other);
    assert!(monitor.reply().to_bytes().ends_with(b"\"CLIENT\" \"ID\"\r\n"));
    assert!(!id.is_empty());
    assert_eq!(monitor.ask("RESET"), Reply::Simple(b"RESET".to_vec()));
    other.ask("PING");
    assert_eq!(monitor.ask("PING"), Reply::Simple(b"PONG".to_vec()));
}

/// A monitor that does not read is cut off, and delays nobody.
#[test]
fn a_monitor_that_does_not_read_is_cut_off() {
    let server = Server::rankd();
    let (mut monitor, mut client) = (server.client(), server.client());
    monitor.ask("MONITOR");
    let id = id_of(&mut client);
    let value = "x".repeat(1 << 20);
    wait_for("the monitor to be gone", || {
        client.call(&["SET", "k", &value]);
        let list = client.ask("CLIENT LIST").text();
        list.lines().all(|line| line.starts_with(&format!("id={id} "))).then_some(())
    });
    assert!(client.ask("INFO stats").text().contains("client_output_buffer_limit_disconnections:1\r"));
    assert!(server.resident_kib() < 300 * 1024);
}

/// No write that has begun before CLIENT PAUSE ends behind it, whatever pipelines are under way.
#[test]
fn nothing_is_written_while_writes_are_paused() {
    let server = Server::rankd();
    let mut admin = server.client();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut writer = server.client();
                let pipeline: Vec<u8> =
                    (0..5000).flat_map(|_| crate::support::client::encode(&["INCR", "n"])).collect();
                for _ in 0..10 {
                    writer.send_raw(&pipeline);
                    (0..5000).for_each(|_| drop(writer.reply()));
                }
            });
        }
        for _ in 0..20 {
            admin.ask("CLIENT PAUSE 100000 WRITE");
            let before = admin.ask("GET n");
            admin.ask("PING");
            assert_eq!(admin.ask("GET n"), before);
            admin.ask("CLIENT UNPAUSE");
        }
    });
    assert_eq!(admin.ask("GET n").text(), "150000");
}

/// Who has read the reply to QUIT finds nothing of the client any more: a change just then was sent to a client that was about
/// to end, in place of the message that the redirection is broken.
#[test]
fn a_client_is_gone_when_it_has_the_reply_to_quit() {
    const CHANNELS: usize = 20_000;
    // The one that leaves and the one that looks are served by two threads.
    let server = Server::rankd_with(&["--appendonly", "no", "--threads", "2"]);
    let (mut leaves, mut other, mut tracks) = (server.client(), server.client(), server.client());
    let id = leaves.ask("CLIENT ID").integer();
    tracks.ask("HELLO 3");
    assert_eq!(tracks.ask(&format!("CLIENT TRACKING on REDIRECT {id}")).text(), "OK");
    tracks.ask("GET key");
    let mut request = vec!["SUBSCRIBE".to_owned(), "__redis__:invalidate".to_owned()];
    request.extend((1..CHANNELS).map(|number| format!("channel:{number}")));
    leaves.send(&request);
    for _ in 0..CHANNELS {
        leaves.reply();
    }
    assert_eq!(leaves.ask("QUIT").text(), "OK");
    assert_eq!(other.ask("PUBSUB CHANNELS"), Reply::Array(Vec::new()));
    assert_eq!(other.ask(&format!("CLIENT LIST ID {id}")).text(), "");
    assert_eq!(other.ask("SET key value").text(), "OK");
    let Reply::Push(message) = tracks.reply() else { panic!("a message") };
    assert_eq!(message[0].text(), "tracking-redir-broken");
    assert!(leaves.is_closed());
}
