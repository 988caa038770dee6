//! Cursors of SCAN and ZSCAN: they are valid for a whole walk, and reveal nothing else.

use std::collections::BTreeSet;

use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::Server;

const NAMES: usize = 3_000;

/// A server with as many keys as there are members on its board, the board itself one of the keys.
fn filled() -> Server {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    let keys = (0..NAMES - 1).map(|name| encode(&["SET", &format!("name:{name}"), "v"]));
    client.send_raw(&keys.flatten().collect::<Vec<u8>>());
    (0..NAMES - 1).for_each(|_| assert!(!client.reply().is_error()));
    let members = (0..NAMES).flat_map(|name| [name.to_string(), format!("name:{name}")]);
    let words = ["ZADD".to_owned(), "board".to_owned()].into_iter().chain(members);
    assert_eq!(client.call(&words.collect::<Vec<_>>()), Reply::Integer(NAMES as i64));
    server
}

/// A walk from `cursor` on: the cursors, the last one 0, and the names that were found.
fn walk(client: &mut Client, command: &[&str], options: &[&str], cursor: u64) -> (Vec<u64>, Vec<String>) {
    let (mut cursors, mut names, mut cursor) = (Vec::new(), Vec::new(), cursor.to_string());
    while cursors.last() != Some(&0) {
        let reply = client.call(&[command, &[&cursor], options].concat());
        cursor = reply.items()[0].text();
        cursors.push(cursor.parse().expect("a number"));
        names.extend(reply.items()[1].items().iter().map(Reply::text));
        assert!(cursors.len() <= NAMES * 2, "a walk without an end");
    }
    (cursors, names)
}

const WALKS: [(&[&str], &[&str]); 2] =
    [(&["SCAN"], &["COUNT", "3"]), (&["ZSCAN", "board"], &["COUNT", "3", "NOSCORES"])];

/// A cursor was the first bits of the next name's hash: it revealed the hash of any name that a client added.
#[test]
fn a_walk_finds_everything_and_its_cursors_reveal_no_order() {
    let server = filled();
    let mut client = server.client();
    for (command, options) in WALKS {
        let (cursors, mut names) = walk(&mut client, command, options, 0);
        assert_eq!((names.len(), cursors.len() > 100), (NAMES, true), "{command:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), NAMES, "{command:?}");
        let given_out = &cursors[..cursors.len() - 1];
        assert!(given_out.iter().all(|cursor| (1..1 << 53).contains(cursor)), "{command:?}");
        assert_eq!(given_out.iter().collect::<BTreeSet<_>>().len(), given_out.len(), "{command:?}");
        let ascending = given_out.windows(2).filter(|pair| pair[0] < pair[1]).count();
        let quarter = given_out.len() / 4;
        assert!((quarter..3 * quarter).contains(&ascending), "{command:?}: {ascending} of {cursors:?}");
    }
}

/// A client continues with its cursor after a restart of the server.
#[test]
fn a_cursor_of_another_server_is_harmless() {
    let (one, other) = (filled(), filled());
    for (command, options) in WALKS {
        let (cursors, _) = walk(&mut one.client(), command, options, 0);
        for cursor in cursors.into_iter().take(20) {
            let (_, names) = walk(&mut other.client(), command, options, cursor);
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{command:?} {cursor}");
        }
    }
}
