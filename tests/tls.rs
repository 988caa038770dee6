//! TLS: who is let in, what comes through, how certificates are replaced, and what hostile peers get.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::client::encode;
use crate::support::reply::Reply;
use crate::support::server::{Server, free_address, run_rankd};
use crate::support::tls::{Authority, Identity};
use crate::support::{PATIENCE, wait_for};

/// The server and the address of its port for TLS, with what a client needs.
struct Stage {
    server: Server,
    tls: SocketAddr,
    authority: Authority,
    server_identity: Identity,
    client: Identity,
    files: tempfile::TempDir,
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

impl Stage {
    fn new(arguments: &[&str]) -> Stage {
        let files = tempfile::tempdir().expect("a directory");
        let authority = Authority::new(files.path(), "ca");
        let server_identity = authority.identity("server");
        let client = authority.identity("client");
        let (plain, tls) = (free_address(), free_address());
        let (port, tls_port) = (plain.port().to_string(), tls.port().to_string());
        let mut all = vec!["--appendonly", "no", "--port", &port, "--tls-port", &tls_port];
        all.extend([
            "--tls-cert-file",
            text(&server_identity.cert),
            "--tls-key-file",
            text(&server_identity.key),
        ]);
        all.extend(["--tls-ca-cert-file", text(&authority.file)]);
        all.extend(arguments);
        let server = Server::rankd_with(&all);
        Stage { server, tls, authority, server_identity, client, files }
    }

    fn client(&self) -> crate::support::tls::TlsClient {
        self.authority.client(self.tls, Some(&self.client)).expect("a handshake")
    }

