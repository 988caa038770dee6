//! Sets: packed while their members are few and short, otherwise a hash table.

pub(in crate::store) mod change;
mod edit;

use super::kinds::{Element, Kind, Value};
use super::stored::{Position, ReplayTarget, Stored, WalkOrder};
use crate::config::EventClasses;
use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use crate::store::keys::small_bytes::SmallBytes;
use crate::store::keys::table::Table;
use change::SetChange;
use foldhash::quality::FixedState;
use std::hash::BuildHasher;

/// Most members of a packed set, as in Redis (`set-max-listpack-entries`).
const PACKED_MEMBERS: u8 = Members::PACKED as u8;

/// Longest member of a packed set, in bytes, as in Redis (`set-max-listpack-value`). Its length fits into one byte.
const PACKED_MEMBER_BYTES: usize = 64;

/// A set of byte strings.
#[derive(Debug)]
pub struct Members {
    form: Form,
    hasher: FixedState,
}

#[derive(Debug)]
enum Form {
    /// Each member, with its length in one byte before it. A friend list of 100 ids takes little more memory than the
    /// ids.
    Packed { bytes: SmallBytes, len: u8 },
    /// A set that has exceeded the bounds of the packed form. It stays hashed.
    Hashed(Box<Table<Box<[u8]>>>),
}

impl Members {
    /// Most members of a packed set.
    pub const PACKED: usize = 128;

    /// The number of members. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Packed { len, .. } => usize::from(*len),
            Form::Hashed(table) => table.len(),
        }
    }

    /// Whether there is no member. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the set has ever exceeded the bounds of the packed form. O(1).
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        matches!(self.form, Form::Hashed(_))
    }

    /// Whether `member` is in the set. O(1).
    #[must_use]
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.form {
            Form::Packed { bytes, .. } => packed_position(bytes, member).is_some(),
            Form::Hashed(table) => {
                table.find(self.hasher.hash_one(member), |other| **other == *member).is_some()
            }
        }
    }

    /// Adds `member`; returns whether it was new. O(1).
    pub fn insert(&mut self, member: &[u8]) -> bool {
        if self.contains(member) {
            return false;
        }
        if let Form::Packed { bytes, len } = &mut self.form {
            if *len < PACKED_MEMBERS && member.len() <= PACKED_MEMBER_BYTES {
                bytes.extend(member.len() as u8, member);
                *len += 1;
                return true;
            }
            let mut table = Box::new(Table::default());
            packed_members(bytes).for_each(|member| insert_hashed(&mut table, &self.hasher, member));
            self.form = Form::Hashed(table);
        }
        if let Form::Hashed(table) = &mut self.form {
            insert_hashed(table, &self.hasher, member);
        }
        true
    }

    /// Removes `member`; returns whether it was in the set. O(1).
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.form {
            Form::Packed { bytes, len } => {
                let Some(position) = packed_position(bytes, member) else { return false };
                bytes.cut(position..position + 1 + member.len());
                *len -= 1;
                true
            }
            Form::Hashed(table) => {
                let (hasher, hash) = (&self.hasher, self.hasher.hash_one(member));
                let place = table.place(hash, |other| **other == *member);
                place.map(|place| table.remove_at(hash, place, |other| hasher.hash_one(&**other))).is_some()
            }
        }
    }

    /// Visits about `count` members from `cursor` on and returns the next cursor, 0 at the end. A member that is in the
    /// set during the whole walk is visited at least once. A packed set is visited in one call.
    pub fn scan<'s>(&'s self, cursor: u64, count: usize, mut visit: impl FnMut(&'s [u8])) -> u64 {
        match &self.form {
            Form::Packed { bytes, .. } => {
                // The cursor is from a hashed set that was at this key before. None of its members is left.
                if cursor == 0 {
                    packed_members(bytes).for_each(visit);
                }
                0
            }
            Form::Hashed(table) => table.scan(
                cursor,
                count,
                |member| self.hasher.hash_one(&**member),
                |member, ()| visit(member),
            ),
        }
    }

    /// Visits every member. O(n).
    pub fn for_each<'s>(&'s self, visit: impl FnMut(&'s [u8])) {
        self.iter().for_each(visit);
    }

    /// Every member, in arbitrary order. O(n).
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let (packed, hashed) = match &self.form {
            Form::Packed { bytes, .. } => (Some(packed_members(bytes)), None),
            Form::Hashed(table) => (None, Some(table.iter())),
        };
        packed.into_iter().flatten().chain(hashed.into_iter().flatten().map(|member| &**member))
    }
}

