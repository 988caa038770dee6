//! When keys expire: a note beside each entry, and the order in which the keys are to be looked at.
//!
//! A key that is used again and again is often given the same time to live each time. The order need not follow: a key's
//! place in it may be earlier than its expiry. When that place is due, the key gets a new one. So EXPIRE of a key that already
//! expires mostly writes eight bytes.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

/// When a key expires, and its place in the order: the same moment or one shortly before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Expiry(NonZeroU64);

/// A key's place in [`Expiries`]: a time in unix milliseconds, and the key's hash.
pub(super) type ExpiryPlace = (u64, u64);

/// Bits for how many milliseconds the place is before the expiry: up to 17 minutes. The other bits have the expiry.
const LEAD_BITS: u32 = 20;

/// Set for an expiry beyond the year 2248, which has all other bits for itself and is its place.
const IS_FAR: u64 = 1 << 63;

impl Expiry {
    /// Bytes that a note and a place take.
    pub(super) const BYTES: usize = size_of::<Option<Self>>() + size_of::<ExpiryPlace>() * 3 / 2;

    /// Expires at `at_ms` in unix milliseconds, which is its place too. The epoch itself becomes the first millisecond after
    /// it; both are long past.
    pub(super) fn at(at_ms: u64) -> Self {
        let at_ms = at_ms.clamp(1, !IS_FAR);
        let near = at_ms << LEAD_BITS;
        let bits = if near >> LEAD_BITS == at_ms && near < IS_FAR { near } else { at_ms | IS_FAR };
        Self(NonZeroU64::new(bits).expect("not the epoch"))
    }

    /// Expires at `at_ms` instead, in the same place if that can be.
    fn moved_to(self, at_ms: u64) -> Self {
        let moved = Self::at(at_ms);
        let lead = moved.at_ms().checked_sub(self.place_ms()).filter(|lead| *lead < 1 << LEAD_BITS);
        let is_near = (self.0.get() | moved.0.get()) < IS_FAR;
        lead.filter(|_| is_near).map_or(moved, |lead| Self(moved.0 | lead))
    }

    /// Unix milliseconds.
    pub(super) fn at_ms(self) -> u64 {
        let bits = self.0.get();
        if bits < IS_FAR { bits >> LEAD_BITS } else { bits & !IS_FAR }
    }

    /// The time of its place in the order, in unix milliseconds.
    pub(super) fn place_ms(self) -> u64 {
        let bits = self.0.get();
        if bits < IS_FAR { (bits >> LEAD_BITS) - (bits & ((1 << LEAD_BITS) - 1)) } else { bits & !IS_FAR }
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
    fn an_expiry_keeps_its_place_while_it_is_a_little_later() {
        let (first, lead) = (1_800_000_000_000, 1 << LEAD_BITS);
        let near = Expiry::at(first);
        assert_eq!((near.at_ms(), near.place_ms()), (first, first));
        for (later, place) in [(first + 1, first), (first + lead - 1, first), (first + lead, first + lead)] {
            let moved = near.moved_to(later);
            assert_eq!((moved.at_ms(), moved.place_ms()), (later, place));
        }
        let earlier = near.moved_to(first + 500).moved_to(first - 1);
        assert_eq!((earlier.at_ms(), earlier.place_ms()), (first - 1, first - 1));
    }

    #[test]
    fn expiries_at_the_ends_are_exact() {
        let last_near = (1 << (63 - LEAD_BITS)) - 1;
        let ends = [1, 2, last_near - 1, last_near, last_near + 1, i64::MAX as u64 - 1, i64::MAX as u64];
        for before in ends {
            for at_ms in ends {
                let moved = Expiry::at(before).moved_to(at_ms);
                assert_eq!(moved.at_ms(), at_ms);
                assert!(moved.place_ms() <= at_ms && moved.place_ms() >= before.min(at_ms));
            }
        }
        assert_eq!(Expiry::at(0).at_ms(), 1);
        assert_eq!(Expiry::at(u64::MAX).at_ms(), i64::MAX as u64);
    }

    #[test]
    fn each_key_has_one_place_at_or_before_its_expiry() {
        let mut chance = Chance::seeded(7);
        let (mut expiries, mut notes) = (Expiries::default(), vec![None; 50]);
        for _ in 0..20_000 {
            let hash = chance.below(50);
            let at_ms = (chance.below(4) > 0).then(|| 1 + chance.below(3 << LEAD_BITS));
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
