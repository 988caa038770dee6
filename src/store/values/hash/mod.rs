//! Hashes. A hash is packed while its fields are few and short; a larger one is a hash table. Both forms keep the
//! expiries of fields apart, and only if a field has one.
//!
//! [`Fields::at`] hides fields that have expired. They stay in the hash until they are removed
//! ([`crate::store::Store::remove_expired`]).

pub(in crate::store) mod change;
pub(in crate::store) mod edit;
mod large;
mod packed;
mod times;

use super::kinds::Element;
use super::kinds::{Kind, Value};
use super::stored::{Position, ReplayTarget, Stored, WalkOrder};
use super::words::Text;
use crate::config::EventClasses;
use crate::machine::chance::Chance;
use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use change::HashChange;
use large::Hashed;
use packed::{PackedFields, packed_word};
use times::Times;

/// A hash: fields, each with a value.
///
/// As small as a boxed slice, so that it fits into its key's entry and a small hash is one allocation.
#[derive(Debug)]
pub struct Fields(Form);

#[derive(Debug)]
enum Form {
    Packed(PackedFields),
    Other(Box<Other>),
}

/// A hash that is large, or of which a field has or had an expiry.
#[derive(Debug)]
struct Other {
    entries: Entries,
    times: Times,
}

#[derive(Debug)]
enum Entries {
    Packed(PackedFields),
    /// For a hash that has exceeded the limits of the packed form. It is not packed again when it shrinks.
    Hashed(Hashed),
}

const _: () = assert!(size_of::<Fields>() == 16);

impl Fields {
    /// The most fields that are kept packed.
    pub const PACKED: usize = packed::MOST_FIELDS;

