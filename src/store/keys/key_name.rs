//! A key's name, and the mark of its last use beside it.

use super::uses::UseMark;
use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use std::ops::Deref;

/// Longest name that is stored in place: finding such a key loads only its entry. The mark takes the other four bytes of
/// those that fit into half a cache line with the length and a tag.
const IN_PLACE: usize = 26;

/// The name of a key, and its mark. The mark is within the name, because a field of its own would take eight bytes.
pub(super) struct KeyName(Form);

enum Form {
    InPlace { mark: UseMark, len: u8, bytes: [u8; IN_PLACE] },
    Boxed { mark: UseMark, bytes: Box<[u8]> },
}

const _: () = assert!(size_of::<KeyName>() == 32);

impl KeyName {
    pub(super) fn new(name: &[u8], mark: UseMark) -> Self {
        if name.len() > IN_PLACE {
            return Self(Form::Boxed { mark, bytes: name.into() });
        }
        let mut bytes = [0; IN_PLACE];
        bytes[..name.len()].copy_from_slice(name);
        Self(Form::InPlace { mark, len: name.len() as u8, bytes })
    }

    pub(super) fn mark(&self) -> &UseMark {
        match &self.0 {
            Form::InPlace { mark, .. } | Form::Boxed { mark, .. } => mark,
        }
    }

    /// The bytes of memory that a name of `len` bytes takes outside its entry.
    pub(super) fn heap_bytes_of(len: usize) -> usize {
        if len > IN_PLACE { allocation_bytes(len) } else { 0 }
    }

    /// Prefetches the bytes of a name that is not in place.
    pub(super) fn prefetch_bytes(&self) {
        if let Form::Boxed { bytes, .. } = &self.0 {
            prefetch::line(bytes.as_ptr());
        }
    }
}

impl Deref for KeyName {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::InPlace { len, bytes, .. } => &bytes[..usize::from(*len)],
            Form::Boxed { bytes, .. } => bytes,
        }
    }
}

impl std::fmt::Debug for KeyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_length_is_kept_with_its_mark() {
        for len in 0..60u8 {
            let text: Vec<u8> = (0..len).collect();
            let name = KeyName::new(&text, UseMark::of(u32::from(len)));
            assert_eq!((&*name, name.mark().get()), (&*text, u32::from(len)));
            let is_in_place = KeyName::heap_bytes_of(text.len()) == 0;
            assert_eq!(is_in_place, matches!(name.0, Form::InPlace { .. }));
        }
    }
}
