//! The string of a HyperLogLog: a header (`HYLL`, the encoding, three unused bytes, the last estimate) and the registers.

use super::estimate::{RegisterHistogram, estimate};
use super::sparse::Raise;
use super::{Corrupt, REGISTERS, dense, hash, sparse};
use crate::commands::call::error::CommandError;
use std::borrow::Cow;
use std::ops::Range;

const MAGIC: &[u8] = b"HYLL";
const DENSE: u8 = 0;
const SPARSE: u8 = 1;

/// The offset of the encoding.
const ENCODING: usize = 4;

/// The offset of the last estimate, eight bytes.
pub(super) const ESTIMATE: usize = 8;

/// The offset of the highest byte of the estimate.
pub(super) const STALE: usize = 15;
/// The bit of that byte which says that registers have changed since the estimate.
pub(super) const STALE_BIT: u8 = 0x80;

/// The length of the header; the registers follow.
pub(super) const HEADER: usize = 16;

/// The encoding of the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Dense,
    Sparse,
}

/// The largest value of each register among several sketches.
pub(super) type Highest = [u8; REGISTERS];

/// A string with the header of a sketch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sketch<'s> {
    bytes: &'s [u8],
    pub(super) form: Form,
}

impl<'s> Sketch<'s> {
    /// The length of a dense sketch.
    pub(super) const DENSE_BYTES: usize = HEADER + dense::BYTES;

    /// The offset of the first byte of a register in a dense sketch.
    pub(super) fn place_in_dense(register: usize) -> usize {
        HEADER + dense::place_of(register).0
    }

    /// # Errors
    /// The string has another header, or the wrong length for its form.
    pub(super) fn of(bytes: &'s [u8]) -> Result<Self, CommandError> {
        let is_sketch = bytes.len() >= HEADER && bytes.starts_with(MAGIC);
        let form = match bytes.get(ENCODING).filter(|_| is_sketch) {
            Some(&DENSE) if bytes.len() == Self::DENSE_BYTES => Some(Form::Dense),
            Some(&SPARSE) => Some(Form::Sparse),
            _ => None,
        };
        let form =
            form.ok_or(CommandError::text("WRONGTYPE Key is not a valid HyperLogLog string value."))?;
        Ok(Self { bytes, form })
    }

    fn registers(&self) -> &'s [u8] {
        &self.bytes[HEADER..]
    }

    /// The last estimate, if no register has changed since.
    pub(super) fn kept_estimate(&self) -> Option<u64> {
        let bytes = self.bytes[ESTIMATE..].first_chunk().expect("of() checked the length of the header");
        (self.bytes[STALE] & STALE_BIT == 0).then_some(u64::from_le_bytes(*bytes))
    }

    /// The estimated number of elements, computed from the registers.
    pub(super) fn estimate(&self) -> Result<u64, Corrupt> {
        let mut histogram: RegisterHistogram = [0; _];
        match self.form {
            Form::Dense => {
                dense::all(self.registers()).for_each(|value| histogram[usize::from(value)] += 1);
            }
            Form::Sparse => {
                histogram[0] = REGISTERS as u32;
                sparse::for_each(self.registers(), |_, value, len| {
                    histogram[usize::from(value)] += len as u32;
                    histogram[0] -= len as u32;
                })?;
            }
        }
        Ok(estimate(&histogram))
    }

    /// Raises each register in `highest` to that of the sketch, if that is larger.
    pub(super) fn merge_into(&self, highest: &mut Highest) -> Result<(), Corrupt> {
        match self.form {
            Form::Dense => {
                for (highest, value) in highest.iter_mut().zip(dense::all(self.registers())) {
                    *highest = value.max(*highest);
                }
            }
            Form::Sparse => sparse::for_each(self.registers(), |first, value, len| {
                for highest in &mut highest[first..first + len] {
                    *highest = value.max(*highest);
                }
            })?,
        }
        Ok(())
    }

    /// The offset and content of the bytes of a dense sketch that change when this register is raised to `value`. `None` if
    /// it is as large already.
    pub(super) fn raised(register: usize, value: u8, byte: impl Fn(usize) -> u8) -> Option<(usize, [u8; 2])> {
        let byte = |place| byte(HEADER + place);
        let is_larger = value > dense::get(register, byte);
        is_larger.then(|| dense::with(register, value, byte)).map(|(place, bytes)| (HEADER + place, bytes))
    }
}

/// The estimated number of elements, computed from registers.
pub(super) fn estimate_of(highest: &Highest) -> u64 {
    let mut histogram: RegisterHistogram = [0; _];
    highest.iter().for_each(|value| histogram[usize::from(*value)] += 1);
    estimate(&histogram)
}

/// A sketch that is being changed. It becomes dense when the sparse form cannot hold it.
#[derive(Clone, Debug)]
pub(super) struct SketchEdit<'s> {
    /// The header and the registers; borrowed until the first change, because many elements change nothing.
    string: Cow<'s, [u8]>,
    form: Form,
    /// The length of the string that it was made of; 0 if of none.
    old_len: usize,
    /// Between the header and this offset nothing has changed.
    changed_from: usize,
    /// `hll-sparse-max-bytes`, which includes the header.
    most_sparse_bytes: usize,
}

impl<'s> SketchEdit<'s> {
    /// A sketch without elements.
    pub(super) fn empty(most_sparse_bytes: usize) -> Self {
        let mut string = vec![0; HEADER];
        string[..MAGIC.len()].copy_from_slice(MAGIC);
        string[ENCODING] = SPARSE;
        string.append(&mut sparse::empty());
        Self { string: string.into(), form: Form::Sparse, old_len: 0, changed_from: 0, most_sparse_bytes }
    }

