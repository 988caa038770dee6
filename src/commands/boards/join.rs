//! GET patterns: values that the members of rows name, such as nicknames and avatars.
//!
//! The patterns are those of SORT. The values are read after the rows have been ranked, in holds of their own: a board's lock
//! is not kept while the locks of many other keys are waited for, so a row may show a value that is newer than its rank.
//! Patterns that name the same key, and differ in the field, look it up once.

use crate::commands::call::Cursor;
use crate::commands::call::error::CommandError;
use crate::commands::sort::pattern::{Pattern, text_of};
use crate::commands::spec::{KeyFlag, UnknownKeys};
use crate::limits;
use crate::resp::reply::Reply;
use crate::store::{DatabaseIndex, ShardIndex, Shards, Store};

/// What COMMAND INFO notes of the keys.
pub(in crate::commands) const GET_KEYS: UnknownKeys = UnknownKeys {
    note: "For the optional GET keyword. It is marked 'unknown' because the key names derive from the members of the rows",
    access: &[KeyFlag::Ro, KeyFlag::Access],
};

/// The GET patterns of a request, in their order.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct GetPatterns<'c>(Vec<Pattern<'c>>);

/// A form of the names of keys, and the columns of the patterns that have it, each with its field if the key is a hash.
struct KeyForm<'c> {
    before: &'c [u8],
    after: &'c [u8],
    columns: Vec<(usize, Option<&'c [u8]>)>,
}

impl<'c> GetPatterns<'c> {
    /// Takes `GET pattern`, if that comes next.
    ///
    /// # Errors
    /// A syntax error if there is no pattern.
    pub(in crate::commands) fn take(&mut self, cursor: &mut Cursor<'c>) -> Result<bool, CommandError> {
        let found = cursor.take_word("get");
        if found {
            self.0.push(Pattern::parse(cursor.required()?));
        }
        Ok(found)
    }

    /// The number of values of each row.
    pub(in crate::commands) fn columns(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no pattern.
    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the values of rows with these members. It holds the shards of the keys of [`limits::MEMBERS_PER_LOCK`] members
    /// at a time. O(members x patterns).
    pub(in crate::commands) fn read<'m>(
        &self,
        store: &Store,
        shards: &Shards<'_, '_>,
        database: DatabaseIndex,
        members: impl Iterator<Item = &'m [u8]>,
    ) -> JoinedValues {
        let members: Vec<&[u8]> = members.collect();
        let columns = self.columns();
        let mut values = JoinedValues::new(members.len(), columns);
        let forms = self.key_forms();
        let (mut names, mut ends) = (Vec::new(), Vec::new());
        for (step, members) in members.chunks(limits::MEMBERS_PER_LOCK).enumerate() {
            let first = step * limits::MEMBERS_PER_LOCK;
            for (column, _) in self.0.iter().enumerate().filter(|(_, pattern)| **pattern == Pattern::Element)
            {
                members.iter().enumerate().for_each(|(at, member)| values.set(first + at, column, member));
            }
            names.clear();
            ends.clear();
            for (form, member) in
                forms.iter().flat_map(|form| members.iter().map(move |member| (form, member)))
            {
                [form.before, member, form.after].iter().for_each(|part| names.extend_from_slice(part));
                ends.push(names.len());
            }
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let keys = starts.zip(&ends).map(|(start, end)| &names[start..*end]);
            let hold = shards.look(&shards_of(store, keys.clone()));
            let reader = hold.reader(database);
            let mut places = forms.iter().flat_map(|form| (0..members.len()).map(move |at| (form, at)));
            reader.each_value(keys, |value| {
                let (form, at) = places.next().expect("a value for each key that was asked for");
                for (column, field) in &form.columns {
                    text_of(value, *field, reader.expired_by_ms(), |text| {
                        text.into_iter().for_each(|text| values.set(first + at, *column, text));
                    });
                }
            });
        }
        values
    }

    fn key_forms(&self) -> Vec<KeyForm<'c>> {
        let mut forms: Vec<KeyForm<'c>> = Vec::new();
        for (column, pattern) in self.0.iter().enumerate() {
            let Pattern::Key { before, after, field } = *pattern else { continue };
            match forms.iter_mut().find(|form| (form.before, form.after) == (before, after)) {
                Some(form) => form.columns.push((column, field)),
                None => forms.push(KeyForm { before, after, columns: vec![(column, field)] }),
            }
        }
        forms
    }
}

/// The shards of `keys`, ascending.
fn shards_of<'k>(store: &Store, keys: impl Iterator<Item = &'k [u8]>) -> Vec<ShardIndex> {
    let mut are_wanted = vec![false; store.shard_count()];
    keys.for_each(|key| are_wanted[store.shard_of(key)] = true);
    (0..are_wanted.len()).filter(|shard| are_wanted[*shard]).collect()
}

/// The values of GET patterns for some rows.
#[derive(Debug)]
pub(in crate::commands) struct JoinedValues {
    bytes: Vec<u8>,
    /// Where each value is in `bytes`, row by row; `None` where there is none.
    spans: Vec<Option<(usize, u32)>>,
    columns: usize,
}

impl JoinedValues {
    fn new(rows: usize, columns: usize) -> Self {
        Self { bytes: Vec::new(), spans: vec![None; rows * columns], columns }
    }

    fn set(&mut self, row: usize, column: usize, value: &[u8]) {
        // A value came in a request, which is far shorter than 4 GiB (limits::MOST_BULK_BYTES).
        self.spans[row * self.columns + column] = Some((self.bytes.len(), value.len() as u32));
        self.bytes.extend_from_slice(value);
    }

    /// The number of values of each row.
    pub(in crate::commands) fn columns(&self) -> usize {
        self.columns
    }

    /// Writes the values of a row, nulls for those that are missing.
    pub(in crate::commands) fn write(&self, row: usize, reply: &mut Reply<'_>) {
        for span in &self.spans[row * self.columns..(row + 1) * self.columns] {
            match *span {
                Some((start, len)) => reply.bulk(&self.bytes[start..start + len as usize]),
                None => reply.null(),
            }
        }
    }

    /// The bytes of memory that the values take.
    pub(in crate::commands) fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.spans.capacity() * size_of::<Option<(usize, u32)>>()
    }
}
