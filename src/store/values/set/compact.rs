//! The members of a small set in one allocation.
//!
//! The first byte says which of two forms follows:
//!
//! | first byte | what follows |
//! |---|---|
//! | 1 to 8 | integers in ascending order, as many bytes each, little endian; as few as hold all that ever came |
//! | 9 to 16 | the same with 8 bytes fewer each, of natural numbers: there is no bit for a sign |
//! | 0 | the number of members in four bytes, little endian; then each as a word ([`crate::store::values::words`]), in the order in which they came |
//!
//! A set without members has no bytes. The bounds, and when one form becomes the other, are Redis's.

use crate::config::SetBounds;
use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use crate::store::values::words::{self, PackedWord, Text, integer_bytes, integer_of, make_room, replace};

/// The first byte of the form that holds words.
const WORDS: u8 = 0;

/// Where the first integer is.
const INTEGERS_AT: usize = 1;

/// Where the first word is.
const WORDS_AT: usize = 5;

/// How the integers of a row are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    /// Bytes of each.
    width: usize,
    /// Whether there has been a negative one.
    is_signed: bool,
}

/// What the first byte of a row of natural numbers has more than their width.
const NATURAL: u8 = 8;

impl Row {
    fn of_head(head: u8) -> Option<Self> {
        let is_signed = head <= NATURAL;
        let width = usize::from(if is_signed { head } else { head - NATURAL });
        (head != WORDS).then_some(Self { width, is_signed })
    }

    fn head(self) -> u8 {
        self.width as u8 + if self.is_signed { 0 } else { NATURAL }
    }

    /// The narrowest row that holds `integer` and all that this one has held, the highest of which is `highest`.
    fn with(self, integer: i64, highest: Option<i64>) -> Self {
        let is_signed = self.is_signed || integer < 0;
        let width = match (is_signed, self.is_signed) {
            (false, _) => ((64 - integer.leading_zeros() as usize).div_ceil(8)).max(self.width),
            (true, true) => integer_bytes(integer).max(self.width),
            (true, false) => integer_bytes(integer).max(highest.map_or(1, integer_bytes)),
        };
        Self { width, is_signed }
    }

    fn integer(self, bytes: &[u8]) -> i64 {
        if self.is_signed {
            return integer_of(bytes);
        }
        let mut eight = [0; 8];
        eight[..bytes.len()].copy_from_slice(bytes);
        i64::from_le_bytes(eight)
    }

    fn texts<'b>(self, bytes: &'b [u8]) -> impl Iterator<Item = Text<'b>> {
        bytes.chunks_exact(self.width).map(move |bytes| Text::Integer(self.integer(bytes)))
    }
}

/// The members of a small set.
#[derive(Clone, Debug, Default)]
pub(super) struct Compact(Box<[u8]>);

/// The member is beyond the bounds: the set must take its large form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outgrown;

impl Compact {
    /// No members, in the form that holds words.
    pub(super) fn of_words() -> Self {
        Self(Box::new([WORDS; WORDS_AT]))
    }

    /// The number of members. O(1).
    pub(super) fn len(&self) -> usize {
        match self.row() {
            Some(row) => (self.0.len() - INTEGERS_AT) / row.width,
            None => self
                .0
                .get(1..)
                .and_then(<[u8]>::first_chunk)
                .map_or(0, |len| u32::from_le_bytes(*len) as usize),
        }
    }

    /// Whether it holds integers only, in the form for that.
    pub(super) fn is_of_integers(&self) -> bool {
        self.row().is_some()
    }

    /// O(log n) among integers, O(n) among words.
    pub(super) fn contains(&self, member: Text<'_>) -> bool {
        match (self.row(), member) {
            (Some(row), Text::Integer(integer)) => self.search(row, integer).is_ok(),
            (Some(_), Text::Bytes(_)) => false,
            (None, _) => self.find(&PackedWord::of(member)).is_some(),
        }
    }

    /// Adds `member`; returns whether it was new. O(n).
    pub(super) fn insert(&mut self, member: Text<'_>, bounds: SetBounds) -> Result<bool, Outgrown> {
        if self.0.is_empty() {
            self.begin(member, 1, bounds)?;
        }
        if let Some(row) = self.row() {
            if let Text::Integer(integer) = member {
                return self.insert_integer(row, integer, bounds);
            }
            self.become_words(row, bounds)?;
        }
        let word = PackedWord::of(member);
        if self.find(&word).is_some() {
            return Ok(false);
        }
        let len = self.len();
        if len >= bounds.listpack_entries || member.len() > bounds.listpack_value_bytes {
            return Err(Outgrown);
        }
        let end = self.0.len();
        replace(&mut self.0, end..end, &[word]);
        self.set_word_count(len + 1);
        Ok(true)
    }