    /// A sketch as it is.
    pub(super) fn of(sketch: &Sketch<'s>, most_sparse_bytes: usize) -> Self {
        let Sketch { bytes, form } = *sketch;
        let old_len = bytes.len();
        Self { string: bytes.into(), form, old_len, changed_from: old_len, most_sparse_bytes }
    }

    /// The string, a copy of its own.
    fn own(&mut self) -> &mut Vec<u8> {
        if let Cow::Borrowed(bytes) = self.string {
            let mut own = Vec::with_capacity(bytes.len() + sparse::MOST_ADDED_BYTES);
            own.extend_from_slice(bytes);
            self.string = own.into();
        }
        self.string.to_mut()
    }

    /// Adds an element. Returns whether a register has changed.
    pub(super) fn add(&mut self, element: &[u8]) -> Result<bool, Corrupt> {
        let (register, value) = hash::place_of(element);
        self.raise(register, value)
    }

    /// Adds elements. Returns whether a register has changed.
    pub(super) fn add_all<'e>(
        &mut self,
        mut elements: impl Iterator<Item = &'e [u8]>,
    ) -> Result<bool, Corrupt> {
        elements.try_fold(false, |has_changed, element| Ok(self.add(element)? || has_changed))
    }

    /// Sets a register to `value` if that is larger. Returns whether it was.
    pub(super) fn raise(&mut self, register: usize, value: u8) -> Result<bool, Corrupt> {
        if self.form == Form::Sparse {
            match sparse::raise(&self.string, HEADER, (register, value), self.most_sparse_bytes)? {
                Raise::Nothing => return Ok(false),
                Raise::Split(split) => {
                    self.changed_from = self.changed_from.min(split.from);
                    split.apply(self.own());
                    return Ok(true);
                }
                Raise::Dense => self.make_dense()?,
            }
        }
        self.changed_from = self.changed_from.min(HEADER);
        Ok(dense::raise(&mut self.own()[HEADER..], register, value))
    }

    /// Converts the sketch to the dense form.
    pub(super) fn make_dense(&mut self) -> Result<(), Corrupt> {
        if self.form == Form::Dense {
            return Ok(());
        }
        let mut dense = self.string[..HEADER].to_vec();
        dense.resize(HEADER + dense::BYTES, 0);
        sparse::for_each(&self.string[HEADER..], |first, value, len| {
            for register in first..first + len {
                dense::raise(&mut dense[HEADER..], register, value);
            }
        })?;
        dense[ENCODING] = DENSE;
        (self.string, self.form, self.changed_from) = (dense.into(), Form::Dense, 0);
        Ok(())
    }

    /// The string, with its estimate marked as stale, and what has changed; nothing, if all of it has to be written: it is new,
    /// has another form or is shorter.
    pub(super) fn into_stale(mut self) -> (Vec<u8>, Option<[Range<usize>; 2]>) {
        let runs = self.changed_from..self.string.len();
        let is_patched = self.changed_from >= HEADER && self.string.len() >= self.old_len;
        let was_stale = self.string[STALE] & STALE_BIT != 0;
        self.own()[STALE] |= STALE_BIT;
        let mark = if was_stale && !runs.is_empty() { STALE..STALE } else { STALE..HEADER };
        (self.string.into_owned(), is_patched.then_some([mark, runs]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    fn string_of(runs: &[u8]) -> Vec<u8> {
        let mut string = SketchEdit::empty(0).into_stale().0;
        string.truncate(HEADER);
        string.extend_from_slice(runs);
        string
    }

    #[test]
    fn sparse_and_dense_sketches_keep_the_same_registers() {
        let mut chance = Chance::seeded(11);
        for _ in 0..30 {
            let mut edits = [SketchEdit::empty(usize::MAX), SketchEdit::empty(usize::MAX)];
            edits[1].make_dense().unwrap();
            for _ in 0..chance.below(600) {
                // Few registers, so that runs are split and merged.
                let (register, value) = (chance.below(40), 1 + chance.below(34) as u8);
                let raised = edits.each_mut().map(|edit| edit.raise(register as usize, value).unwrap());
                assert_eq!(raised[0], raised[1]);
            }
            let merged = edits.map(|edit| {
                let mut highest = [0; REGISTERS];
                Sketch::of(&edit.into_stale().0).unwrap().merge_into(&mut highest).unwrap();
                highest
            });
            assert_eq!(merged[0], merged[1]);
        }
    }

    /// A client can write any bytes behind the header.
    #[test]
    fn random_runs_are_read_or_reported_as_corrupt_without_a_panic() {
        let mut chance = Chance::seeded(12);
        let mut sound = 0;
        for _ in 0..3000 {
            let mut runs: Vec<u8> = (0..chance.below(8)).map(|_| chance.below(256) as u8).collect();
            let mut covered = 0;
            let _ = sparse::for_each(&runs, |first, _, len| covered = first + len);
            if chance.below(2) == 0 && covered < REGISTERS {
                let rest = REGISTERS - covered - 1;
                runs.extend([0x40 | (rest >> 8) as u8, rest as u8]);
            }
            let string = string_of(&runs);
            let sketch = Sketch::of(&string).unwrap();
            let is_sound = sketch.estimate().is_ok();
            sound += u32::from(is_sound);
            assert_eq!(sketch.merge_into(&mut [0; REGISTERS]).is_ok(), is_sound);
            assert_eq!(SketchEdit::of(&sketch, 3000).make_dense().is_ok(), is_sound);
            let mut edit = SketchEdit::of(&sketch, 3000);
            for _ in 0..20 {
                let _ = edit.raise(chance.below(REGISTERS as u64) as usize, 1 + chance.below(51) as u8);
            }
        }
        assert!(sound > 100, "only {sound} sketches were well formed");
    }
}