    /// Whether a client that shows `identity` is served. With TLS 1.3 a refusal reaches it only after its handshake.
    fn serves(&self, identity: Option<&Identity>) -> bool {
        let client = self.authority.client(self.tls, identity);
        client.and_then(|mut client| client.try_call(&["PING"])).is_ok()
    }
}

#[test]
fn clients_show_the_certificates_that_they_must() {
    let stage = Stage::new(&[]);
    let other = tempfile::tempdir().expect("a directory");
    let stranger = Authority::new(other.path(), "strangers").identity("stranger");
    let mut plain = stage.server.client();
    for (policy, none, own, strange) in
        [("yes", false, true, false), ("optional", true, true, false), ("no", true, true, true)]
    {
        assert_eq!(plain.call(&["CONFIG", "SET", "tls-auth-clients", policy]), ok());
        let served = [None, Some(&stage.client), Some(&stranger)].map(|identity| stage.serves(identity));
        assert_eq!(served, [none, own, strange], "tls-auth-clients {policy}");
    }
    // The authorities may be a directory.
    let directory = text(stage.files.path());
    let set =
        ["CONFIG", "SET", "tls-auth-clients", "yes", "tls-ca-cert-file", "", "tls-ca-cert-dir", directory];
    assert_eq!(plain.call(&set), ok());
    assert!(stage.serves(Some(&stage.client)) && !stage.serves(Some(&stranger)));
    let info = plain.ask("INFO server").text();
    assert!(
        info.contains(&format!("listener2:name=tls,bind=127.0.0.1,port={}\r\n", stage.tls.port())),
        "{info}"
    );
}

/// Pipelines, requests and replies of megabytes, messages, and a client that ends its side first.
#[test]
fn everything_comes_through_in_both_versions() {
    let stage = Stage::new(&[]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client =
            || stage.authority.client_of(stage.tls, Some(&stage.client), &[version]).expect("a handshake");
        let mut one = client();
        let value = "x".repeat(5_000_000);
        assert_eq!(one.call(&["SET", "large", &value]), ok());
        let pipeline: Vec<u8> = (0..3000).flat_map(|number| encode(&["ECHO", &number.to_string()])).collect();
        one.send_raw(&pipeline);
        // More than the socket takes, before any of it is read.
        (0..8).for_each(|_| one.send(&["GET", "large"]));
        assert!((0..3000).all(|number| one.reply().text() == number.to_string()));
        assert!((0..8).all(|_| one.reply().text() == value));
        let mut hearer = client();
        hearer.call(&["SUBSCRIBE", "news"]);
        let mut waiter = client();
        waiter.send(&["BLPOP", "list", "0"]);
        wait_for("the waiting client", || (one.ask("CLIENT LIST").text().contains("flags=b")).then_some(()));
        assert_eq!(one.ask("PUBLISH news item"), Reply::Integer(1));
        assert_eq!(hearer.reply().items()[2].text(), "item");
        assert_eq!(one.ask("RPUSH list item"), Reply::Integer(1));
        assert_eq!(waiter.reply().items()[1].text(), "item");
        one.send(&["GET", "large"]);
        one.stream().conn.send_close_notify();
        one.stream().flush().expect("sent");
        assert_eq!(one.reply().text().len(), value.len());
        assert!(one.is_closed());
    }
    let mut plain = stage.server.client();
    assert_eq!(plain.call(&["CONFIG", "SET", "tls-protocols", "TLSv1.2"]), ok());
    let identity = Some(&stage.client);
    assert!(stage.authority.client_of(stage.tls, identity, &[&rustls::version::TLS13]).is_err());
    assert!(stage.authority.client_of(stage.tls, identity, &[&rustls::version::TLS12]).is_ok());
}

/// New certificates are shown from the next connection on, after CONFIG SET of the same name or SIGHUP. What is wrong with them
/// changes nothing.
#[test]
fn certificates_are_read_again() {
    let stage = Stage::new(&["--tls-auth-clients", "no"]);
    let mut plain = stage.server.client();
    let mut before = stage.client();
    let renewed_by = |name: &str| {
        let authority = Authority::new(stage.files.path(), name);
        authority.identity("server");
        authority
    };
    let first = renewed_by("second");
    assert!(first.client(stage.tls, None).is_err());
    let pair = [text(&stage.server_identity.cert), text(&stage.server_identity.key)];
    assert_eq!(plain.call(&["CONFIG", "SET", "tls-cert-file", pair[0], "tls-key-file", pair[1]]), ok());
    assert!(first.client(stage.tls, None).is_ok());
    let second = renewed_by("third");
    let pid = Pid::from_raw(stage.server.id() as i32).expect("a process");
    kill_process(pid, Signal::HUP).expect("the server runs");
    wait_for("the new certificate", || second.client(stage.tls, None).ok());
    let missing = text(&stage.files.path().join("missing")).to_owned();
    for (pairs, part) in [
        (vec!["tls-cert-file", &missing], "missing: No such file"),
        (vec!["tls-key-file", text(&stage.client.key)], "the private key is not that of tls-cert-file"),
        (vec!["tls-key-file", pair[0]], "there is no private key in it"),
        (vec!["tls-cert-file", pair[1]], "there is no certificate in it"),
        (vec!["tls-protocols", "TLSv1.1"], "not spoken"),
        (vec!["tls-auth-clients", "yes", "tls-ca-cert-file", ""], "there is no authority to believe"),
        (vec!["timeout", "7", "tls-port", "99999"], "must be between 0 and 65535"),
    ] {
        let words: Vec<&str> = ["CONFIG", "SET"].into_iter().chain(pairs.iter().copied()).collect();
        let Reply::Error(said) = plain.call(&words) else { panic!("{pairs:?} were set") };
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains(part) && !said.contains("duplicate"), "{pairs:?}: {said}");
        assert_eq!(plain.call(&["CONFIG", "GET", "tls-cert-file"]).items()[1].text(), pair[0]);
        assert!(second.client(stage.tls, None).is_ok(), "{pairs:?}");
    }
    assert_eq!(plain.ask("CONFIG GET timeout").items()[1].text(), "0");
    std::fs::write(&stage.server_identity.key, "nothing").expect("a file");
    kill_process(pid, Signal::HUP).expect("the server runs");
    stage.server.says("the certificates stay as they were");
    assert!(second.client(stage.tls, None).is_ok());
    assert_eq!(before.ask("PING"), Reply::Simple(b"PONG".to_vec()));
}

