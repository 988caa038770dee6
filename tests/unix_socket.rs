//! The unix socket: who may connect, how its clients are shown, and what becomes of its file.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Stdio;

use crate::support::reply::Reply;
use crate::support::server::{Server, free_address, rankd, run_rankd};
use crate::support::wait_for;

const NAME: &str = "rankd.sock";

fn server_with(arguments: &[&str]) -> Server {
    let port = free_address().port().to_string();
    let mut all = vec!["--appendonly", "no", "--unixsocket", NAME, "--port", &port];
    all.extend(arguments);
    Server::rankd_with(&all)
}

/// As Redis shows them: the path with port 0, the flag U, and `unix:` in front of the path for monitors.
#[test]
fn clients_of_the_socket_are_shown_as_by_redis() {
    let server = server_with(&["--enable-debug-command", "local"]);
    let mut client = server.client_at(NAME).expect("a connection");
    let info = client.ask("CLIENT INFO").text();
    assert!(info.contains(" addr=rankd.sock:0 laddr=rankd.sock:0 fd="), "{info}");
    assert!(info.contains(" flags=U "), "{info}");
    let info = client.ask("INFO server").text();
    assert!(
        info.contains(&format!("port={}\r\nlistener1:name=unix,bind=rankd.sock\r\n", server.address.port()))
    );
    let mut monitor = server.client();
    monitor.ask("MONITOR");
    client.ask("GET x");
    let Reply::Simple(line) = monitor.reply() else { panic!("a line") };
    let line = String::from_utf8_lossy(&line).into_owned();
    assert!(line.ends_with("[0 unix:rankd.sock] \"GET\" \"x\""), "{line}");
    // It counts as a client of this machine.
    assert_eq!(client.ask("DEBUG SET-ACTIVE-EXPIRE 1"), Reply::Simple(b"OK".to_vec()));
    let mut other = server.client_at(NAME).expect("a connection");
    assert_eq!(other.ask("CLIENT KILL ADDR rankd.sock:0"), Reply::Integer(1));
    assert!(client.is_closed());
    assert_eq!(other.ask("CLIENT KILL ADDR rankd.sock:0 SKIPME no"), Reply::Integer(1));
}

#[test]
fn the_file_has_its_permissions_and_goes_with_the_server() {
    let mut server = server_with(&["--unixsocketperm", "640"]);
    let path = server.directory().join(NAME);
    let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
    let mut client = server.client_at(NAME).expect("a connection");
    assert_eq!(client.ask("CONFIG GET unixsocketperm").items()[1].text(), "640");
    assert_eq!(client.ask("CONFIG GET unixsocket").items()[1].text(), NAME);
    for name in ["unixsocket", "unixsocketperm"] {
        let Reply::Error(text) = client.ask(&format!("CONFIG SET {name} 7")) else {
            panic!("{name} was set")
        };
        assert!(String::from_utf8_lossy(&text).contains("can't set immutable config"));
    }
    assert!(server.terminate().success());
    assert!(!path.exists());
}

/// A killed server leaves its file behind; the next one replaces it. It replaces nothing else.
#[test]
fn only_an_abandoned_socket_is_replaced() {
    let mut server = server_with(&[]);
    let path = server.directory().join(NAME);
    server.kill();
    assert!(path.exists());
    let server = server.restart();
    assert_eq!(server.client_at(NAME).expect("a connection").ask("PING"), Reply::Simple(b"PONG".to_vec()));

    let refused = |path: &std::path::Path, part: &str| {
        let directory = tempfile::tempdir().expect("a directory");
        let (dir, path) = (directory.path().to_str().expect("UTF-8"), path.to_str().expect("UTF-8"));
        let (status, said, complained) =
            run_rankd(&["--dir", dir, "--port", "0", "--unixsocket", path, "--appendonly", "no"]);
        assert!(!status.success() && complained.contains(part), "{path}: {said}{complained}");
        assert!(complained.contains(path), "{complained}");
    };
    refused(&path, "another server listens on it");
    assert_eq!(server.client_at(NAME).expect("still there").ask("PING"), Reply::Simple(b"PONG".to_vec()));
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("notes");
    std::fs::write(&file, "kept").expect("a file");
    refused(&file, "not a socket");
    assert_eq!(std::fs::read(&file).expect("a file"), b"kept");
    refused(&directory.path().join("no/such/directory"), "No such file or directory");
    refused(&directory.path().join("x".repeat(120)), "path must be shorter");
    // A server that does not accept, and whose queue is full, is there all the same.
    let busy = directory.path().join("busy");
    let listener = UnixListener::bind(&busy).expect("a socket");
    socket2::SockRef::from(&listener).listen(0).expect("a short queue");
    let _waiting = std::os::unix::net::UnixStream::connect(&busy).expect("room for one");
    refused(&busy, "another server listens on it");
}

/// With `port 0` the unix socket is the only way in. `rankd ping`, `rankd bench` and `rankd import` know it too.
#[test]
fn a_server_may_have_only_the_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let dir = directory.path().to_str().expect("UTF-8");
    let path = directory.path().join(NAME);
    let socket = path.to_str().expect("UTF-8");
    let mut child = rankd()
        .args(["--port", "0", "--unixsocket", NAME, "--appendonly", "no", "--dir", dir])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the rankd binary runs");
    wait_for("the server", || run_rankd(&["ping", "-s", socket]).0.success().then_some(()));
    let (status, said, complained) = run_rankd(&["ping", "--dir", dir, "--unixsocket", NAME]);
    assert!(status.success() && said == "PONG\n", "{said}{complained}");
    let arguments = ["bench", "-s", socket, "-w", "zadd", "-n", "100", "--members", "10", "--keep"];
    let (status, said, complained) = run_rankd(&arguments);
    assert!(status.success() && said.contains(&format!("at {socket}:")), "{said}{complained}");
    let other = tempfile::tempdir().expect("a directory");
    let imported = ["import", &format!("unix://{socket}"), "--dir", other.path().to_str().expect("UTF-8")];
    let (status, said, complained) = run_rankd(&imported);
    assert!(status.success(), "{said}{complained}");
    let _ = child.kill();
    let _ = child.wait();
    let (status, _, complained) = run_rankd(&["ping", "-s", socket]);
    assert!(!status.success() && complained.contains(socket), "{complained}");
}
