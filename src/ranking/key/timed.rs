//! A key of two columns: another key, followed by a moment, which breaks ties before the member does.
//!
//! In a block one number holds both columns: the moment, relative to its base, in the low 0 to 8 bytes, and the number of
//! the first column above them. So one comparison of numbers compares both columns.

use super::{KeyForm, SortKey, ends, highest};

/// A key followed by a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timed<K> {
    /// The first column, which is compared first.
    pub key: K,
    /// The second column, which orders equal keys, lower first. It is a time and a sequence number, or their complement
    /// if the first member to reach a score must be above the others.
    pub moment: u64,
}

impl<K> Timed<K> {
    /// The key `key`, reached at `moment`.
    #[must_use]
    pub fn new(key: K, moment: u64) -> Self {
        Self { key, moment }
    }
}

/// The form of each column.
#[inline]
fn columns<B>(KeyForm { base: (base, moment), widths }: KeyForm<(B, u64)>) -> (KeyForm<B>, KeyForm<u64>) {
    (KeyForm { base, widths: widths & 15 }, KeyForm { base: moment, widths: widths >> 4 })
}

/// The narrowest form of moments, which can be in any order.
fn narrowest_moments(moments: impl Iterator<Item = u64>) -> KeyForm<u64> {
    let Some((low, high)) = ends(moments) else { return KeyForm::default() };
    let span = high - low;
    let widths = (u64::BITS - span.leading_zeros()).div_ceil(8) as u8;
    // As with integers, half of the spare range is below the lowest.
    KeyForm { base: low.saturating_sub((highest(widths) - span) / 2), widths }
}

impl<K: SortKey<Number = u64>> SortKey for Timed<K> {
    type Base = (K::Base, u64);
    type Number = u128;
    type Increment = (K::Increment, u64);

    fn narrowest(keys: impl Iterator<Item = Self> + Clone) -> KeyForm<Self::Base> {
        let first = K::narrowest(keys.clone().map(|own| own.key));
        let moments = narrowest_moments(keys.map(|own| own.moment));
        KeyForm { base: (first.base, moments.base), widths: first.widths | moments.widths << 4 }
    }

    #[inline]
    fn bytes(widths: u8) -> usize {
        K::bytes(widths & 15) + usize::from(widths >> 4)
    }

    #[inline]
    fn number(self, form: KeyForm<Self::Base>) -> Option<u128> {
        let (first, moments) = columns(form);
        let number = self.key.number(first)?;
        let above =
            self.moment.checked_sub(moments.base).filter(|&above| above <= highest(moments.widths))?;
        Some(u128::from(number) << (8 * moments.widths) | u128::from(above))
    }

    #[inline]
    fn of_number(number: u128, form: KeyForm<Self::Base>) -> Self {
        let (first, moments) = columns(form);
        let key = K::of_number((number >> (8 * moments.widths)) as u64, first);
        Self { key, moment: moments.base + (number as u64 & highest(moments.widths)) }
    }

    #[inline]
    fn below(self, form: KeyForm<Self::Base>) -> u128 {
        let (first, moments) = columns(form);
        let number = self.key.below(first);
        let lower_keys = u128::from(number) << (8 * moments.widths);
        if self.key.up_to(first) == Some(number) {
            return lower_keys;
        }
        // The first column of the form has exactly this key: add the lower moments of the key.
        let above = self.moment.saturating_sub(moments.base);
        lower_keys + u128::from(above).min(1 << (8 * moments.widths))
    }

    #[inline]
    fn up_to(self, form: KeyForm<Self::Base>) -> Option<u128> {
        let (first, moments) = columns(form);
        let number = self.key.below(first);
        let lower_keys = u128::from(number) << (8 * moments.widths);
        if self.key.up_to(first) == Some(number) {
            return Some(lower_keys);
        }
        let above = self.moment.checked_sub(moments.base).map_or(0, |above| u128::from(above) + 1);
        lower_keys.checked_add(above.min(1 << (8 * moments.widths)))
    }

    fn plus(self, (increment, moment): Self::Increment) -> Self {
        Self { key: self.key.plus(increment), moment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::key::tests::check_forms;
    use crate::ranking::key::{Score, Whole};

    /// The widths of a run's form, and runs of (key, moment), in order.
    const RUNS: [(u8, &[(i64, u64)]); 10] = [
        (0x00, &[(5, 7)]),
        (0x10, &[(5, 7), (5, 8)]),
        (0x01, &[(5, 7), (6, 7)]),
        (0x81, &[(5, u64::MAX), (6, 0)]),
        (0x80, &[(5, 0), (5, u64::MAX)]),
        (0x32, &[(0, 65_536), (300, 0)]),
        (0x64, &[(0, 1 << 47), (70_000, 3)]),
        (0x88, &[(0, u64::MAX), (1 << 40, 0)]),
        (0x08, &[(0, u64::MAX), (1 << 40, u64::MAX)]),
        (0x10, &[(5, u64::MAX - 1), (5, u64::MAX)]),
    ];

    fn check<K: SortKey<Number = u64>>(ends: &[K], of: impl Fn(i64) -> K) {
        let moments = [0, 1, 6, 7, 8, 255, 256, 65_536, 1 << 47, u64::MAX - 256, u64::MAX - 1, u64::MAX];
        let firsts = [-1, 0, 1, 4, 5, 6, 299, 300, 70_000, 1 << 40].map(&of);
        let keys: Vec<_> = firsts
            .iter()
            .chain(ends)
            .flat_map(|&key| moments.map(|moment| Timed::new(key, moment)))
            .collect();
        let of_all = |&(key, moment): &(i64, u64)| Timed::new(of(key), moment);
        let mut runs = RUNS.map(|(widths, run)| {
            let run: Vec<_> = run.iter().map(of_all).collect();
            assert_eq!(Timed::narrowest(run.iter().copied()).widths, widths, "{run:?}");
            run
        });
        // Both columns at their greatest width.
        let (low, high) = (ends.iter().min(), ends.iter().max());
        runs[0] = vec![Timed::new(*low.unwrap(), u64::MAX), Timed::new(*high.unwrap(), 0)];
        check_forms(&keys, &runs.each_ref().map(Vec::as_slice));
    }

    #[test]
    fn both_columns_are_as_narrow_as_they_can_be_and_compare_as_one() {
        check(&[i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX].map(Whole), Whole);
        let ends = [f64::NEG_INFINITY, f64::MIN, 0.5, 4.5, 5.25, f64::INFINITY];
        let score = |value: f64| Score::new(value).unwrap();
        check(&ends.map(score), |n| score(n as f64));
    }
}
