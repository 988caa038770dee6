//! Sets: in one allocation while their members are few, and integers or short; a hash table beyond.

pub(in crate::store) mod change;
mod compact;
mod edit;
mod large;

use super::kinds::Element;
use super::kinds::{Kind, Value};
use super::stored::{Position, ReplayTarget, Stored, WalkOrder};
use super::words::Text;
use crate::config::{EventClasses, SetBounds};
use crate::machine::chance::Chance;
use crate::machine::heap::allocation_bytes;
use change::SetChange;
use compact::{Compact, Outgrown};
use large::HashedMembers;

/// A set of byte strings.
///
/// No larger than a boxed slice, so that a small set is one allocation and stands in its key's entry.
#[derive(Debug)]
pub struct Members(Form);

#[derive(Debug)]
enum Form {
    Compact(Compact),
    /// A set that has exceeded the bounds of the compact forms. It stays hashed.
    Hashed(Box<HashedMembers>),
}

/// How a set is kept. Redis has the same three ways, with the same bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetForm {
    /// Integers in ascending order.
    Integers,
    /// Members behind one another.
    Packed,
    /// A hash table.
    Hashed,
}

const _: () = assert!(size_of::<Members>() == 16);

impl Members {
    /// The set of `members`, which are added one after the other, and take the form that they take then. O(n); O(n^2) in
    /// the members of a packed set.
    pub fn of_members<'a>(members: impl Iterator<Item = Text<'a>>, bounds: SetBounds) -> Self {
        Self::default().with(members, bounds)
    }

    /// As [`Members::of_members`], but only all together may they be kept as integers.
    pub fn of_words<'a>(members: impl Iterator<Item = Text<'a>>, bounds: SetBounds) -> Self {
        let set = Self(Form::Compact(Compact::of_words())).with(members, bounds);
        let are_integers =
            set.len() <= bounds.intset_entries && set.iter().all(|member| matches!(member, Text::Integer(_)));
        if are_integers { Self::of_members(set.iter(), bounds) } else { set }
    }

    fn with<'a>(mut self, members: impl Iterator<Item = Text<'a>>, bounds: SetBounds) -> Self {
        let expected = members.size_hint().0;
        for member in members {
            if let Form::Compact(compact) = &mut self.0 {
                if compact.insert(member, bounds).is_ok() {
                    continue;
                }
                self.make_hashed(expected);
            }
            self.insert(member, bounds);
        }
        self
    }

    /// The number of members. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Compact(compact) => compact.len(),
            Form::Hashed(hashed) => hashed.len(),
        }
    }

    /// Whether there is no member. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the set is kept. O(1).
    #[must_use]
    pub fn form(&self) -> SetForm {
        match &self.0 {
            Form::Compact(compact) if compact.is_of_integers() => SetForm::Integers,
            Form::Compact(_) => SetForm::Packed,
            Form::Hashed(_) => SetForm::Hashed,
        }
    }

    /// Whether `member` is in the set. O(1); O(n) in the members of a packed set.
    #[must_use]
    pub fn contains(&self, member: &[u8]) -> bool {
        self.has(Text::of(member))
    }

    /// As [`Members::contains`], of a member of another set.
    #[must_use]
    pub fn has(&self, member: Text<'_>) -> bool {
        match &self.0 {
            Form::Compact(compact) => compact.contains(member),
            Form::Hashed(hashed) => hashed.contains(member),
        }
    }

    /// Starts loading where [`Members::has`] will look for `member`.
    pub fn prefetch_place(&self, member: Text<'_>) {
        if let Form::Hashed(hashed) = &self.0 {
            hashed.prefetch_place(member);
        }
    }

    /// Starts loading what [`Members::has`] will read for `member`. [`Members::prefetch_place`] came some time before.
    pub fn prefetch_member(&self, member: Text<'_>) {
        match &self.0 {
            Form::Compact(compact) => compact.prefetch(),
            Form::Hashed(hashed) => hashed.prefetch_bucket(member),
        }
    }

    /// Starts loading what [`Members::has`] will read for each of `members`.
    pub fn prefetch_members(&self, members: &[Text<'_>]) {
        match &self.0 {
            Form::Compact(compact) => compact.prefetch(),
            Form::Hashed(hashed) => hashed.prefetch_members(members),
        }
    }

    /// Adds `member`; returns whether it was new. O(1); O(n) in the members of a compact set.
    pub fn insert(&mut self, member: Text<'_>, bounds: SetBounds) -> bool {
        if let Form::Compact(compact) = &mut self.0 {
            match compact.insert(member, bounds) {
                Ok(is_new) => return is_new,
                Err(Outgrown) => self.make_hashed(0),
            }
        }
        match &mut self.0 {
            Form::Hashed(hashed) => hashed.insert(member),
            Form::Compact(_) => unreachable!("just made hashed"),
        }
    }

    /// Chooses the form for `members`, of which `first` is one, that are about to be added at once. As in Redis, the set
    /// takes its large form if these alone are too many for another, even if most of them are equal.
    pub fn expect(&mut self, first: Text<'_>, members: usize, bounds: SetBounds) {
        if let Form::Compact(compact) = &mut self.0
            && compact.begin(first, members, bounds).is_err()
        {
            // Without room for them: most of them may be equal.
            self.make_hashed(0);
        }
    }

    /// Removes `member`; returns whether it was in the set. O(1); O(n) in the members of a compact set.
    pub fn remove(&mut self, member: Text<'_>) -> bool {
        match &mut self.0 {
            Form::Compact(compact) => compact.remove(member),
            Form::Hashed(hashed) => hashed.remove(member),
        }
    }

    /// Visits about `count` members from `cursor` on and returns the next cursor, 0 at the end. A member that is in the
    /// set during the whole walk is visited at least once. A compact set is visited in one call.
    pub fn scan<'s>(&'s self, cursor: u64, count: usize, visit: impl FnMut(Text<'s>)) -> u64 {
        match &self.0 {
            Form::Compact(compact) => {
                // A cursor is from a hashed set that was at this key before. None of its members is left.
                if cursor == 0 {
                    compact.iter().for_each(visit);
                }
                0
            }
            Form::Hashed(hashed) => hashed.scan(cursor, count, visit),
        }
    }

    /// A member drawn at random, each as likely as any other; `None` if there is none. O(1) on average; O(n) in the members
    /// of a packed set.
    #[must_use]
    pub fn draw(&self, chance: &mut Chance) -> Option<Text<'_>> {
        match &self.0 {
            Form::Compact(compact) => compact.get(chance.below(compact.len().max(1) as u64) as usize),
            Form::Hashed(hashed) => hashed.draw(chance),
        }
    }

    /// Every member, in arbitrary order. O(n).
    pub fn iter(&self) -> impl Iterator<Item = Text<'_>> {
        let (compact, hashed) = match &self.0 {
            Form::Compact(compact) => (Some(compact.iter()), None),
            Form::Hashed(hashed) => (None, Some(hashed.iter())),
        };
        compact.into_iter().flatten().chain(hashed.into_iter().flatten())
    }

    /// Takes the large form, with room for `members` from the beginning.
    fn make_hashed(&mut self, members: usize) {
        self.0 = self.hashed(members);
    }

    /// The same members in the large form, with room for `members`.
    fn hashed(&self, members: usize) -> Form {
        let mut hashed = Box::new(HashedMembers::with_room(members));
        for member in self.iter() {
            hashed.insert(member);
        }
        Form::Hashed(hashed)
    }
}

