//! The journals of a master and of its replica turned off and on while everything is written: the replica goes on, and both hold
//! the same in the end, in memory and on disk.

use super::writers::{
    Dialect, EndOfWriters, assert_same, wait_for_expiries, wait_for_same_offset, write_everything,
};
use super::{follow, seed, wait_for_all, wait_for_link};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;
use std::sync::atomic::AtomicBool;
use std::thread;

const WRITERS: u64 = 3;
const ROUNDS: usize = 12;

fn switch(client: &mut Client, on: bool) {
    let value = if on { "yes" } else { "no" };
    assert_eq!(client.call(&["CONFIG", "SET", "appendonly", value]), Reply::Simple(b"OK".to_vec()));
}

fn wait_for_base(client: &mut Client) {
    switch(client, false);
    let rewrites = client.fact("aof_rewrites");
    switch(client, true);
    wait_for("the first base", || (client.fact("aof_rewrites") != rewrites).then_some(()));
}

#[test]
fn a_replica_goes_on_while_journals_are_turned_off_and_on() {
    let mut chance = Chance::new(seed());
    let arguments = ["--enable-debug-command", "yes", "--appendonly", "no"];
    let [master, mut replica] = [(); 2].map(|()| Server::rankd_with(&arguments));
    let (mut at_master, mut at_replica) = (master.client(), replica.client());
    follow(&mut at_replica, master.address.port());
    wait_for_link(&mut at_replica);
    wait_for_all(&mut at_master);
    let must_end = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = EndOfWriters(&must_end);
        for _ in 0..WRITERS {
            let (client, seed, must_end) = (master.client(), chance.next(), &must_end);
            scope.spawn(move || write_everything(client, Dialect::Rankd, seed, must_end));
        }
        let mut are_on = [false; 2];
        for _ in 0..ROUNDS {
            let which = chance.below(2);
            are_on[which] = !are_on[which];
            switch([&mut at_master, &mut at_replica][which], are_on[which]);
            at_master.ask("INCR offset");
            wait_for_all(&mut at_master);
        }
        // Turned on again, they have the disk that WAITAOF asks for.
        wait_for_base(&mut at_master);
        wait_for_base(&mut at_replica);
        at_master.ask("INCR offset");
        let both = Reply::Array(vec![Reply::Integer(1), Reply::Integer(1)]);
        assert_eq!(at_master.ask("WAITAOF 1 1 20000"), both);
    });
    wait_for_same_offset(&master, &replica);
    wait_for_expiries(&master);
    wait_for_same_offset(&master, &replica);
    assert_same(&master, &replica, Dialect::Rankd, "while they run");
    assert_eq!(at_master.fact("sync_full"), "1", "the first sync is the only one");
    // A replica that is killed goes on where its journal ends, which was begun while it followed.
    at_master.ask("SET behind value");
    wait_for_same_offset(&master, &replica);
    replica.kill();
    at_master.ask("SET further value");
    let place = format!("127.0.0.1 {}", master.address.port());
    let arguments = ["--enable-debug-command", "yes", "--appendonly", "yes", "--replicaof", &place];
    let replica = replica.restart_with(&arguments).expect("a start");
    wait_for_same_offset(&master, &replica);
    assert_same(&master, &replica, Dialect::Rankd, "after a kill");
    assert_eq!(at_master.fact("sync_full"), "1", "its journal says where it was");
    let copy = Server::rankd_on_copy(
        &master.directory().join("journal"),
        &["--enable-debug-command", "yes", "--appendonly", "yes"],
    );
    wait_for_expiries(&copy);
    assert_same(&master, &copy, Dialect::Rankd, "the master's journal");
}

/// A full sync that ends while the first base is being written, or just before it begins.
#[test]
fn a_full_sync_beside_a_journal_that_is_turned_on_leaves_the_masters_data() {
    let mut chance = Chance::new(seed());
    let arguments = ["--enable-debug-command", "yes", "--appendonly", "no"];
    let master = Server::rankd_with(&arguments);
    super::cuts::fill(&master);
    let mut at_master = master.client();
    at_master.ask("SADD s a b c");
    for round in 0..6 {
        let mut replica = Server::rankd_with(&arguments);
        super::cuts::fill(&replica);
        let mut client = replica.client();
        client.ask("SET old value");
        let (first, waits) = (chance.percent(50), chance.percent(50));
        if first {
            switch(&mut client, true);
        }
        follow(&mut client, master.address.port());
        if waits {
            wait_for("the new data", || (client.ask("EXISTS old") == Reply::Integer(0)).then_some(()));
        }
        if !first {
            switch(&mut client, true);
        }
        wait_for_link(&mut client);
        at_master.ask("INCR count");
        wait_for_all(&mut at_master);
        at_master.ask("INCR count");
        let disk = Reply::Array(vec![Reply::Integer(0), Reply::Integer(1)]);
        assert_eq!(at_master.ask("WAITAOF 0 1 20000"), disk, "round {round}");
        replica.kill();
        let place = format!("127.0.0.1 {}", master.address.port());
        let arguments = ["--enable-debug-command", "yes", "--appendonly", "yes", "--replicaof", &place];
        let mut replica = replica.restart_with(&arguments).expect("a start");
        wait_for_same_offset(&master, &replica);
        assert_same(&master, &replica, Dialect::Rankd, &format!("round {round}, {first}, {waits}"));
        replica.terminate();
    }
}
