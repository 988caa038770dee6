//! The real size of an allocation, for memory accounting and for code that chooses the size of its allocations. The
//! allocator is jemalloc; a test in `usage` compares this function with it.

/// The smallest and the greatest step between size classes, in bytes; the greatest is a page.
const STEPS: (usize, usize) = (16, 4096);

/// The size class of an allocation of `bytes`, which is the heap memory that it takes. There are four size classes for each
/// doubling, with steps within `STEPS`. An allocation of 0 bytes takes no memory.
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