impl Default for Members {
    fn default() -> Self {
        Self(Form::Compact(Compact::default()))
    }
}

impl Stored for Members {
    const KIND: Kind = Kind::Set;
    const EVENTS: EventClasses = EventClasses::SET;

    type Change<'a> = SetChange<'a>;

    fn with_seed(_: u64) -> Self {
        Self::default()
    }

    fn into_value(self) -> Value {
        Value::Set(self)
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

    /// O(samples + n / 1000).
    fn memory_bytes(&self, samples: usize) -> usize {
        match &self.0 {
            Form::Compact(compact) => compact.heap_bytes(),
            Form::Hashed(hashed) => {
                allocation_bytes(size_of::<HashedMembers>()) + hashed.memory_bytes(samples)
            }
        }
    }

    fn allocations(&self) -> usize {
        match &self.0 {
            Form::Compact(_) => 1,
            Form::Hashed(hashed) => hashed.allocations(),
        }
    }

    fn prefetch(&self) {
        match &self.0 {
            Form::Compact(compact) => compact.prefetch(),
            Form::Hashed(hashed) => hashed.prefetch(),
        }
    }

    fn apply<'a>(key: &mut dyn ReplayTarget, changes: impl Iterator<Item = SetChange<'a>> + Clone) -> usize {
        changes.for_each(|change| change.apply(key));
        0
    }

    /// In the same form, whatever the bounds are now, as in Redis. O(n).
    fn copy(&self) -> Value {
        Value::Set(match &self.0 {
            Form::Compact(compact) => Self(Form::Compact(compact.clone())),
            // Not the table itself: each has a seed of its own.
            Form::Hashed(_) => Self(self.hashed(self.len())),
        })
    }

    fn walk(
        &self,
        from: Option<&Position>,
        most: usize,
        _: WalkOrder,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position> {
        let (place, mut digits) = (Position::place(from)?, itoa::Buffer::new());
        Some(self.scan(place, most, |member| see(Element::Member(member.bytes(&mut digits)))))
            .filter(|&next| next != 0)
            .map(Position::Place)
    }
}

#[cfg(test)]
mod tests;
