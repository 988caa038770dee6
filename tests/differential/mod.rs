//! The same random commands to rankd and to Redis 8.2.3; replies and final state must be equal.
//!
//! A stream with a difference is shrunk to a few commands and printed as a script. `RANKD_SEED` repeats a run,
//! `RANKD_STREAM_COMMANDS` sets its length. FRIENDRANK, which Redis does not have, is compared with a naive oracle in
//! [`friends`].

mod directives;
mod doubles;
pub(crate) mod friends;
mod stream;

use crate::support::chance::Chance;
use crate::support::client::{Client, encode};
use crate::support::escape;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use stream::sets::{BOUNDS, DRAWN};
use stream::{entries, payloads, sorting};

type Request = Vec<Vec<u8>>;

/// The number of commands in one stream. Each stream begins with empty databases.
const STREAM_LENGTH: usize = 1_500;

/// The largest difference, in seconds, between two lifetimes that were set at about the same time on two servers.
const LIFETIME_SLACK_S: i64 = 5;

struct Sides<'a> {
    ours: &'a Server,
    theirs: &'a Server,
    protocol: &'static str,
    /// The number of requests that are sent before their replies are read.
    batch: usize,
}

/// The replies of both servers to one request.
struct Difference {
    request: Request,
    ours: Reply,
    theirs: Reply,
}

impl Sides<'_> {
    /// Runs a stream on empty databases. Returns the first difference, in a reply or in the final data.
    fn compare(&self, stream: &[Request]) -> Option<Difference> {
        let mut clients = [self.ours.client(), self.theirs.client()];
        for client in &mut clients {
            assert!(!client.call(&["HELLO", self.protocol]).is_error());
            assert!(!client.call(&["FLUSHALL"]).is_error());
        }
        let mut queued = Vec::new();
        let mut dumping = [self.ours.client(), self.theirs.client()];
        for requests in stream.chunks(self.batch) {
            let requests = payloads::with_bytes(requests, &mut dumping);
            if let Some(difference) = compare_requests(&mut clients, &requests, &mut queued).1 {
                return Some(difference);
            }
        }
        // A stream may end in the middle of a transaction.
        clients.iter_mut().for_each(|client| drop(client.call(&["DISCARD"])));
        compare_state(&mut clients)
    }
}

/// Sends the same requests to both. Returns the replies of rankd and the first difference. `queued` are the requests of a
/// transaction that wait for EXEC.
fn compare_requests(
    clients: &mut [Client; 2],
    requests: &[Request],
    queued: &mut Vec<Request>,
) -> (Vec<Reply>, Option<Difference>) {
    let bytes: Vec<u8> = requests.iter().flat_map(|request| encode(request)).collect();
    for client in clients.iter_mut() {
        client.send_raw(&bytes);
    }
    let mut replies = Vec::new();
    let mut first = None;
    for request in requests {
        let [ours, theirs] = clients.each_mut().map(Client::try_reply);
        let of = |who: &str, reply: std::io::Result<Reply>| {
            reply.unwrap_or_else(|error| {
                let batch: Vec<String> = requests.iter().map(|request| escape::line(request)).collect();
                panic!(
                    "{error} instead of {who}'s reply to {}, in\n{}",
                    escape::line(request),
                    batch.join("\n")
                )
            })
        };
        let (ours, theirs) = (of("rankd", ours), of("Redis", theirs));
        if first.is_none() && !same_executed(queued, &ours, &theirs) && !same(request, &ours, &theirs) {
            first = Some(Difference { request: request.clone(), ours: ours.clone(), theirs });
        }
        match ours {
            Reply::Simple(ref text) if text == b"QUEUED" => queued.push(request.clone()),
            _ if request[0].eq_ignore_ascii_case(b"EXEC") || request[0].eq_ignore_ascii_case(b"DISCARD") => {
                queued.clear();
            }
            _ => {}
        }
        replies.push(ours);
    }
    (replies, first)
}

/// Whether the replies of a transaction's requests are equal.
fn same_executed(queued: &[Request], ours: &Reply, theirs: &Reply) -> bool {
    let (Reply::Array(ours), Reply::Array(theirs)) = (ours, theirs) else { return false };
    !queued.is_empty()
        && [ours.len(), theirs.len()] == [queued.len(); 2]
        && queued
            .iter()
            .zip(ours.iter().zip(theirs))
            .all(|(request, (ours, theirs))| same(request, ours, theirs))
}

