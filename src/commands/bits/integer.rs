//! An integer of some bits within a row of bits.

use crate::commands::call::error::CommandError;
use crate::commands::strings::patch::Draft;
use crate::resp::integer;

/// How many bits an integer has, and whether one of them is its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width {
    is_signed: bool,
    bits: u32,
}

/// What becomes of a value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverflowMode {
    /// Its low bits are kept.
    Wrap,
    /// The nearest value that fits is taken.
    Saturate,
    /// Nothing is written.
    Fail,
}

impl Width {
    /// Reads `u8` or `i64`.
    ///
    /// # Errors
    /// It is anything else, or has too many bits for a reply.
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

    /// How many bits.
    pub(super) fn bits(self) -> u32 {
        self.bits
    }

    /// A number that is to be set. To an unsigned integer a negative one is a very large one; and in Redis, where the
    /// distance from the highest value overflows, so is one that is very far below.
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

    /// `value` as it fits, `None` if it fails to.
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

    /// The value whose low bits these are.
    fn extended(self, bits: u64) -> i64 {
        let above = 64 - self.bits;
        if self.is_signed { (bits << above).cast_signed() >> above } else { (bits << above >> above) as i64 }
    }

    /// The value at a bit.
    pub(super) fn read(self, draft: &Draft<'_>, offset: usize) -> i64 {
        let (window, behind) = self.window(draft, offset);
        self.extended((window >> behind) as u64)
    }

    /// Writes a value that fits at a bit.
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

    /// Where its last bit's byte stands, if its first bit is at `offset`.
    pub(super) fn last_byte(self, offset: usize) -> usize {
        (offset + self.bits as usize - 1) / 8
    }

    /// The bytes that have a part of it, at most nine, and how many bits are behind it there.
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
    fn every_width_is_read_as_it_was_written() {
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
