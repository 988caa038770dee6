//! Real sentinels with passwords.

use super::group::{Machine, Sentinel};
use super::oracle::ok;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server, free_address};
use crate::support::wait_for;

/// The rights that docs/replication.md names.
const RIGHTS: &str = "+auth +sentinel|get-master-addr-by-name +sentinel|master +sentinel|myid +sentinel|is-master-down-by-addr";

#[test]
fn a_server_asks_sentinels_with_a_password_or_as_a_user() {
    let Some(binary) = Peer::Sentinel.find() else { return };
    let lines = format!("requirepass letmein\nuser asker on >itsme -@all {RIGHTS}\n");
    for credentials in
        [&["sentinel-pass", "letmein"][..], &["sentinel-user", "asker", "sentinel-pass", "itsme"]]
    {
        let place = free_address();
        let server = Server::rankd_with(&["--sentinel", &place.to_string(), "--sentinel-pass", "wrong"]);
        let sentinel = Sentinel::start(&binary, &Machine::here()[0], place.port(), server.address, &lines);
        server.says("WRONGPASS");
        let mut client = server.client();
        assert!(client.ask("SET k 1").is_error());
        assert_eq!(client.call(&[&["CONFIG", "SET"], credentials].concat()), ok());
        wait_for("the answer", || (client.ask("SET k 1") == ok()).then_some(()));
        let mut at_sentinel = Client::connect(sentinel.address);
        assert_eq!(at_sentinel.ask("AUTH letmein"), ok());
        let Reply::Array(denied) = at_sentinel.ask("ACL LOG") else { panic!("a list") };
        let is_of_command = |entry: &&Reply| matches!(entry, Reply::Array(words) if words.contains(&Reply::Bulk(b"command".to_vec())));
        assert!(!denied.is_empty(), "the wrong password");
        assert_eq!(denied.iter().filter(is_of_command).count(), 0, "{denied:?}");
    }
}
