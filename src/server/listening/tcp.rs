//! The sockets of the TCP port.

use super::addresses::addresses;
use crate::config::Config;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, TcpListener};

/// Bound sockets that do not listen yet. No other process can take the port while this one starts.
#[derive(Debug)]
pub(in crate::server) struct BoundSockets(Vec<Socket>);

/// Binds every address of `bind`, all to the same port; to none if the server has no TCP port.
///
/// # Errors
/// An address that cannot be bound, unless it may be missing.
pub(in crate::server) fn bind(config: &Config) -> Result<BoundSockets, String> {
    match config.has_tcp_port() {
        true => bind_all(&config.bind, config.port),
        false => Ok(BoundSockets(Vec::new())),
    }
}

/// The same for the metrics port.
///
/// # Errors
/// As [`bind`].
pub(in crate::server) fn bind_metrics(config: &Config) -> Result<BoundSockets, String> {
    match config.metrics.port {
        0 => Ok(BoundSockets(Vec::new())),
        port => bind_all(&config.metrics.bind, port),
    }
}

fn bind_all(words: &[String], mut port: u16) -> Result<BoundSockets, String> {
    let mut sockets: Vec<Socket> = Vec::new();
    for (ip, may_be_missing) in addresses(words)? {
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
        Err(format!("none of the addresses {words:?} can be listened on"))
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