    /// The number of fields, including expired ones. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        match self.entries() {
            Ok(packed) => packed.len(),
            Err(hashed) => hashed.len(),
        }
    }

    /// Whether there is no field. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the hash has exceeded the limits of the packed form. O(1).
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        self.entries().is_err()
    }

    /// Whether a field has an expiry, or had one. O(1).
    #[must_use]
    pub fn has_dated(&self) -> bool {
        match &self.0 {
            Form::Packed(_) => false,
            Form::Other(other) => matches!(other.entries, Entries::Packed(_)) || !other.times.is_empty(),
        }
    }

    /// The fields that have not expired by `expired_by_ms`.
    #[must_use]
    pub fn at(&self, expired_by_ms: u64) -> Living<'_> {
        Living { fields: self, expired_by_ms }
    }

    /// Every field with its value, including expired ones. O(n).
    pub fn iter(&self) -> impl Iterator<Item = (Text<'_>, Text<'_>)> {
        let (packed, hashed) = match self.entries() {
            Ok(packed) => (Some(packed.iter()), None),
            Err(hashed) => (None, Some(hashed.iter())),
        };
        packed.into_iter().flatten().chain(hashed.into_iter().flatten())
    }

    /// Visits about `count` fields from `cursor` on, and returns the next cursor, 0 at the end. A field that exists during
    /// the whole walk is visited at least once. One call visits all of a packed hash.
    pub fn scan<'s>(&'s self, cursor: u64, count: usize, mut visit: impl FnMut(Text<'s>, Text<'s>)) -> u64 {
        match self.entries() {
            Ok(packed) => {
                // Another cursor than 0 comes from a larger hash that was at this key before.
                if cursor == 0 {
                    packed.iter().for_each(|(field, value)| visit(field, value));
                }
                0
            }
            Err(hashed) => hashed.scan(cursor, count, visit),
        }
    }

    /// When `field` expires; `None` if it is missing or never expires.
    fn expiry(&self, field: &[u8]) -> Option<u64> {
        self.times().and_then(|times| times.of(field))
    }

    fn get(&self, field: &[u8]) -> Option<Text<'_>> {
        match self.entries() {
            Ok(packed) => packed.get(&packed_word(field)?),
            Err(hashed) => hashed.get(field).map(Text::Bytes),
        }
    }

    /// Sets `field`, removes its expiry, and returns whether it was new.
    fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.set_expiry(field, None);
        if let Some(packed) = self.packed_mut() {
            let words = packed_word(field).zip(packed_word(value));
            if let Some(is_new) = words.and_then(|(field, value)| packed.set(&field, &value)) {
                return is_new;
            }
            let mut hashed = Hashed::default();
            let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
            for (field, value) in packed.iter() {
                hashed.set(field.bytes(&mut one), value.bytes(&mut other));
            }
            self.other().entries = Entries::Hashed(hashed);
        }
        self.hashed_mut().expect("not packed").set(field, value)
    }

    /// Removes `field`; returns whether it was there.
    fn remove(&mut self, field: &[u8]) -> bool {
        self.set_expiry(field, None);
        match self.packed_mut() {
            Some(packed) => packed_word(field).is_some_and(|field| packed.remove(&field)),
            None => self.hashed_mut().is_some_and(|hashed| hashed.remove(field)),
        }
    }

    /// Makes `field`, which must exist, expire at `at_ms`, or never (`None`).
    fn set_expiry(&mut self, field: &[u8], at_ms: Option<u64>) {
        if at_ms.is_some() || self.expiry(field).is_some() {
            self.other().times.set(field, at_ms);
        }
    }

    /// A field that expires at or before `by_ms`.
    fn due(&self, by_ms: u64) -> Option<&[u8]> {
        self.times().and_then(|times| times.due(by_ms))
    }

    fn times(&self) -> Option<&Times> {
        match &self.0 {
            Form::Packed(_) => None,
            Form::Other(other) => Some(&other.times).filter(|times| !times.is_empty()),
        }
    }

    fn entries(&self) -> Result<&PackedFields, &Hashed> {
        match &self.0 {
            Form::Packed(packed) => Ok(packed),
            Form::Other(other) => match &other.entries {
                Entries::Packed(packed) => Ok(packed),
                Entries::Hashed(hashed) => Err(hashed),
            },
        }
    }

    fn packed_mut(&mut self) -> Option<&mut PackedFields> {
        match &mut self.0 {
            Form::Packed(packed) => Some(packed),
            Form::Other(other) => match &mut other.entries {
                Entries::Packed(packed) => Some(packed),
                Entries::Hashed(_) => None,
            },
        }
    }

    fn hashed_mut(&mut self) -> Option<&mut Hashed> {
        match &mut self.0 {
            Form::Other(other) => match &mut other.entries {
                Entries::Hashed(hashed) => Some(hashed),
                Entries::Packed(_) => None,
            },
            Form::Packed(_) => None,
        }
    }

    /// Converts the hash into the form that can be a table and have expiries.
    fn other(&mut self) -> &mut Other {
        if let Form::Packed(packed) = &mut self.0 {
            let entries = Entries::Packed(std::mem::take(packed));
            self.0 = Form::Other(Box::new(Other { entries, times: Times::default() }));
        }
        match &mut self.0 {
            Form::Other(other) => other,
            Form::Packed(_) => unreachable!("converted above"),
        }
    }
}

/// The fields of a hash that have not expired at a given time.
#[derive(Clone, Copy, Debug)]
pub struct Living<'f> {
    fields: &'f Fields,
    expired_by_ms: u64,
}

