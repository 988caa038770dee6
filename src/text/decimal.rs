//! Decimal digits, eight at a time and for many numbers together, for replies and for compact members.

/// One more than the highest number of eight digits.
pub const EIGHT_DIGITS: u32 = 100_000_000;

/// The eight digits of each number, which must be below [`EIGHT_DIGITS`], with leading zeros.
///
/// Each number is split three times: into groups of four digits, into pairs, into digits. The compiler turns the loops over
/// arrays into vector instructions: many numbers together take a quarter of the time.
#[must_use]
pub fn eight_digits_each<const N: usize>(numbers: &[u32; N]) -> [[u8; 8]; N] {
    let mut fours = [[0u16; 2]; N];
    for (fours, &number) in fours.iter_mut().zip(numbers) {
        *fours = [(number / 10_000) as u16, (number % 10_000) as u16];
    }
    let mut pairs = [[0u16; 4]; N];
    for (pairs, fours) in pairs.as_flattened_mut().as_chunks_mut::<2>().0.iter_mut().zip(fours.as_flattened())
    {
        *pairs = [fours / 100, fours % 100];
    }
    let mut digits = [[0; 8]; N];
    for (digits, pair) in
        digits.as_flattened_mut().as_chunks_mut::<2>().0.iter_mut().zip(pairs.as_flattened())
    {
        *digits = (u16::from_le_bytes(*b"00") + pair / 10 + (pair % 10) * 256).to_le_bytes();
    }
    digits
}

/// The eight digits of a number below [`EIGHT_DIGITS`], with leading zeros.
///
/// It is split as in [`eight_digits_each`], here in the lanes of one register: two of four digits, four of two, eight of one.
/// Divisions by constants are multiplications, exact for what a lane can hold.
#[inline]
#[must_use]
pub fn eight_digits(number: u32) -> [u8; 8] {
    let number = u64::from(number);
    let fours = (number / 10_000) | (number % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | (fours - 100 * hundreds) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let digits = tens | (pairs - 10 * tens) << 8;
    (digits | u64::from_le_bytes(*b"00000000")).to_le_bytes()
}

/// Removes the leading zeros of eight digits, and returns how many digits are left: at least one.
#[inline]
#[must_use]
pub fn without_leading_zeros(digits: [u8; 8]) -> ([u8; 8], usize) {
    let digits = u64::from_le_bytes(digits);
    // The last digit always stays.
    let values = digits ^ u64::from_le_bytes(*b"00000000") | 1 << 56;
    let zeros = values.trailing_zeros() / 8;
    ((digits >> (8 * zeros)).to_le_bytes(), 8 - zeros as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_agree_with_the_standard_library() {
        let powers = (0..8).map(|power| 10u32.pow(power));
        let edges = powers.flat_map(|power| [power - 1, power, power + 1]);
        for number in edges.chain([EIGHT_DIGITS - 1]).chain((0..EIGHT_DIGITS).step_by(997)) {
            let text = number.to_string();
            assert_eq!(eight_digits(number), format!("{number:08}").as_bytes());
            let (digits, len) = without_leading_zeros(eight_digits(number));
            assert_eq!(&digits[..len], text.as_bytes());
        }
        let numbers = std::array::from_fn::<_, 33, _>(|i| i as u32 * 3_030_303);
        assert_eq!(eight_digits_each(&numbers), numbers.map(eight_digits));
    }
}
