//! `rankd ping`: the health probe for containers.

use super::listener;
use crate::config::Config;
use crate::net::client::BlockingClient;
use redis_protocol::resp2::types::OwnedFrame;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long a healthy server may take for each step.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the server that `config` describes for a PONG.
pub(in crate::server) fn ping(config: &Config) -> Result<(), String> {
    let address = address(config);
    let mut client = BlockingClient::connect(address, PATIENCE)?;
    if !config.requirepass.is_empty() {
        client.ask(&[b"AUTH", config.requirepass.as_bytes()])?;
    }
    match client.ask(&[b"PING"])? {
        OwnedFrame::SimpleString(text) if text == b"PONG" => {
            println!("PONG");
            Ok(())
        }
        other => Err(format!("{address}: unexpected reply {other:?}")),
    }
}

/// The first address that is served, seen from this machine.
fn address(config: &Config) -> SocketAddr {
    let first = listener::addresses(config).ok().and_then(|addresses| addresses.first().map(|(ip, _)| *ip));
    let ip = match first {
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        Some(ip) if !ip.is_unspecified() => ip,
        _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    SocketAddr::new(ip, config.port)
}
