//! Counts and finds bits by machine words.

use std::ops::RangeInclusive;

/// The bytes of a word.
const WORD: usize = size_of::<u64>();

/// The words that are added up before one population count.
const GROUP: usize = 8;

/// The number of set bits.
pub(super) fn count(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<WORD>();
    let (groups, few) = words.as_chunks::<GROUP>();
    let ones = |word: u64| u64::from(word.count_ones());
    // The Harley-Seal method: three words hold sums of ones, twos and fours for each bit position and are carried from group
    // to group. Only the carries out of the fours are counted, one population count for eight words.
    let (mut one, mut two, mut four, mut eights) = (0, 0, 0, 0);
    for group in groups {
        let word = group.map(u64::from_ne_bytes);
        let (sum, twos_a) = add(one, word[0], word[1]);
        let (sum, twos_b) = add(sum, word[2], word[3]);
        let (twos, fours_a) = add(two, twos_a, twos_b);
        let (sum, twos_a) = add(sum, word[4], word[5]);
        let (sum, twos_b) = add(sum, word[6], word[7]);
        let (twos, fours_b) = add(twos, twos_a, twos_b);
        let (fours, eight) = add(four, fours_a, fours_b);
        (one, two, four) = (sum, twos, fours);
        eights += ones(eight);
    }
    let carried = 8 * eights + 4 * ones(four) + 2 * ones(two) + ones(one);
    let few: u64 = few.iter().map(|word| ones(u64::from_ne_bytes(*word))).sum();
    carried + few + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// Adds three words bit by bit: returns the low bits and the high bits (carries) of the sums.
fn add(a: u64, b: u64, c: u64) -> (u64, u64) {
    let either = a ^ b;
    (either ^ c, (a & b) | (either & c))
}

/// The number of set bits in `span`, which must be within `bytes`.
pub(super) fn count_within(bytes: &[u8], span: &RangeInclusive<usize>) -> u64 {
    let (first, last) = (span.start() / 8, span.end() / 8);
    let before = bytes[first] & !(0xff >> (span.start() % 8));
    let behind = bytes[last] & (0x7f >> (span.end() % 8));
    count(&bytes[first..=last]) - u64::from(before.count_ones() + behind.count_ones())
}

/// The first bit in `span` that is `wanted`. `span` must be within `bytes`.
pub(super) fn find_within(bytes: &[u8], wanted: bool, span: &RangeInclusive<usize>) -> Option<usize> {
    // A byte without a wanted bit.
    let skipped = if wanted { 0x00 } else { 0xff };
    let start = span.start() / 8;
    let mask = 0xff >> (span.start() % 8);
    let byte = (bytes[start] ^ skipped) & mask;
    let place = if byte != 0 {
        8 * start + byte.leading_zeros() as usize
    } else {
        let from = start + 1;
        let (words, _) = bytes[from..=span.end() / 8].as_chunks::<WORD>();
        let whole = words.iter().position(|word| *word != [skipped; WORD]).unwrap_or(words.len());
        let from = from + WORD * whole;
        let at = from + bytes[from..=span.end() / 8].iter().position(|byte| *byte != skipped)?;
        8 * at + (bytes[at] ^ skipped).leading_zeros() as usize
    };
    span.contains(&place).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    #[test]
    fn counting_and_finding_by_words_agrees_with_single_bits() {
        let mut chance = Chance::seeded(7);
        for len in (1..200).chain([1_000, 5_000]) {
            let kind = chance.below(4);
            let bytes: Vec<u8> = (0..len)
                .map(|_| match kind {
                    0 => 0,
                    1 => 0xff,
                    2 if chance.below(50) > 0 => 0,
                    _ => chance.below(256) as u8,
                })
                .collect();
            let bit = |place: usize| bytes[place / 8] >> (7 - place % 8) & 1 == 1;
            assert_eq!(count(&bytes), (0..8 * len).filter(|place| bit(*place)).count() as u64);
            for _ in 0..20 {
                let start = chance.below(8 * len as u64) as usize;
                let span = start..=start + chance.below((8 * len - start) as u64) as usize;
                let set = span.clone().filter(|place| bit(*place)).count();
                assert_eq!(count_within(&bytes, &span), set as u64);
                for wanted in [false, true] {
                    let expected = span.clone().find(|place| bit(*place) == wanted);
                    assert_eq!(find_within(&bytes, wanted, &span), expected, "{wanted} in {span:?}");
                }
            }
        }
    }
}
