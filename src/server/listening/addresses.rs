//! The addresses that `bind` names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

/// An address to listen on, and whether it may be missing on this machine.
pub(in crate::server) type WantedAddress = (IpAddr, bool);

/// The addresses that the words of `bind` or a directive like it name. The system is asked for those of host names, which may
/// take seconds.
///
/// # Errors
/// A word that is neither an address nor a host name.
pub(in crate::server) fn addresses(words: &[String]) -> Result<Vec<WantedAddress>, String> {
    words.iter().map(|word| read(word, resolve)).collect()
}

/// [`addresses`] without a question to the system: a host name is one of those whose addresses are `known`.
///
/// # Errors
/// A word that is no address and is not known.
pub(in crate::server) fn known_addresses(
    words: &[String],
    known: &[(String, WantedAddress)],
) -> Result<Vec<WantedAddress>, String> {
    let literal = |name: &str| {
        name.parse().map_err(|_| {
            format!("'{name}' is no address, and a host name is looked up only when the server starts")
        })
    };
    let find = |word: &String| known.iter().find(|(name, _)| name == word);
    words
        .iter()
        .map(|word| find(word).map_or_else(|| read(word, literal), |(_, wanted)| Ok(*wanted)))
        .collect()
}

fn read(word: &str, resolve: impl FnOnce(&str) -> Result<IpAddr, String>) -> Result<WantedAddress, String> {
    let (name, may_be_missing) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
    let ip = match name {
        "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "::*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        name => resolve(name)?,
    };
    Ok((ip, may_be_missing))
}

/// The address that `name` spells or resolves to.
fn resolve(name: &str) -> Result<IpAddr, String> {
    let unknown = |why: String| format!("'{name}' is no address: {why}");
    let mut addresses = (name, 0).to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
    addresses.next().map(|address| address.ip()).ok_or_else(|| unknown("the name resolves to none".into()))
}
