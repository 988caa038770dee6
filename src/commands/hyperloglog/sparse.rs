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
use smallvec::SmallVec;

/// The highest value that a run can have; a string with a larger one is dense.
const HIGHEST: u8 = 32;

/// The longest run of a value.
const LONGEST_VALUE: usize = 4;

/// The most bytes of the runs that a run becomes when one of its registers is raised.
const MOST_SPLIT_BYTES: usize = 5;

/// The most bytes that the string gets longer when a register is raised: a run of two bytes becomes three runs.
pub(super) const MOST_ADDED_BYTES: usize = 3;

/// The longest run of zeros in one byte.
const LONGEST_ZERO: usize = 64;

/// The registers of the run that begins with a byte, if the run has only this byte; else 0.
const REGISTERS_OF_BYTE: [u8; 256] = {
    let mut registers = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        registers[byte] = match byte {
            0x80.. => (byte as u8 & 3) + 1,
            0x40.. => 0,
            _ => byte as u8 + 1,
        };
        byte += 1;
    }
    registers
};

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
    fn write(value: u8, len: usize, to: &mut impl Extend<u8>) {
        match (value, len) {
            (_, 0) => {}
            (0, ..=LONGEST_ZERO) => to.extend([len as u8 - 1]),
            (0, _) => to.extend([((len - 1) >> 8) as u8 | 0x40, (len - 1) as u8]),
            _ => to.extend([0x80 | (value - 1) << 2 | (len - 1) as u8]),
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
    /// The register was raised. Nothing was changed before this offset.
    From(usize),
    /// Nothing was changed: runs cannot hold the value, or would need too many bytes.
    MustBeDense,
}

/// The registers of eight runs of one byte each, one number a byte; and of each byte that begins a run of two bytes the lowest
/// bit, with which its number is wrong.
#[inline]
fn lens(bytes: [u8; 8]) -> (u64, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let bytes = u64::from_le_bytes(bytes);
    let are_values = (bytes >> 7) & ONES;
    ((bytes & !(are_values * 0xfc)) + ONES, (bytes >> 6) & ONES & !are_values)
}

/// The sum of eight numbers, one a byte, in pairs: they need more than eight bits.
#[inline]
fn pairs(lens: u64) -> u64 {
    const EVEN: u64 = 0x00ff_00ff_00ff_00ff;
    (lens & EVEN) + ((lens >> 8) & EVEN)
}

/// The sum of four numbers of sixteen bits each.
#[inline]
fn sum(pairs: u64) -> usize {
    (pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48) as usize
}

/// The runs of one byte at the front of eight bytes, computed for all of them at once: how many bytes, and how many registers.
#[inline]
fn runs_in_front(bytes: [u8; 8]) -> (usize, usize) {
    let (lens, are_long) = lens(bytes);
    let in_front = are_long.wrapping_sub(1) & !are_long;
    (in_front.count_ones() as usize / 8, sum(pairs(lens & in_front)))
}

/// The registers of sixteen runs of one byte. `None` if one of them has two.
#[inline]
fn sixteen_runs(bytes: &[u8; 16]) -> Option<usize> {
    let (halves, _) = bytes.as_chunks();
    let ((front, long_in_front), (back, long_in_back)) = (lens(halves[0]), lens(halves[1]));
    ((long_in_front | long_in_back) == 0).then(|| sum(pairs(front) + pairs(back)))
}

/// Finds the run with `register` in a string whose runs begin at `start`. Returns the offset of the run before it, or its own
/// if it is the first; its offset; and its first register.
fn find(string: &[u8], start: usize, register: usize) -> Result<(usize, usize, usize), Corrupt> {
    let (mut before, mut at, mut first) = (start, start, 0);
    // This is most of the time of a PFADD.
    while let Some(&byte) = string.get(at) {
        let block = string.get(at..at + 8).and_then(|block| block.try_into().ok());
        let (runs, len) = block.map_or((0, 0), runs_in_front);
        if runs > 0 && first + len <= register {
            (before, at, first) = (at + runs - 1, at + runs, first + len);
            // Where there are eight, there mostly are more.
            while runs == 8
                && let Some(block) = string[at..].first_chunk()
                && let Some(len) = sixteen_runs(block).filter(|len| first + len <= register)
            {
                (before, at, first) = (at + 15, at + 16, first + len);
            }
            continue;
        }
        // Which of the one-byte runs it is cannot be predicted, so there is no branch.
        let (len, bytes) = match usize::from(REGISTERS_OF_BYTE[usize::from(byte)]) {
            0 => (Run::read(&string[at..]).len, 2),
            len => (len, 1),
        };
        if register < first + len {
            return Ok((before, at, first));
        }
        before = at;
        (at, first) = (at + bytes, first + len);
    }
    Err(Corrupt)
}

/// Sets a register to `value` if that is larger. The runs begin at `start` of the string, which may get `most_bytes` long.
pub(super) fn raise(
    string: &mut Vec<u8>,
    start: usize,
    (register, value): (usize, u8),
    most_bytes: usize,
) -> Result<Raised, Corrupt> {
    if value > HIGHEST {
        return Ok(Raised::MustBeDense);
    }
    let (before, at, first) = find(string, start, register)?;
    let run = Run::read(&string[at..]);
    if run.value >= value {
        return Ok(Raised::No);
    }
    let mut split = SmallVec::<[u8; MOST_SPLIT_BYTES]>::new();
    Run::write(run.value, register - first, &mut split);
    Run::write(value, 1, &mut split);
    Run::write(run.value, first + run.len - register - 1, &mut split);
    // A last run that lacks its second byte counts as two bytes, as in Redis.
    let len = string.len() + split.len() - run.bytes;
    if split.len() > run.bytes && len > most_bytes {
        return Ok(Raised::MustBeDense);
    }
    string.splice(at..string.len().min(at + run.bytes), split);
    string.truncate(len);
    merge(string, before);
    Ok(Raised::From(before))
}

/// Joins neighbouring runs with the same value where one run can hold both, among the runs from `at` on.
fn merge(runs: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGED_RUNS {
        let Some(rest) = runs.get(at..).filter(|rest| !rest.is_empty()) else { return };
        let run = Run::read(rest);
        let next = rest.get(1).filter(|_| run.value > 0).map(|_| Run::read(&rest[1..]));
        match next {
            Some(next) if next.value == run.value && run.len + next.len <= LONGEST_VALUE => {
                let mut joined = SmallVec::<[u8; 1]>::new();
                Run::write(run.value, run.len + next.len, &mut joined);
                runs.splice(at..at + 2, joined);
            }
            _ => at += run.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    #[test]
    fn the_runs_in_front_have_as_many_registers_as_each_of_them_together() {
        let mut chance = Chance::seeded(3);
        let (mut seen, mut sixteens) = ([0; 9], 0);
        let mut before = ([0x40; 8], 0, 0);
        for _ in 0..20_000 {
            // Mostly runs of one byte.
            let bytes = [(); 8].map(|()| match chance.below(40) {
                0..4 => 0x40 | chance.below(64) as u8,
                byte @ 4..20 => byte as u8 * 3,
                _ => 0x80 | chance.below(128) as u8,
            });
            let runs = bytes.iter().take_while(|byte| !(0x40..0x80).contains(*byte)).count();
            let registers = bytes[..runs].iter().map(|byte| Run::read(&[*byte]).len).sum();
            assert_eq!(runs_in_front(bytes), (runs, registers), "{bytes:x?}");
            seen[runs] += 1;
            let mut both = [0; 16];
            both[..8].copy_from_slice(&before.0);
            both[8..].copy_from_slice(&bytes);
            let of_both = (before.1 + runs == 16).then_some(before.2 + registers);
            assert_eq!(sixteen_runs(&both), of_both, "{both:x?}");
            sixteens += usize::from(of_both.is_some());
            before = (bytes, runs, registers);
        }
        assert!(sixteens > 300, "{sixteens}");
        assert!(seen.iter().all(|times| *times > 300), "{seen:?}");
        assert_eq!((runs_in_front([0x3f; 8]), sixteen_runs(&[0x3f; 16])), ((8, 512), Some(1024)));
    }
}
