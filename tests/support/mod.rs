//! Tools of the tests: starting and stopping servers, a raw client, the peers, seeded randomness.
//!
//! They use only what a user can use, sockets and the command line, and none of rankd's internals.

pub(crate) mod chance;
pub(crate) mod client;
pub(crate) mod escape;
pub(crate) mod notation;
mod output;
pub(crate) mod reply;
pub(crate) mod server;
pub(crate) mod tls;

use std::time::{Duration, Instant};

/// How long an operation may take before a test fails. It is generous, for a debug build on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The time between two checks of a condition.
pub(crate) const POLL: Duration = Duration::from_millis(1);

/// Repeats `condition` until it returns a value, for at most [`PATIENCE`].
///
/// # Panics
/// After that time, with the text of what it waited for.
pub(crate) fn wait_for<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_at_most(PATIENCE, what, condition)
}

/// As [`wait_for`], for at most `patience`.
pub(crate) fn wait_at_most<T>(patience: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = condition() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} in vain for {what}");
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
