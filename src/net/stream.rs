//! The stream of a client's connection, blocking or not, over TCP, TLS or a unix socket.

use super::outgoing::connect_from;
use super::tls::client::ClientTerms;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, Stream};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// One place where a server may listen, with nothing left to resolve.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A TCP port that is spoken to in TLS.
    Tls(SocketAddr, TlsEnd),
    /// A unix socket.
    Unix(PathBuf),
}

/// How a port is spoken to in TLS.
#[derive(Clone, Debug)]
pub struct TlsEnd {
    /// The client's terms.
    pub terms: ClientTerms,
    /// The name by which the server is called.
    pub name: ServerName<'static>,
}

/// Prints `address:port` or the path.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) | Self::Tls(address, _) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A client's connection to an [`Endpoint`].
#[derive(Debug)]
pub enum ClientStream {
    /// To a TCP port.
    Tcp(TcpStream),
    /// To a TCP port, in TLS.
    Tls(TcpStream, Box<RefCell<ClientConnection>>),
    /// To a unix socket.
    Unix(UnixStream),
}

impl ClientStream {
    /// Connects, over TCP from the address `source` if it is not empty ([`connect_from`]). `patience` limits the time of this and
    /// of every later read and write.
    ///
    /// # Errors
    /// That of the system.
    pub fn connect(source: &str, endpoint: &Endpoint, patience: Duration) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp(address) => connect(source, address, patience).map(Self::Tcp),
            Endpoint::Tls(address, TlsEnd { terms, name }) => {
                let stream = connect(source, address, patience)?;
                let session = ClientConnection::new(terms.config(), name.clone());
                let mut session = session.map_err(io::Error::other)?;
                // Now, so that what is wrong with it is not an error of the first request.
                while session.is_handshaking() {
                    session.complete_io(&mut &stream)?;
                }
                Ok(Self::Tls(stream, Box::new(RefCell::new(session))))
            }
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(patience))?;
                stream.set_write_timeout(Some(patience))?;
                Ok(Self::Unix(stream))
            }
        }
    }

    /// Whether reads and writes fail with [`io::ErrorKind::WouldBlock`] instead of waiting.
    ///
    /// # Errors
    /// That of the system.
    pub fn set_nonblocking(&self, is_so: bool) -> io::Result<()> {
        match self {
            Self::Tcp(stream) | Self::Tls(stream, _) => stream.set_nonblocking(is_so),
            Self::Unix(stream) => stream.set_nonblocking(is_so),
        }
    }
}

fn connect(source: &str, address: &SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let stream = connect_from(source, address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl AsFd for ClientStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) | Self::Tls(stream, _) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

/// As for a socket of the standard library, a shared reference is enough.
impl Read for &ClientStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            ClientStream::Tcp(stream) => (&mut &*stream).read(buffer),
            ClientStream::Tls(stream, session) => {
                Stream::new(&mut *session.borrow_mut(), &mut &*stream).read(buffer)
            }
            ClientStream::Unix(stream) => (&mut &*stream).read(buffer),
        }
    }
}

impl Write for &ClientStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            ClientStream::Tcp(stream) => (&mut &*stream).write(bytes),
            ClientStream::Tls(stream, session) => {
                Stream::new(&mut *session.borrow_mut(), &mut &*stream).write(bytes)
            }
            ClientStream::Unix(stream) => (&mut &*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            ClientStream::Tcp(stream) => (&mut &*stream).flush(),
            ClientStream::Tls(stream, session) => {
                Stream::new(&mut *session.borrow_mut(), &mut &*stream).flush()
            }
            ClientStream::Unix(stream) => (&mut &*stream).flush(),
        }
    }
}

impl Read for ClientStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for ClientStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}
