//! Cursors as clients see them: enciphered places of a walk.
//!
//! A place is the first bits of a keyed hash. If cursors were plain places, a client could learn the hash of any name
//! that it adds. It could then choose names whose hashes begin alike, and fill one segment of a table with them. So a
//! cursor is a place under a keyed permutation. Only the process that made a cursor can turn it back into the place.

use crate::machine::chance::Secret;

/// Bits of a place and of a cursor. Every client can hold as many, even in a double.
pub(in crate::store) const BITS: u32 = 52;

const HALF_BITS: u32 = BITS / 2;
const HALF: u64 = (1 << HALF_BITS) - 1;

/// A Feistel network of a pseudo-random function is as good as a random permutation from four rounds on (Luby and
/// Rackoff, SIAM J. Comput. 1988), as long as an attacker sees fewer pairs than a half has values. The halves are short
/// here, so there are more rounds.
const ROUNDS: u64 = 8;

/// Turns places into cursors and back. The beginning is 0 in both, because clients begin and end with 0.
#[derive(Debug)]
pub struct CursorCode {
    secret: Secret,
}

impl CursorCode {
    pub(in crate::store) fn new() -> Self {
        Self { secret: Secret::from_system() }
    }

    /// The cursor that stands for `place`.
    #[must_use]
    pub fn cursor(&self, place: u64) -> u64 {
        debug_assert!(place >> BITS == 0);
        keeping_zero(place, |place| self.encipher(place))
    }

    /// The place that `cursor` stands for. A cursor of another process gives an arbitrary place, and an invalid cursor
    /// gives an arbitrary place or one beyond the end.
    #[must_use]
    pub fn place(&self, cursor: u64) -> u64 {
        if cursor >> BITS == 0 { keeping_zero(cursor, |cursor| self.decipher(cursor)) } else { cursor }
    }

    fn encipher(&self, place: u64) -> u64 {
        let halves = (place >> HALF_BITS, place & HALF);
        let (left, right) =
            (0..ROUNDS).fold(halves, |(left, right), round| (right, left ^ self.mixed(round, right)));
        left << HALF_BITS | right
    }

    fn decipher(&self, cursor: u64) -> u64 {
        let halves = (cursor >> HALF_BITS, cursor & HALF);
        let (left, right) =
            (0..ROUNDS).rev().fold(halves, |(left, right), round| (right ^ self.mixed(round, left), left));
        left << HALF_BITS | right
    }

    fn mixed(&self, round: u64, half: u64) -> u64 {
        self.secret.of(round << BITS | half) & HALF
    }
}

/// A permutation that maps 0 to 0. The value that `permute` maps to 0 becomes what `permute` makes of 0.
fn keeping_zero(value: u64, permute: impl Fn(u64) -> u64) -> u64 {
    if value == 0 {
        return 0;
    }
    match permute(value) {
        0 => permute(0),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;
    use std::collections::BTreeSet;

    fn places() -> impl Iterator<Item = u64> {
        let mut chance = Chance::from_system();
        let edges = [0, 1, HALF, HALF + 1, (1 << BITS) - 1];
        edges.into_iter().chain((0..2_000).map(move |_| chance.below(1 << BITS)))
    }

    #[test]
    fn a_cursor_decrypts_to_its_place() {
        let code = CursorCode::new();
        for place in places() {
            let cursor = code.cursor(place);
            assert!(cursor >> BITS == 0 && code.place(cursor) == place, "{place}");
            assert_eq!(cursor == 0, place == 0, "{place}");
        }
        for place in [1 << BITS, u64::MAX] {
            assert_eq!(code.place(place), place, "beyond every place");
        }
    }

    #[test]
    fn zero_stays_and_the_rest_is_permuted_all_the_same() {
        for turn in 0..7 {
            let permuted: BTreeSet<u64> =
                (0..7).map(|value| keeping_zero(value, |value| (value * 3 + turn) % 7)).collect();
            assert_eq!(permuted.len(), 7);
            assert_eq!(keeping_zero(0, |value| (value * 3 + turn) % 7), 0);
        }
    }

    /// SCAN's cursor was once the shard's number above 40 bits of the next key's hash.
    #[test]
    fn a_cursor_reveals_nothing_about_its_place() {
        let (code, other) = (CursorCode::new(), CursorCode::new());
        let (mut common, mut ascending, mut bits) = (0, 0, [0u32; BITS as usize]);
        let places: Vec<u64> = places().collect();
        for pair in places[1..].windows(2) {
            let cursors = [code.cursor(pair[0]), code.cursor(pair[1])];
            common += usize::from(cursors[0] == other.cursor(pair[0]));
            ascending += usize::from((pair[0] < pair[1]) == (cursors[0] < cursors[1]));
            let flipped = code.cursor(pair[0] ^ 1) ^ cursors[0];
            (0..BITS).for_each(|bit| bits[bit as usize] += (flipped >> bit & 1) as u32);
        }
        let total = places.len() - 2;
        assert_eq!(common, 0, "each process has its own");
        let about_half = |count: usize| count.abs_diff(total / 2) < total / 8;
        assert!(about_half(ascending), "the order of {ascending} of {total}");
        assert!(
            bits.iter().all(|&flips| about_half(flips as usize)),
            "one bit of a place: {bits:?} of {total}"
        );
    }
}
