//! A request whose reply was lost with a killed server is sent again under its id, and counts once.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

/// Submits under the ids `from` and on, each retried until it is answered or the server is gone. Returns the id that was not
/// answered.
fn submit_from(address: std::net::SocketAddr, from: usize, answered: &AtomicUsize) -> usize {
    let Ok(mut client) = Client::try_connect(address) else { return from };
    for id in from.. {
        let id_text = format!("game-{id}");
        let Ok(reply) = client.try_call(&["LB.SUBMIT", "total", "ID", &id_text, "1", "ann"]) else {
            return id;
        };
        // A retry of what was counted before the server was killed is answered by -1.
        assert!(matches!(reply, Reply::Integer(1 | -1)), "{reply:?}");
        assert!(reply == Reply::Integer(1) || id == from, "{id} was counted and never sent");
        answered.fetch_add(1, Ordering::Relaxed);
    }
    unreachable!("the server ends before the ids do")
}

#[test]
fn a_retry_after_kill_9_counts_once() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut server = Server::rankd_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let made = server.client().ask("LB.CREATE total SCORE INTEGER KEEP SUM IDS 8");
    assert_eq!(made, Reply::Integer(1));
    let mut next = 0;
    for _ in 0..number_from_env("RANKD_CRASH_ROUNDS", 12) {
        let (address, answered, enough) = (server.address, AtomicUsize::new(0), 1 + chance.below(60));
        next = std::thread::scope(|scope| {
            let writer = scope.spawn(|| submit_from(address, next, &answered));
            wait_for("some submits", || (answered.load(Ordering::Relaxed) >= enough).then_some(()));
            server.kill();
            writer.join().expect("a writer that did not fail")
        });
        server = server.restart();
    }
    let answered = AtomicUsize::new(0);
    let address = server.address;
    next = std::thread::scope(|scope| {
        let writer = scope.spawn(|| submit_from(address, next, &answered));
        wait_for("the last retry", || (answered.load(Ordering::Relaxed) >= 1).then_some(()));
        server.kill();
        writer.join().expect("a writer that did not fail")
    });
    let server = server.restart();
    let mut client = server.client();
    let last = client.ask(&format!("LB.SUBMIT total ID game-{next} 1 ann"));
    assert!(matches!(last, Reply::Integer(1 | -1)), "{last:?}");
    assert_eq!(client.ask("ZSCORE total ann").text(), (next + 1).to_string());
}
