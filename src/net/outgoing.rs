//! Connections that this program makes over TCP, from an address that it may be told.

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Connects to `address` within `patience`, from the address `source` (or the first address of that name) if it is not empty.
/// As in Redis, where that is not possible the system chooses the address instead.
///
/// # Errors
/// That of the system.
pub fn connect_from(source: &str, address: &SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let sources = if source.is_empty() { None } else { (source, 0).to_socket_addrs().ok() };
    for source in sources.into_iter().flatten().filter(|source| source.is_ipv4() == address.is_ipv4()) {
        match connect_at(&source, address, patience) {
            Ok(stream) => return Ok(stream),
            Err(error) => tracing::debug!("{address} cannot be reached from {source}: {error}"),
        }
    }
    TcpStream::connect_timeout(address, patience)
}

fn connect_at(source: &SocketAddr, address: &SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(*address), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SockAddr::from(*source))?;
    socket.connect_timeout(&SockAddr::from(*address), patience)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_other_side_sees_the_source_or_any_address() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for (source, seen) in [
            ("127.0.0.9", "127.0.0.9"),
            ("", "127.0.0.1"),
            // Of another family, of another machine, and no address at all.
            ("::1", "127.0.0.1"),
            ("192.0.2.1", "127.0.0.1"),
            ("no such name", "127.0.0.1"),
        ] {
            let stream = connect_from(source, &address, Duration::from_secs(10)).unwrap();
            let (accepted, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip().to_string(), seen, "{source}");
            drop((stream, accepted));
        }
    }
}
