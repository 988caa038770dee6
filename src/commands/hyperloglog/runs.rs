//! The runs of the sparse form: how they are encoded, and how the one with a register is found.
//!
//! | bytes | run |
//! |---|---|
//! | `00llllll` | `l + 1` registers that are 0 |
//! | `01llllll llllllll` | `l + 1` registers that are 0, up to all of them |
//! | `1vvvvvll` | `l + 1` registers that are `v + 1` |
//!
//! A client can write any bytes into the string, so runs may end before the last register or exceed it.

use super::Corrupt;

/// The highest value that a run can have.
pub(super) const HIGHEST: u8 = 32;

/// The longest run of a value.
pub(super) const LONGEST_VALUE: usize = 4;

/// The longest run of zeros in one byte.
const LONGEST_ZERO: usize = 64;

/// Consecutive registers with the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SparseRun {
    pub(super) value: u8,
    pub(super) len: usize,
    /// The length of its encoding.
    pub(super) bytes: usize,
}

impl SparseRun {
    /// The run at the beginning of `bytes`, which are not empty. A missing second byte counts as zero: in Redis a zero
    /// follows the string.
    pub(super) fn read(bytes: &[u8]) -> Self {
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
    pub(super) fn write(value: u8, len: usize, to: &mut impl Extend<u8>) {
        match (value, len) {
            (_, 0) => {}
            (0, ..=LONGEST_ZERO) => to.extend([len as u8 - 1]),
            (0, _) => to.extend([((len - 1) >> 8) as u8 | 0x40, (len - 1) as u8]),
            _ => to.extend([0x80 | (value - 1) << 2 | (len - 1) as u8]),
        }
    }
}

/// The lowest bit of each of eight bytes.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Every second of eight bytes.
const EVEN: u64 = 0x00ff_00ff_00ff_00ff;

/// Which of eight bytes are the second byte of a run of two: all bits of these are set. The first index has a bit for each byte
/// that looks like the first one of such a run; the second index is how many of the eight belong to the run before, one or none.
static SECOND_BYTES: [[u64; 2]; 256] = {
    let mut table = [[0, 0xff]; 256];
    let mut place = 0;
    while place < 512 {
        let (set, overlap) = (place / 2, place % 2);
        let mut index = overlap;
        while index < 7 {
            if set >> index & 1 == 1 {
                index += 1;
                table[set][overlap] |= 0xff << (8 * index);
            }
            index += 1;
        }
        place += 1;
    }
    table
};

/// The runs that begin in sixteen bytes.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// Their registers.
    len: usize,
    /// The offset of the last of them.
    last: usize,
    /// How many bytes the last of them has beyond the sixteen: one or none.
    overlap: usize,
    /// Whether all bytes belong to runs of one byte.
    is_plain: bool,
}

impl Block {
    /// Reads sixteen bytes, which the run before overlaps by so many, and the byte behind them. All runs are computed at once:
    /// which of them have two bytes cannot be predicted, so there is no branch.
    #[inline(always)]
    fn read(bytes: &[u8; 17], overlap: usize) -> Self {
        let ([bytes @ .., _], [_, next @ ..]) = (bytes, bytes);
        // The bytes that look like the first one of a run of two.
        let firsts = halves(bytes).map(|half| half >> 6 & !(half >> 7) & ONES);
        let seconds_of = |firsts: u64, overlap: usize| {
            // The bits are gathered in the highest byte.
            let set = firsts.wrapping_mul(0x0102_0408_1020_4080) >> 56;
            SECOND_BYTES[set as usize][overlap & 1]
        };
        let front = seconds_of(firsts[0], overlap);
        let back = seconds_of(firsts[1], ((firsts[0] & !front) >> 56) as usize);
        let is_second = (u128::from(back) << 64 | u128::from(front)).to_le_bytes();
        // The length of each run, less one: the lowest eight bits, and the others. The compiler computes all of them together.
        let (mut low, mut high) = ([0; 16], [0; 16]);
        for index in 0..16 {
            let byte = bytes[index];
            let of_value = if byte >= 0x80 { 0xfc } else { 0 };
            let of_two = if byte.cast_signed() >= 0x40 { !is_second[index] } else { 0 };
            low[index] = (byte & !of_value & !of_two | next[index] & of_two) & !is_second[index];
            high[index] = byte & 0x3f & of_two;
        }
        let ([low_front, low_back], [high_front, high_back]) = (halves(&low), halves(&high));
        let seconds = ((front & ONES) + (back & ONES)).wrapping_mul(ONES) >> 56;
        Self {
            len: 16 - seconds as usize
                + sum(pairs(low_front) + pairs(low_back))
                + (sum(pairs(high_front + high_back)) << 8),
            last: 15 - (back >> 63) as usize,
            overlap: ((firsts[1] & !back) >> 56) as usize,
            is_plain: firsts[0] | firsts[1] | overlap as u64 == 0,
        }
    }
}

