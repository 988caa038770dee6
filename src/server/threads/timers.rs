//! The timers of connections.

use std::future::Future;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, Timeout};

/// Timers for the connections of all workers, on the main thread's runtime. A runtime with timers of its own looks at the clock
/// whenever it wakes up, also while no timer is set.
#[derive(Clone)]
pub(in crate::server) struct Timers(Handle);

impl Timers {
    /// Timers on `runtime`, which has them enabled. It must end after the workers.
    pub(in crate::server) fn new(runtime: Handle) -> Self {
        Self(runtime)
    }

    /// Waits for `duration`.
    pub(in crate::server) fn sleep(&self, duration: Duration) -> Sleep {
        let _entered = self.0.enter();
        tokio::time::sleep(duration)
    }

    /// Waits until `deadline`.
    pub(in crate::server) fn sleep_until(&self, deadline: Instant) -> Sleep {
        let _entered = self.0.enter();
        tokio::time::sleep_until(deadline)
    }

    /// Waits for `future`, at most for `duration`.
    pub(in crate::server) fn timeout<F: Future>(&self, duration: Duration, future: F) -> Timeout<F> {
        let _entered = self.0.enter();
        tokio::time::timeout(duration, future)
    }
}
