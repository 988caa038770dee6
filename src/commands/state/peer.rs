//! Where a connection comes from.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// The two ends of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The other end.
    pub address: PeerAddress,
    /// This end.
    pub local_address: PeerAddress,
    /// The number of its descriptor in this process; 0 without one.
    pub descriptor: i32,
}

/// One end of a connection, printed as in CLIENT LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerAddress {
    /// An address of TCP, printed as `host:port`.
    Tcp(SocketAddr),
    /// The unix socket of this path, printed as `path:0`.
    Unix(Arc<str>),
}

impl Peer {
    /// The peer of a client without a connection.
    pub(in crate::commands) fn none() -> Self {
        let address = PeerAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        Self { local_address: address.clone(), address, descriptor: 0 }
    }
}

impl PeerAddress {
    /// Whether it is of this machine. O(1).
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// Whether it is of the unix socket. O(1).
    #[must_use]
    pub fn is_unix(&self) -> bool {
        matches!(self, Self::Unix(_))
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{path}:0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        let peer = |address: &str| PeerAddress::Tcp(address.parse().unwrap());
        for near in ["127.0.0.1:1", "127.8.9.10:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(peer(near).is_local(), "{near}");
        }
        for far in ["10.0.0.1:1", "0.0.0.0:1", "[::]:1", "[fe80::1]:1", "[::ffff:10.0.0.1]:1"] {
            assert!(!peer(far).is_local(), "{far}");
        }
        assert!(PeerAddress::Unix("/run/rankd.sock".into()).is_local());
    }
}
