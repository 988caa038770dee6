//! The sparse form: registers as runs of equal values, while most of them are 0.
//!
//! | bytes | run |
//! |---|---|
//! | `00llllll` | `l + 1` registers that are 0 |
//! | `01llllll llllllll` | `l + 1` registers that are 0, up to all of them |
//! | `1vvvvvll` | `l + 1` registers that are `v + 1` |
//!
//! A client can write any bytes into the string, so runs may end before the last register or exceed it.

use super::{Corrupt, REGISTERS};

/// The highest value that a run can have; a string with a larger one is dense.
const HIGHEST: u8 = 32;

/// The longest run of a value.
const LONGEST_VALUE: usize = 4;

/// The longest run of zeros in one byte.
const LONGEST_ZERO: usize = 64;

/// After a change, this many runs are checked for neighbours that can be joined, beginning before the change.
const MERGED_RUNS: usize = 5;

/// Consecutive registers with the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    value: u8,
    len: usize,
    /// The length of its encoding.
    bytes: usize,
}

impl Run {
    /// The run at the beginning of `bytes`, which are not empty. A missing second byte counts as zero: in Redis a zero
    /// follows the string.
    fn read(bytes: &[u8]) -> Self {
        match bytes[0] {
            first @ 0x80.. => {
                Self { value: (first >> 2 & 0x1f) + 1, len: usize::from(first & 3) + 1, bytes: 1 }
            }
            first @ 0x40.. => {
                let second = bytes.get(1).copied().unwrap_or(0);
                let len = usize::from(first & 0x3f) << 8 | usize::from(second);
                Self { value: 0, len: len + 1, bytes: 2 }
            }
            first => Self { value: 0, len: usize::from(first) + 1, bytes: 1 },
        }
    }

    /// Appends the encoding of a run, unless the run is empty.
    fn write(value: u8, len: usize, to: &mut Vec<u8>) {
        match (value, len) {
            (_, 0) => {}
            (0, ..=LONGEST_ZERO) => to.push(len as u8 - 1),
            (0, _) => to.extend([((len - 1) >> 8) as u8 | 0x40, (len - 1) as u8]),
            _ => to.push(0x80 | (value - 1) << 2 | (len - 1) as u8),
        }
    }
}

/// Runs in which all registers are 0.
pub(super) fn empty() -> Vec<u8> {
    let mut runs = Vec::new();
    Run::write(0, REGISTERS, &mut runs);
    runs
}

/// Calls `visit` with each run of registers that are not 0: the first register, the value, and the number of registers.
pub(super) fn for_each(runs: &[u8], mut visit: impl FnMut(usize, u8, usize)) -> Result<(), Corrupt> {
    let (mut at, mut register) = (0, 0);
    while at < runs.len() {
        let run = Run::read(&runs[at..]);
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

/// The outcome of raising a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// The register was as large already.
    No,
    /// The register was raised.
    Yes,
    /// Nothing was changed: runs cannot hold the value, or would need too many bytes.
    MustBeDense,
}

/// Sets a register to `value` if that is larger. The runs may have at most `most_bytes`.
pub(super) fn raise(
    runs: &mut Vec<u8>,
    register: usize,
    value: u8,
    most_bytes: usize,
) -> Result<Raised, Corrupt> {
    if value > HIGHEST {
        return Ok(Raised::MustBeDense);
    }
    let (mut at, mut first, mut before) = (0, 0, None);
    let run = loop {
        let run = Run::read(runs.get(at..).filter(|rest| !rest.is_empty()).ok_or(Corrupt)?);
        if register < first + run.len {
            break run;
        }
        before = Some(at);
        (at, first) = (at + run.bytes, first + run.len);
    };
    if run.value >= value {
        return Ok(Raised::No);
    }
    let mut split = Vec::with_capacity(5);
    Run::write(run.value, register - first, &mut split);
    Run::write(value, 1, &mut split);
    Run::write(run.value, first + run.len - register - 1, &mut split);
    if split.len() > run.bytes && runs.len() + split.len() - run.bytes > most_bytes {
        return Ok(Raised::MustBeDense);
    }
    // A last run that lacks its second byte counts as two bytes, as in Redis.
    let len = runs.len() + split.len() - run.bytes;
    runs.splice(at..runs.len().min(at + run.bytes), split);
    runs.truncate(len);
    merge(runs, before.unwrap_or(at));
    Ok(Raised::Yes)
}

/// Joins neighbouring runs with the same value where one run can hold both, among the runs from `at` on.
fn merge(runs: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGED_RUNS {
        let Some(rest) = runs.get(at..).filter(|rest| !rest.is_empty()) else { return };
        let run = Run::read(rest);
        let next = rest.get(1).filter(|_| run.value > 0).map(|_| Run::read(&rest[1..]));
        match next {
            Some(next) if next.value == run.value && run.len + next.len <= LONGEST_VALUE => {
                let mut joined = Vec::with_capacity(1);
                Run::write(run.value, run.len + next.len, &mut joined);
                runs.splice(at..at + 2, joined);
            }
            _ => at += run.bytes,
        }
    }
}
