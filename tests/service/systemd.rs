//! The service of systemd: its unit, and what it is told.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use super::text;
use crate::support::reply::Reply;
use crate::support::server::{Server, rankd};
use crate::support::{PATIENCE, wait_for};

/// The values of a key of the unit.
fn values(key: &str) -> Vec<String> {
    let unit = text("systemd/rankd.service");
    let of_key = |line: &str| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned());
    unit.lines().filter_map(of_key).collect()
}

#[test]
fn the_unit_is_valid_and_closes_what_a_service_does_not_need() {
    let analyze = |arguments: &[&str], path: &Path| {
        let output = Command::new("systemd-analyze").args(arguments).arg(path).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    };
    // The unit names a binary that is not installed here.
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("rankd.service");
    let binary = rankd().get_program().to_str().expect("UTF-8").to_owned();
    let unit = text("systemd/rankd.service").replace("/usr/local/bin/rankd", &binary);
    std::fs::write(&path, unit).expect("a file");
    let Some((is_valid, said)) = analyze(&["verify", "--man=no"], &path) else { return };
    assert!(is_valid && !said.contains("rankd.service"), "{said}");
    let (_, said) = analyze(&["security", "--offline=true", "--no-pager"], &path).expect("it has run before");
    let level = said.rsplit_once("exposure level for rankd.service: ").expect("a level").1;
    let level: f64 = level.split(' ').next().and_then(|level| level.parse().ok()).expect("a number");
    assert!(level < 2.0, "of 10: {said}");
}

/// The next message at the socket.
fn message(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let read = socket.recv(&mut buffer).expect("a message");
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

#[test]
fn systemd_is_told_that_the_server_is_ready_and_that_it_stops() {
    assert_eq!(values("Type"), ["notify"]);
    let [start] = &values("ExecStart")[..] else { panic!("one command") };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let configuration = directory.path().join("rankd.conf");
    std::fs::write(&configuration, "appendfsync always\n").expect("a file");
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let words: Vec<&str> = start.split(' ').collect();
    assert_eq!(words[0], "/usr/local/bin/rankd");
    let mut child = rankd()
        .args(words[1..].iter().map(|word| match *word {
            "/etc/rankd/rankd.conf" => configuration.to_str().expect("UTF-8"),
            "/var/lib/rankd" => directory.path().to_str().expect("UTF-8"),
            word => word,
        }))
        .args(["--port", "0", "--bind", "127.0.0.1"])
        .env("NOTIFY_SOCKET", &path)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("rankd runs");
    let ready =
        wait_for("a message", || Some(message(&socket)).filter(|said| !said.starts_with("STATUS=reading")));
    assert_eq!(ready, "READY=1\nSTATUS=serving clients");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .expect("the server is running");
    assert_eq!(message(&socket), "STOPPING=1\nSTATUS=writing what is not on disk yet");
    assert!(child.wait().expect("an end").success());
}

#[test]
fn only_a_supervised_server_tells() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_nonblocking(true).expect("a socket that does not wait");
    let named = format!("NOTIFY_SOCKET={}", path.display());
    let supervised = |mode: &str| {
        let server = Server::rankd_within(&["env", &named], &["--appendonly", "no", "--supervised", mode]);
        let info = server.client().ask("INFO server").text();
        let is_told = std::iter::from_fn(|| socket.recv(&mut [0; 256]).ok()).count() > 0;
        (info.contains("process_supervised:systemd"), is_told)
    };
    assert_eq!(supervised("no"), (false, false));
    assert_eq!(supervised("upstart"), (false, false));
    assert_eq!(supervised("auto"), (true, true));
    assert_eq!(supervised("systemd"), (true, true));

    let server = Server::rankd_with(&["--appendonly", "no", "--supervised", "systemd"]);
    server.says("NOTIFY_SOCKET is not in the environment");
    assert_eq!(server.client().ask("CONFIG GET supervised").items()[1], Reply::Bulk(b"systemd".to_vec()));
    assert!(server.client().ask("INFO server").text().contains("process_supervised:no"));
}
