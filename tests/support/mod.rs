//! What the tests stand on: servers started and stopped, a raw client, the peers, seeded chance.
//!
//! Everything here sees what a user sees, sockets and the command line, and nothing of rankd's inside.

pub(crate) mod chance;
pub(crate) mod client;
pub(crate) mod escape;
pub(crate) mod notation;
pub(crate) mod reply;
pub(crate) mod server;

use std::time::{Duration, Instant};

/// How long anything may take before a test calls it hung. Generous: a debug build on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a condition is left alone before it is asked again.
pub(crate) const POLL: Duration = Duration::from_millis(1);

/// Asks `condition` again and again until it answers, for at most [`PATIENCE`].
///
/// # Panics
/// When the patience is over, with what was waited for.
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = condition() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}");
        std::thread::park_timeout(POLL);
    }
}

/// A number from the environment, for widening a test that is bounded by default.
///
/// # Panics
/// When the variable is set to something that is not a number.
pub(crate) fn number_from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => default,
    }
}