fn same(request: &Request, ours: &Reply, theirs: &Reply) -> bool {
    let name = request[0].to_ascii_uppercase();
    let runs_others = matches!(name.as_slice(), b"EVAL" | b"FCALL" | b"FCALL_RO");
    let has_scores = name.starts_with(b"Z") || name.starts_with(b"BZ") || runs_others;
    let ours = &if has_scores { without_negative_zero(ours) } else { ours.clone() };
    let theirs = &if has_scores { without_negative_zero(theirs) } else { theirs.clone() };
    match name.as_slice() {
        b"OBJECT" => same_encoding(ours, theirs),
        b"XINFO" | b"XPENDING" => {
            entries::without_moments(request, ours) == entries::without_moments(request, theirs)
        }
        b"SORT" | b"SORT_RO" => sorting::same_order(request, ours, theirs),
        b"DUMP" => shape(ours) == shape(theirs),
        b"SPOP" | b"SRANDMEMBER" | b"SMEMBERS"
            if request.get(1).is_some_and(|key| key == DRAWN.as_bytes()) =>
        {
            shape(ours) == shape(theirs)
        }
        b"HGETALL" => paired(ours).unordered() == paired(theirs).unordered(),
        b"SMEMBERS" | b"SCAN" | b"HSCAN" | b"SSCAN" | b"HKEYS" | b"HVALS" | b"SINTER" | b"SUNION"
        | b"SDIFF" | b"SPOP" => ours.unordered() == theirs.unordered(),
        b"ZSCAN" => walked(ours).unordered() == walked(theirs).unordered(),
        b"ZRANDMEMBER" | b"HRANDFIELD" | b"SRANDMEMBER" => same_draw(request, ours, theirs),
        b"TTL" | b"EXPIRETIME" => same_lifetime(ours, theirs, 1),
        b"PTTL" | b"PEXPIRETIME" => same_lifetime(ours, theirs, 1_000),
        b"HTTL" | b"HEXPIRETIME" => same_lifetimes(ours, theirs, 1),
        b"HPTTL" | b"HPEXPIRETIME" => same_lifetimes(ours, theirs, 1_000),
        _ => ours == theirs,
    }
}

fn same_lifetime(ours: &Reply, theirs: &Reply, units_per_second: i64) -> bool {
    match (ours, theirs) {
        (Reply::Integer(ours), Reply::Integer(theirs)) if *ours > 0 && *theirs > 0 => {
            ours.abs_diff(*theirs) <= (LIFETIME_SLACK_S * units_per_second) as u64
        }
        _ => ours == theirs,
    }
}

/// Like [`same_lifetime`], for each field.
fn same_lifetimes(ours: &Reply, theirs: &Reply, units_per_second: i64) -> bool {
    match (ours, theirs) {
        (Reply::Array(ours), Reply::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(one, other)| same_lifetime(one, other, units_per_second))
        }
        _ => ours == theirs,
    }
}

/// The encoding of a string, a list or a sorted set is that of a value just created, as docs/compatibility.md says. That of
/// a set is Redis's. A small hash becomes `listpackex` in Redis even if HEXPIRE has found no field.
fn same_encoding(ours: &Reply, theirs: &Reply) -> bool {
    const INDISTINCT: [&[&[u8]]; 4] = [
        &[b"int", b"embstr", b"raw"],
        &[b"listpack", b"skiplist"],
        &[b"listpack", b"quicklist"],
        &[b"listpack", b"listpackex"],
    ];
    let (Reply::Bulk(one), Reply::Bulk(other)) = (ours, theirs) else { return ours == theirs };
    let are_in = |names: &&[&[u8]]| names.contains(&&**one) && names.contains(&&**other);
    one == other || INDISTINCT.iter().any(are_in)
}

/// A flat list of fields and values as pairs.
fn paired(reply: &Reply) -> Reply {
    match reply {
        Reply::Array(items) => Reply::Array(in_pairs(items)),
        other => other.clone(),
    }
}

