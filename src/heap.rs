//! What an allocation takes, for accounts of memory: the allocator is the C library's.

/// The bytes that an allocation of `bytes` takes of the heap: a word in front, all in steps of 16 and at least 32;
/// nothing for no bytes, which are not allocated.
#[must_use]
pub const fn allocation_bytes(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        _ => (bytes + size_of::<usize>()).next_multiple_of(16),
    }
}
