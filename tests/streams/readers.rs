//! Readers that wait, compared with Redis: who is served and with what, in order of arrival, once each.
//!
//! Several clients wait at random streams and leave in the middle, while one adds entries and takes groups away. After each
//! step both servers must have answered the same clients with the same replies.

use std::time::Duration;

use crate::support::chance::Chance;
use crate::support::client::{Client, encode};
use crate::support::escape::words;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::{PATIENCE, number_from_env, wait_for};

const READERS: usize = 6;
const STREAMS: [&str; 2] = ["s", "t"];

/// A server, the client that writes, and those that read.
struct Side<'s> {
    server: &'s Server,
    writer: Client,
    readers: Vec<Client>,
}

impl<'s> Side<'s> {
    fn of(server: &'s Server) -> Self {
        let mut writer = server.client();
        writer.ask("FLUSHALL");
        Self { server, writer, readers: (0..READERS).map(|_| server.client()).collect() }
    }

    fn blocked(&mut self) -> usize {
        let said = self.writer.ask("INFO clients").text();
        let count = said.lines().find_map(|line| line.strip_prefix("blocked_clients:"));
        count.expect("the number of clients that wait").trim().parse().expect("a number")
    }
}

/// A stream that some reader may wait at, and the request.
fn wait_request(chance: &mut Chance, reader: usize) -> Vec<String> {
    let consumer = format!("c{}", reader % 4);
    let for_group = chance.percent(70);
    let mut words: Vec<String> = if for_group {
        vec!["XREADGROUP".into(), "GROUP".into(), "g".into(), consumer]
    } else {
        vec!["XREAD".into()]
    };
    if chance.percent(60) {
        words.extend(["COUNT".into(), (1 + chance.below(2)).to_string()]);
    }
    words.extend(["BLOCK".into(), "0".into()]);
    if for_group && chance.percent(20) {
        words.push("NOACK".into());
    }
    words.push("STREAMS".into());
    // Where consumers wait at several streams, Redis serves them in another order: docs/compatibility.md.
    let both = !for_group && chance.percent(60);
    let first = chance.below(2);
    let keys = if both { vec![STREAMS[first], STREAMS[1 - first]] } else { vec![STREAMS[first]] };
    words.extend(keys.iter().map(|key| (*key).to_owned()));
    words.extend(keys.iter().map(|_| if for_group { ">" } else { "$" }.to_owned()));
    words
}

/// What the writer does. Most of it serves readers.
fn write_request(chance: &mut Chance, next: &mut u64) -> Vec<Vec<String>> {
    let stream = (*chance.pick(&STREAMS)).to_owned();
    let mut add = |chance: &mut Chance| {
        *next += 1;
        let stream = (*chance.pick(&STREAMS)).to_owned();
        vec!["XADD".into(), stream, format!("{next}-1"), "n".into(), next.to_string()]
    };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<String>>();
    match chance.below(20) {
        0 => vec![words(&format!("XGROUP DESTROY {stream} g"))],
        1 => vec![words(&format!("DEL {stream}"))],
        2..5 => {
            let adds = 1 + chance.below(4);
            let adds: Vec<_> = (0..adds).map(|_| add(chance)).collect();
            [vec![words("MULTI")], adds, vec![words("EXEC")]].concat()
        }
        5 => vec![words(&format!("XGROUP SETID {stream} g 0"))],
        6 => vec![words(&format!("XDEL {stream} {next}-1", next = *next))],
        7 => vec![words(&format!("XTRIM {stream} MAXLEN 0"))],
        8 => vec![words(&format!("RENAME {stream} {}", chance.pick(&STREAMS)))],
        _ => vec![add(chance)],
    }
}

/// What a reader has got, if anything has come for it.
fn take(reader: &mut Client, patience: Duration) -> Option<Reply> {
    reader.set_read_timeout(patience);
    let reply = reader.try_reply().ok();
    reader.set_read_timeout(PATIENCE);
    reply
}