    /// Chooses the form of a set that has no members yet, of which `first` will be one and `members` come at once. As in
    /// Redis, a set that has members outgrows its form if so many may come.
    pub(super) fn begin(
        &mut self,
        first: Text<'_>,
        members: usize,
        bounds: SetBounds,
    ) -> Result<(), Outgrown> {
        let suits_integers = members <= bounds.intset_entries;
        let suits_words = members <= bounds.listpack_entries;
        if !self.0.is_empty() {
            let suits = if self.is_of_integers() { suits_integers } else { suits_words };
            return if suits { Ok(()) } else { Err(Outgrown) };
        }
        if suits_integers && matches!(first, Text::Integer(_)) {
            self.0 = Box::new([Row { width: 1, is_signed: false }.head()]);
        } else if suits_words {
            *self = Self::of_words();
        } else {
            return Err(Outgrown);
        }
        Ok(())
    }

    /// Removes `member`; returns whether it was there. O(n).
    pub(super) fn remove(&mut self, member: Text<'_>) -> bool {
        match (self.row(), member) {
            (Some(row), Text::Integer(integer)) => {
                let Ok(index) = self.search(row, integer) else { return false };
                let at = INTEGERS_AT + index * row.width;
                make_room(&mut self.0, at..at + row.width, 0);
                true
            }
            (Some(_), Text::Bytes(_)) => false,
            (None, _) => {
                let Some(range) = self.find(&PackedWord::of(member)) else { return false };
                let len = self.len();
                replace(&mut self.0, range, &[]);
                self.set_word_count(len - 1);
                true
            }
        }
    }

