//! The listening sockets.

use crate::config::Config;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

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

/// Bound sockets that do not listen yet. No other process can take the port while this one starts.
#[derive(Debug)]
pub(in crate::server) struct BoundSockets(Vec<Socket>);

/// Binds every address of `bind`, all to the same port.
///
/// # Errors
/// An address that cannot be bound, unless it may be missing.
pub(in crate::server) fn bind(config: &Config) -> Result<BoundSockets, String> {
    let mut sockets: Vec<Socket> = Vec::new();
    let mut port = config.port;
    for (ip, may_be_missing) in addresses(config)? {
        let address = SocketAddr::new(ip, port);
        match bind_one(address) {
            Ok((socket, bound)) => {
                // With port 0 the kernel chooses a port for the first address, and the other addresses take the same
                // one.
                port = bound;
                sockets.push(socket);
            }
            Err(error) if may_be_missing => tracing::debug!("not listening on {address}: {error}"),
            Err(error) => return Err(format!("cannot listen on {address}: {error}")),
        }
    }
    if sockets.is_empty() {
        Err("none of the addresses of 'bind' can be listened on".into())
    } else {
        Ok(BoundSockets(sockets))
    }
}

fn bind_one(address: SocketAddr) -> std::io::Result<(Socket, u16)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the last server's connections to time out.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    let port = socket.local_addr()?.as_socket().map_or(address.port(), |bound| bound.port());
    Ok((socket, port))
}

impl BoundSockets {
    /// Listens on every socket.
    pub(in crate::server) fn listen(self, backlog: u32) -> Result<Vec<TcpListener>, String> {
        let listen = |socket: Socket| {
            socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
            Ok(socket.into())
        };
        let listeners: std::io::Result<Vec<TcpListener>> = self.0.into_iter().map(listen).collect();
        listeners.map_err(|error| format!("cannot listen: {error}"))
    }
}
