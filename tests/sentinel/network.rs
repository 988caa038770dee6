//! A master that is cut off from its network, with the sentinel beside it: three network namespaces on a bridge.

use super::group::{Group, Machine};
use crate::support::reply::Reply;
use crate::support::wait_for;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

/// Three machines on a network of their own. Removed when dropped.
struct Network {
    /// A name that no other run has.
    name: String,
    machines: Vec<Machine>,
}

fn ip(words: &str) -> bool {
    let run = Command::new("ip").args(words.split(' ')).output();
    run.is_ok_and(|output| output.status.success())
}

impl Network {
    /// `None` where this process may not make networks.
    fn make() -> Option<Network> {
        let number = std::process::id();
        let name = format!("rk{number}");
        // Of the addresses for benchmarks, 198.18.0.0/15.
        let subnet = [198, 18, (number % 256) as u8];
        let address = |host| Ipv4Addr::new(subnet[0], subnet[1], subnet[2], host);
        let machine = |index: u8| Machine {
            ip: address(10 + index),
            around: ["ip", "netns", "exec", &format!("{name}n{index}")].map(str::to_owned).to_vec(),
        };
        let network = Network { machines: (0..3).map(machine).collect(), name: name.clone() };
        let is_made = ip(&format!("link add {name}b type bridge"))
            && ip(&format!("addr add {}/24 dev {name}b", address(1)))
            && ip(&format!("link set {name}b up"))
            && (0..3).all(|index| {
                let (space, outer) = (format!("{name}n{index}"), format!("{name}v{index}"));
                ip(&format!("netns add {space}"))
                    && ip(&format!("link add {outer} type veth peer name eth0 netns {space}"))
                    && ip(&format!("link set {outer} master {name}b"))
                    && ip(&format!("link set {outer} up"))
                    && ip(&format!("-n {space} addr add {}/24 dev eth0", address(10 + index)))
                    && ip(&format!("-n {space} link set eth0 up"))
                    && ip(&format!("-n {space} link set lo up"))
            });
        is_made.then_some(network)
    }

    /// Cuts a machine off, or connects it again.
    fn connect(&self, index: usize, is_connected: bool) {
        let state = if is_connected { "up" } else { "down" };
        assert!(
            ip(&format!("link set {}v{index} {state}", self.name)),
            "the machine is connected: {is_connected}"
        );
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for index in 0..3 {
            ip(&format!("netns del {}n{index}", self.name));
        }
        ip(&format!("link del {}b", self.name));
    }
}

#[test]
fn a_master_that_is_cut_off_stops_taking_writes_and_another_one_is_elected() {
    let Some(network) = Network::make() else {
        eprintln!("NOT RUN: this process may not make network namespaces");
        return;
    };
    let arguments = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "1"];
    let Some(group) = Group::start(&network.machines, &arguments) else { return };
    let old = group.settle("the beginning");
    // A client on the machine that is cut off.
    let mut beside = group.node(old).client_at("rankd.sock").expect("the unix socket");
    assert_eq!(beside.ask("SET before 1"), Reply::Simple(b"OK".to_vec()));
    assert!(beside.ask("WAIT 1 5000").integer() >= 1, "one of the two replicas, or both");
    let cut = Instant::now();
    network.connect(old, false);
    let mut accepted = 0;
    let fenced = wait_for("the fence", || match beside.ask("INCR isolated") {
        Reply::Integer(count) => {
            accepted = count;
            None
        }
        Reply::Error(why) => Some((why, cut.elapsed())),
        other => panic!("{other:?}"),
    });
    assert!(fenced.0.starts_with(b"NOREPLICAS"), "{:?}", String::from_utf8_lossy(&fenced.0));
    let (_, lasted) = group.wait_for_another(old, cut);
    println!(
        "cut off: {accepted} writes until the fence after {:?}, another master after {lasted:?}",
        fenced.1
    );
    assert_eq!(beside.ask("WAIT 1 100"), Reply::Integer(0));
    // For as long as it is alone it takes nothing.
    let until = Instant::now() + Duration::from_secs(1);
    wait_for("the end of the loneliness", || {
        assert!(beside.ask("INCR isolated").is_error());
        (Instant::now() > until).then_some(())
    });
    network.connect(old, true);
    assert_ne!(group.settle("the return"), old);
    // The sentinels have closed the connections of its clients.
    let mut beside = group.node(old).client_at("rankd.sock").expect("the unix socket");
    assert!(beside.ask("SET k 1").is_error(), "a replica");
    assert_eq!(beside.ask("GET before").text(), "1");
    assert!(beside.ask("GET isolated").is_nil(), "what nobody else had is gone");
}