#[test]
fn a_start_says_what_is_wrong() {
    let files = tempfile::tempdir().expect("a directory");
    let (authority, dir) = (Authority::new(files.path(), "ca"), text(files.path()));
    let (own, other) = (authority.identity("own"), authority.identity("other"));
    let encrypted = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls-encrypted-key.pem");
    let (cert, key, ca) = (text(&own.cert), text(&own.key), text(&authority.file));
    let cases: [(&[&str], &str); 10] = [
        (&[], "tls-cert-file: TLS needs a certificate and its key: set tls-cert-file"),
        (&["--tls-cert-file", cert], "tls-key-file: TLS needs a certificate and its key: set tls-key-file"),
        (&["--tls-cert-file", "nowhere", "--tls-key-file", key], "tls-cert-file: "),
        (
            &["--tls-cert-file", "/dev/zero", "--tls-key-file", key],
            "/dev/zero: it has more than 16777216 bytes",
        ),
        (
            &["--tls-cert-file", cert, "--tls-key-file", text(&other.key)],
            "the private key is not that of tls-cert-file",
        ),
        (
            &["--tls-cert-file", cert, "--tls-key-file", encrypted],
            "the key is encrypted, and there is no passphrase",
        ),
        (
            &["--tls-cert-file", cert, "--tls-key-file", encrypted, "--tls-key-file-pass", "x"],
            "the passphrase does not fit",
        ),
        (
            &[
                "--tls-cert-file",
                cert,
                "--tls-key-file",
                encrypted,
                "--tls-key-file-pass",
                "secret",
                "--tls-auth-clients",
                "no",
            ],
            "the private key is not that of tls-cert-file",
        ),
        (&["--tls-cert-file", cert, "--tls-key-file", key], "set tls-ca-cert-file or tls-ca-cert-dir"),
        (
            &[
                "--tls-cert-file",
                cert,
                "--tls-key-file",
                key,
                "--tls-ca-cert-file",
                ca,
                "--tls-protocols",
                "SSLv3",
            ],
            "'SSLv3' is none of TLSv1.2 and TLSv1.3",
        ),
    ];
    let port = free_address().port().to_string();
    for (words, part) in cases {
        for first in [&["--port", "0"][..], &["--check-config"]] {
            let base = ["--dir", dir, "--appendonly", "no", "--tls-port", &port];
            let all: Vec<&str> = first.iter().chain(&base).chain(words).copied().collect();
            let (status, said, complained) = run_rankd(&all);
            assert!(!status.success() && complained.contains(part), "{words:?}: {said}{complained}");
        }
    }
}

/// What does not speak TLS is told so, or gets nothing; what does not speak at all is cut off in time. The others are served.
#[test]
fn hostile_peers_are_bounded() {
    let stage = Stage::new(&["--tls-auth-clients", "no"]);
    let answer = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(stage.tls).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(bytes).expect("sent");
        let mut answer = Vec::new();
        // A reset is as good an end.
        let _ = stream.read_to_end(&mut answer);
        answer
    };
    let told = b"-ERR this port is for TLS: connect with TLS, or to the plain port\r\n";
    assert_eq!(answer(&encode(&["PING"])), told);
    assert_eq!(answer(b"GET / HTTP/1.1\r\n\r\n"), told);
    // Records of the handshake that hold no ClientHello: an alert at most, and the end.
    assert!(answer(b"\x16\x03\x01\x00\x05hello").len() < 100);
    assert!(answer(b"\x16\x03\x01\xff\xff").len() < 100);
    stage.server.says("no TLS handshake: ");
    assert_eq!(stage.client().ask("PING"), Reply::Simple(b"PONG".to_vec()));
    // Silence ends after ten seconds.
    let begun = std::time::Instant::now();
    let mut silent = TcpStream::connect(stage.tls).expect("a connection");
    silent.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    assert_eq!(silent.read(&mut [0]).expect("the end"), 0);
    assert!(begun.elapsed().as_secs() >= 9);
    assert_eq!(stage.server.client().ask("CLIENT LIST").text().lines().count(), 1);
}