    /// The member at `index`. O(1) among integers, O(n) among words.
    pub(super) fn get(&self, index: usize) -> Option<Text<'_>> {
        match self.row() {
            Some(row) => row.texts(&self.0[INTEGERS_AT..]).nth(index),
            None => self.words().nth(index),
        }
    }

    /// Every member, integers in ascending order, words in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = Text<'_>> {
        let integers = self.row().map(|row| row.texts(&self.0[INTEGERS_AT..]));
        let words = if integers.is_none() { Some(self.words()) } else { None };
        integers.into_iter().flatten().chain(words.into_iter().flatten())
    }

    /// Bytes of memory beside its own.
    pub(super) fn heap_bytes(&self) -> usize {
        allocation_bytes(self.0.len())
    }

    /// Starts loading the first cache line of it, and the line with the last of few members.
    pub(super) fn prefetch(&self) {
        prefetch::few(&self.0);
    }

    /// How the integers are stored; `None` if it holds words, or nothing.
    fn row(&self) -> Option<Row> {
        self.0.first().copied().and_then(Row::of_head)
    }

    fn words(&self) -> impl Iterator<Item = Text<'_>> {
        words::iter(self.0.get(WORDS_AT..).unwrap_or_default())
    }

    fn find(&self, word: &PackedWord<'_>) -> Option<std::ops::Range<usize>> {
        words::find(&self.0, WORDS_AT, word).0
    }

    fn set_word_count(&mut self, count: usize) {
        self.0[1..WORDS_AT].copy_from_slice(&(count as u32).to_le_bytes());
    }

    /// The place of `integer`, or where it would be.
    fn search(&self, row: Row, integer: i64) -> Result<usize, usize> {
        let (integers, width) = (&self.0[INTEGERS_AT..], row.width);
        let (mut low, mut high) = (0, integers.len() / width);
        while low < high {
            let middle = usize::midpoint(low, high);
            match row.integer(&integers[middle * width..(middle + 1) * width]).cmp(&integer) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    fn insert_integer(&mut self, row: Row, integer: i64, bounds: SetBounds) -> Result<bool, Outgrown> {
        let Err(index) = self.search(row, integer) else { return Ok(false) };
        let len = self.len();
        if len >= bounds.intset_entries {
            return Err(Outgrown);
        }
        let highest = len.checked_sub(1).and_then(|last| self.get(last)).and_then(Text::integer);
        let wanted = row.with(integer, highest);
        if wanted != row {
            let wider = self.iter().filter_map(Text::integer).flat_map(|integer| {
                let bytes = integer.to_le_bytes();
                bytes.into_iter().take(wanted.width)
            });
            self.0 = std::iter::once(wanted.head()).chain(wider).collect();
        }
        let at = INTEGERS_AT + index * wanted.width;
        make_room(&mut self.0, at..at, wanted.width);
        self.0[at..at + wanted.width].copy_from_slice(&integer.to_le_bytes()[..wanted.width]);
        Ok(true)
    }

    /// From integers to words, one of which will be added.
    fn become_words(&mut self, row: Row, bounds: SetBounds) -> Result<(), Outgrown> {
        let len = self.len();
        // In an ascending row the longest is at one of the ends.
        let ends = [self.get(0), self.get(len.saturating_sub(1))];
        let longest = ends.into_iter().flatten().map(Text::len).max().unwrap_or(0);
        if len >= bounds.listpack_entries || longest > bounds.listpack_value_bytes {
            return Err(Outgrown);
        }
        let words: Vec<_> = row.texts(&self.0[INTEGERS_AT..]).map(PackedWord::of).collect();
        let mut packed = Self::of_words();
        replace(&mut packed.0, WORDS_AT..WORDS_AT, &words);
        *self = packed;
        self.set_word_count(len);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;
    use std::collections::BTreeSet;

    fn of(members: &[&str]) -> Compact {
        let mut set = Compact::default();
        for member in members {
            set.insert(Text::of(member.as_bytes()), SetBounds::DEFAULT).unwrap();
        }
        set
    }

    #[test]
    fn integers_are_as_wide_as_the_widest() {
        assert_eq!(of(&["1", "2", "-3"]).0.len(), 1 + 3);
        assert_eq!(of(&["1", "2", "255"]).0.len(), 1 + 3);
        assert_eq!(of(&["1", "2", "256"]).0.len(), 1 + 3 * 2);
        assert_eq!(of(&["1", "2", "16777215"]).0.len(), 1 + 3 * 3);
        // A sign takes a bit of each.
        assert_eq!(of(&["-1", "128"]).0.len(), 1 + 2 * 2);
        assert_eq!(of(&["128", "-1"]).0.len(), 1 + 2 * 2);
        assert_eq!(of(&["127", "-1"]).0.len(), 1 + 2);
        assert_eq!(of(&["1", "-2147483649"]).0.len(), 1 + 2 * 5);
        let set = of(&["5", "-32769", "32767", "9223372036854775807", "-9223372036854775808", "0"]);
        let members: Vec<_> = set.iter().filter_map(Text::integer).collect();
        let natural = of(&["255", "65536", "0", "9223372036854775807"]);
        assert_eq!(natural.iter().filter_map(Text::integer).collect::<Vec<_>>(), [0, 255, 65_536, i64::MAX]);
        assert!(natural.contains(Text::Integer(65_536)) && !natural.contains(Text::Integer(-1)));
        assert_eq!(members, [i64::MIN, -32_769, 0, 5, 32_767, i64::MAX]);
    }

    #[test]
    fn integers_of_any_width_and_sign_agree_with_a_btree_set() {
        for seed in 0..300 {
            let mut chance = Chance::seeded(seed);
            let (mut set, mut expected) = (Compact::default(), BTreeSet::new());
            let (most_bits, negative) = (1 + chance.below(64), chance.below(4));
            for _ in 0..40 {
                let bits = chance.below(1 + most_bits) as u32;
                let drawn = (chance.next_u64() & !(u64::MAX.checked_shl(bits).unwrap_or(0))) >> 1;
                let integer = drawn.cast_signed() ^ if chance.below(4) < negative { -1 } else { 0 };
                if chance.below(4) == 0 {
                    assert_eq!(set.remove(Text::Integer(integer)), expected.remove(&integer), "seed {seed}");
                } else {
                    let is_new = set.insert(Text::Integer(integer), SetBounds::DEFAULT);
                    assert_eq!(is_new, Ok(expected.insert(integer)), "seed {seed}");
                }
                assert!(set.iter().filter_map(Text::integer).eq(expected.iter().copied()), "seed {seed}");
            }
        }
    }

    /// What is removed leaves nothing behind, and a set of words does not become one of integers again. As in Redis.
    #[test]
    fn words_stay_words() {
        let mut set = of(&["1", "300", "a"]);
        assert_eq!(set.0.len(), WORDS_AT + 1 + 3 + 2);
        assert!(set.remove(Text::of(b"a")) && !set.is_of_integers());
        assert_eq!((set.len(), set.0.len()), (2, WORDS_AT + 1 + 3));
        assert!(set.contains(Text::Integer(300)) && !set.contains(Text::Integer(301)));
    }

    #[test]
    fn the_bounds_are_redis_s() {
        let bounds = SetBounds { intset_entries: 3, listpack_entries: 4, listpack_value_bytes: 2 };
        let insert =
            |set: &mut Compact, member: &'static str| set.insert(Text::of(member.as_bytes()), bounds);
        let mut integers = of(&["1", "2", "3"]);
        assert_eq!(insert(&mut integers, "3"), Ok(false));
        assert_eq!(insert(&mut integers, "4"), Err(Outgrown));
        assert_eq!(insert(&mut integers, "a"), Ok(true));
        assert_eq!(insert(&mut integers, "b"), Err(Outgrown));
        assert_eq!(insert(&mut of(&["1", "200"]), "a"), Err(Outgrown));
        assert_eq!(insert(&mut of(&["a"]), "abc"), Err(Outgrown));
        assert_eq!(insert(&mut of(&["a"]), "123"), Err(Outgrown));
        assert_eq!(insert(&mut of(&["1"]), "123"), Ok(true));
        assert_eq!(Compact::default().begin(Text::Integer(1), 4, bounds), Ok(()));
        assert_eq!(Compact::default().begin(Text::Integer(1), 5, bounds), Err(Outgrown));
        assert_eq!(of(&["1"]).begin(Text::Integer(1), 4, bounds), Err(Outgrown));
        assert_eq!(of(&["a"]).begin(Text::Integer(1), 5, bounds), Err(Outgrown));
    }
}
