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
    // More than the soft limit for longer than it may.
    admin.call(&["CONFIG", "SET", "client-output-buffer-limit", "normal 0 100000 1 pubsub 0 0 0"]);
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
