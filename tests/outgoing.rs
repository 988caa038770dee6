//! Connections that rankd makes to other servers, and the address that they come from (`bind-source-addr`).

use crate::support::server::{Server, run_rankd};
use crate::support::wait_for;

#[test]
fn a_replica_connects_from_the_address_that_is_configured() {
    let master = Server::rankd();
    let port = master.address.port().to_string();
    let arguments =
        ["--appendonly", "no", "--replicaof", "127.0.0.1", &port, "--bind-source-addr", "127.0.0.7"];
    let replica = Server::rankd_with(&arguments);
    let seen = || {
        let list = master.client().ask("CLIENT LIST TYPE replica").text();
        let address = list.split(' ').find_map(|field| field.strip_prefix("addr="))?;
        Some(address.split(':').next()?.to_owned())
    };
    assert_eq!(wait_for("the link", seen), "127.0.0.7");
    let mut client = replica.client();
    assert_eq!(client.ask("CONFIG GET bind-source-addr").items()[1].text(), "127.0.0.7");
    assert_eq!(client.ask("CONFIG SET bind-source-addr 127.0.0.8").text(), "OK");
    // It is for the next connection.
    assert_eq!(master.client().ask("CLIENT KILL TYPE replica").integer(), 1);
    wait_for("the next link", || seen().filter(|address| address == "127.0.0.8"));
    // An address that this machine does not have is no reason to lose the master.
    assert_eq!(client.ask("CONFIG SET bind-source-addr 192.0.2.1").text(), "OK");
    assert_eq!(master.client().ask("CLIENT KILL TYPE replica").integer(), 1);
    wait_for("the last link", || seen().filter(|address| address == "127.0.0.1"));
}

#[test]
fn an_import_connects_from_the_address_that_is_configured() {
    let server = Server::rankd();
    server.client().ask("SET key value");
    let mut monitor = server.client();
    assert_eq!(monitor.ask("MONITOR").text(), "OK");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().to_str().expect("UTF-8");
    let source = format!("redis://{}", server.address);
    let (status, said, complained) =
        run_rankd(&["import", &source, "--dir", path, "--bind-source-addr", "127.0.0.9"]);
    assert!(status.success(), "{said}{complained}");
    let line = monitor.line();
    assert!(line.contains("[0 127.0.0.9:"), "{line}");
}
