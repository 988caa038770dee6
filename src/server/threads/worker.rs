//! Worker threads: each runs a tokio runtime of its own, which serves the connections that are dealt to it.

use super::shared::Shared;
use crate::server::connection;
use crate::server::listening::newcomer::Newcomer;
use std::thread::JoinHandle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A worker thread, and the channel that connections reach it by.
pub(in crate::server) struct WorkerThread {
    connections: UnboundedSender<Newcomer>,
    thread: JoinHandle<()>,
}

impl WorkerThread {
    /// Starts worker number `index`. A second thread beside it is started when a command takes long; it runs one such command
    /// at a time.
    pub(in crate::server) fn start(index: usize, shared: Shared) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("worker {index}: {error}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
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

    /// Gives it a connection.
    pub(in crate::server) fn take(&self, newcomer: Newcomer) {
        // A worker that is stopping takes no more connections; dropping this one closes it.
        let _ = self.connections.send(newcomer);
    }

    /// Ends the worker once no command is running. Replies that were not sent yet are lost with their connections.
    pub(in crate::server) fn stop(self) {
        drop(self.connections);
        if self.thread.join().is_err() {
            tracing::error!("a worker thread panicked");
        }
    }
}

async fn serve(mut dealt: UnboundedReceiver<Newcomer>, shared: Shared) {
    while let Some(newcomer) = dealt.recv().await {
        tokio::spawn(connection::serve(newcomer, shared.clone()));
    }
}
