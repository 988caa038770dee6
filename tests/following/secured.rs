//! The link to a master over TLS: with rankd and with Redis at either end, and what a replica says where it cannot be.

use super::{contents, fact, follow, migration, seed, wait_for_all, wait_for_link};
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server, free_address};
use crate::support::tls::{Authority, Identity};
use crate::support::wait_for;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A server with a port for TLS, whose own links to a master are TLS.
fn arguments(authority: &Authority, shown: &Identity, tls: SocketAddr) -> Vec<String> {
    let text = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    let files = [text(&shown.cert), text(&shown.key), text(&authority.file)];
    let names = ["--tls-cert-file", "--tls-key-file", "--tls-ca-cert-file"];
    let mut all = vec!["--tls-port".to_owned(), tls.port().to_string()];
    all.extend(["--tls-replication", "yes", "--repl-diskless-sync-delay", "0"].map(str::to_owned));
    all.extend(names.into_iter().zip(files).flat_map(|(name, file)| [name.to_owned(), file]));
    all
}

/// rankd with these and `more`.
fn rankd(authority: &Authority, shown: &Identity, tls: SocketAddr, more: &[&str]) -> Server {
    let (all, port) = (arguments(authority, shown, tls), free_address().port().to_string());
    Server::rankd_with(&[&["--port", &port], &words(&all)[..], more].concat())
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// `replica` follows `master` at its port for TLS while a client writes: it gets the data, the stream, and after a cut link
/// what is missing.
fn follows(master: &Server, master_tls: SocketAddr, replica: &Server, replica_tls: SocketAddr) {
    let (mut at_master, mut at_replica) = (master.client(), replica.client());
    // A file of many records of TLS, and a value that is longer than one.
    (0..2000).for_each(|number| {
        at_master.ask(&format!("ZADD large {number} member-{number:0100}"));
    });
    at_master.call(&["SET", "long", &"x".repeat(3_000_000)]);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (client, seed, stop) = (master.client(), seed(), &stop);
        scope.spawn(move || migration::write(client, seed, stop));
        follow(&mut at_replica, master_tls.port());
        wait_for_link(&mut at_replica);
        wait_for_all(&mut at_master);
        at_replica.ask("CLIENT KILL TYPE master");
        // A link that breaks while it catches up with the file needs a further one.
        wait_for("the next link", || (links(&mut at_master) > 1).then_some(()));
        wait_for_link(&mut at_replica);
        stop.store(true, Ordering::Relaxed);
    });
    // Whatever expires does so before the comparison.
    thread::park_timeout(Duration::from_millis(1100));
    at_master.call(&["APPEND", "long", &"y".repeat(1_000_000)]);
    wait_for_all(&mut at_master);
    let (theirs, ours) = (contents(&mut at_master), contents(&mut at_replica));
    assert!(theirs.len() > 5);
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert!(migration::same(theirs, ours), "{} differs", theirs.0.escape_ascii());
    }
    assert_eq!(theirs.len(), ours.len());
    let listed = fact(&mut at_master, "slave0").expect("a replica");
    assert!(listed.contains(&format!(",port={},", replica_tls.port())), "{listed}");
}

/// Full and partial syncs that the master has granted.
fn links(master: &mut Client) -> u64 {
    let info = master.ask("INFO stats").text();
    let counts = ["sync_full:", "sync_partial_ok:"].map(|name| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
        line.trim().parse::<u64>().expect("a number")
    });
    counts.iter().sum()
}

#[test]
fn rankd_follows_rankd_and_redis_over_tls_and_redis_follows_rankd() {
    let files = tempfile::tempdir().expect("a directory");
    let authority = Authority::new(files.path(), "ca");
    let shown = authority.identity("servers");
    let of = |tls| arguments(&authority, &shown, tls);
    let rankd = |tls, more: &[&str]| rankd(&authority, &shown, tls, more);
    for version in ["TLSv1.2", "TLSv1.3"] {
        let [master_tls, replica_tls] = [(); 2].map(|()| free_address());
        let master = rankd(master_tls, &[]);
        follows(&master, master_tls, &rankd(replica_tls, &["--tls-protocols", version]), replica_tls);
    }
    let [peer_tls, own_tls] = [(); 2].map(|()| free_address());
    let Some(redis) = Server::peer(Peer::Redis7, &words(&of(peer_tls))) else { return };
    follows(&redis, peer_tls, &rankd(own_tls, &[]), own_tls);
    let [peer_tls, own_tls] = [(); 2].map(|()| free_address());
    let redis = Server::peer(Peer::Redis7, &words(&of(peer_tls))).expect("it was there");
    follows(&rankd(own_tls, &[]), own_tls, &redis, peer_tls);
}

