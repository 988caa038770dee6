//! Registers as runs of equal ones, while most of them are 0.
//!
//! | bytes | run |
//! |---|---|
//! | `00llllll` | `l + 1` registers that are 0 |
//! | `01llllll llllllll` | `l + 1` registers that are 0, up to all of them |
//! | `1vvvvvll` | `l + 1` registers that are `v + 1` |
//!
//! A string out of a client's hands may hold any bytes: runs may end before the last register or go beyond it.

use super::{Corrupt, REGISTERS};

/// The highest value that a run can have; a string with a larger one is dense.
const HIGHEST: u8 = 32;

/// The longest run of a value.
const LONGEST_VALUE: usize = 4;

/// The longest run of zeros in one byte.
const LONGEST_ZERO: usize = 64;

/// As many runs are looked at for neighbours that can be one, from the one before a change on.
const MERGED_RUNS: usize = 5;

/// Equal registers beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    value: u8,
    len: usize,
    /// Bytes that it takes.
    bytes: usize,
}

impl Run {
    /// The run at the start of `bytes`, which are not empty. Behind their end there is a zero, as behind Redis's strings.
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

    /// Appends the bytes of a run, if it has any registers.
    fn write(value: u8, len: usize, to: &mut Vec<u8>) {
        match (value, len) {
            (_, 0) => {}
            (0, ..=LONGEST_ZERO) => to.push(len as u8 - 1),
            (0, _) => to.extend([((len - 1) >> 8) as u8 | 0x40, (len - 1) as u8]),
            _ => to.push(0x80 | (value - 1) << 2 | (len - 1) as u8),
        }
    }
}

/// The runs of all registers: none of them set.
pub(super) fn empty() -> Vec<u8> {
    let mut runs = Vec::new();
    Run::write(0, REGISTERS, &mut runs);
    runs
}

/// Calls back with each run of registers that are not 0: the first register, the value, and how many.
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

/// What setting a register did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// Nothing: it is as large.
    No,
    /// It is larger now.
    Yes,
    /// Nothing, for it cannot be done in runs that take no more than the bytes they may.
    MustBeDense,
}

/// Sets a register if that makes it larger, in no more than `most_bytes` of runs.
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
    // As Redis, which counts both bytes of a last run that has lost its second one.
    let len = runs.len() + split.len() - run.bytes;
    runs.splice(at..runs.len().min(at + run.bytes), split);
    runs.truncate(len);
    merge(runs, before.unwrap_or(at));
    Ok(Raised::Yes)
}

/// Makes one run of neighbours of the same value where it can hold both, among the runs from `at` on.
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
