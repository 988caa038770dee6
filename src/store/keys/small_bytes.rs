//! A byte string that is stored in place while it is short. Most keys, counters and markers are short: finding one
//! takes one load from memory and no allocation.

use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use std::ops::Deref;

/// Bytes that are stored in place: as many as fit beside the length into the size of a box and a tag.
const IN_PLACE: usize = 22;

/// A byte string of any length.
pub struct SmallBytes(Form);

enum Form {
    InPlace {
        len: u8,
        bytes: [u8; IN_PLACE],
    },
    /// The last `spare` bytes are zeros that are no part of the string. A string that has grown has room up to the end of its
    /// size class, which takes no more memory.
    Boxed {
        spare: u32,
        bytes: Box<[u8]>,
    },
}

impl SmallBytes {
    /// Replaces the contents by `bytes`. Allocates nothing if the length stays the same.
    pub(in crate::store) fn set(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Form::Boxed { spare: 0, bytes: old } if old.len() == bytes.len() => old.copy_from_slice(bytes),
            _ => *self = bytes.into(),
        }
    }

    /// Writes `bytes` from `offset` on. Bytes missing before `offset` become zeros. O(bytes) if the string does not
    /// grow beyond its size class; otherwise it costs a reallocation.
    pub(in crate::store) fn patch(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if end > self.len() {
            self.grow(end);
        }
        let here = match &mut self.0 {
            Form::InPlace { bytes, .. } => &mut bytes[..],
            Form::Boxed { bytes, .. } => bytes,
        };
        here[offset..end].copy_from_slice(bytes);
    }

    /// Grows to `end` bytes, which must be more than it has. The new bytes are zeros.
    fn grow(&mut self, end: usize) {
        let room = allocation_bytes(end);
        let mut longer = match &mut self.0 {
            Form::InPlace { len, bytes } if end <= IN_PLACE => {
                bytes[usize::from(*len)..end].fill(0);
                *len = end as u8;
                return;
            }
            Form::Boxed { spare, bytes } if end <= bytes.len() => {
                *spare = (bytes.len() - end) as u32;
                return;
            }
            Form::InPlace { len, bytes } => {
                let mut longer = Vec::with_capacity(room);
                longer.extend_from_slice(&bytes[..usize::from(*len)]);
                longer
            }
            Form::Boxed { bytes, .. } => {
                let mut longer = std::mem::take(bytes).into_vec();
                longer.reserve_exact(room - longer.len());
                longer
            }
        };
        longer.resize(room, 0);
        self.0 = Form::Boxed { spare: (room - end) as u32, bytes: longer.into() };
    }

    /// The bytes of memory outside the struct itself.
    pub(in crate::store) fn heap_bytes(&self) -> usize {
        Self::heap_bytes_of(self.len())
    }

    /// The bytes of memory that a string of `len` bytes takes outside the struct.
    pub(in crate::store) fn heap_bytes_of(len: usize) -> usize {
        if len > IN_PLACE { allocation_bytes(len) } else { 0 }
    }

    /// Prefetches the first bytes if they are not stored in place.
    pub(in crate::store) fn prefetch_bytes(&self) {
        if let Form::Boxed { bytes, .. } = &self.0 {
            prefetch::few(bytes);
        }
    }

    /// Prefetches the byte at `offset`, or the last if there are fewer, if they are not stored in place.
    pub fn prefetch_byte(&self, offset: usize) {
        if let Form::Boxed { bytes, .. } = &self.0 {
            prefetch::line(bytes.as_ptr().wrapping_add(offset.min(self.len() - 1)));
        }
    }
}

impl Default for SmallBytes {
    fn default() -> Self {
        Self(Form::InPlace { len: 0, bytes: [0; IN_PLACE] })
    }
}

impl From<&[u8]> for SmallBytes {
    fn from(bytes: &[u8]) -> Self {
        if bytes.len() > IN_PLACE {
            return Self(Form::Boxed { spare: 0, bytes: bytes.into() });
        }
        let mut here = [0; IN_PLACE];
        here[..bytes.len()].copy_from_slice(bytes);
        Self(Form::InPlace { len: bytes.len() as u8, bytes: here })
    }
}

impl Deref for SmallBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::InPlace { len, bytes } => &bytes[..usize::from(*len)],
            Form::Boxed { spare, bytes } => &bytes[..bytes.len() - *spare as usize],
        }
    }
}

impl std::fmt::Debug for SmallBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_bytes_are_as_small_as_a_box_and_a_tag() {
        assert_eq!(size_of::<SmallBytes>(), 24);
        assert_eq!(size_of::<crate::store::Value>(), 24);
    }

    #[test]
    fn small_bytes_agree_with_a_vector_at_every_length() {
        for len in 0..60 {
            let text: Vec<u8> = (0..len).collect();
            let mut bytes = SmallBytes::from(&*text);
            assert_eq!(*bytes, *text);
            bytes.set(b"a string of thirty-three letters.");
            bytes.set(&text);
            assert_eq!(*bytes, *text);
            let mut twin = text.clone();
            for offset in [0, text.len() / 2, text.len(), text.len() + 3] {
                bytes.patch(offset, b"patch");
                twin.resize(twin.len().max(offset + 5), 0);
                twin[offset..offset + 5].copy_from_slice(b"patch");
                assert_eq!(*bytes, *twin);
            }
        }
    }

    #[test]
    fn a_string_that_grows_has_room_up_to_the_end_of_its_size_class() {
        let (mut bytes, mut twin) = (SmallBytes::default(), Vec::new());
        for byte in 0..=u8::MAX {
            // Behind a gap of zeros, whatever was there before.
            let gap = usize::from(byte % 3);
            bytes.patch(bytes.len() + gap, &[byte]);
            twin.resize(twin.len() + gap, 0);
            twin.push(byte);
            assert_eq!(*bytes, *twin);
            if let Form::Boxed { bytes: room, .. } = &bytes.0 {
                assert_eq!(room.len(), allocation_bytes(twin.len()));
            }
            if byte % 100 == 50 {
                bytes.set(b"shorter than before, but not in place");
                twin = bytes.to_vec();
            }
        }
    }
}