/// The registers of sixteen runs of one byte. `None` if one of them has two.
#[inline(always)]
fn plain_block(bytes: &[u8; 16]) -> Option<usize> {
    let [front, back] = halves(bytes).map(|half| {
        let of_value = (half >> 7 & ONES) * 0xfc;
        (pairs((half & !of_value) + ONES), half >> 6 & !(half >> 7) & ONES)
    });
    (front.1 | back.1 == 0).then(|| sum(front.0 + back.0))
}

/// The first eight bytes and the others.
#[inline(always)]
fn halves(bytes: &[u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(*bytes);
    [both as u64, (both >> 64) as u64]
}

/// The sums of neighbours among eight numbers, one a byte: four sums of sixteen bits each.
#[inline(always)]
fn pairs(numbers: u64) -> u64 {
    (numbers & EVEN) + (numbers >> 8 & EVEN)
}

/// The sum of four numbers of sixteen bits each. It must fit into sixteen bits too.
#[inline(always)]
fn sum(pairs: u64) -> usize {
    (pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48) as usize
}

/// Finds the run with `register` in a string whose runs begin at `start`. Returns the offset of the run before it, or its own
/// if it is the first; its offset; and its first register.
pub(super) fn find(string: &[u8], start: usize, register: usize) -> Result<(usize, usize, usize), Corrupt> {
    let (mut before, mut at, mut first) = (start, start, 0);
    // This is most of the time of a PFADD.
    let mut overlap = 0;
    while let Some(bytes) = string[at..].first_chunk() {
        let block = Block::read(bytes, overlap);
        if register < first + block.len {
            break;
        }
        (before, at, first, overlap) = (at + block.last, at + 16, first + block.len, block.overlap);
        // Where all runs have one byte, the next mostly have too.
        while block.is_plain
            && let Some(len) = string[at..].first_chunk().and_then(plain_block)
            && register >= first + len
        {
            (before, at, first) = (at + 15, at + 16, first + len);
        }
    }
    at += overlap;
    while at < string.len() {
        let run = SparseRun::read(&string[at..]);
        if register < first + run.len {
            return Ok((before, at, first));
        }
        before = at;
        (at, first) = (at + run.bytes, first + run.len);
    }
    Err(Corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::hyperloglog::REGISTERS;
    use crate::machine::chance::Chance;

    /// Random bytes as a client may write them: many of them look like the first byte of a run of two.
    fn random_runs(chance: &mut Chance, len: u64) -> Vec<u8> {
        let longs = chance.below(40);
        let byte = |_| match chance.below(40) {
            kind if kind < longs => 0x40 | chance.below(64) as u8,
            kind if kind % 2 == 0 => chance.below(64) as u8,
            _ => 0x80 | chance.below(128) as u8,
        };
        (0..len).map(byte).collect()
    }

    #[test]
    fn a_block_has_the_runs_that_begin_in_it() {
        let (mut chance, mut plain) = (Chance::seeded(3), 0);
        for _ in 0..20_000 {
            let bytes = random_runs(&mut chance, 17);
            for overlap in [0, 1] {
                let (mut at, mut len, mut last, mut is_plain) = (overlap, 0, 0, overlap == 0);
                while at < 16 {
                    let run = SparseRun::read(&bytes[at..]);
                    is_plain &= run.bytes == 1;
                    (last, len, at) = (at, len + run.len, at + run.bytes);
                }
                let block = Block::read(bytes.first_chunk().unwrap(), overlap);
                assert_eq!(block, Block { len, last, overlap: at - 16, is_plain }, "{bytes:x?}");
                let of_plain = plain_block(bytes.first_chunk().unwrap());
                assert!(overlap == 1 || of_plain == is_plain.then_some(len), "{bytes:x?}");
                plain += usize::from(is_plain);
            }
        }
        assert!((1_000..19_000).contains(&plain), "{plain}");
    }

    #[test]
    fn the_run_with_a_register_is_found() {
        let mut chance = Chance::seeded(4);
        for _ in 0..2_000 {
            let len = chance.below(120);
            let string = [b"header".to_vec(), random_runs(&mut chance, len)].concat();
            let start = "header".len();
            let (mut before, mut at, mut first) = (start, start, 0);
            while at < string.len() && first < REGISTERS {
                let run = SparseRun::read(&string[at..]);
                for register in [first, first + run.len - 1] {
                    assert_eq!(find(&string, start, register), Ok((before, at, first)), "{string:x?}");
                }
                (before, at, first) = (at, at + run.bytes, first + run.len);
            }
            assert_eq!(find(&string, start, first).is_err(), at >= string.len(), "{string:x?}");
        }
    }
}
