//! Decimal digits written in place: replies and compact members are made of them.

/// The two digits of every number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// How many digits `value` has; 0 has one.
#[must_use]
pub fn count_digits(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Fills `place` with the last digits of `value`, with zeros in front if it has fewer.
pub fn write_digits(mut value: u64, place: &mut [u8]) {
    let (single, pairs) = place.split_at_mut(place.len() % 2);
    let (pairs, _) = pairs.as_chunks_mut::<2>();
    for pair in pairs.iter_mut().rev() {
        *pair = PAIRS[(value % 100) as usize];
        value /= 100;
    }
    if let [digit] = single {
        *digit = b'0' + (value % 10) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for value in [0, 1, 9, 10, 99, 100, 12_345, 1_234_567, u64::from(u32::MAX), u64::MAX] {
            let text = value.to_string();
            assert_eq!(count_digits(value), text.len());
            for extra in 0..4 {
                let mut place = vec![b'x'; text.len() + extra];
                write_digits(value, &mut place);
                assert_eq!(place, format!("{value:0>width$}", width = text.len() + extra).into_bytes());
            }
        }
        let mut place = [0; 3];
        write_digits(12_345, &mut place);
        assert_eq!(&place, b"345");
    }
}
