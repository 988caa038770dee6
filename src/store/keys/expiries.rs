//! When keys expire: a note beside each entry, and the order in which the keys are to be looked at.
//!
//! A key that is used again and again is often given a new time to live each time. The order need not follow: a key's
//! place in it may be earlier than its expiry. When that place is due, the key gets a new one. So EXPIRE of a key that already
//! expires mostly writes eight bytes.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

/// When a key expires, and its place in the order: the next whole unit, or one before that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Expiry(NonZeroU64);

/// A key's place in [`Expiries`]: a time in unix milliseconds, and the key's hash.
pub(super) type ExpiryPlace = (u64, u64);

/// Milliseconds from one place in the order to the next. Keys that have expired are looked for every 100 ms.
const UNIT_MS: u64 = 64;

/// Bits for how many units the place is before the expiry: up to 37 hours. The other bits have the expiry.
const LEAD_BITS: u32 = 21;

const MOST_LEAD: u64 = (1 << LEAD_BITS) - 1;

/// Set for an expiry beyond the year 2109, which has all other bits for itself and no lead.
const IS_FAR: u64 = 1 << 63;

impl Expiry {
    /// Bytes that a note and a place take.
    pub(super) const BYTES: usize = size_of::<Option<Self>>() + size_of::<ExpiryPlace>() * 3 / 2;

    /// Expires at `at_ms` in unix milliseconds. Its place is the next whole unit. The epoch itself becomes the first
    /// millisecond after it; both are long past.
    pub(super) fn at(at_ms: u64) -> Self {
        let at_ms = at_ms.clamp(1, !IS_FAR);
        let near = at_ms << LEAD_BITS;
        let bits = if near >> LEAD_BITS == at_ms && near < IS_FAR { near } else { at_ms | IS_FAR };
        Self(NonZeroU64::new(bits).expect("not the epoch"))
    }

    /// Expires at `at_ms` instead, in the same place if that can be. If the place is too far before it, the new one is so
    /// that `at_ms` may still move by much in either direction.
    fn moved_to(self, at_ms: u64) -> Self {
        let moved = Self::at(at_ms);
        let is_near = self.is_near() && moved.is_near();
        let lead = moved.unit().checked_sub(self.place()).filter(|_| is_near).unwrap_or(0);
        Self(moved.0 | if lead <= MOST_LEAD { lead } else { MOST_LEAD / 2 })
    }

    fn is_near(self) -> bool {
        self.0.get() < IS_FAR
    }

    /// Unix milliseconds.
    pub(super) fn at_ms(self) -> u64 {
        let bits = self.0.get();
        if self.is_near() { bits >> LEAD_BITS } else { bits & !IS_FAR }
    }

    /// The first whole unit at or after it.
    fn unit(self) -> u64 {
        self.at_ms().div_ceil(UNIT_MS)
    }

    fn place(self) -> u64 {
        let lead = if self.is_near() { self.0.get() & MOST_LEAD } else { 0 };
        self.unit() - lead
    }

    /// The time of its place in the order, in unix milliseconds.
    pub(super) fn place_ms(self) -> u64 {
        self.place() * UNIT_MS
    }
}

/// The order in which the keys that expire are to be looked at, soonest first.
///
/// Two keys of one hash in one place, should there ever be such, count once: the second is removed when a command meets it.
#[derive(Debug, Default)]
pub(super) struct Expiries {
    order: BTreeSet<ExpiryPlace>,
    /// The sum of the times at which the keys expire, for their average.
    sum_ms: u128,
}

impl Expiries {
    /// The expiry of the key with this hash was `before` and is to be `at_ms`. Returns it as the key's new note. O(log n) if the
    /// place changes, else O(1).
    pub(super) fn change(&mut self, hash: u64, before: Option<Expiry>, at_ms: Option<u64>) -> Option<Expiry> {
        let after = at_ms.map(|at_ms| before.map_or(Expiry::at(at_ms), |before| before.moved_to(at_ms)));
        self.sum_ms += after.map_or(0, |after| u128::from(after.at_ms()));
        self.sum_ms -= before.map_or(0, |before| u128::from(before.at_ms()));
        let [old, new] = [before, after].map(|expiry| expiry.map(|expiry| (expiry.place_ms(), hash)));
        if old != new {
            old.inspect(|place| _ = self.order.remove(place));
            self.order.extend(new);
        }
        after
    }

