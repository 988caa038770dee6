//! The tasks that accept connections and deal them to the worker threads in turn.

use super::listeners::ListeningSocket;
use super::newcomer::Newcomer;
use super::port_kind::PortKind;
use crate::server::threads::worker::WorkerThread;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;

/// A socket that listens.
pub(in crate::server) enum Listener {
    /// A TCP port on one address.
    Tcp(TcpListener, PortKind),
    /// The unix socket, with its path.
    Unix(UnixListener, Arc<str>),
}

impl Listener {
    /// The listener of a socket. Must be called in the runtime that will accept.
    pub(in crate::server) fn new(socket: ListeningSocket) -> io::Result<Self> {
        Ok(match socket {
            ListeningSocket::Tcp(socket, kind) => Self::Tcp(TcpListener::from_std(socket)?, kind),
            ListeningSocket::Unix(socket, path) => Self::Unix(UnixListener::from_std(socket)?, path),
        })
    }

    /// Accepts connections and deals them to `workers`, as long as there are any, until `ended` is closed.
    pub(in crate::server) async fn deal(
        self,
        workers: Weak<Vec<WorkerThread>>,
        mut ended: oneshot::Receiver<()>,
    ) {
        let mut turn = 0;
        loop {
            // The end first: the runtime would ask a socket that has been shut down, and listens again, for ever.
            let accepted = tokio::select! {
                biased;
                _ = &mut ended => return,
                accepted = self.accept() => accepted,
            };
            match accepted {
                Ok(newcomer) => {
                    let Some(workers) = workers.upgrade() else { return };
                    workers[turn % workers.len()].take(newcomer);
                    turn += 1;
                }
                Err(error) => {
                    // Most likely the process is out of descriptors: wait until other connections have closed theirs.
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<Newcomer> {
        match self {
            Self::Tcp(listener, kind) => {
                let (stream, peer) = listener.accept().await?;
                let stream = stream.into_std()?;
                Ok(match kind {
                    PortKind::Plain => Newcomer::Tcp(stream, peer),
                    PortKind::Tls => Newcomer::Tls(stream, peer),
                })
            }
            Self::Unix(listener, path) => {
                let (stream, _) = listener.accept().await?;
                Ok(Newcomer::Unix(stream.into_std()?, Arc::clone(path)))
            }
        }
    }
}
