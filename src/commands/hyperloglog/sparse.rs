//! The sparse form: registers as runs of equal values ([`super::runs`]), while most of them are 0.

use super::runs::{HIGHEST, LONGEST_VALUE, SparseRun, find};
use super::{Corrupt, REGISTERS};
use smallvec::SmallVec;

/// The most bytes of the runs that a run becomes when one of its registers is raised.
const MOST_SPLIT_BYTES: usize = 5;

/// The most bytes that the string gets longer when a register is raised: a run of two bytes becomes three runs.
pub(super) const MOST_ADDED_BYTES: usize = 3;

/// After a change, this many runs are checked for neighbours that can be joined, beginning before the change.
const MERGED_RUNS: usize = 5;

/// Runs in which all registers are 0.
pub(super) fn empty() -> Vec<u8> {
    let mut runs = Vec::new();
    SparseRun::write(0, REGISTERS, &mut runs);
    runs
}

/// Calls `visit` with each run of registers that are not 0: the first register, the value, and the number of registers.
pub(super) fn for_each(runs: &[u8], mut visit: impl FnMut(usize, u8, usize)) -> Result<(), Corrupt> {
    let (mut at, mut register) = (0, 0);
    while at < runs.len() {
        let run = SparseRun::read(&runs[at..]);
        if register + run.len > REGISTERS {
            return Err(Corrupt);
        }
        if run.value > 0 {
            visit(register, run.value, run.len);
        }
        (at, register) = (at + run.bytes, register + run.len);
    }
    if register == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// What raising a register takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Raise {
    /// Nothing: the register is as large already.
    Nothing,
    /// The run with the register becomes several.
    Split(Split),
    /// The dense form: runs cannot hold the value, or would need too many bytes.
    Dense,
}

/// How the run with a register that is raised becomes several runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// The offset of the run before it, or its own if it is the first. Nothing is changed before this offset.
    pub(super) from: usize,
    /// The offset of the run.
    at: usize,
    /// The length of the run.
    bytes: usize,
    runs: SmallVec<[u8; MOST_SPLIT_BYTES]>,
}

impl Split {
    /// Changes the string for which it was made.
    pub(super) fn apply(self, string: &mut Vec<u8>) {
        // A last run that lacks its second byte counts as two bytes, as in Redis.
        let len = string.len() + self.runs.len() - self.bytes;
        string.splice(self.at..string.len().min(self.at + self.bytes), self.runs);
        string.truncate(len);
        merge(string, self.from);
    }
}

/// What sets a register to `value` if that is larger. The runs begin at `start` of the string, which may get `most_bytes` long.
pub(super) fn raise(
    string: &[u8],
    start: usize,
    (register, value): (usize, u8),
    most_bytes: usize,
) -> Result<Raise, Corrupt> {
    if value > HIGHEST {
        return Ok(Raise::Dense);
    }
    let (from, at, first) = find(string, start, register)?;
    let run = SparseRun::read(&string[at..]);
    if run.value >= value {
        return Ok(Raise::Nothing);
    }
    let mut runs = SmallVec::new();
    SparseRun::write(run.value, register - first, &mut runs);
    SparseRun::write(value, 1, &mut runs);
    SparseRun::write(run.value, first + run.len - register - 1, &mut runs);
    if runs.len() > run.bytes && string.len() + runs.len() - run.bytes > most_bytes {
        return Ok(Raise::Dense);
    }
    Ok(Raise::Split(Split { from, at, bytes: run.bytes, runs }))
}

/// Joins neighbouring runs with the same value where one run can hold both, among the runs from `at` on.
fn merge(runs: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGED_RUNS {
        let Some(rest) = runs.get(at..).filter(|rest| !rest.is_empty()) else { return };
        let run = SparseRun::read(rest);
        let next = rest.get(1).filter(|_| run.value > 0).map(|_| SparseRun::read(&rest[1..]));
        match next {
            Some(next) if next.value == run.value && run.len + next.len <= LONGEST_VALUE => {
                let mut joined = SmallVec::<[u8; 1]>::new();
                SparseRun::write(run.value, run.len + next.len, &mut joined);
                runs.splice(at..at + 2, joined);
            }
            _ => at += run.bytes,
        }
    }
}