    /// The first places in the order.
    pub(super) fn first(&self) -> impl Iterator<Item = ExpiryPlace> {
        self.order.iter().copied()
    }

    /// Gives up the first place.
    pub(super) fn give_up_first(&mut self) {
        self.order.pop_first();
    }

    /// Moves the first place to where `expiry`, its key's, is. Returns the key's new note.
    pub(super) fn move_first(&mut self, expiry: Expiry) -> Expiry {
        let moved = Expiry::at(expiry.at_ms());
        if let Some((_, hash)) = self.order.pop_first() {
            self.order.insert((moved.place_ms(), hash));
        }
        moved
    }

    /// The number of keys that expire.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The sum of the times at which they expire, in unix milliseconds.
    pub(super) fn sum_ms(&self) -> u128 {
        self.sum_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    #[test]
    fn an_expiry_keeps_its_place_while_it_is_not_much_later() {
        let (first, most) = (1_800_000_000_000, MOST_LEAD * UNIT_MS);
        let near = Expiry::at(first);
        assert_eq!((near.at_ms(), near.place_ms()), (first, first));
        let soon_after = Expiry::at(first + 1);
        assert_eq!((soon_after.at_ms(), soon_after.place_ms()), (first + 1, first + UNIT_MS));
        for later in [first + 1, first + UNIT_MS, first + most] {
            let moved = near.moved_to(later);
            assert_eq!((moved.at_ms(), moved.place_ms()), (later, first));
        }
        let beyond = near.moved_to(first + most + 1);
        assert_eq!(beyond.at_ms(), first + most + 1);
        let lead_ms = beyond.at_ms() - beyond.place_ms();
        assert!((most / 2 - 2 * UNIT_MS..most / 2).contains(&lead_ms), "{lead_ms}");
        let earlier = near.moved_to(first + most).moved_to(first - UNIT_MS);
        assert_eq!((earlier.at_ms(), earlier.place_ms()), (first - UNIT_MS, first - UNIT_MS));
    }

    #[test]
    fn expiries_at_the_ends_are_exact() {
        let last_near = (1 << (63 - LEAD_BITS)) - 1;
        let ends = [1, 2, last_near - 1, last_near, last_near + 1, i64::MAX as u64 - 1, i64::MAX as u64];
        for before in ends {
            for at_ms in ends {
                let moved = Expiry::at(before).moved_to(at_ms);
                assert_eq!(moved.at_ms(), at_ms);
                assert!(moved.place() <= at_ms.div_ceil(UNIT_MS));
                assert!(moved.place_ms() >= before.min(at_ms));
            }
        }
        assert_eq!(Expiry::at(0).at_ms(), 1);
        assert_eq!(Expiry::at(u64::MAX).at_ms(), i64::MAX as u64);
    }

    #[test]
    fn each_key_has_one_place_at_most_a_unit_behind_its_expiry() {
        let mut chance = Chance::seeded(7);
        let (mut expiries, mut notes) = (Expiries::default(), vec![None; 50]);
        for _ in 0..20_000 {
            let hash = chance.below(50);
            let at_ms = (chance.below(4) > 0).then(|| 1 + chance.below(3 * MOST_LEAD * UNIT_MS));
            let note = &mut notes[hash as usize];
            *note = expiries.change(hash, *note, at_ms);
            assert_eq!(note.map(Expiry::at_ms), at_ms);
            let due = expiries.first().next().filter(|_| chance.below(8) == 0);
            if let Some((_, hash)) = due {
                let note = notes[hash as usize].as_mut().expect("who has a place expires");
                *note = expiries.move_first(*note);
            }
        }
        let mut expected: Vec<ExpiryPlace> =
            (0..).zip(&notes).filter_map(|(hash, note)| note.map(|note| (note.place_ms(), hash))).collect();
        expected.sort_unstable();
        assert!(expiries.first().eq(expected));
        assert_eq!(expiries.sum_ms(), notes.iter().flatten().map(|note| u128::from(note.at_ms())).sum());
    }
}