impl<'f> Living<'f> {
    /// The value of `field`. O(1), or O(n) in a packed hash.
    #[must_use]
    pub fn get(&self, field: &[u8]) -> Option<Text<'f>> {
        if self.has_expired(field) { None } else { self.fields.get(field) }
    }

    /// Whether `field` exists. Costs as much as [`Living::get`].
    #[must_use]
    pub fn contains(&self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// When `field` expires, in unix milliseconds: `Some(None)` for never, `None` if the field does not exist.
    #[must_use]
    pub fn expiry(&self, field: &[u8]) -> Option<Option<u64>> {
        self.get(field).map(|_| self.fields.expiry(field))
    }

    /// The number of fields. O(1), or O(n) while some expired fields have not been removed.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.are_all() { self.fields.len() } else { self.iter().count() }
    }

    /// Whether there is no field. Costs as much as [`Living::len`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every field with its value. O(n).
    pub fn iter(&self) -> impl Iterator<Item = (Text<'f>, Text<'f>)> + use<'f> {
        let (living, are_all) = (*self, self.are_all());
        self.fields.iter().filter(move |(field, _)| are_all || living.is_living(*field))
    }

    /// See [`Fields::scan`].
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Text<'f>, Text<'f>)) -> u64 {
        let are_all = self.are_all();
        self.fields.scan(cursor, count, |field, value| {
            if are_all || self.is_living(field) {
                visit(field, value);
            }
        })
    }

    /// A uniformly random field with its value. `None` if there is no field, and if a draw would have to visit all of them,
    /// because some have expired or the hash is packed.
    #[must_use]
    pub fn draw(&self, chance: &mut Chance) -> Option<(Text<'f>, Text<'f>)> {
        match self.fields.entries() {
            Err(hashed) if self.are_all() => hashed.draw(chance),
            _ => None,
        }
    }

    fn are_all(&self) -> bool {
        self.fields.due(self.expired_by_ms).is_none()
    }

    fn is_living(&self, field: Text<'_>) -> bool {
        !self.has_expired(field.bytes(&mut itoa::Buffer::new()))
    }

    fn has_expired(&self, field: &[u8]) -> bool {
        self.fields.expiry(field).is_some_and(|at_ms| at_ms <= self.expired_by_ms)
    }
}

impl Stored for Fields {
    const KIND: Kind = Kind::Hash;
    const EVENTS: EventClasses = EventClasses::HASH;

    type Change<'a> = HashChange<'a>;

    fn with_seed(_: u64) -> Self {
        Self(Form::Packed(PackedFields::default()))
    }

    fn into_value(self) -> Value {
        Value::Hash(self)
    }

    fn of(value: &Value) -> Option<&Self> {
        if let Value::Hash(fields) = value { Some(fields) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Hash(fields) = value { Some(fields) } else { None }
    }

    fn elements(&self) -> usize {
        self.len()
    }

    fn first_due_ms(&self) -> Option<u64> {
        self.times().and_then(Times::first_ms)
    }

    /// O(samples + n / 100).
    fn memory_bytes(&self, samples: usize) -> usize {
        let entries = match self.entries() {
            Ok(packed) => packed.heap_bytes(),
            Err(hashed) => hashed.memory_bytes(samples),
        };
        match &self.0 {
            Form::Packed(_) => entries,
            Form::Other(other) => {
                allocation_bytes(size_of::<Other>()) + entries + other.times.memory_bytes(samples)
            }
        }
    }

    fn allocations(&self) -> usize {
        match self.entries() {
            Ok(_) => 1 + 2 * self.times().map_or(0, Times::len),
            Err(hashed) => hashed.len() + 2 * self.times().map_or(0, Times::len),
        }
    }

    fn prefetch(&self) {
        match &self.0 {
            Form::Packed(packed) => packed.prefetch(),
            Form::Other(other) => prefetch::line(&raw const **other),
        }
    }

    fn apply<'a>(key: &mut dyn ReplayTarget, changes: impl Iterator<Item = HashChange<'a>> + Clone) -> usize {
        changes.for_each(|change| change.apply(key));
        0
    }

    fn copy(&self) -> Value {
        Value::Hash(Self(match &self.0 {
            Form::Packed(packed) => Form::Packed(packed.clone()),
            Form::Other(other) => {
                let entries = match &other.entries {
                    Entries::Packed(packed) => Entries::Packed(packed.clone()),
                    Entries::Hashed(hashed) => Entries::Hashed(hashed.copy()),
                };
                Form::Other(Box::new(Other { entries, times: other.times.clone() }))
            }
        }))
    }

    fn walk(
        &self,
        from: Option<&Position>,
        most: usize,
        _: WalkOrder,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position> {
        let place = Position::place(from)?;
        let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
        let next = self.scan(place, most, |field, value| {
            let field = field.bytes(&mut one);
            see(Element::Field(field, value.bytes(&mut other), self.expiry(field)));
        });
        Some(next).filter(|&next| next != 0).map(Position::Place)
    }
}

#[cfg(test)]
mod tests;
