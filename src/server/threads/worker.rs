//! Worker threads: each a runtime of its own that serves the connections dealt to it.

use super::shared::Shared;
use crate::server::connection;
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A worker thread, and the channel that gives it connections. It ends, with its connections, when it is told to
/// stop.
pub(in crate::server) struct Worker {
    connections: UnboundedSender<(TcpStream, SocketAddr)>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Starts worker number `index`. Beside it a thread comes up when a command takes long, one at a time.
    pub(in crate::server) fn start(index: usize, shared: Shared) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("worker {index}: {error}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .thread_name(format!("aside-{index}"))
            .build()
            .map_err(failed)?;
        let (connections, dealt) = unbounded_channel();
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || runtime.block_on(serve(dealt, shared)))
            .map_err(failed)?;
        Ok(Self { connections, thread })
    }

    /// Gives the worker a connection.
    pub(in crate::server) fn take(&self, stream: TcpStream, peer: SocketAddr) {
        // A worker that is stopping takes no more connections; the stream is closed by being dropped.
        let _ = self.connections.send((stream, peer));
    }

    /// Ends the worker once no command is running. Replies that were not sent yet are lost with their connections.
    pub(in crate::server) fn stop(self) {
        drop(self.connections);
        if self.thread.join().is_err() {
            tracing::error!("a worker thread panicked");
        }
    }
}

async fn serve(mut dealt: UnboundedReceiver<(TcpStream, SocketAddr)>, shared: Shared) {
    while let Some((stream, peer)) = dealt.recv().await {
        tokio::spawn(connection::serve(stream, peer, shared.clone()));
    }
}
