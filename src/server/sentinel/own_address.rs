//! Whether an address that a sentinel names is that of this server.

use crate::config::Config;
use crate::net::client::BlockingClient;
use crate::net::stream::Endpoint;
use crate::replication::upstream::state::MasterAddress;
use redis_protocol::resp2::types::OwnedFrame;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

/// How long the server at the address may take for each step.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether `place` is this server, which listens on `listening` and calls itself `run_id`. It is if it is the address that the
/// server announces, or one on which it listens. What is neither is asked: an address may be translated on the way.
pub(super) fn is_own(place: &MasterAddress, config: &Config, listening: &[SocketAddr], run_id: &str) -> bool {
    let replica = &config.replica;
    let is_own_port = |port: u16| listening.iter().any(|address| address.port() == port);
    let is_announced_port = match replica.announced_port {
        0 => is_own_port(place.port),
        announced => announced == place.port,
    };
    if is_announced_port && replica.announced_address.eq_ignore_ascii_case(&place.host) {
        return true;
    }
    let Ok(addresses) = (place.host.as_str(), place.port).to_socket_addrs() else { return false };
    let addresses: Vec<SocketAddr> = addresses.collect();
    addresses.iter().any(|address| is_listened_on(*address, listening))
        || addresses.iter().any(|address| run_id_at(*address, config).as_deref() == Some(run_id))
}

/// Whether a connection to the address comes to a socket of this server.
fn is_listened_on(address: SocketAddr, listening: &[SocketAddr]) -> bool {
    let covers = |own: &SocketAddr| {
        own.port() == address.port() && (own.ip() == address.ip() || own.ip().is_unspecified())
    };
    listening.iter().any(covers) && is_of_this_machine(address.ip())
}

/// Only an address of this machine can be bound.
fn is_of_this_machine(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// What the server at the address calls itself, if it says so.
fn run_id_at(address: SocketAddr, config: &Config) -> Option<String> {
    let mut client = BlockingClient::connect(&Endpoint::Tcp(address), PATIENCE).ok()?;
    client.authenticate(&config.replica.user, &config.replica.password).ok()?;
    let OwnedFrame::BulkString(info) = client.ask(&[b"INFO", b"server"]).ok()? else { return None };
    let info = String::from_utf8(info).ok()?;
    info.lines().find_map(|line| line.strip_prefix("run_id:").map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_own_if_it_is_announced_or_listened_on() {
        let listening: [SocketAddr; 1] = ["127.0.0.1:6379".parse().unwrap()];
        let mut config = Config::default();
        let is_own = |config: &Config, host: &str, port| {
            is_own(&MasterAddress { host: host.into(), port }, config, &listening, "run")
        };
        assert!(is_own(&config, "127.0.0.1", 6379) && is_own(&config, "localhost", 6379));
        // Nobody listens there, and the last is of no machine.
        assert!(!is_own(&config, "127.0.0.1", 1) && !is_own(&config, "127.0.0.2", 6379));
        assert!(!is_own(&config, "name.invalid", 6379));
        let any: [SocketAddr; 1] = ["0.0.0.0:6379".parse().unwrap()];
        assert!(is_listened_on("127.0.0.2:6379".parse().unwrap(), &any));
        assert!(!is_listened_on("192.0.2.1:6379".parse().unwrap(), &any), "an address of another machine");
        config.replica.announced_address = "Node-1.invalid".into();
        assert!(is_own(&config, "node-1.invalid", 6379) && !is_own(&config, "node-1.invalid", 7000));
        config.replica.announced_port = 7000;
        assert!(is_own(&config, "node-1.invalid", 7000) && !is_own(&config, "node-1.invalid", 6379));
    }
}
