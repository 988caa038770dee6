//! The sockets of a TCP port.

use super::addresses::WantedAddress;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::SocketAddr;

/// Bound sockets that do not listen yet. No other process can take the port while this one starts.
#[derive(Debug)]
pub(in crate::server) struct BoundSockets(Vec<Socket>);

/// Binds every one of the `addresses` to `port`, all to the same one; nothing without a port.
///
/// # Errors
/// An address that cannot be bound, unless it may be missing.
pub(in crate::server) fn bind(
    addresses: &[WantedAddress],
    port: Option<u16>,
) -> Result<BoundSockets, String> {
    let mut sockets: Vec<Socket> = Vec::new();
    let Some(mut port) = port else { return Ok(BoundSockets(sockets)) };
    for &(ip, may_be_missing) in addresses {
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
    if sockets.is_empty() && !addresses.is_empty() {
        Err("none of the addresses is one of this machine".into())
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
    pub(in crate::server) fn listen(self, queue: u32) -> std::io::Result<Vec<Socket>> {
        for socket in &self.0 {
            socket.listen(backlog(queue))?;
        }
        Ok(self.0)
    }
}

/// `tcp-backlog` for listen(2).
pub(in crate::server) fn backlog(queue: u32) -> i32 {
    i32::try_from(queue).unwrap_or(i32::MAX)
}
