//! How surely a master leads that has sentinels: when most of them have named it for the last time.
//!
//! A master learns late that it was replaced: it may have been stopped or cut off, or sentinels have elected twice. Until then
//! replicas may confirm what the new master does not have. So their confirmations count only up to a moment at which nobody had
//! been elected in its place. `src/server/sentinel` asks, whenever a client waits for that.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Duration;

/// How long behind the beginning of a question no other server is promoted, if the answers know of no election. A sentinel that is
/// elected promotes in the third run of its timer behind that, which runs each 50 to 100 ms.
const QUIET: Duration = Duration::from_millis(50);

/// When sentinels have named this server. Without sentinels it counts as named always.
#[derive(Debug, Default)]
pub struct Lease {
    is_watched: AtomicBool,
    /// When the questions began to which most have answered that this server leads; 0: never.
    named_ns: AtomicU64,
    is_wanted: AtomicBool,
    asker: OnceLock<Thread>,
}

impl Lease {
    /// From now on this server leads only as long as sentinels name it.
    pub fn watch(&self) {
        self.is_watched.store(true, Ordering::SeqCst);
    }

    /// Whether this server has sentinels.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::SeqCst)
    }

    /// The calling thread asks sentinels. It is unparked when it shall.
    pub fn ask_from_here(&self) {
        // There is only one.
        let _ = self.asker.set(std::thread::current());
    }

    /// Most sentinels have named this server, asked at `asked_ns`.
    pub fn renew(&self, asked_ns: u64) {
        self.named_ns.store(asked_ns, Ordering::SeqCst);
    }

    /// They do not name it any more.
    pub fn revoke(&self) {
        self.named_ns.store(0, Ordering::SeqCst);
    }

    /// Somebody waits for the sentinels' word.
    pub fn want(&self) {
        self.is_wanted.store(true, Ordering::SeqCst);
        if let Some(asker) = self.asker.get() {
            asker.unpark();
        }
    }

    /// Whether somebody has waited since the last call.
    #[must_use]
    pub fn take_wanted(&self) -> bool {
        self.is_wanted.swap(false, Ordering::SeqCst)
    }

    /// Whether nobody had been promoted in this server's place at `at_ns`, as far as sentinels have said it. `now_ns` reads the
    /// clock.
    pub(super) fn covers(&self, at_ns: u64, now_ns: impl FnOnce() -> u64) -> bool {
        if !self.is_watched() {
            return true;
        }
        let named_ns = self.named_ns.load(Ordering::SeqCst);
        // The clock comes last: if the process is stopped in here, the answers are old.
        named_ns > 0 && (at_ns <= named_ns || now_ns().saturating_sub(named_ns) < QUIET.as_nanos() as u64)
    }
}