/// Each failure is in the log in words that lead to the directive, and the replica follows as soon as it is put right.
#[test]
fn what_is_wrong_with_the_link_is_said() {
    let files = tempfile::tempdir().expect("a directory");
    let [authority, stranger] = ["ca", "strangers"].map(|name| Authority::new(files.path(), name));
    let (shown, strange) = (authority.identity("servers"), stranger.identity("stranger"));
    let [master_tls, replica_tls] = [(); 2].map(|()| free_address());
    let master = rankd(&authority, &shown, master_tls, &[]);
    let replica = rankd(&authority, &shown, replica_tls, &[]);
    let mut at_replica = replica.client();
    let fails = |client: &mut Client, port: u16, settings: &[&str], said: &str| {
        let set = [&["CONFIG", "SET"], settings].concat();
        assert_eq!(client.call(&set), Reply::Simple(b"OK".to_vec()), "{set:?}");
        follow(client, port);
        replica.says(said);
        client.ask("REPLICAOF NO ONE");
    };
    let text = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    let client = &mut at_replica;
    fails(
        client,
        master.address.port(),
        &["timeout", "0"],
        "does not speak TLS on this port (tls-replication is yes)",
    );
    fails(client, master_tls.port(), &["tls-replication", "no"], "this port is for TLS");
    let believed = ["tls-replication", "yes", "tls-ca-cert-file", &text(&stranger.file)];
    fails(
        client,
        master_tls.port(),
        &believed,
        "no authority of tls-ca-cert-file or tls-ca-cert-dir has signed",
    );
    let (cert, key) = (text(&strange.cert), text(&strange.key));
    let own = text(&authority.file);
    let foreign = ["tls-ca-cert-file", &own, "tls-client-cert-file", &cert, "tls-client-key-file", &key];
    fails(
        client,
        master_tls.port(),
        &foreign,
        "does not accept this server's certificate (tls-client-cert-file",
    );
    // Without an authority there is nothing to believe: the setting is refused, and the one before it stays.
    let set = client.call(&["CONFIG", "SET", "tls-ca-cert-file", "", "tls-auth-clients", "no"]);
    let Reply::Error(why) = set else { panic!("{set:?}") };
    assert!(why.escape_ascii().to_string().contains("tls-ca-cert-file"), "{}", why.escape_ascii());
    client.call(&["CONFIG", "SET", "tls-client-cert-file", "", "tls-client-key-file", ""]);
    follow(client, master_tls.port());
    wait_for_link(client);
}

/// A master that does not end its handshake is given up, and does not keep a replica from another one.
#[test]
fn a_handshake_takes_a_bounded_time() {
    let files = tempfile::tempdir().expect("a directory");
    let authority = Authority::new(files.path(), "ca");
    let shown = authority.identity("servers");
    let [master_tls, replica_tls] = [(); 2].map(|()| free_address());
    let _master = rankd(&authority, &shown, master_tls, &[]);
    let mut replica = rankd(&authority, &shown, replica_tls, &["--appendonly", "no"]);
    let mut client = replica.client();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    // The header of a long record of the handshake, and then a byte of it now and then.
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut stream = stream.expect("a connection");
                let mut piece: &[u8] = &[22, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc];
                while stream.write_all(piece).is_ok() {
                    piece = &[0];
                    thread::park_timeout(Duration::from_millis(20));
                }
            });
        }
    });
    follow(&mut client, port);
    replica.says("it has not ended within 10 s");
    wait_for("the next handshake", || (client.ask("ROLE").items()[3].text() == "connect").then_some(()));
    follow(&mut client, master_tls.port());
    wait_for_link(&mut client);
    follow(&mut client, port);
    let begun = Instant::now();
    assert!(replica.terminate().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "it waited for the handshake");
}
