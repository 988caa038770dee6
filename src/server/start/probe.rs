//! `rankd ping`: the health probe for containers.

use crate::config::{Config, NoEffect};
use crate::machine::print::print_line;
use crate::net::client::BlockingClient;
use crate::net::stream::{Endpoint, TlsEnd};
use crate::net::tls::client::{ClientTerms, TlsOptions, Trust};
use crate::server::listening::addresses::addresses;
use redis_protocol::resp2::types::OwnedFrame;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long a healthy server may take for each step.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the server that `config` describes for a PONG. `tls` is what the command line says of TLS.
pub(in crate::server) fn ping(config: &Config, tls: &TlsOptions) -> Result<(), String> {
    let endpoint = endpoint(config, tls)?;
    let mut client = BlockingClient::connect(&endpoint, PATIENCE)?;
    client.authenticate("", &config.requirepass)?;
    match client.ask(&[b"PING"])? {
        OwnedFrame::SimpleString(text) if text == b"PONG" => print_line("PONG"),
        other => Err(format!("{endpoint}: unexpected reply {other:?}")),
    }
}

/// The unix socket if there is one, else the first address that is served, seen from this machine: in TLS if the command line
/// wants it, or if there is nothing else.
fn endpoint(config: &Config, tls: &TlsOptions) -> Result<Endpoint, String> {
    if !config.unixsocket.is_empty() && !tls.is_wanted {
        return Ok(Endpoint::Unix(config.path_of_unixsocket()));
    }
    let first = addresses(&config.bind).ok().and_then(|addresses| addresses.first().map(|(ip, _)| *ip));
    let ip = match first {
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        Some(ip) if !ip.is_unspecified() => ip,
        _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    if config.has_tcp_port() && !tls.is_wanted {
        return Ok(Endpoint::Tcp(SocketAddr::new(ip, config.port)));
    }
    let terms = terms(config, tls)?;
    let name = terms.server_name(&ip.to_string())?;
    let port = if config.tls.port > 0 { config.tls.port } else { config.port };
    Ok(Endpoint::Tls(SocketAddr::new(ip, port), TlsEnd { terms, name }))
}

/// As the command line says. If it says nothing, as the server's files do: the probe shows the server's certificate, and
/// believes its authorities or, if it has none, whoever listens on this machine.
fn terms(config: &Config, tls: &TlsOptions) -> Result<ClientTerms, String> {
    let says_nothing = *tls == TlsOptions { is_wanted: tls.is_wanted, ..TlsOptions::default() };
    if !says_nothing {
        return ClientTerms::of_options(tls);
    }
    if config.tls.ca_cert_file.is_empty() && config.tls.ca_cert_dir.is_empty() {
        return ClientTerms::of_options(&TlsOptions { trust: Trust::Anyone, ..TlsOptions::default() });
    }
    let terms = ClientTerms::of_server(&config.tls, &config.dir);
    terms.map_err(|NoEffect { directive, why }| format!("{directive}: {why}"))
}
