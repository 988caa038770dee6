//! /healthz and /readyz.

use super::{Metered, get};
use crate::loading::unreadable_directory;
use crate::support::reply::Reply;
use crate::support::server::{Server, free_address};
use crate::support::wait_for;

#[test]
fn a_server_that_reads_its_data_lives_and_is_not_ready() {
    let (directory, segment) = unreadable_directory();
    let metrics = free_address();
    let server = Server::rankd_unready(directory, &["--metrics-port", &metrics.port().to_string()]);
    wait_for("the metrics port", || std::net::TcpStream::connect(metrics).ok());
    assert_eq!(get(metrics, "/healthz").status, 200);
    let ready = get(metrics, "/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (503, "loading: the data are being read\n"));
    assert!(get(metrics, "/metrics").body.contains("\nredis_loading_dump_file 1\n"));
    let mut server = server;
    assert!(server.terminate().success());
    drop(segment);
}

/// SAVE and commands like it hold all locks. A probe needs none, and a scrape waits.
#[test]
fn probes_are_answered_while_all_locks_are_held() {
    let metered = Metered::rankd(&["--appendonly", "no", "--enable-debug-command", "yes"]);
    let mut client = metered.client();
    client.send(&["DEBUG", "SLEEP", "2"]);
    let sleeping = std::time::Instant::now();
    while sleeping.elapsed() < std::time::Duration::from_secs(1) {
        assert_eq!(get(metered.metrics, "/healthz").status, 200);
        assert_eq!(get(metered.metrics, "/readyz").status, 200);
    }
    assert_eq!(client.reply(), Reply::Simple(b"OK".to_vec()));
    assert_eq!(get(metered.metrics, "/metrics").status, 200);
}

/// A replica is not ready before it has data of its master; without a link it is, unless it must not serve old data.
#[test]
fn a_replica_is_ready_when_it_may_serve() {
    let master = Server::rankd();
    let (host, port) = ("127.0.0.1", master.address.port().to_string());
    // Nobody listens here.
    let nowhere = free_address().port().to_string();
    let metered = Metered::rankd(&["--replicaof", &format!("{host} {nowhere}")]);
    let ready = || get(metered.metrics, "/readyz");
    let first = ready();
    assert_eq!(
        (first.status, first.body.starts_with("a replica without data")),
        (503, true),
        "{}",
        first.body
    );
    let mut client = metered.client();
    client.call(&["REPLICAOF", host, &port]);
    wait_for("the link", || (ready().status == 200).then_some(()));
    drop(master);
    let stale = || client_says(&metered, "master_link_status:down");
    wait_for("the end of the link", || stale().then_some(()));
    assert_eq!(ready().status, 200);
    client.call(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    let last = ready();
    assert_eq!(
        (last.status, last.body.contains("replica-serve-stale-data no")),
        (503, true),
        "{}",
        last.body
    );
    client.ask("REPLICAOF NO ONE");
    assert_eq!(ready().status, 200);
}

fn client_says(metered: &Metered, line: &str) -> bool {
    metered.client().ask("INFO replication").text().contains(line)
}
