//! `rankd ping`: the health probe for containers.

use crate::config::Config;
use crate::net::client::BlockingClient;
use crate::net::stream::Endpoint;
use crate::server::listening::addresses::addresses;
use redis_protocol::resp2::types::OwnedFrame;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long a healthy server may take for each step.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the server that `config` describes for a PONG.
pub(in crate::server) fn ping(config: &Config) -> Result<(), String> {
    let endpoint = endpoint(config);
    let mut client = BlockingClient::connect(&endpoint, PATIENCE)?;
    if !config.requirepass.is_empty() {
        client.ask(&[b"AUTH", config.requirepass.as_bytes()])?;
    }
    match client.ask(&[b"PING"])? {
        OwnedFrame::SimpleString(text) if text == b"PONG" => {
            println!("PONG");
            Ok(())
        }
        other => Err(format!("{endpoint}: unexpected reply {other:?}")),
    }
}

/// The unix socket if there is one, else the first address that is served, seen from this machine.
fn endpoint(config: &Config) -> Endpoint {
    if !config.unixsocket.is_empty() {
        return Endpoint::Unix(config.path_of_unixsocket());
    }
    let first = addresses(&config.bind).ok().and_then(|addresses| addresses.first().map(|(ip, _)| *ip));
    let ip = match first {
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        Some(ip) if !ip.is_unspecified() => ip,
        _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    Endpoint::Tcp(SocketAddr::new(ip, config.port))
}
