//! A standstill: while a file for this server's own replicas is written, the master's commands wait.
//!
//! A replica passes its master's stream on as it comes. Commands in it such as INCR count once, so a file for a replica of this
//! replica has to be of one moment, and of a moment between two commands. Nothing is lost meanwhile: the bytes wait at the
//! master, and the thread of the link goes on telling it that this server lives.

use crate::store::DatabaseIndex;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a transaction of the master may stay open before a standstill is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who runs: the master's commands, or those who need them to wait.
#[derive(Debug, Default)]
pub struct Standstill {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    holders: usize,
    /// Whether commands run, or a transaction is open.
    is_running: bool,
    /// The database that is selected where the stream stands. `None` before the first stream.
    selected: Option<DatabaseIndex>,
}

/// Commands of the master wait until this is dropped.
#[derive(Debug)]
pub struct StandstillHold {
    standstill: Arc<Standstill>,
    /// The database that is selected where the stream stands.
    pub selected: DatabaseIndex,
}

impl Standstill {
    /// Has the master's commands wait. Returns when none is under way. `None` if there has been no stream, or if a transaction
    /// in it does not end.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> Option<StandstillHold> {
        let until = Instant::now() + PATIENCE;
        let mut state = self.state.lock();
        state.holders += 1;
        while state.is_running {
            if self.changed.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        if let (false, Some(selected)) = (state.is_running, state.selected) {
            return Some(StandstillHold { standstill: Arc::clone(self), selected });
        }
        state.holders -= 1;
        self.changed.notify_all();
        None
    }

    /// Begins to run commands, if nobody needs them to wait; otherwise waits for that, at most `patience`. Returns whether they
    /// may run.
    #[must_use]
    pub fn begin_to_run(&self, patience: Duration) -> bool {
        let mut state = self.state.lock();
        if state.holders > 0 && !state.is_running {
            self.changed.wait_for(&mut state, patience);
        }
        state.is_running |= state.holders == 0;
        state.is_running
    }

    /// No command is under way, and `selected` is the database at this place of the stream.
    pub fn rest(&self, selected: DatabaseIndex) {
        let mut state = self.state.lock();
        state.selected = Some(selected);
        state.is_running = false;
        if state.holders > 0 {
            self.changed.notify_all();
        }
    }
}

impl Drop for StandstillHold {
    fn drop(&mut self) {
        self.standstill.state.lock().holders -= 1;
        self.standstill.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn commands_and_those_who_need_rest_never_run_together() {
        let standstill = Arc::<Standstill>::default();
        assert!(standstill.hold().is_none(), "there was no stream");
        assert!(standstill.begin_to_run(SHORT));
        let holder = thread::spawn({
            let standstill = Arc::clone(&standstill);
            move || standstill.hold().map(|hold| hold.selected)
        });
        while standstill.state.lock().holders == 0 {
            thread::yield_now();
        }
        // What has begun goes on to the end of its transaction.
        assert!(standstill.begin_to_run(SHORT) && !holder.is_finished());
        standstill.rest(3);
        assert_eq!(holder.join().unwrap(), Some(3));
        let holds = [standstill.hold(), standstill.hold()];
        for hold in holds {
            assert!(!standstill.begin_to_run(SHORT));
            drop(hold);
        }
        assert!(standstill.begin_to_run(SHORT));
    }
}
