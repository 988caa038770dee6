//! DEBUG LOADAOF: the journal has exactly the data.

use crate::following::{contents, migration, seed};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

#[test]
fn the_journal_read_back_is_the_data() {
    let server = Server::rankd_with(&["--enable-debug-command", "yes"]);
    let mut client = server.client();
    let seed = seed();
    for round in 0..4 {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let (writer, stop) = (server.client(), &stop);
            scope.spawn(move || migration::write(writer, seed + round, stop));
            thread::park_timeout(Duration::from_millis(150));
            // While another client writes, too.
            assert_eq!(client.ask("DEBUG LOADAOF"), ok());
            stop.store(true, Ordering::Relaxed);
        });
        client.ask("SWAPDB 0 3");
        assert_eq!(client.ask("LB.CREATE lb SCORE INTEGER TIES FIRST"), Reply::Integer(1));
        client.ask("ZADD lb 9007199254740993 one");
        // What expires does so before the comparison.
        thread::park_timeout(Duration::from_millis(1100));
        if round == 2 {
            client.ask("BGREWRITEAOF");
            wait_for("the checkpoint", || {
                client.ask("INFO persistence").text().contains("aof_rewrite_in_progress:0").then_some(())
            });
        }
        for database in ["SELECT 0", "SELECT 3"] {
            client.ask(database);
            let before = contents(&mut client);
            assert_eq!(client.ask("DEBUG LOADAOF"), ok());
            assert!(before == contents(&mut client), "{database}, round {round}");
        }
        client.ask("SELECT 0");
        assert_eq!(client.ask("ZSCORE lb one"), Reply::Bulk(b"9007199254740993".to_vec()));
        client.ask("DEL lb");
    }
    // Writes go on behind it, and a start finds all.
    client.ask("SET last word");
    let before = contents(&mut client);
    drop(client);
    let server = server.restart();
    assert!(before == contents(&mut server.client()));
}

#[test]
fn without_a_journal_or_leave_nothing_is_read() {
    let server = Server::rankd_with(&["--appendonly", "no", "--enable-debug-command", "yes"]);
    let mut client = server.client();
    client.ask("SET key value");
    assert_eq!(
        client.ask("DEBUG LOADAOF"),
        Reply::Error(b"ERR there is no journal (appendonly no)".to_vec())
    );
    client.ask("MULTI");
    client.ask("DEBUG LOADAOF");
    let Reply::Array(replies) = client.ask("EXEC") else { panic!("a transaction") };
    assert!(replies[0].is_error());
    assert_eq!(client.ask("GET key"), Reply::Bulk(b"value".to_vec()));
    assert!(Server::rankd().client().ask("DEBUG LOADAOF").is_error());
}