/// Redis keeps the sign of a zero in a large ranking and loses it in a small one; rankd has one zero.
fn without_negative_zero(reply: &Reply) -> Reply {
    match reply {
        Reply::Bulk(text) if text == b"-0" => Reply::Bulk(b"0".to_vec()),
        Reply::Double(text) if text == b"-0" => Reply::Double(b"0".to_vec()),
        Reply::Array(items) => Reply::Array(items.iter().map(without_negative_zero).collect()),
        other => other.clone(),
    }
}

/// A step of a ZSCAN as pairs of members and scores. Redis prints the scores of a large ranking with 17 digits.
fn walked(reply: &Reply) -> Reply {
    let Reply::Array(parts) = reply else { return reply.clone() };
    let mut pairs = in_pairs(parts[1].items());
    for pair in &mut pairs {
        if let Reply::Array(pair) = pair {
            let score: f64 = pair[1].text().parse().expect("a score");
            pair[1] = Reply::Bulk(format!("{score:?}").into_bytes());
        }
    }
    Reply::Array(vec![parts[0].clone(), Reply::Array(pairs)])
}

fn in_pairs(items: &[Reply]) -> Vec<Reply> {
    items.chunks(2).map(|pair| Reply::Array(pair.to_vec())).collect()
}

/// A draw of all members is compared as a set; a smaller draw only by the types and the number of its elements.
fn same_draw(request: &Request, ours: &Reply, theirs: &Reply) -> bool {
    let is_of_all = request.get(2).is_some_and(|count| count == b"100000");
    let is_flat = request.len() == 4 && matches!(ours.items().first(), Some(Reply::Bulk(_)));
    if !is_of_all {
        shape(ours) == shape(theirs)
    } else if is_flat {
        let pairs = |reply: &Reply| Reply::Array(in_pairs(reply.items())).unordered();
        pairs(ours) == pairs(theirs)
    } else {
        ours.unordered() == theirs.unordered()
    }
}

fn shape(reply: &Reply) -> String {
    match reply {
        Reply::Array(items) => format!("*{}", items.iter().map(shape).collect::<String>()),
        Reply::Set(items) => format!("~{}", items.iter().map(shape).collect::<String>()),
        Reply::Bulk(_) => "$".to_owned(),
        Reply::Double(_) => ",".to_owned(),
        other => other.lines().concat(),
    }
}

fn request(words: &[&[u8]]) -> Request {
    words.iter().map(|word| word.to_vec()).collect()
}

/// Compares every key of the databases the streams use: type, content, and whether it will expire.
fn compare_state(clients: &mut [Client; 2]) -> Option<Difference> {
    for database in [b"0", b"1", b"2"] {
        let list = [request(&[b"SELECT", database]), request(&[b"SCAN", b"0", b"COUNT", b"1000000"])];
        let (replies, difference) = compare_requests(clients, &list, &mut Vec::new());
        if difference.is_some() {
            return difference;
        }
        let keys: Vec<Vec<u8>> =
            replies[1].items()[1].items().iter().map(|key| key.bytes().to_vec()).collect();
        let types: Vec<Request> = keys.iter().map(|key| request(&[b"TYPE", key])).collect();
        let (types, difference) = compare_requests(clients, &types, &mut Vec::new());
        if difference.is_some() {
            return difference;
        }
        let contents = keys.iter().zip(&types).flat_map(|(key, kind)| {
            let content = match kind.bytes() {
                b"zset" => request(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]),
                b"list" => request(&[b"LRANGE", key, b"0", b"-1"]),
                b"set" => request(&[b"SMEMBERS", key]),
                b"hash" => request(&[b"HGETALL", key]),
                b"stream" => entries::whole(key),
                _ => request(&[b"GET", key]),
            };
            [content, request(&[b"TTL", key])]
        });
        let (_, difference) = compare_requests(clients, &contents.collect::<Vec<_>>(), &mut Vec::new());
        if difference.is_some() {
            return difference;
        }
        // The digests of all but boards with a score of 0, which may be a negative 0 in Redis, and of values drawn by chance.
        let zeros: Vec<Request> = keys.iter().map(|key| request(&[b"ZCOUNT", key, b"0", b"0"])).collect();
        let (zeros, _) = compare_requests(clients, &zeros, &mut Vec::new());
        let digested = keys.iter().zip(&zeros).filter(|(key, zeros)| {
            key.as_slice() != DRAWN.as_bytes() && (zeros.is_error() || **zeros == Reply::Integer(0))
        });
        let digests: Vec<Request> =
            digested.map(|(key, _)| request(&[b"DEBUG", b"DIGEST-VALUE", key])).collect();
        let (_, difference) = compare_requests(clients, &digests, &mut Vec::new());
        if difference.is_some() {
            return difference;
        }
    }
    None
}

