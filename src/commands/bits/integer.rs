//! Reads and writes an integer of a given width at any bit of a string.

use crate::commands::call::error::CommandError;
use crate::commands::strings::patch::Draft;
use crate::resp::integer;

/// The type of an integer: the number of its bits, and whether it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width {
    is_signed: bool,
    bits: u32,
}

/// How a value is treated that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverflowMode {
    /// Its low bits are written.
    Wrap,
    /// The nearest value that fits is written.
    Saturate,
    /// Nothing is written.
    Fail,
}

impl Width {
    /// Parses `i` or `u` and a number of bits, such as `u8` or `i64`.
    ///
    /// # Errors
    /// The text is anything else, or the integer would not fit into a reply.
    pub(super) fn parse(text: &[u8]) -> Result<Self, CommandError> {
        let read = match text {
            [b'i', bits @ ..] => Some((true, bits, 64)),
            [b'u', bits @ ..] => Some((false, bits, 63)),
            _ => None,
        };
        let width = read.and_then(|(is_signed, bits, most)| {
            let bits = integer::parse(bits).filter(|bits| (1..=most).contains(bits))?;
            Some(Self { is_signed, bits: bits as u32 })
        });
        width.ok_or(CommandError::text(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ))
    }

    /// The number of bits.
    pub(super) fn bits(self) -> u32 {
        self.bits
    }

    /// The number that SET means. For an unsigned integer, a negative number is a very large one. For a signed integer, so is
    /// a number that is more than `i64::MAX` below the highest value: Redis computes this distance, and it overflows.
    pub(super) fn of(self, number: i64) -> i128 {
        let distance = self.bounds().1 - i128::from(number);
        let is_far_below = self.bits < 64 && distance > i128::from(i64::MAX);
        let is_large = !self.is_signed || is_far_below;
        if is_large { i128::from(number.cast_unsigned()) } else { i128::from(number) }
    }

    /// The lowest and the highest value.
    fn bounds(self) -> (i128, i128) {
        let values = 1i128 << self.bits;
        if self.is_signed { (-values / 2, values / 2 - 1) } else { (0, values - 1) }
    }

    /// `value`, made to fit as `overflow` says. `None` if it does not fit and `overflow` is `Fail`.
    pub(super) fn fit(self, value: i128, overflow: OverflowMode) -> Option<i64> {
        let (lowest, highest) = self.bounds();
        if (lowest..=highest).contains(&value) {
            return Some(value as i64);
        }
        match overflow {
            OverflowMode::Wrap => Some(self.extended(value as u64)),
            OverflowMode::Saturate => Some(value.clamp(lowest, highest) as i64),
            OverflowMode::Fail => None,
        }
    }

    /// The value with these low bits, sign-extended if signed.
    fn extended(self, bits: u64) -> i64 {
        let above = 64 - self.bits;
        if self.is_signed { (bits << above).cast_signed() >> above } else { (bits << above >> above) as i64 }
    }

    /// Reads the value at bit `offset`.
    pub(super) fn read(self, draft: &Draft<'_>, offset: usize) -> i64 {
        let (window, behind) = self.window(draft, offset);
        self.extended((window >> behind) as u64)
    }

    /// Writes `value`, which fits, at bit `offset`.
    pub(super) fn write(self, draft: &mut Draft<'_>, offset: usize, value: i64) {
        let (window, behind) = self.window(draft, offset);
        let mask = (u128::MAX >> (128 - self.bits)) << behind;
        let window = window & !mask | (value as u128) << behind & mask;
        let first = offset / 8;
        let last = self.last_byte(offset);
        for place in first..=last {
            draft.set_byte(place, (window >> (8 * (last - place))) as u8);
        }
    }

    /// The index of the byte with its last bit, if its first bit is at `offset`.
    pub(super) fn last_byte(self, offset: usize) -> usize {
        (offset + self.bits as usize - 1) / 8
    }

    /// The bytes that contain it, at most nine, as one number, and the number of lower bits there that are not part of it.
    fn window(self, draft: &Draft<'_>, offset: usize) -> (u128, usize) {
        let last = self.last_byte(offset);
        let bytes = (offset / 8..=last).map(|place| u128::from(draft.byte(place)));
        let behind = 8 * (last + 1) - offset - self.bits as usize;
        (bytes.fold(0, |window, byte| window << 8 | byte), behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_of_any_width_is_read_back_and_leaves_other_bits_alone() {
        for (is_signed, most) in [(true, 64), (false, 63)] {
            for (bits, offset) in (1..=most).flat_map(|bits| (0..20).map(move |offset| (bits, offset))) {
                let width = Width { is_signed, bits };
                let (lowest, highest) = width.bounds();
                for value in [lowest, highest, 0, highest / 3].map(|value| value as i64) {
                    let around = [0xa5; 12];
                    let mut draft = Draft::over(&around);
                    width.write(&mut draft, offset, value);
                    assert_eq!(width.read(&draft, offset), value, "{width:?} at {offset}");
                    let bit = |place: usize| draft.byte(place / 8) >> (7 - place % 8) & 1;
                    let beside = (0..offset).chain(offset + bits as usize..96);
                    assert!(beside.into_iter().all(|place| bit(place) == 0xa5 >> (7 - place % 8) & 1));
                }
            }
        }
    }
}
