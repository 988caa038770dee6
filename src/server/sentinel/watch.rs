//! The thread that has sentinels asked, and what follows from their answers.

use super::beating::Beating;
use super::own_address::is_own;
use super::panel::Panel;
use super::verdict::{Verdict, shortest_silence, vouch};
use crate::commands::state::host::Host;
use crate::replication::upstream::state::MasterAddress;
use crate::server::process::RunningProcess;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Time between two rounds of questions for the role of this server.
const AGAIN: Duration = Duration::from_millis(250);

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
        host.upstream.lease.watch();
        let spawned = thread::Builder::new().name("sentinels".into()).spawn(move || {
            if let Err(error) = asker.run() {
                tracing::error!("sentinels cannot be asked: {error}");
            }
        });
        let thread = spawned.map_err(|error| format!("the thread that asks sentinels: {error}"))?;
        Ok(Some(Self { is_closing, thread }))
    }

    /// Ends the thread, at the latest when the sentinels that it asks have answered or have been given up.
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

/// The question which part this server has.
struct RoleQuestion {
    asked_ns: u64,
    /// The turn in which it was asked.
    turn: u64,
}

/// What the thread is about.
struct Rounds {
    panel: Panel,
    beating: Beating,
    /// Whether the part of this server is not known, and when to ask for it (again).
    must_ask: bool,
    next_ns: u64,
    role: Option<RoleQuestion>,
    /// Since when it is asked whether this server still leads, for clients that wait for replicas.
    lease_ns: Option<u64>,
    /// Why the part is not known, as it was logged.
    said: String,
}

impl Asker {
    fn run(&self) -> io::Result<()> {
        let is_own = |place: &MasterAddress| self.is_own(place);
        self.host.upstream.lease.ask_from_here();
        thread::scope(|scope| {
            let mut rounds = Rounds {
                panel: Panel::start(scope, &self.host.settings, &is_own)?,
                beating: Beating::begin(Arc::clone(&self.host)),
                // Also a server whose configuration names a master: that may be an old one.
                must_ask: true,
                next_ns: 0,
                role: None,
                lease_ns: None,
                said: String::new(),
            };
            while !self.is_closing.load(Ordering::Acquire) {
                self.ask(&mut rounds);
                // An answer, or a client that waits, ends it earlier.
                thread::park_timeout(rounds.beating.period());
                if rounds.beating.beat() {
                    // What was asked before the stop may be old.
                    rounds.role = None;
                    rounds.must_ask |= self.host.upstream.awaits_leader();
                    rounds.next_ns = 0;
                }
                rounds.panel.listen();
                self.renew_lease(&mut rounds);
                self.take_role(&mut rounds);
            }
            Ok(())
        })
    }

    fn ask(&self, rounds: &mut Rounds) {
        let now_ns = self.host.clock.uptime_ns();
        if rounds.must_ask && rounds.role.is_none() && now_ns >= rounds.next_ns {
            rounds.role = Some(RoleQuestion { asked_ns: now_ns, turn: self.host.upstream.turn() });
        }
        if rounds.lease_ns.is_none() && self.host.upstream.lease.take_wanted() {
            rounds.lease_ns = Some(now_ns);
        }
        let since_ns = rounds.role.as_ref().map(|question| question.asked_ns).max(rounds.lease_ns);
        if let Some(since_ns) = since_ns {
            rounds.panel.ask(since_ns, now_ns);
        }
    }

    /// What replicas have acknowledged before the question counts as soon as most sentinels have named this server.
    fn renew_lease(&self, rounds: &mut Rounds) {
        let Some(asked_ns) = rounds.lease_ns else { return };
        let lease = &self.host.upstream.lease;
        if vouch(&rounds.panel.answers_since(asked_ns)) {
            rounds.lease_ns = None;
            lease.renew(asked_ns);
            self.host.replica_waits.look(&*self.host.process);
        } else if rounds.panel.has_all_since(asked_ns) {
            rounds.lease_ns = None;
            lease.revoke();
        }
    }

    /// Takes the role that follows from the answers, once all have answered or have been given up.
    fn take_role(&self, rounds: &mut Rounds) {
        let Some(RoleQuestion { asked_ns, turn }) = rounds.role else { return };
        if !rounds.panel.has_all_since(asked_ns) {
            return;
        }
        rounds.role = None;
        let answers = rounds.panel.answers_since(asked_ns);
        shortest_silence(&answers).into_iter().for_each(|down_after| rounds.beating.learn(down_after));
        // If the turn is another one somebody has decided meanwhile, and knows better.
        let verdict = Verdict::of(&answers);
        if self.host.upstream.turn() == turn {
            match &verdict {
                Ok(Verdict::Follow(master)) => {
                    if self.host.upstream.status().master.as_ref() != Some(master) {
                        self.host.take_role_in(turn, Some(master));
                    }
                }
                Ok(Verdict::Lead(place)) => {
                    tracing::info!("the sentinels name this server, {place}, as the master");
                    self.host.lead(turn);
                }
                Err(why) => {
                    if rounds.said != *why {
                        tracing::warn!("which server is the master is not known: {why}");
                        rounds.said.clone_from(why);
                    }
                    rounds.next_ns = self.host.clock.uptime_ns() + AGAIN.as_nanos() as u64;
                    return;
                }
            }
        }
        rounds.must_ask = self.host.upstream.awaits_leader();
        rounds.said.clear();
    }

    fn is_own(&self, place: &MasterAddress) -> bool {
        let addresses = self.process.listeners.addresses().into_iter();
        let listening: Vec<SocketAddr> = addresses.map(|(address, _)| address).collect();
        is_own(place, &self.host.config(), &listening, &self.host.run_id)
    }
}
