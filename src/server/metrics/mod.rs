//! The metrics port: /metrics in Prometheus's format, and /healthz and /readyz for probes, over HTTP.
//!
//! | file | its subject |
//! |---|---|
//! | `http` | connections, their bounds, and the paths |
//! | `source` | what a reply is made of |
//! | `scrape` | the page of all metrics |
//! | `redis`, `fields` | the metrics under the names of redis_exporter |
//! | `ranking`, `boards` | the metrics that only rankd has |
//! | `facts` | INFO taken apart |
//! | `page` | the text format |
//! | `health` | whether the server is ready |
//!
//! All of it runs on a thread of its own, `metrics`, and what may wait for a lock on at most two threads beside it. Without a
//! metrics port there is no such thread.

mod boards;
mod facts;
mod fields;
mod health;
mod http;
mod page;
mod ranking;
mod redis;
mod scrape;
mod source;

pub(super) use source::Source;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Threads for what may wait for locks: the page, and the sums of boards.
const WAITING_THREADS: usize = 2;

/// The thread of the metrics port.
pub(super) struct MetricsThread {
    thread: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    source: Arc<Source>,
}

impl MetricsThread {
    /// Starts to serve on `listeners`, and to count what only metrics have. `None` if there are no listeners.
    ///
    /// # Errors
    /// The thread or its runtime cannot be started.
    pub(super) fn start(listeners: Vec<TcpListener>, source: Source) -> Result<Option<Self>, String> {
        if listeners.is_empty() {
            return Ok(None);
        }
        let shards = source.host.store.shard_count();
        source.host.stats.iter().for_each(|stats| stats.count_by_shard(shards));
        let failed = |error: std::io::Error| format!("the metrics port: {error}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_name("metrics-page")
            .max_blocking_threads(WAITING_THREADS)
            .build();
        let runtime = runtime.map_err(failed)?;
        let entered = runtime.enter();
        let listeners: std::io::Result<Vec<_>> =
            listeners.into_iter().map(tokio::net::TcpListener::from_std).collect();
        let listeners = listeners.map_err(failed)?;
        drop(entered);
        let source = Arc::new(source);
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&source);
        let serve = move || {
            runtime.block_on(async {
                for listener in listeners {
                    tokio::spawn(http::accept(listener, Arc::clone(&serving)));
                }
                tokio::spawn(boards::run(Arc::clone(&serving.host), Arc::clone(&serving.boards)));
                let _ = stopped.await;
            });
            // A page that waits for a lock must not hold up the end of the server.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(serve).map_err(failed)?;
        Ok(Some(Self { thread, stop, source }))
    }

    /// Ends the port and its connections.
    pub(super) fn stop(self) {
        self.source.boards.end();
        let _ = self.stop.send(());
        // A panic has been logged.
        let _ = self.thread.join();
    }
}
