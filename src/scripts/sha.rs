//! Tables of scripts by their digest, which is its own hash.

use crate::text::sha1::SHA1_BYTES;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The SHA-1 of a script's text, by which EVALSHA names it.
pub type Sha = [u8; SHA1_BYTES];

/// A table by digest. Digests with the same first eight bytes take 2^32 attempts each to find.
pub type ShaMap<V> = HashMap<Sha, V, BuildHasherDefault<ShaHasher>>;

/// Takes the first bytes of a digest as its hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShaHasher(u64);

impl Hasher for ShaHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    // The length of a digest, which all have.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
