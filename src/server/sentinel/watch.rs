//! The thread that asks sentinels, and what follows from their answer.

use super::asking::{SentinelAnswer, ask_all};
use super::own_address::is_own;
use crate::commands::state::host::Host;
use crate::server::process::RunningProcess;
use crate::store::Shards;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Time between two rounds of questions.
const AGAIN: Duration = Duration::from_millis(250);

/// How long the thread sleeps while there is nothing to ask.
const SLEEP: Duration = Duration::from_millis(250);

/// A sleep that lasts so much longer was no sleep: the process was stopped, and others may have elected another master.
const STOPPED: Duration = Duration::from_secs(2);

/// The thread.
pub(in crate::server) struct SentinelWatch {
    is_closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl SentinelWatch {
    /// Begins to ask, if the configuration names sentinels.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(in crate::server) fn start(
        host: &Arc<Host>,
        process: &Arc<RunningProcess>,
    ) -> Result<Option<Self>, String> {
        if host.config().sentinel.addresses.is_empty() {
            return Ok(None);
        }
        let is_closing = Arc::new(AtomicBool::new(false));
        let asker = Asker {
            host: Arc::clone(host),
            process: Arc::clone(process),
            is_closing: Arc::clone(&is_closing),
        };
        let spawned = thread::Builder::new().name("sentinels".into()).spawn(move || asker.run());
        let thread = spawned.map_err(|error| format!("the thread that asks sentinels: {error}"))?;
        Ok(Some(Self { is_closing, thread }))
    }

    /// Ends the thread, at the latest when the sentinel that it asks has answered or has been given up.
    pub(in crate::server) fn stop(self) {
        self.is_closing.store(true, Ordering::Release);
        self.thread.thread().unpark();
        // A panic has been logged.
        let _ = self.thread.join();
    }
}

struct Asker {
    host: Arc<Host>,
    process: Arc<RunningProcess>,
    is_closing: Arc<AtomicBool>,
}

impl Asker {
    fn run(self) {
        // Also a server whose configuration names a master: that may be an old one.
        let mut must_ask = true;
        let mut said = String::new();
        while !self.is_closing.load(Ordering::Acquire) {
            if must_ask {
                let turn = self.host.upstream.turn();
                let outcome = ask_all(&self.host.config().sentinel);
                if self.host.upstream.turn() != turn {
                    // Somebody has decided meanwhile, and knows better.
                    must_ask = self.host.upstream.awaits_leader();
                    continue;
                }
                match outcome.and_then(|answer| self.obey(answer)) {
                    Ok(()) => {
                        must_ask = false;
                        said.clear();
                    }
                    Err(why) => {
                        if said != why {
                            tracing::warn!("which server is the master is not known: {why}");
                            said = why;
                        }
                        thread::park_timeout(AGAIN);
                    }
                }
                continue;
            }
            let before_ns = self.host.clock.monotonic_ns();
            thread::park_timeout(SLEEP);
            let lasted = Duration::from_nanos(self.host.clock.monotonic_ns().saturating_sub(before_ns));
            if lasted >= SLEEP + STOPPED && !self.host.upstream.is_set() {
                tracing::warn!(
                    "this server was stopped for {} s: it asks whether it is still the master",
                    lasted.as_secs()
                );
                self.host.await_leader();
                must_ask = true;
            }
        }
    }

    /// Takes the role that follows from the answer.
    fn obey(&self, answer: SentinelAnswer) -> Result<(), String> {
        let SentinelAnswer { master, is_in_doubt, .. } = answer;
        let listening: Vec<SocketAddr> =
            self.process.listeners.addresses().into_iter().map(|(address, _)| address).collect();
        if !is_own(&master, &self.host.config(), &listening, &self.host.run_id) {
            if self.host.upstream.status().master.as_ref() != Some(&master) {
                self.host.take_role(Some(&master), &mut Shards::free(&self.host.store));
            }
            return Ok(());
        }
        if is_in_doubt {
            return Err(format!(
                "the sentinels name this server, {master}, and hold it for dead or elect another one"
            ));
        }
        tracing::info!("the sentinels name this server, {master}, as the master");
        self.host.lead();
        Ok(())
    }
}
