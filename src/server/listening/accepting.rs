//! The tasks that accept connections and deal them to the worker threads in turn.

use super::newcomer::Newcomer;
use crate::server::threads::worker::WorkerThread;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};

/// A socket that listens.
pub(in crate::server) enum Listener {
    /// The TCP port on one address.
    Tcp(TcpListener),
    /// The unix socket, with its path.
    Unix(UnixListener, Arc<str>),
}

impl Listener {
    /// The listener of a TCP socket. Must be called in the runtime that will accept.
    pub(in crate::server) fn tcp(listener: std::net::TcpListener) -> Result<Self, String> {
        TcpListener::from_std(listener).map(Self::Tcp).map_err(|error| format!("cannot listen: {error}"))
    }

    /// The listener of the unix socket at `path`. Must be called in the runtime that will accept.
    pub(in crate::server) fn unix(
        listener: std::os::unix::net::UnixListener,
        path: Arc<str>,
    ) -> Result<Self, String> {
        let listener = UnixListener::from_std(listener).map_err(|error| format!("cannot listen: {error}"));
        Ok(Self::Unix(listener?, path))
    }

    /// Accepts connections for ever and deals them to `workers`.
    pub(in crate::server) async fn deal(self, workers: Arc<Vec<WorkerThread>>) {
        let mut turn = 0;
        loop {
            match self.accept().await {
                Ok(newcomer) => {
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
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok(Newcomer::Tcp(stream.into_std()?, peer))
            }
            Self::Unix(listener, path) => {
                let (stream, _) = listener.accept().await?;
                Ok(Newcomer::Unix(stream.into_std()?, Arc::clone(path)))
            }
        }
    }
}
