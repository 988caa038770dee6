//! What an allocation takes, for accounts of memory and for those who choose how much to ask for: the allocator is
//! jemalloc, which `usage` chooses and holds to this.

/// Steps between the sizes of allocations: the least, in bytes, and the most, a page.
const STEPS: (usize, usize) = (16, 4096);

/// The bytes that an allocation of `bytes` takes of the heap, all of which its owner may as well ask for: four sizes to
/// each doubling, within `STEPS`; nothing for no bytes, which are not allocated.
#[must_use]
pub const fn allocation_bytes(bytes: usize) -> usize {
    let quarter = bytes.next_power_of_two() / 8;
    match bytes {
        0 => 0,
        1..=8 => 8,
        _ if quarter < STEPS.0 => bytes.next_multiple_of(STEPS.0),
        _ if quarter > STEPS.1 => bytes.next_multiple_of(STEPS.1),
        _ => bytes.next_multiple_of(quarter),
    }
}
