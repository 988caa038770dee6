//! A replica that is killed, and a master that is killed, in each phase of their link.

use super::cuts::fill;
use super::line::{Fate, Line};
use super::writers::{Dialect, assert_same, wait_for_same_offset};
use super::{follow, wait_for_link};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

/// Where the link is when one of the two is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshake,
    File,
    /// The data are served, and the journal has no base of them yet, perhaps.
    Base,
    Stream,
}

const PHASES: [Phase; 4] = [Phase::Handshake, Phase::File, Phase::Base, Phase::Stream];

const ARGUMENTS: [&str; 4] = ["--enable-debug-command", "yes", "--appendfsync", "always"];

/// A master with data, a replica with data of its own, and the line between them, in this phase.
fn stage(phase: Phase) -> (Server, Server, Line) {
    let [master, replica] = [(); 2].map(|()| Server::rankd_with(&ARGUMENTS));
    fill(&master);
    let line = Line::to(master.address);
    let mut client = replica.client();
    client.ask("SET old value");
    line.set(match phase {
        Phase::Handshake => Fate::HeldAt(8),
        Phase::File => Fate::HeldAt(50_000),
        Phase::Base | Phase::Stream => Fate::Passes,
    });
    follow(&mut client, line.port);
    match phase {
        Phase::Handshake | Phase::File => line.wait_for_hold(),
        Phase::Base => {
            wait_for("the new data", || (client.ask("EXISTS old") == Reply::Integer(0)).then_some(()));
        }
        Phase::Stream => {
            wait_for_link(&mut client);
            master.client().ask("SET behind value");
            wait_for_same_offset(&master, &replica);
        }
    }
    (master, replica, line)
}

#[test]
fn a_replica_that_is_killed_in_any_phase_has_all_or_nothing_and_is_equal_in_the_end() {
    for phase in PHASES {
        let (master, mut replica, line) = stage(phase);
        replica.kill();
        // Without a master it shows what is on its disk.
        let mut replica = replica.restart();
        let (old, new) = (replica.client().ask("EXISTS old"), replica.client().ask("ZCARD large"));
        let has_old = (Reply::Integer(1), Reply::Integer(0));
        let has_new = (Reply::Integer(0), master.client().ask("ZCARD large"));
        let found = (old, new);
        match phase {
            Phase::Handshake | Phase::File => assert_eq!(found, has_old, "{phase:?}"),
            Phase::Base => assert!(found == has_old || found == has_new, "{phase:?}: {found:?}"),
            Phase::Stream => assert_eq!(replica.client().ask("DEBUG DIGEST").text().len(), 40),
        }
        replica.kill();
        line.set(Fate::Passes);
        let place = format!("127.0.0.1 {}", line.port);
        let arguments = [&ARGUMENTS[..], &["--replicaof", &place]].concat();
        let replica = replica.restart_with(&arguments).expect("a start");
        master.client().ask("SET last value");
        wait_for_same_offset(&master, &replica);
        assert_same(&master, &replica, Dialect::Rankd, &format!("{phase:?}"));
    }
}

#[test]
fn a_master_that_is_killed_in_any_phase_leaves_its_replica_as_it_was_and_comes_back() {
    for phase in PHASES {
        let (mut master, replica, line) = stage(phase);
        let mut client = replica.client();
        let before = client.ask("DEBUG DIGEST");
        master.kill();
        let has_old = matches!(phase, Phase::Handshake | Phase::File);
        assert_eq!(client.ask("DEBUG DIGEST"), before, "{phase:?}");
        assert_eq!(client.ask("EXISTS old"), Reply::Integer(i64::from(has_old)), "{phase:?}");
        let master = master.restart();
        line.lead_to(master.address);
        line.set(Fate::Passes);
        master.client().ask("SET last value");
        wait_for_same_offset(&master, &replica);
        assert_same(&master, &replica, Dialect::Rankd, &format!("{phase:?}"));
        assert_eq!(client.ask("EXISTS old"), Reply::Integer(0));
    }
}
