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