/// The ports and addresses follow CONFIG SET; if that fails, everything is served as before.
#[test]
fn ports_follow_the_configuration() {
    let stage = Stage::new(&["--tls-auth-clients", "no"]);
    let mut plain = stage.server.client();
    let (new, new_tls) = (free_address(), free_address());
    let pong = Reply::Simple(b"PONG".to_vec());
    let set = |port: SocketAddr| port.port().to_string();
    assert_eq!(plain.call(&["CONFIG", "SET", "port", &set(new), "tls-port", &set(new_tls)]), ok());
    let mut moved = crate::support::client::Client::connect(new);
    assert_eq!(moved.ask("PING"), pong);
    assert_eq!(plain.ask("PING"), pong, "connections stay");
    let mut secure = stage.authority.client(new_tls, None).expect("a handshake");
    assert_eq!(secure.ask("PING"), pong);
    for old in [stage.server.address, stage.tls] {
        wait_for("the old port's end", || TcpStream::connect(old).is_err().then_some(()));
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = listener.local_addr().expect("an address");
    let refused = [
        (vec!["port", "1", "bind", "127.0.0.1 192.0.2.1"], "192.0.2.1"),
        // No thread that serves clients asks for the address of a name.
        (vec!["bind", "localhost"], "'localhost' is no address, and a host name is looked up only when"),
    ];
    let taken_port = set(taken);
    let taken_pairs = (vec!["port", &*taken_port], "Address already in use");
    for (pairs, part) in refused.into_iter().chain([taken_pairs]) {
        let words: Vec<&str> = ["CONFIG", "SET"].into_iter().chain(pairs.iter().copied()).collect();
        let Reply::Error(said) = plain.call(&words) else { panic!("{pairs:?} were set") };
        assert!(String::from_utf8_lossy(&said).contains(part), "{}", String::from_utf8_lossy(&said));
        assert_eq!(crate::support::client::Client::connect(new).ask("PING"), pong);
        assert_eq!(stage.authority.client(new_tls, None).expect("a handshake").ask("PING"), pong);
        assert_eq!(plain.ask("CONFIG GET port").items()[1].text(), set(new));
    }
    // Without an address nobody else can connect.
    assert_eq!(plain.call(&["CONFIG", "SET", "bind", ""]), ok());
    for address in [new, new_tls] {
        wait_for("the end of the ports", || TcpStream::connect(address).is_err().then_some(()));
    }
    assert_eq!(plain.ask("CONFIG GET bind").items()[1].text(), "");
    assert_eq!(plain.call(&["CONFIG", "SET", "bind", "127.0.0.1"]), ok());
    assert_eq!(crate::support::client::Client::connect(new).ask("PING"), pong);
    let files = tempfile::tempdir().expect("a directory");
    let (status, _, said) = run_rankd(&["--bind", "", "--port", "0", "--dir", text(files.path())]);
    assert!(!status.success() && said.contains("no client could connect: bind names no address"), "{said}");
    // Without the plain port, the other is what INFO names.
    assert_eq!(plain.ask("CONFIG SET port 0"), ok());
    wait_for("the end of the plain port", || TcpStream::connect(new).is_err().then_some(()));
    assert!(secure.ask("INFO server").text().contains(&format!("tcp_port:{}\r\n", new_tls.port())));
    assert_eq!(secure.call(&["CONFIG", "SET", "port", &set(new), "bind", "127.0.0.1 -192.0.2.1"]), ok());
    assert_eq!(crate::support::client::Client::connect(new).ask("PING"), pong);
}

/// `rankd ping`, `bench` and `import` speak TLS.
#[test]
fn the_programs_own_clients_speak_tls() {
    let stage = Stage::new(&[]);
    let port = stage.tls.port().to_string();
    let (ca, cert, key) = (text(&stage.authority.file), text(&stage.client.cert), text(&stage.client.key));
    let succeeds = |arguments: &[&str]| {
        let (status, said, complained) = run_rankd(arguments);
        assert!(status.success(), "{arguments:?}: {said}{complained}");
    };
    let own = ["ping", "--port", "0", "--tls-port", &port];
    let files = ["--tls-ca-cert-file", ca, "--tls-cert-file", cert, "--tls-key-file", key];
    succeeds(&[&own[..], &files].concat());
    let options = ["--cacert", ca, "--cert", cert, "--key", key];
    succeeds(&[&["ping", "--tls", "--tls-port", &port][..], &options].concat());
    let load = ["-w", "zadd", "-n", "2000", "-P", "50", "--members", "100", "--keep", "--force"];
    succeeds(&[&["bench", "--tls", "--port", &port][..], &options, &load].concat());
    let url = format!("rediss://localhost:{port}");
    succeeds(&[&["bench", "--url", &url][..], &options, &load].concat());
    let directory = tempfile::tempdir().expect("a directory");
    succeeds(&[&["import", &url, "--dir", text(directory.path())][..], &options].concat());
    // A certificate that nobody vouches for, or none of its own.
    for (arguments, part) in [
        (vec!["bench", "--url", &url, "--cert", cert, "--key", key], "invalid peer certificate"),
        (
            vec!["bench", "--url", &url, "--cacert", ca, "--cert", cert, "--key", key, "--sni", "other.host"],
            "not valid for name",
        ),
        (vec!["bench", "--url", &url, "--cacert", ca], "alert"),
    ] {
        let (status, said, complained) = run_rankd(&arguments);
        assert!(!status.success() && complained.contains(part), "{arguments:?}: {said}{complained}");
    }
}
