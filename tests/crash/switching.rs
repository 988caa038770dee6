//! kill -9 at any moment after CONFIG SET appendonly yes, under writers.

use super::ledger::{Ledger, Over, SetOnDrop};
use super::{WRITERS, writes};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

/// Members of a board that makes the first base last, in a database that no writer uses.
const MEMBERS: usize = 40_000;
const FILLED: &str = "15";

fn set(client: &mut Client, on: bool) {
    let value = if on { "yes" } else { "no" };
    assert_eq!(client.call(&["CONFIG", "SET", "appendonly", value]), Reply::Simple(b"OK".to_vec()));
}

/// Has the writers write while `then` runs.
fn write_and(
    server: &mut Server,
    ledgers: &mut [Ledger],
    chance: &mut Chance,
    then: impl FnOnce(&mut Server),
) {
    let (address, over) = (server.address, Over::default());
    std::thread::scope(|scope| {
        let _over = SetOnDrop(&over);
        for (writer, ledger) in ledgers.iter_mut().enumerate() {
            let mut chance = Chance::new(chance.next());
            let over = &over;
            scope.spawn(move || ledger.write_until_the_end(address, writer, &mut chance, over));
        }
        then(server);
    });
}

fn wait_for_writes(client: &mut Client, more: usize) {
    let enough = writes(client) + more as i64;
    wait_for("the writers", || (writes(client) >= enough).then_some(()));
}

/// A start finds the journal of before, or one whose first base is complete. Once it is, everything acknowledged is there.
#[test]
fn a_kill_after_appendonly_yes_leaves_the_old_journal_or_all_of_the_new_one() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut server = Server::rankd_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut client = server.client();
    client.call(&["SELECT", FILLED]);
    let members: Vec<String> =
        (0..MEMBERS).flat_map(|number| [number.to_string(), format!("member{number}")]).collect();
    for some in members.chunks(2000) {
        let words = ["ZADD", "filler"].into_iter().chain(some.iter().map(String::as_str));
        client.call(&words.collect::<Vec<_>>());
    }
    let mut ledgers: Vec<Ledger> = (0..WRITERS).map(|_| Ledger::default()).collect();
    let (mut old, mut new) = (0, 0);
    let rounds = number_from_env("RANKD_CRASH_ROUNDS", 12);
    for round in 0..rounds {
        write_and(&mut server, &mut ledgers, &mut chance, |server| {
            wait_for_writes(&mut server.client(), 200);
        });
        set(&mut server.client(), false);
        let before = ledgers.clone();
        let more = 50 + chance.below(300);
        write_and(&mut server, &mut ledgers, &mut chance, |server| {
            wait_for_writes(&mut server.client(), more);
        });
        let (soon, after_base) = (chance.below(600), chance.percent(40));
        let mut is_complete = false;
        write_and(&mut server, &mut ledgers, &mut chance, |server| {
            let mut client = server.client();
            let rewrites = client.fact("aof_rewrites");
            set(&mut client, true);
            assert_eq!(client.fact("aof_enabled"), "1");
            let mut has_base = || client.fact("aof_rewrites") != rewrites;
            if after_base {
                wait_for("the first base", || has_base().then_some(()));
            }
            wait_for_writes(&mut server.client(), soon);
            is_complete = has_base();
            server.kill();
        });
        server = server.restart();
        let mut client = server.client();
        client.call(&["SELECT", FILLED]);
        assert_eq!(client.ask("ZCARD filler"), Reply::Integer(MEMBERS as i64));
        let mut check = |ledgers: &mut [Ledger]| {
            let mut writers = ledgers.iter_mut().enumerate();
            writers.try_for_each(|(writer, ledger)| ledger.compare(&mut client, writer))
        };
        let mut earlier = before;
        match check(&mut ledgers) {
            Ok(()) => new += 1,
            Err(why) if is_complete => panic!("round {round}: the base was complete: {why}"),
            Err(why) => {
                if let Err(other) = check(&mut earlier) {
                    panic!("round {round}: neither the new journal ({why}) nor the old one ({other})");
                }
                ledgers = earlier;
                old += 1;
            }
        }
    }
    println!("{rounds} kills: {old} old journals, {new} new ones");
}
