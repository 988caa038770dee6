//! A 64-bit integer as a key: for exact integer scores, and for decimals, which are integers in units of 10^-d.

use super::{KeyForm, SortKey, ends, highest};

/// A score that is an integer.
///
/// In a block integers are encoded in 0, 1, 2, 4 or 8 bytes above a base. With 8 bytes the base is the lowest i64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Whole(pub i64);

impl Whole {
    /// The difference from `base`, or `None` if `self` is below it. The difference always fits.
    #[inline]
    fn above(self, base: i64) -> Option<u64> {
        (self.0 >= base).then(|| self.0.wrapping_sub(base) as u64)
    }
}

impl SortKey for Whole {
    type Base = i64;
    type Number = u64;
    type Increment = i64;

    fn narrowest(keys: impl Iterator<Item = Self> + Clone) -> KeyForm<i64> {
        let Some((Self(low), Self(high))) = ends(keys) else { return KeyForm::default() };
        let span = high.abs_diff(low);
        let widths = [0, 1, 2, 4].into_iter().find(|&width| span <= highest(width));
        let Some(widths) = widths else { return KeyForm { base: i64::MIN, widths: 8 } };
        // Half of the spare range is below the lowest, so that further entries fit on either side.
        KeyForm { base: low.saturating_sub_unsigned((highest(widths) - span) / 2), widths }
    }

    #[inline]
    fn bytes(widths: u8) -> usize {
        usize::from(widths)
    }

    #[inline]
    fn number(self, form: KeyForm<i64>) -> Option<u64> {
        self.above(form.base).filter(|&above| above <= highest(form.widths))
    }

    #[inline]
    fn of_number(number: u64, form: KeyForm<i64>) -> Self {
        Self(form.base.wrapping_add(number as i64))
    }

    #[inline]
    fn below(self, form: KeyForm<i64>) -> u64 {
        self.above(form.base).unwrap_or(0)
    }

    #[inline]
    fn up_to(self, form: KeyForm<i64>) -> Option<u64> {
        self.above(form.base).map_or(Some(0), |above| above.checked_add(1))
    }

    fn plus(self, increment: i64) -> Self {
        Self(self.0.saturating_add(increment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::key::tests::check_forms;

    #[test]
    fn forms_have_the_widths_of_the_integers_up_to_both_ends() {
        const LOWEST: i64 = i64::MIN;
        const HIGHEST: i64 = i64::MAX;
        let runs: [(u8, &[i64]); 13] = [
            (0, &[7]),
            (0, &[LOWEST, LOWEST]),
            (0, &[HIGHEST]),
            (1, &[-100, 155]),
            (1, &[LOWEST, LOWEST + 1]),
            (1, &[HIGHEST - 255, HIGHEST]),
            (2, &[0, 256]),
            (2, &[HIGHEST - 256, HIGHEST]),
            (4, &[0, 65_536]),
            (4, &[LOWEST, LOWEST + 4_294_967_295]),
            (8, &[0, 4_294_967_296]),
            (8, &[LOWEST, HIGHEST]),
            (8, &[-1, HIGHEST]),
        ];
        let mut keys = vec![Whole(LOWEST), Whole(HIGHEST), Whole(0)];
        for (width, run) in runs {
            assert_eq!(Whole::narrowest(run.iter().map(|&n| Whole(n))).widths, width, "{run:?}");
            for &n in run {
                let near = [n, n.saturating_add(1), n.saturating_sub(1), n.saturating_add(256)];
                keys.extend(near.map(Whole));
            }
        }
        let runs = runs.map(|(_, run)| run.iter().map(|&n| Whole(n)).collect::<Vec<_>>());
        check_forms(&keys, &runs.each_ref().map(Vec::as_slice));
    }
}
