//! The *sort key*: a ranking orders its members by it, and members with equal keys by their bytes.
//!
//! The structures are generic over the key. A key type has an order and compact encodings. A block chooses a *form* for its
//! keys. In a form each key is an unsigned number in the order of the keys, and all numbers have the same width. So a block
//! searches, moves and copies little-endian numbers without knowing their meaning.
//!
//! The key types are doubles ([`Score`]), 64-bit integers ([`Whole`]), and either of them with a second column
//! ([`Timed`]).

mod double;
mod timed;
mod whole;

use std::fmt::Debug;

pub use double::Score;
pub use timed::Timed;
pub use whole::Whole;

/// A sort key of rankings.
pub trait SortKey: Copy + Ord + Default + Debug + Send + Sync + 'static {
    /// The base of a form: numbers are differences from it.
    type Base: Copy + Default + Debug + Send + Sync;
    /// The number that encodes a key in a block.
    type Number: KeyNumber;
    /// A value that can be added to a key.
    type Increment: Copy + Debug;

    /// The narrowest form that has a number for each of these keys. They can be in any order.
    fn narrowest(keys: impl Iterator<Item = Self> + Clone) -> KeyForm<Self::Base>;

    /// The width in bytes of the numbers of a form, at most [`KeyNumber::BYTES`].
    fn bytes(widths: u8) -> usize;

    /// The number of this key, if the form has one.
    fn number(self, form: KeyForm<Self::Base>) -> Option<Self::Number>;

    /// The key of `number`, which must be a number of the form.
    fn of_number(number: Self::Number, form: KeyForm<Self::Base>) -> Self;

    /// The limit such that exactly the numbers of lower keys are below it.
    fn below(self, form: KeyForm<Self::Base>) -> Self::Number;

    /// The limit such that exactly the numbers of this key and of lower keys are below it. `None` if the limit does not fit
    /// into a number: all numbers are below it.
    fn up_to(self, form: KeyForm<Self::Base>) -> Option<Self::Number>;

    /// The sum of this key and `increment`. Only for prefetching: if there is no such key, it is an arbitrary one.
    fn plus(self, increment: Self::Increment) -> Self;
}

/// How a block encodes its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyForm<B> {
    /// The base of the numbers.
    pub base: B,
    /// The width of a number in bytes. For a key of two columns the low four bits have the width of the first column and the
    /// high four bits that of the second.
    pub widths: u8,
}

/// An unsigned integer that encodes a key.
pub trait KeyNumber: Copy + Ord + Debug + From<u64> + TryInto<u64> {
    /// The size of the integer type in bytes.
    const BYTES: usize;
    /// An array of [`Self::BYTES`] bytes.
    type Bytes: AsRef<[u8]>;

    /// The bytes, little endian.
    fn to_bytes(self) -> Self::Bytes;

    /// The number of `width` bytes at `at`. It reads [`Self::BYTES`] bytes and masks the rest.
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

    /// Checks each form and each key: the number gives the key back, numbers are in the order of the keys, and the limits
    /// separate lower keys from higher ones.
    pub(super) fn check_forms<K: SortKey>(keys: &[K], runs: &[&[K]]) {
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
