//! A connection that has been accepted and that no thread serves yet.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// A connection on its way from the thread that accepts to the worker that will serve it.
#[derive(Debug)]
pub(in crate::server) enum Newcomer {
    /// On the TCP port, from this address.
    Tcp(TcpStream, SocketAddr),
    /// On the port for TLS, from this address. The handshake has not begun.
    Tls(TcpStream, SocketAddr),
    /// On the unix socket at this path.
    Unix(UnixStream, Arc<str>),
}
