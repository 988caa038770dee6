//! The addresses that `bind` names.

use crate::config::Config;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

/// An address to listen on, and whether it may be missing on this machine.
type Wanted = (IpAddr, bool);

/// The addresses that `bind` names.
///
/// # Errors
/// A word that is neither an address nor a host name.
pub(in crate::server) fn addresses(config: &Config) -> Result<Vec<Wanted>, String> {
    config
        .bind
        .iter()
        .map(|word| {
            let (name, may_be_missing) =
                word.strip_prefix('-').map_or((word.as_str(), false), |name| (name, true));
            let ip = match name {
                "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                "::*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                name => resolve(name)?,
            };
            Ok((ip, may_be_missing))
        })
        .collect()
}

/// The address that `name` spells or resolves to.
fn resolve(name: &str) -> Result<IpAddr, String> {
    let unknown = |why: String| format!("bind: '{name}' is no address: {why}");
    let mut addresses = (name, 0).to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
    addresses.next().map(|address| address.ip()).ok_or_else(|| unknown("the name resolves to none".into()))
}