impl Stored for Members {
    const KIND: Kind = Kind::Set;
    const EVENTS: EventClasses = EventClasses::SET;

    type Change<'a> = SetChange<'a>;

    fn with_seed(seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        Self { form: Form::Packed { bytes: SmallBytes::default(), len: 0 }, hasher }
    }

    fn into_value(self) -> Value {
        Value::Set(Box::new(self))
    }

    fn of(value: &Value) -> Option<&Self> {
        if let Value::Set(members) = value { Some(members) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Set(members) = value { Some(members) } else { None }
    }

    fn elements(&self) -> usize {
        self.len()
    }

    /// O(samples + n / 100).
    fn memory_bytes(&self, samples: usize) -> usize {
        let content = match &self.form {
            Form::Packed { bytes, .. } => bytes.heap_bytes(),
            Form::Hashed(table) => {
                let (mut sampled, mut bytes) = (0, 0);
                for member in table.iter().take(samples.max(1)) {
                    sampled += 1;
                    bytes += allocation_bytes(member.len());
                }
                table.memory_bytes() + bytes * table.len() / sampled.max(1)
            }
        };
        allocation_bytes(size_of::<Self>()) + content
    }

    fn allocations(&self) -> usize {
        match &self.form {
            Form::Packed { .. } => 1,
            Form::Hashed(table) => table.len(),
        }
    }

    fn prefetch(&self) {
        prefetch::line(&raw const *self);
    }

    fn apply<'a>(key: &mut dyn ReplayTarget, changes: impl Iterator<Item = SetChange<'a>> + Clone) -> usize {
        changes.for_each(|change| change.apply(key));
        0
    }

    fn walk(
        &self,
        from: Option<&Position>,
        most: usize,
        _: WalkOrder,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position> {
        let place = Position::place(from)?;
        Some(self.scan(place, most, |member| see(Element::Member(member))))
            .filter(|&next| next != 0)
            .map(Position::Place)
    }
}

fn insert_hashed(table: &mut Table<Box<[u8]>>, hasher: &FixedState, member: &[u8]) {
    table.insert(hasher.hash_one(member), member.into(), |member| hasher.hash_one(&**member));
}

fn packed_members(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (&len, tail) = rest.split_first()?;
        let (member, tail) = tail.split_at(usize::from(len));
        rest = tail;
        Some(member)
    })
}

/// The position of `member`'s length byte.
fn packed_position(bytes: &[u8], member: &[u8]) -> Option<usize> {
    let mut position = 0;
    for other in packed_members(bytes) {
        if other == member {
            return Some(position);
        }
        position += 1 + other.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;
    use std::collections::BTreeSet;

    #[test]
    fn agrees_with_a_btree_set_in_both_forms() {
        for (names, length) in [(40u64, 3), (600, 3), (40, 90)] {
            let (mut members, mut twin) = (Members::with_seed(1), BTreeSet::new());
            let mut chance = Chance::seeded(names);
            for _ in 0..4000 {
                let name = format!("{:>length$}", chance.below(names)).into_bytes();
                if chance.below(3) == 0 {
                    assert_eq!(members.remove(&name), twin.remove(&name));
                } else {
                    assert_eq!(members.insert(&name), twin.insert(name.clone()));
                }
                assert_eq!(members.contains(&name), twin.contains(&name));
                assert_eq!(members.len(), twin.len());
            }
            let mut all = BTreeSet::new();
            members.for_each(|member| assert!(all.insert(member.to_vec())));
            assert_eq!(all, twin);
        }
    }
}
