//! Decimal member names as order-preserving integers: `user:000000012345` is a prefix and a number.
//!
//! The invariant: among members with one prefix, codes have the order of the member bytes, and a code decodes to exactly
//! the digits it was made from, including leading zeros. Digit strings of different lengths have the order of bytes: they
//! are compared from the first digit on, and if one is a prefix of the other, the shorter one is first.

use crate::text::decimal::{EIGHT_DIGITS, eight_digits};

/// The greatest number of digits whose value always fits into 64 bits.
const DIGITS_MAX: usize = 19;

const POWERS_OF_TEN: [u64; DIGITS_MAX + 1] = {
    let mut powers = [1; DIGITS_MAX + 1];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Splits a member into its prefix and its trailing digits, at most [`DIGITS_MAX`] of them.
pub(super) fn split(member: &[u8]) -> (&[u8], &[u8]) {
    let digits = member.iter().rev().take(DIGITS_MAX).take_while(|b| b.is_ascii_digit()).count();
    member.split_at(member.len() - digits)
}

/// The lowest and the highest digit count of a block's codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DigitCounts {
    pub(super) min: u8,
    pub(super) max: u8,
}

impl DigitCounts {
    /// The number of different lengths. A code is a value multiplied by it, plus the length.
    fn lengths(self) -> u64 {
        u64::from(self.max - self.min) + 1
    }

    /// The code of a string of digits. `None` if it has other bytes, or if its length or its value does not fit.
    pub(super) fn encode(self, digits: &[u8]) -> Option<u64> {
        let len = digits.len();
        let fits = (usize::from(self.min)..=usize::from(self.max)).contains(&len);
        if !fits || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let value = parse(digits);
        if self.min == self.max {
            return Some(value);
        }
        let aligned = value.checked_mul(POWERS_OF_TEN[usize::from(self.max) - len])?;
        aligned.checked_mul(self.lengths())?.checked_add((len - usize::from(self.min)) as u64)
    }

    /// Splits codes into values and digit counts. [`Self::high_digits`] and [`Self::low_digits`] convert a value to its leading
    /// and its last eight digits.
    #[inline]
    pub(super) fn values<const N: usize>(self, codes: &[u64; N]) -> ([u64; N], [u8; N]) {
        if self.min == self.max {
            return (*codes, [self.max; N]);
        }
        // The value is aligned to `max` digits, with zeros at the end.
        let lengths = self.lengths();
        (codes.map(|code| code / lengths), codes.map(|code| self.min + (code % lengths) as u8))
    }

    /// How many digits [`Self::high_digits`] gives.
    pub(super) fn high_count(self) -> usize {
        usize::from(self.max).saturating_sub(8)
    }

    /// The digits before the last eight, at the front of the array.
    pub(super) fn high_digits(self, high: u64) -> [u8; 16] {
        if high == 0 {
            return [b'0'; 16];
        }
        let eight = u64::from(EIGHT_DIGITS);
        let mut digits = [0; 32];
        digits[..8].copy_from_slice(&eight_digits((high / eight) as u32));
        digits[8..16].copy_from_slice(&eight_digits((high % eight) as u32));
        *digits[16 - self.high_count()..].first_chunk().expect("at most 11 of 32")
    }

    /// The last eight digits from [`eight_digits`], without leading ones that no member has.
    #[inline]
    pub(super) fn low_digits(self, eight: [u8; 8]) -> [u8; 8] {
        let unused = 8usize.saturating_sub(usize::from(self.max));
        (u64::from_le_bytes(eight) >> (8 * unused)).to_le_bytes()
    }

    /// Appends the digits that `code` encodes.
    pub(super) fn write(self, code: u64, out: &mut Vec<u8>) {
        let ([value], [len]) = self.values(&[code]);
        let (high, low) = (value / u64::from(EIGHT_DIGITS), (value % u64::from(EIGHT_DIGITS)) as u32);
        let start = out.len();
        out.extend_from_slice(&self.high_digits(high)[..self.high_count()]);
        out.extend_from_slice(&self.low_digits(eight_digits(low)));
        out.truncate(start + usize::from(len));
    }
}

/// The value of at most [`DIGITS_MAX`] digits, eight at a time.
fn parse(digits: &[u8]) -> u64 {
    let (eights, rest) = digits.as_chunks::<8>();
    let mut value = 0u64;
    for eight in eights {
        // Neighbours are combined in parallel: digits to pairs, pairs to groups of four, those to the eight.
        let digits = u64::from_le_bytes(*eight) & 0x0f0f_0f0f_0f0f_0f0f;
        let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
        let whole = (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff;
        value = value * 100_000_000 + whole;
    }
    rest.iter().fold(value, |value, digit| value * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_the_order_of_bytes_and_give_back_the_digits() {
        let mut strings: Vec<Vec<u8>> =
            ["0", "00", "000", "1", "10", "100", "101", "11", "2", "99999", "09", "7"]
                .iter()
                .map(|s| s.as_bytes().to_vec())
                .collect();
        strings.extend((0..2000u64).map(|n| (n * 7_919).to_string().into_bytes()));
        strings.sort();
        strings.dedup();
        let digits = DigitCounts { min: 1, max: 8 };
        let codes: Vec<u64> = strings.iter().map(|s| digits.encode(s).unwrap()).collect();
        assert!(codes.is_sorted_by(|a, b| a < b));
        for (string, code) in strings.iter().zip(codes) {
            let mut out = Vec::new();
            digits.write(code, &mut out);
            assert_eq!(&out, string);
        }
    }

    #[test]
    fn the_longest_run_of_one_length_fits_and_mixed_lengths_are_refused_when_they_do_not() {
        let nines = [b'9'; DIGITS_MAX];
        let one_length = DigitCounts { min: 19, max: 19 };
        assert_eq!(one_length.encode(&nines), Some(9_999_999_999_999_999_999));
        let mut out = Vec::new();
        one_length.write(9_999_999_999_999_999_999, &mut out);
        assert_eq!(out, nines);
        assert_eq!(DigitCounts { min: 1, max: 19 }.encode(&nines), None);
        assert_eq!(split(b"user:007"), (&b"user:"[..], &b"007"[..]));
        assert_eq!(split(&[b'1'; 25]).1.len(), DIGITS_MAX);
    }
}
