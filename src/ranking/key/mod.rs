//! What a ranking orders its members by before their bytes do: the *sort key*, which belongs to the board.
//!
//! A structure is generic over its key. What it asks of one is an order and a way to be written in few bytes: a block
//! has a *form* for its keys, and in a form each key is an unsigned number, of as many bytes for all of them, in the
//! order of the keys. So a block looks for, moves and copies little-endian numbers, and does not know what they mean.
//!
//! The kinds are doubles ([`Score`]), 64-bit integers ([`Whole`]), and either with a second column behind it
//! ([`Timed`]).

mod double;
mod timed;
mod whole;

use std::fmt::Debug;

pub use double::Score;
pub use timed::Timed;
pub use whole::Whole;

/// What members are ordered by before their bytes are compared.
pub trait SortKey: Copy + Ord + Default + Debug + Send + Sync + 'static {
    /// What the narrow forms of a block's keys are counted from.
    type Base: Copy + Default + Debug + Send + Sync;
    /// What stands for a key in a block.
    type Number: KeyNumber;
    /// What can be added to a key.
    type Increment: Copy + Debug;

    /// The form of the fewest bytes that has a number for each of these keys, in whatever order they come.
    fn narrowest(keys: impl Iterator<Item = Self> + Clone) -> KeyForm<Self::Base>;

    /// The bytes that a number of this form takes, at most as many as [`KeyNumber::BYTES`].
    fn bytes(widths: u8) -> usize;

    /// The number that stands for this key, if the form has one.
    fn number(self, form: KeyForm<Self::Base>) -> Option<Self::Number>;

    /// The key that `number` stands for. The form must have it.
    fn of_number(number: Self::Number, form: KeyForm<Self::Base>) -> Self;

    /// The limit that the numbers of all lower keys are below, and of no others.
    fn below(self, form: KeyForm<Self::Base>) -> Self::Number;

    /// The limit that the numbers of this key and all lower ones are below, and of no others. `None` if no number is so
    /// high: all are below it.
    fn up_to(self, form: KeyForm<Self::Base>) -> Option<Self::Number>;

    /// The key that this one becomes. Only for looking ahead: where there is no such key, it is any other.
    fn plus(self, increment: Self::Increment) -> Self;
}

/// How the keys of a block are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyForm<B> {
    /// What numbers are counted from.
    pub base: B,
    /// The bytes of a number; of a key of two columns, those of the first in the low four bits and those of the second
    /// in the high four.
    pub widths: u8,
}

/// An unsigned integer that stands for a key.
pub trait KeyNumber: Copy + Ord + Debug + From<u64> + TryInto<u64> {
    /// The bytes of the integer as such.
    const BYTES: usize;
    /// These.
    type Bytes: AsRef<[u8]>;

    /// The bytes, lowest first.
    fn to_bytes(self) -> Self::Bytes;

    /// The number of `width` bytes at `at`, of [`Self::BYTES`] bytes that are read.
    fn read(data: &[u8], at: usize, width: usize) -> Self;
}

macro_rules! key_number {
    ($integer:ty) => {
        impl KeyNumber for $integer {
            const BYTES: usize = size_of::<Self>();
            type Bytes = [u8; size_of::<Self>()];

            #[inline]
            fn to_bytes(self) -> Self::Bytes {
                self.to_le_bytes()
            }

            #[inline]
            fn read(data: &[u8], at: usize, width: usize) -> Self {
                if width == 0 {
                    return 0;
                }
                let bytes = data[at..at + Self::BYTES].try_into().expect("as many bytes as the integer has");
                Self::from_le_bytes(bytes) & (Self::MAX >> (Self::BITS as usize - 8 * width))
            }
        }
    };
}

key_number!(u64);
key_number!(u128);

/// The lowest and the highest of the keys.
fn ends<K: Copy + Ord>(mut keys: impl Iterator<Item = K>) -> Option<(K, K)> {
    let first = keys.next()?;
    Some(keys.fold((first, first), |(low, high), key| (low.min(key), high.max(key))))
}

/// The highest number of `width` bytes.
#[inline]
fn highest(width: u8) -> u64 {
    u64::MAX.checked_shr(u64::BITS - 8 * u32::from(width)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each form and each key: its number gives it back, numbers are in the order of keys, and the limits divide them.
    pub(super) fn holds_its_contract<K: SortKey>(keys: &[K], runs: &[&[K]]) {
        for run in runs {
            let form = K::narrowest(run.iter().copied());
            let bytes = K::bytes(form.widths);
            let written: Vec<(K, K::Number)> =
                keys.iter().filter_map(|&key| Some((key, key.number(form)?))).collect();
            assert!(run.iter().all(|own| own.number(form).is_some()), "{form:?} has all of {run:?}");
            for &(key, number) in &written {
                assert_eq!(K::of_number(number, form), key, "{form:?}");
                let le = number.to_bytes();
                assert!(le.as_ref()[bytes..].iter().all(|&byte| byte == 0), "{number:?} in {bytes} bytes");
                let mut data = le.as_ref()[..bytes].to_vec();
                data.extend([0xff; 16]);
                assert_eq!(K::Number::read(&data, 0, bytes), number);
                for &other in keys {
                    assert_eq!(number < other.below(form), key < other, "{form:?}: {key:?} < {other:?}");
                    let up_to = other.up_to(form).is_none_or(|limit| number < limit);
                    assert_eq!(up_to, key <= other, "{form:?}: {key:?} <= {other:?}");
                }
            }
        }
    }
}
