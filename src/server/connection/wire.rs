//! The socket of a connection, of whichever kind: what the connection needs of it, and no more.
//!
//! Most calls answer at once. What waits is a poll or an `async fn` that says so.

use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// The socket of a connection.
#[derive(Debug)]
pub(in crate::server) enum Wire {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

impl Wire {
    /// Ready when bytes may be read, or the end has come.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(context),
            Self::Tls(stream) => match stream.get_ref() {
                (socket, session) if session.wants_read() => socket.poll_read_ready(context),
                // Something has been decrypted and not yet read, or the peer has said that it is done.
                _ => Poll::Ready(Ok(())),
            },
            Self::Unix(stream) => stream.poll_read_ready(context),
        }
    }

    /// Waits until bytes can be written.
    pub(super) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            Self::Tls(stream) => stream.get_ref().0.writable().await,
            Self::Unix(stream) => stream.writable().await,
        }
    }

    /// Writes what the socket takes now. Returns how much that is. With TLS, some of it may be [unsent](Self::has_unsent).
    pub(super) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Tls(stream) => try_write_tls(stream, bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            written => written,
        }
    }

    /// Whether bytes have been taken that the socket has not. The next [`Self::try_write`], also of nothing, sends them.
    pub(super) fn has_unsent(&self) -> bool {
        match self {
            Self::Tcp(_) | Self::Unix(_) => false,
            Self::Tls(stream) => stream.get_ref().1.wants_write(),
        }
    }

    /// Tells the peer that nothing more comes.
    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        self.say_goodbye();
        match self {
            Self::Tcp(stream) => stream.shutdown().await,
            Self::Tls(stream) => stream.get_mut().0.shutdown().await,
            Self::Unix(stream) => stream.shutdown().await,
        }
    }

    /// In TLS, tells the peer that this end is meant, and no attack; without waiting for a peer that does not read.
    pub(super) fn say_goodbye(&mut self) {
        if let Self::Tls(stream) = self {
            stream.get_mut().1.send_close_notify();
            let _ = try_write_tls(stream, &[]);
        }
    }
}

/// Encrypts and writes as much of `bytes` as the socket takes; up to 64 KB more than that are encrypted ahead.
fn try_write_tls(stream: &mut TlsStream<TcpStream>, bytes: &[u8]) -> io::Result<usize> {
    let (socket, session) = stream.get_mut();
    let mut taken = 0;
    loop {
        taken += session.writer().write(&bytes[taken..])?;
        while session.wants_write() {
            match session.write_tls(&mut Unwaiting(socket)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(taken),
                written => written?,
            };
        }
        if taken == bytes.len() {
            return Ok(taken);
        }
    }
}

/// A socket that never waits for room.
struct Unwaiting<'s>(&'s TcpStream);

impl Write for Unwaiting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsRawFd for Wire {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Tls(stream) => stream.get_ref().0.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }
}