fn run(protocol: &str) {
    let Some(redis) = Server::peer(Peer::Redis, &[]) else { return };
    let rankd = Server::rankd_with(&["--appendonly", "no"]);
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed ^ u64::from(protocol.as_bytes()[0]));
    let (mut served, mut left, mut refused) = (0, 0, 0);
    for round in 0..number_from_env("RANKD_READER_ROUNDS", 6) {
        let mut sides = [Side::of(&redis), Side::of(&rankd)];
        let (mut waits, mut asked) = ([false; READERS], vec![Vec::new(); READERS]);
        let (mut next, mut told) = (0, Vec::new());
        for step in 0..120 {
            let at = format!(
                "RANKD_SEED={seed}, RESP{protocol}, round {round}, step {step}, after\n{}\n",
                told.join("\n")
            );
            for side in &mut sides {
                for stream in STREAMS {
                    // A group that is there already is an error.
                    side.writer.ask(&format!("XGROUP CREATE {stream} g $ MKSTREAM"));
                }
            }
            let reader = chance.below(READERS);
            match (waits[reader], chance.below(10)) {
                (false, 0..6) => {
                    let request = wait_request(&mut chance, reader);
                    asked[reader].clone_from(&request);
                    let there = waits.iter().filter(|waits| **waits).count();
                    for side in &mut sides {
                        side.readers[reader] = side.server.client();
                        side.readers[reader].call(&["HELLO", protocol]);
                        side.readers[reader].send(&request);
                    }
                    // It may find something at once.
                    let [theirs, ours] = sides.each_mut().map(|side| {
                        wait_for("a reader to wait or to be served", || {
                            if side.blocked() > there {
                                return Some(None);
                            }
                            take(&mut side.readers[reader], Duration::from_millis(5)).map(Some)
                        })
                    });
                    assert_eq!(theirs, ours, "{at}: {request:?}");
                    waits[reader] = theirs.is_none();
                    told.push(format!("reader {reader}: {} waits: {}", request.join(" "), waits[reader]));
                    continue;
                }
                (true, 0) => {
                    // It leaves in the middle.
                    waits[reader] = false;
                    left += 1;
                    told.push(format!("reader {reader} leaves"));
                    let there = waits.iter().filter(|waits| **waits).count();
                    for side in &mut sides {
                        side.readers[reader] = side.server.client();
                        wait_for("a reader to be gone", || (side.blocked() == there).then_some(()));
                    }
                    continue;
                }
                _ => {}
            }
            let requests = write_request(&mut chance, &mut next);
            told.extend(requests.iter().map(|request| request.join(" ")));
            for request in &requests {
                let [theirs, ours] = sides.each_mut().map(|side| side.writer.call(request));
                assert_eq!(theirs, ours, "{at}: {request:?}");
            }
            // Redis has written all replies before it answers its writer again.
            sides[0].writer.ask("PING");
            for (reader, waits) in waits.iter_mut().enumerate().filter(|(_, waits)| **waits) {
                let Some(theirs) = take(&mut sides[0].readers[reader], Duration::from_millis(2)) else {
                    continue;
                };
                let ours = take(&mut sides[1].readers[reader], PATIENCE);
                assert_eq!(Some(&theirs), ours.as_ref(), "{at}: {:?} after {requests:?}", asked[reader]);
                *waits = false;
                told.push(format!("reader {reader} is served"));
                served += 1;
                refused += usize::from(theirs.is_error());
            }
            let there = waits.iter().filter(|waits| **waits).count();
            wait_for("as many readers as in Redis", || (sides[1].blocked() == there).then_some(()));
            assert_eq!(sides[0].blocked(), there, "{at}: a reader of Redis was not seen");
        }
    }
    println!("{served} readers served, {refused} of them with an error, {left} left");
    assert!(served > 100 && left > 5 && refused > 5, "{served} served, {left} left, {refused} refused");
}

#[test]
fn waiting_readers_are_served_as_in_redis_in_resp2() {
    run("2");
}

#[test]
fn waiting_readers_are_served_as_in_redis_in_resp3() {
    run("3");
}

/// Consumers that wait at several streams keep their places. In Redis one that is looked at in vain goes to the end of the
/// queues of all its streams.
#[test]
fn consumers_of_several_streams_keep_their_places() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut writer = server.client();
    for stream in STREAMS {
        writer.ask(&format!("XGROUP CREATE {stream} g $ MKSTREAM"));
    }
    let mut waiting: Vec<Client> = Vec::new();
    for (place, streams) in ["s t > >", "t s > >", "t >", "s t > >", "t >"].iter().enumerate() {
        let mut reader = server.client();
        reader.send_raw(&encode(&words(&format!(
            "XREADGROUP GROUP g c{place} COUNT 1 BLOCK 0 STREAMS {streams}"
        ))));
        waiting.push(reader);
        let all = format!("blocked_clients:{}\r", waiting.len());
        wait_for("the reader to wait", || writer.ask("INFO clients").text().contains(&all).then_some(()));
    }
    // The third and the fifth wait for `t` alone.
    for (number, (stream, place)) in [("s", 0), ("t", 1), ("t", 2), ("s", 3), ("t", 4)].iter().enumerate() {
        writer.ask(&format!("XADD {stream} {}-1 n {number}", number + 1));
        let reply = waiting[*place].reply();
        assert_eq!(reply.items()[0].items()[0].text(), *stream);
        assert_eq!(reply.items()[0].items()[1].items().len(), 1, "{reply:?}");
    }
    // Each was woken once, and each entry went to one.
    assert!(writer.ask("INFO clients").text().contains("blocked_clients:0\r"));
    let pending =
        |stream: &str, writer: &mut Client| writer.ask(&format!("XPENDING {stream} g")).items()[0].integer();
    assert_eq!([pending("s", &mut writer), pending("t", &mut writer)], [2, 3]);
    for reader in &mut waiting {
        assert_eq!(reader.ask("PING"), Reply::Simple(b"PONG".to_vec()));
    }
}
