//! The addresses that `bind` names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

/// An address to listen on, and whether it may be missing on this machine.
type Wanted = (IpAddr, bool);

/// The addresses that the words of `bind` or a directive like it name.
///
/// # Errors
/// A word that is neither an address nor a host name.
pub(in crate::server) fn addresses(words: &[String]) -> Result<Vec<Wanted>, String> {
    words
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
    let unknown = |why: String| format!("'{name}' is no address: {why}");
    let mut addresses = (name, 0).to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
    addresses.next().map(|address| address.ip()).ok_or_else(|| unknown("the name resolves to none".into()))
}
