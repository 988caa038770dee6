//! A master that dies, and one that stops for a while and then believes that it still leads.

use super::group::{DOWN_AFTER_MS, Group, Machine, wait_for_line};
use crate::following::{contents, fact, wait_for_link};
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::wait_for;
use std::time::{Duration, Instant};

fn replicaof(group: &Group, master: usize) -> String {
    format!("replicaof {} {}", group.addresses[master].ip(), group.addresses[master].port())
}

#[test]
fn a_dead_master_is_replaced_and_comes_back_as_a_replica() {
    let Some(mut group) = Group::start(&Machine::here(), &[]) else { return };
    let old = group.settle("the beginning");
    let mut client = group.client(old);
    client.ask("ZADD board 1.5 a 2.5 b");
    assert_eq!(client.ask("WAIT 2 5000"), Reply::Integer(2));
    let died = Instant::now();
    group.kill(old);
    let (new, lasted) = group.wait_for_another(old, died);
    println!("failover after kill -9: {lasted:?}");
    assert_eq!(group.client(new).ask("ZSCORE board b").text(), "2.5");
    group.client(new).ask("ZADD board 3.5 c");
    group.restart(old);
    wait_for_link(&mut group.client(old));
    let said = group.node(old).said();
    assert!(!said.contains("this server is a master"), "it asked before it led: {said}");
    // Where two sentinels were elected one after the other, the second has chosen anew.
    let new = group.settle("the return");
    let (mut at_new, mut at_old) = (group.client(new), group.client(old));
    assert_ne!(new, old);
    assert_eq!(fact(&mut at_old, "master_port"), Some(group.addresses[new].port().to_string()));
    assert_eq!(at_old.ask("SET k 1"), read_only());
    // The role outlives a restart: the transactions of the sentinels have rewritten the files.
    let other = 3 - old - new;
    wait_for_line(&group, new, false, &replicaof(&group, old));
    wait_for_line(&group, other, true, &replicaof(&group, new));
    at_new.ask("SET last 1");
    assert_eq!(at_new.ask("WAIT 2 5000"), Reply::Integer(2));
    for replica in [old, other] {
        assert_eq!(contents(&mut group.client(replica)), contents(&mut at_new));
    }
}

fn read_only() -> Reply {
    Reply::Error(b"READONLY You can't write against a read only replica.".to_vec())
}

#[test]
fn a_master_that_wakes_up_asks_before_it_leads_again() {
    let arguments = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "1"];
    let Some(group) = Group::start(&Machine::here(), &arguments) else { return };
    let old = group.settle("the beginning");
    // A client that was connected all the time, and will not hear of another master.
    let mut faithful = group.client(old);
    assert_eq!(faithful.ask("SET before 1"), Reply::Simple(b"OK".to_vec()));
    let stopped = Instant::now();
    group.node(old).freeze();
    let (_, lasted) = group.wait_for_another(old, stopped);
    println!("failover after SIGSTOP: {lasted:?}");
    // Longer than a thread of a busy machine is late, so that the server knows that it was stopped.
    wait_for("the end of the pause", || {
        (stopped.elapsed() > Duration::from_millis(2_500 + DOWN_AFTER_MS)).then_some(())
    });
    group.node(old).wake();
    let woken = Instant::now();
    let (mut accepted, mut refusals) = (0, Vec::new());
    while woken.elapsed() < Duration::from_secs(3)
        && refusals.last().is_none_or(|last: &String| !last.starts_with("READONLY"))
    {
        match faithful.call(&["INCR", "lost"]) {
            Reply::Integer(_) => {
                accepted += 1;
                assert_eq!(faithful.ask("WAIT 1 50"), Reply::Integer(0), "no replica confirms it");
            }
            Reply::Error(why) => refusals.push(String::from_utf8(why).expect("text")),
            other => panic!("{other:?}"),
        }
    }
    refusals.dedup();
    println!(
        "after SIGCONT {accepted} writes were accepted, then: {refusals:?} within {:?}",
        woken.elapsed()
    );
    assert!(refusals.last().is_some_and(|last| last.starts_with("READONLY")), "it follows: {refusals:?}");
    assert!(accepted <= 5, "it took {accepted} writes although it was not the master");
    let new = group.settle("the return");
    assert_ne!(new, old);
    let mut at_new = group.client(new);
    assert_eq!(contents(&mut Client::connect(group.addresses[old])), contents(&mut at_new));
    assert!(at_new.ask("GET lost").is_nil(), "what it had accepted is gone with the full sync");
}

#[test]
fn a_planned_failover_of_the_sentinels_loses_nothing() {
    let Some(group) = Group::start(&Machine::here(), &[]) else { return };
    let old = group.settle("the beginning");
    let mut sentinel = Client::connect(group.sentinels[0].address);
    // Until the sentinel has looked at the replicas again, it may find none of them good enough.
    let begins = |reply: Reply| (reply == Reply::Simple(b"OK".to_vec())).then(Instant::now);
    let asked = wait_for("the failover", || begins(sentinel.ask("SENTINEL FAILOVER mymaster")));
    let (_, lasted) = group.wait_for_another(old, asked);
    println!("SENTINEL FAILOVER: {lasted:?}");
    let new = group.settle("the new roles");
    assert_ne!(new, old);
    wait_for_line(&group, old, true, &replicaof(&group, new));
}
