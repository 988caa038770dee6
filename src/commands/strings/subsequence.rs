//! The longest common subsequence of two byte strings.
//!
//! Redis fills a table of `a.len()` times `b.len()` numbers. Here a row of that table is a row of bits, which say where
//! its number grows by one (each next number is the same or one more), and a row follows from the one above by a few
//! operations on 64 places at a time (Crochemore, Iliopoulos, Pinzon and Reid, 2001). The bits are all that the way back
//! needs, so it meets the very choices that Redis makes.

/// Bytes of `a` and of `b` that are the same, each row of neighbours as (start in `a`, start in `b`, length).
pub(super) type Match = (usize, usize, usize);

/// Where the numbers of one row of the table do *not* grow, as bits: the lowest of the first word is the first place.
struct Row(Vec<u64>);

/// For each byte of `a`, where it stands in `b`. There are no more masks than bytes in `a`: a short one with a very long
/// `b` takes no more memory than the table's bound allows.
struct Places {
    /// For each byte, which of `masks` is its own; 0 for a byte that is not in `a`.
    numbers: [usize; 256],
    masks: Vec<Vec<u64>>,
}

impl Places {
    fn of(a: &[u8], b: &[u8]) -> Self {
        let words = b.len().div_ceil(64);
        let mut places = Self { numbers: [0; 256], masks: vec![vec![0; words]] };
        for byte in a {
            let number = &mut places.numbers[usize::from(*byte)];
            if *number == 0 {
                *number = places.masks.len();
                places.masks.push(vec![0; words]);
            }
        }
        for (place, byte) in b.iter().enumerate() {
            // The first mask gathers bytes that are not in `a`. It is never read.
            places.masks[places.numbers[usize::from(*byte)]][place / 64] |= 1 << (place % 64);
        }
        places
    }

    fn mask(&self, byte: u8) -> &[u64] {
        &self.masks[self.numbers[usize::from(byte)]]
    }
}

impl Row {
    /// The row above the first: nothing grows.
    fn first(len: usize) -> Self {
        Self(vec![u64::MAX; len.div_ceil(64)])
    }

    /// The row of the next byte of `a`, which stands in `b` where `mask` says.
    fn advance(&mut self, mask: &[u64]) {
        let mut carry = false;
        for (word, mask) in self.0.iter_mut().zip(mask) {
            let common = *word & mask;
            let (sum, first) = word.overflowing_add(common);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            carry = first || second;
            *word = sum | (*word & !mask);
        }
    }

    fn grows_at(words: &[u64], place: usize) -> bool {
        words[place / 64] >> (place % 64) & 1 == 0
    }

    /// The last number of the row.
    fn length(&self, len: usize) -> usize {
        (0..len).filter(|place| Self::grows_at(&self.0, *place)).count()
    }
}

/// The length of the longest common subsequence. O(a b / 64) time, O(b) memory.
pub(super) fn length(a: &[u8], b: &[u8]) -> usize {
    let places = Places::of(a, b);
    let mut row = Row::first(b.len());
    a.iter().for_each(|byte| row.advance(places.mask(*byte)));
    row.length(b.len())
}

/// The longest common subsequence that Redis finds, last part first: each part is as long as it can be. O(a b / 64) time,
/// O(a b / 8) memory.
pub(super) fn matches(a: &[u8], b: &[u8]) -> Vec<Match> {
    let places = Places::of(a, b);
    let mut row = Row::first(b.len());
    let width = row.0.len();
    let mut rows = Vec::with_capacity(a.len() * width);
    for byte in a {
        row.advance(places.mask(*byte));
        rows.extend_from_slice(&row.0);
    }
    let mut found: Vec<Match> = Vec::new();
    let mut is_open = false;
    let (mut i, mut j) = (a.len(), b.len());
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            (i, j) = (i - 1, j - 1);
            match found.last_mut() {
                Some((start_a, start_b, len)) if is_open => (*start_a, *start_b, *len) = (i, j, *len + 1),
                _ => found.push((i, j, 1)),
            }
            is_open = true;
        } else {
            is_open = false;
            // Where the number grows from the left, the one above is larger than that on the left.
            if Row::grows_at(&rows[(i - 1) * width..i * width], j - 1) { i -= 1 } else { j -= 1 }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    /// The table as it is in textbooks, and the way back through it.
    fn by_table(a: &[u8], b: &[u8]) -> (usize, Vec<u8>) {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for (i, j) in (1..=a.len()).flat_map(|i| (1..=b.len()).map(move |j| (i, j))) {
            table[i][j] = if a[i - 1] == b[j - 1] {
                table[i - 1][j - 1] + 1
            } else {
                table[i - 1][j].max(table[i][j - 1])
            };
        }
        let (mut i, mut j, mut common) = (a.len(), b.len(), Vec::new());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                common.push(a[i - 1]);
                (i, j) = (i - 1, j - 1);
            } else if table[i - 1][j] > table[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        common.reverse();
        (table[a.len()][b.len()], common)
    }

    #[test]
    fn the_bit_method_agrees_with_the_table() {
        let mut chance = Chance::seeded(1);
        let mut text = |letters: u64| -> Vec<u8> {
            let len = chance.below(200);
            (0..len).map(|_| b'a' + chance.below(letters) as u8).collect()
        };
        for letters in [1, 2, 3, 20].into_iter().cycle().take(200) {
            let (a, b) = (text(letters), text(letters));
            let (expected, common) = by_table(&a, &b);
            let found = matches(&a, &b);
            let joined: Vec<u8> =
                found.iter().rev().flat_map(|(at, _, len)| &a[*at..at + len]).copied().collect();
            assert_eq!(length(&a, &b), expected);
            assert_eq!(joined, common);
            assert!(found.iter().all(|(i, j, len)| a[*i..i + len] == b[*j..j + len]));
        }
    }
}
