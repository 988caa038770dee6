//! Many fields, groups, consumers and pending entries: Redis bounds them by memory alone, and so does rankd. They stay as they
//! are over a restart and in a dump file.

use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::Server;

/// Sends all requests at once. None may fail.
fn send_all(client: &mut Client, requests: impl Iterator<Item = Vec<String>>) {
    let requests: Vec<Vec<u8>> = requests.map(|request| encode(&request)).collect();
    for some in requests.chunks(1_000) {
        client.send_raw(&some.concat());
        for _ in some {
            let reply = client.reply();
            assert!(!reply.is_error(), "{reply:?}");
        }
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// What a client can see of the streams.
fn facts(client: &mut Client) -> Vec<Reply> {
    let asked = [
        "XLEN wide",
        "XRANGE wide - +",
        "XINFO GROUPS wide",
        "XPENDING wide g0",
        "XPENDING wide g1 - + 100000",
        "XINFO STREAM busy",
        "XPENDING busy g",
        "XLEN busy",
    ];
    let mut facts: Vec<Reply> = asked.iter().map(|line| client.ask(line)).collect();
    // How long ago entries were delivered changes.
    let Reply::Array(rows) = &facts[4] else { panic!("{:?}", facts[4]) };
    let untimed = rows.iter().map(|row| Reply::Array([&row.items()[..2], &row.items()[3..]].concat()));
    facts[4] = Reply::Array(untimed.collect());
    facts
}

#[test]
fn a_stream_with_very_many_parts_is_whole_after_a_restart_and_in_a_dump() {
    const FIELDS: usize = 30_000;
    const GROUPS: usize = 3_000;
    const CONSUMERS: usize = 5_000;
    const PENDING: usize = 120_000;
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    let mut client = server.client();
    let mut wide = words("XADD wide 1-1");
    wide.extend((0..FIELDS).flat_map(|field| [format!("field {field}"), format!("value {field}")]));
    assert_eq!(client.call(&wide).text(), "1-1");
    assert_eq!(client.ask("XADD wide 1-2 short 1").text(), "1-2");
    send_all(&mut client, (0..GROUPS).map(|group| words(&format!("XGROUP CREATE wide g{group} 0"))));
    send_all(
        &mut client,
        (0..CONSUMERS).map(|consumer| {
            words(&format!("XREADGROUP GROUP g{} c{consumer} COUNT 1 STREAMS wide >", consumer % 2))
        }),
    );
    assert_eq!(client.ask("XINFO CONSUMERS wide g1").items().len(), CONSUMERS / 2);
    send_all(
        &mut client,
        (0..PENDING).map(|number| words(&format!("XADD busy {}-0 n {number}", number + 1))),
    );
    client.ask("XGROUP CREATE busy g 0");
    let reply = client.ask(&format!("XREADGROUP GROUP g one COUNT {PENDING} STREAMS busy >"));
    assert_eq!(reply.items()[0].items()[1].items().len(), PENDING);
    // A part of them for another, one by one and all at once.
    let claimed = client.ask("XAUTOCLAIM busy g two 0 0 COUNT 50000 JUSTID");
    assert_eq!(claimed.items()[1].items().len(), 50_000);
    let before = facts(&mut client);
    assert_eq!(before[6].items()[0], Reply::Integer(PENDING as i64));

    server = server.restart();
    client = server.client();
    assert_eq!(facts(&mut client), before);
    let payloads = ["wide", "busy"].map(|key| client.ask(&format!("DUMP {key}")).bytes().to_vec());
    for (key, payload) in ["wide", "busy"].iter().zip(&payloads) {
        assert!(!client.call(&[b"RESTORE".as_slice(), key.as_bytes(), b"0", payload, b"REPLACE"]).is_error());
    }
    assert_eq!(facts(&mut client), before);

    // And they go: a consumer with many, by acknowledging, with their entries, and a group as a whole.
    assert_eq!(client.ask("XGROUP DELCONSUMER busy g two"), Reply::Integer(50_000));
    let mut acknowledged = words("XACK busy g");
    acknowledged.extend((50_000..60_000).map(|number| format!("{}-0", number + 1)));
    assert_eq!(client.call(&acknowledged), Reply::Integer(10_000));
    assert_eq!(client.ask("XTRIM busy MAXLEN = 50000 DELREF"), Reply::Integer(70_000));
    assert_eq!(client.ask("XPENDING busy g").items()[0], Reply::Integer(50_000));
    assert_eq!(client.ask("XTRIM busy MAXLEN 40000 ACKED"), Reply::Integer(0));
    assert_eq!(client.ask("XGROUP DESTROY busy g"), Reply::Integer(1));
    assert_eq!(client.ask("XTRIM busy MAXLEN 40000 ACKED"), Reply::Integer(10_000));
    assert_eq!(client.ask("XINFO STREAM busy").items().len(), 20);
    assert_eq!(client.ask("DEL busy wide"), Reply::Integer(2));
}

/// Streams are bounded by `maxmemory`: XADD is refused, what was added stays, and trimming makes room.
#[test]
fn a_stream_beyond_maxmemory_refuses_entries_until_it_is_trimmed() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    let used = client.ask("INFO memory").text();
    let used = used.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("the memory in use");
    let most = used.trim().parse::<usize>().expect("a number") + (16 << 20);
    assert!(!client.ask(&format!("CONFIG SET maxmemory {most} maxmemory-policy noeviction")).is_error());
    let value = "x".repeat(50_000);
    let mut added = 0;
    let refused = loop {
        let reply = client.call(&["XADD", "s", "*", "n", &value]);
        if reply.is_error() {
            break reply;
        }
        added += 1;
        assert!(added < 10_000, "{added} entries of 50,000 bytes beside 16 MiB");
    };
    assert_eq!(refused, Reply::Error(b"OOM command not allowed when used memory > 'maxmemory'.".to_vec()));
    assert_eq!(client.ask("XLEN s"), Reply::Integer(added));
    assert_eq!(client.ask("XTRIM s MAXLEN 10"), Reply::Integer(added - 10));
    crate::support::wait_for("the memory of the entries to be free", || {
        (!client.call(&["XADD", "s", "*", "n", &value]).is_error()).then_some(())
    });
}
