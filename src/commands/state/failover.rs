//! How far a planned hand-over to a replica has come (FAILOVER). What it does is in `src/commands/state/hand_over.rs`.

use crate::replication::upstream::state::MasterAddress;
use parking_lot::Mutex;

/// How far a hand-over has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailoverPhase {
    /// There is none.
    Absent,
    /// Writes are held back until a replica has everything.
    WaitsForSync,
    /// The server follows the replica that shall be the master, and has not got its answer yet.
    InProgress,
}

impl FailoverPhase {
    /// The word in INFO.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "no-failover",
            Self::WaitsForSync => "waiting-for-sync",
            Self::InProgress => "failover-in-progress",
        }
    }
}

/// What FAILOVER asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailoverTerms {
    /// The replica; `None`: the first that has everything.
    pub target: Option<MasterAddress>,
    /// When to give up, in unix milliseconds; `None`: never.
    pub until_ms: Option<u64>,
    /// At that time the target becomes the master, whatever it has. There is a target then.
    pub is_forced: bool,
}

/// The hand-over, if there is one.
#[derive(Debug, Default)]
pub struct Failover(pub(super) Mutex<Handovers>);

/// The last hand-over.
#[derive(Debug, Default)]
pub(super) struct Handovers {
    pub(super) current: Option<Handover>,
    /// The number of the last one.
    pub(super) begun: u64,
    /// The number of the last one that was called off.
    pub(super) called_off: u64,
}

/// One that is under way.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) terms: FailoverTerms,
    pub(super) phase: FailoverPhase,
}

impl Handovers {
    /// The one that waits for its replica and was not called off.
    pub(super) fn waiting(&mut self) -> Option<&mut Handover> {
        let goes_on = self.called_off != self.begun;
        self.current.as_mut().filter(|handover| goes_on && handover.phase == FailoverPhase::WaitsForSync)
    }
}

impl Failover {
    /// How far it has come.
    #[must_use]
    pub fn phase(&self) -> FailoverPhase {
        self.0.lock().current.as_ref().map_or(FailoverPhase::Absent, |handover| handover.phase)
    }
}