/// Removes as much of a failing stream as possible: first halves, then single commands.
fn shrink(mut stream: Vec<Request>, fails: impl Fn(&[Request]) -> bool) -> Vec<Request> {
    const MOST_RUNS: usize = 600;
    let mut runs = 0;
    let mut chunk = stream.len().div_ceil(2);
    loop {
        let mut start = 0;
        let mut removed = false;
        while start < stream.len() && runs < MOST_RUNS {
            let end = (start + chunk).min(stream.len());
            let shorter = [&stream[..start], &stream[end..]].concat();
            runs += 1;
            if fails(&shorter) {
                stream = shorter;
                removed = true;
            } else {
                start = end;
            }
        }
        if runs >= MOST_RUNS || (chunk == 1 && !removed) {
            return stream;
        }
        chunk = chunk.div_ceil(2);
    }
}

fn print_as_script(stream: &[Request], difference: &Difference) -> String {
    let mut text = String::from("--- a difference\n");
    for request in stream {
        text.push_str(&format!("> {}\n", escape::line(request)));
    }
    text.push_str(&format!("# then, to: {}\n", escape::line(&difference.request)));
    let shown = |reply: &Reply| reply.lines().join(" | ").chars().take(2_000).collect::<String>();
    text.push_str(&format!("# Redis: {}\n", shown(&difference.theirs)));
    text.push_str(&format!("# rankd: {}\n", shown(&difference.ours)));
    text
}

fn run(protocol: &'static str) {
    let debug = ["--enable-debug-command", "yes"];
    let Some(theirs) = Server::peer(Peer::Redis, &debug) else { return };
    let ours = Server::rankd_with(&[&["--appendonly", "no"], &debug[..]].concat());
    for server in [&ours, &theirs] {
        assert!(!server.client().call(&BOUNDS).is_error());
    }
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let total = number_from_env("RANKD_STREAM_COMMANDS", 200_000) as usize;
    let mut chance = Chance::new(seed ^ protocol.len() as u64);
    let mut sent = 0;
    let mut worked = 0;
    while sent < total {
        let stream = stream::generate(&mut chance, STREAM_LENGTH);
        let batch = 1 + chance.below(60);
        let mut sides = Sides { ours: &ours, theirs: &theirs, protocol, batch };
        if let Some(mut difference) = sides.compare(&stream) {
            // Requests one at a time show more, unless the difference needs the batch.
            sides.batch = if sides_differ_one_by_one(&sides, &stream) { 1 } else { batch };
            let batch = sides.batch;
            let stream = shrink(stream, |stream| sides.compare(stream).is_some());
            difference = sides.compare(&stream).unwrap_or(difference);
            panic!(
                "RANKD_SEED={seed}, RESP{protocol}, {batch} at a time:\n{}",
                print_as_script(&stream, &difference)
            );
        }
        sent += stream.len();
        let mut client = ours.client();
        worked += client.call(&["DBSIZE"]).integer();
    }
    assert!(worked > 0, "the streams left nothing behind: they tested nothing");
}

fn sides_differ_one_by_one(sides: &Sides<'_>, stream: &[Request]) -> bool {
    Sides { batch: 1, ..*sides }.compare(stream).is_some()
}

#[test]
fn random_streams_get_the_replies_of_redis_in_resp2() {
    run("2");
}

#[test]
fn random_streams_get_the_replies_of_redis_in_resp3() {
    run("3");
}

/// Tests the shrinker: only the commands that cause the failure remain.
#[test]
fn shrinking_keeps_the_commands_that_cause_the_failure() {
    let stream: Vec<Request> = (0..100).map(|number: u32| vec![number.to_string().into_bytes()]).collect();
    let has = |stream: &[Request], word: &[u8]| stream.iter().any(|request| request[0] == word);
    let shrunk = shrink(stream, |stream| has(stream, b"17") && has(stream, b"71"));
    assert_eq!(shrunk, [vec![b"17".to_vec()], vec![b"71".to_vec()]]);
}
