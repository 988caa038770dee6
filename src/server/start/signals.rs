//! Signals: SIGTERM and SIGINT stop the server; SIGHUP has it read the files of TLS again, and else does nothing.
//!
//! A thread of its own listens to them from the start on. So a server that is still reading a large journal can be
//! stopped too: it has changed nothing, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// Stops the server, at a signal or at SHUTDOWN.
#[derive(Debug, Default)]
pub(in crate::server) struct ServerStop {
    /// Notified when the server is to stop.
    notify: Notify,
    /// Notified at SIGHUP.
    hang_up: Notify,
    /// Whether the server has to be stopped in order. Until then a signal ends the process.
    is_serving: AtomicBool,
}

impl ServerStop {
    /// Begins to listen to signals.
    pub(in crate::server) fn on_signals() -> Result<Arc<Self>, String> {
        let stop = Arc::new(Self::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.map_err(|error| format!("signals: {error}"))?;
        let listen = |kind| signal(kind).map_err(|error| format!("signals: {error}"));
        let guard = runtime.enter();
        let terminate = listen(SignalKind::terminate())?;
        let interrupt = listen(SignalKind::interrupt())?;
        let hang_up = listen(SignalKind::hangup())?;
        drop(guard);
        let waiter = Arc::clone(&stop);
        let listen = move || runtime.block_on(waiter.listen(terminate, interrupt, hang_up));
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(listen)
            .map_err(|error| format!("signals: {error}"))?;
        Ok(stop)
    }

    async fn listen(&self, mut terminate: Signal, mut interrupt: Signal, mut hang_up: Signal) {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
                _ = hang_up.recv() => {
                    self.hang_up.notify_one();
                    continue;
                }
            };
            if !self.is_serving.load(Ordering::SeqCst) {
                tracing::info!("{name} while starting: stopping");
                std::process::exit(0);
            }
            tracing::info!("{name}: stopping");
            self.notify.notify_one();
        }
    }

    /// Tells the server to stop.
    pub(in crate::server) fn request(&self) {
        tracing::info!("SHUTDOWN: stopping");
        self.notify.notify_one();
    }

    /// Waits for the next SIGHUP.
    pub(in crate::server) async fn hung_up(&self) {
        self.hang_up.notified().await;
    }

    /// Waits until the server is to stop. After the first call, a signal no longer ends the process at once.
    pub(in crate::server) async fn requested(&self) {
        self.is_serving.store(true, Ordering::SeqCst);
        self.notify.notified().await;
    }
}

/// A flag for the commands that are not the server. The first SIGINT (Ctrl-C) or SIGTERM sets it, the second ends the
/// process.
pub(in crate::server) fn interrupted() -> Result<Arc<AtomicBool>, String> {
    let failed = |error| format!("signals: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    let guard = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    drop(guard);
    let raised = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&raised);
    let listen = async move {
        loop {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(1);
            }
        }
    };
    let listen = move || runtime.block_on(listen);
    std::thread::Builder::new().name("signals".into()).spawn(listen).map_err(failed)?;
    Ok(raised)
}
