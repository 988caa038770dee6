//! Scripts that run longer than `busy-reply-threshold`: while there is one, other commands are refused with BUSY, and SCRIPT KILL
//! can end it.
//!
//! A script is entered here only when it has run that long, so a short one costs nothing.

use super::interventions::Interventions;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const BUSY_SCRIPT: &str =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

/// The scripts that run too long.
#[derive(Debug, Default)]
pub struct RunningScripts {
    slow: Mutex<Vec<Arc<SlowScript>>>,
    /// The server stops: scripts end, whatever they have changed.
    is_stopping: AtomicBool,
}

/// A script that runs too long.
#[derive(Debug)]
struct SlowScript {
    has_written: AtomicBool,
    is_killed: AtomicBool,
    shown: ShownScript,
}

/// What is told of a script that runs too long.
#[derive(Clone, Debug)]
pub struct ShownScript {
    /// Whether it is a function.
    pub is_function: bool,
    /// Its digest, or the function's name.
    pub name: String,
    /// The request that has called it.
    pub request: Vec<Box<[u8]>>,
    /// When it began, in nanoseconds of the monotonic clock.
    pub started_ns: u64,
}

/// Why a slow script must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptEnding {
    /// By SCRIPT KILL.
    Killed,
    /// The server stops. What it has changed is not recorded.
    Abandoned,
}

impl RunningScripts {
    /// The error for a command while a script runs too long, if one does.
    #[must_use]
    pub fn busy_text(&self) -> Option<&'static str> {
        let slow = self.slow.lock();
        let script = slow.first()?;
        Some(if script.shown.is_function {
            "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
        } else {
            BUSY_SCRIPT
        })
    }

    /// Ends all slow scripts, or all slow functions, that have changed nothing.
    ///
    /// # Errors
    /// The error reply: there is none, or all have changed something.
    pub fn kill(&self, functions: bool) -> Result<(), &'static str> {
        let slow = self.slow.lock();
        if slow.is_empty() {
            return Err("NOTBUSY No scripts in execution right now.");
        }
        if slow.iter().all(|script| script.shown.is_function != functions) {
            drop(slow);
            return Err(self.busy_text().unwrap_or("NOTBUSY No scripts in execution right now."));
        }
        let of_kind = slow.iter().filter(|script| script.shown.is_function == functions);
        let killable: Vec<_> = of_kind.filter(|script| !script.has_written.load(Ordering::SeqCst)).collect();
        if killable.is_empty() {
            return Err(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the \
                 script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
            );
        }
        killable.iter().for_each(|script| script.is_killed.store(true, Ordering::SeqCst));
        Ok(())
    }

    /// The function that runs too long, if one does.
    ///
    /// # Errors
    /// The error reply: a script does.
    pub fn function(&self) -> Result<Option<ShownScript>, &'static str> {
        match self.slow.lock().first() {
            Some(script) if script.shown.is_function => Ok(Some(script.shown.clone())),
            Some(_) => Err(BUSY_SCRIPT),
            None => Ok(None),
        }
    }

    /// The server stops: all scripts that run too long end.
    pub fn abandon_all(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
    }
}

/// The entry of a slow script, until it is dropped.
#[derive(Debug)]
pub(in crate::commands) struct OverdueScript<'h> {
    running: &'h RunningScripts,
    interventions: &'h Interventions,
    script: Arc<SlowScript>,
}

impl<'h> OverdueScript<'h> {
    /// Enters a script that has run too long.
    pub(in crate::commands) fn new(
        running: &'h RunningScripts,
        interventions: &'h Interventions,
        has_written: bool,
        shown: ShownScript,
    ) -> Self {
        let script = Arc::new(SlowScript {
            has_written: AtomicBool::new(has_written),
            is_killed: AtomicBool::new(false),
            shown,
        });
        let mut slow = running.slow.lock();
        slow.push(Arc::clone(&script));
        interventions.set_busy(true);
        drop(slow);
        tracing::warn!(
            "a script runs longer than busy-reply-threshold; SCRIPT KILL ends one that has changed nothing"
        );
        Self { running, interventions, script }
    }

    /// It is about to change something.
    pub(in crate::commands) fn note_write(&self) {
        self.script.has_written.store(true, Ordering::SeqCst);
    }

    /// Whether it must end, and why.
    pub(in crate::commands) fn ending(&self) -> Option<ScriptEnding> {
        if self.running.is_stopping.load(Ordering::SeqCst) {
            return Some(ScriptEnding::Abandoned);
        }
        let is_killed = self.script.is_killed.load(Ordering::SeqCst);
        (is_killed && !self.script.has_written.load(Ordering::SeqCst)).then_some(ScriptEnding::Killed)
    }
}

impl Drop for OverdueScript<'_> {
    fn drop(&mut self) {
        let mut slow = self.running.slow.lock();
        slow.retain(|script| !Arc::ptr_eq(script, &self.script));
        if slow.is_empty() {
            self.interventions.set_busy(false);
        }
    }
}
