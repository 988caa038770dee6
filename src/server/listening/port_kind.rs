//! The two kinds of TCP ports.

use crate::config::Config;

/// The two kinds of TCP ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum PortKind {
    /// `port`.
    Plain,
    /// `tls-port`.
    Tls,
}

impl PortKind {
    pub(in crate::server) const ALL: [Self; 2] = [Self::Plain, Self::Tls];

    /// The directive that names the port.
    pub(in crate::server) fn directive(self) -> &'static str {
        match self {
            Self::Plain => "port",
            Self::Tls => "tls-port",
        }
    }

    /// The port that `config` asks for: 0 for any, `None` for none.
    pub(in crate::server) fn wanted(self, config: &Config) -> Option<u16> {
        match self {
            Self::Plain => config.has_tcp_port().then_some(config.port),
            Self::Tls => Some(config.tls.port).filter(|port| *port > 0),
        }
    }
}
