//! Directives without effect: rankd knows every directive of Redis and Valkey, and accepts or refuses values with the
//! replies of Redis.

use rankd::config::{IGNORED, Ignored};

use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};

/// Values that are wrong for most kinds of directive, or at the edge of their range.
const VALUES: [&str; 12] = [
    "nosuch",
    "",
    "YES",
    "-1",
    "0",
    "1",
    "010",
    "-9223372036854775808",
    "9223372036854775807",
    "18446744073709551616",
    "1gb",
    "101%",
];

/// Directives for which Redis checks more than the form of the value.
const LEFT_OUT: [&str; 5] = [
    // The value must exist on the machine.
    "locale-collate",
    "bind-source-addr",
    // Redis compares it with other settings.
    "activedefrag",
    // It disconnects the client that sets it.
    "maxmemory-clients",
    // It belongs to a module, for which any word means no.
    "vset-force-single-threaded-execution",
];

/// Directives for which Redis stores the nearest valid value instead of the given one.
const ADJUSTED: [&str; 2] = ["hz", "repl-backlog-size"];

fn names_of(peer: &Server) -> Vec<String> {
    let texts = peer.client().call(&["CONFIG", "GET", "*"]).items().to_vec();
    let texts = texts.chunks(2).map(|pair| match &pair[0] {
        Reply::Bulk(name) => String::from_utf8(name.clone()).expect("a directive's name"),
        other => panic!("{other:?}"),
    });
    texts.collect()
}

/// valkey#1116, KeyDB#222: an unknown directive stopped the start, although it would have had no effect.
#[test]
fn every_directive_of_the_peers_is_known() {
    let server = Server::rankd();
    let mut client = server.client();
    // By its name: some are not in the answer to a pattern.
    let mut is_unknown = |name: &String| client.call(&["CONFIG", "GET", name]).items().is_empty();
    for peer in [Peer::Redis, Peer::Valkey] {
        let Some(peer) = Server::peer(peer, &[]) else { continue };
        let missing: Vec<String> = names_of(&peer).into_iter().filter(&mut is_unknown).collect();
        assert!(missing.is_empty(), "not known: {missing:?}");
    }
}

/// `CONFIG SET maxmemory-policy foo` was answered OK.
#[test]
fn a_wrong_value_of_an_ignored_directive_is_refused_as_in_redis() {
    let Some(peer) = Server::peer(Peer::Redis, &[]) else { return };
    let server = Server::rankd();
    let (mut ours, mut theirs) = (server.client(), peer.client());
    let names = names_of(&peer);
    // Redis sets up TLS again for each of these, and exits if that fails.
    let is_looked_at = |name: &str| !LEFT_OUT.contains(&name) && !name.starts_with("tls-");
    let is_ignored = |name: &&String| Ignored::find(name).is_some() && is_looked_at(name);
    let names: Vec<&String> = names.iter().filter(is_ignored).collect();
    assert!(names.len() > 90, "{} directives of {}", names.len(), IGNORED.len());
    let mut different = Vec::new();
    for name in names {
        for value in VALUES {
            let set = ["CONFIG", "SET", name, value];
            let (here, there) = (ours.call(&set), theirs.call(&set));
            if here != there {
                different.push(format!("{name} {value:?}\n  ours:   {here:?}\n  theirs: {there:?}"));
            }
            if ADJUSTED.contains(&name.as_str()) {
                continue;
            }
            let get = ["CONFIG", "GET", name];
            let (here, there) = (ours.call(&get), theirs.call(&get));
            if here != there {
                different.push(format!("{name} after {value:?}\n  ours:   {here:?}\n  theirs: {there:?}"));
            }
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}
