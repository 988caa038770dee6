//! Clients of the metrics port that mean no good, or speak something else.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{Metered, exchange, get, page};
use crate::support::reply::Reply;
use crate::support::{PATIENCE, wait_for};

/// The bound of connections (`METRICS_CONNECTIONS`), and more.
const MANY: usize = 32 + 40;

fn connect(metered: &Metered) -> TcpStream {
    let stream = TcpStream::connect(metered.metrics).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Reads until the server closes the connection, in order or not.
fn is_closed(stream: &mut TcpStream) {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

#[test]
fn clients_that_send_nothing_or_half_a_request_keep_nobody_out() {
    let metered = Metered::rankd(&["--appendonly", "no"]);
    let mut idle: Vec<TcpStream> = (0..MANY).map(|_| connect(&metered)).collect();
    for (index, stream) in idle.iter_mut().enumerate() {
        // The first ones are closed already.
        let _ = stream.write_all(&b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Half: "[..index % 40]);
    }
    assert_eq!(get(metered.metrics, "/metrics").status, 200);
    assert_eq!(get(metered.metrics, "/healthz").status, 200);
    // The oldest had to go.
    is_closed(&mut idle[0]);
    assert_eq!(metered.client().ask("PING"), Reply::Simple(b"PONG".to_vec()));
    // And those that stay are closed when their time is over (`METRICS_REQUEST`).
    is_closed(idle.last_mut().expect("a connection"));
}

/// A client that asks for pages and does not read them holds a connection and a page each, for a limited time.
#[test]
fn clients_that_do_not_read_keep_nobody_out() {
    let metered = Metered::rankd(&["--appendonly", "no"]);
    let mut deaf: Vec<TcpStream> = (0..MANY).map(|_| connect(&metered)).collect();
    for stream in &mut deaf {
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    wait_for("a page", || (get(metered.metrics, "/metrics").status == 200).then_some(()));
    assert_eq!(metered.client().ask("PING"), Reply::Simple(b"PONG".to_vec()));
}

#[test]
fn a_huge_head_and_what_is_no_request_are_refused() {
    let metered = Metered::rankd(&["--appendonly", "no"]);
    let huge_header = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many_headers = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(10_000));
    let huge_path = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20));
    let endless = "x".repeat(1 << 22);
    let binary = "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}";
    for request in [
        &huge_header,
        &many_headers,
        &huge_path,
        &endless,
        binary,
        "*1\r\n$4\r\nPING\r\n",
        "GET /metrics HTTP/9.9\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ] {
        // The server may close the connection while the rest is being sent.
        match exchange(metered.metrics, request.as_bytes()) {
            Ok(said) => {
                let status = if said.is_empty() { 0 } else { page(&said).status };
                assert!(matches!(status, 0 | 400 | 414 | 431 | 505), "{status} for {request:.40}");
            }
            Err(error) => {
                use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
                assert!(matches!(error.kind(), ConnectionReset | BrokenPipe), "{error}");
            }
        }
    }
    assert_eq!(get(metered.metrics, "/metrics").status, 200);
    assert!(metered.server.resident_kib() < 200 * 1024, "{} KiB", metered.server.resident_kib());
}

#[test]
fn other_methods_and_paths_are_refused() {
    let metered = Metered::rankd(&["--appendonly", "no"]);
    let status =
        |request: &str| page(&exchange(metered.metrics, request.as_bytes()).expect("a reply")).status;
    assert_eq!(status("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"), 405);
    assert_eq!(status("DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    assert_eq!(status("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"), 404);
    assert_eq!(status("GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n"), 404);
    assert_eq!(status("GET /metrics?name[]=redis_up HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    let head = exchange(metered.metrics, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n").expect("a reply");
    assert!(page(&head).status == 200 && page(&head).body.is_empty(), "{head}");
    // One request for each connection.
    let two = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(exchange(metered.metrics, two).expect("a reply").matches("HTTP/1.1").count(), 1);
    // A body that never ends is not waited for.
    let endless = "POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n";
    assert_eq!(status(endless), 405);
}
