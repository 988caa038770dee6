//! Prefetching: asks the processor to load a cache line that will be read soon. It affects only the time of that read.
//!
//! A look-up in a large ranking has three cache misses in a row: the index bucket, the leaf, its tags. Sixteen look-ups
//! that take each of these steps together wait three times instead of forty-eight times
//! (docs/decisions/0003-ranking-structure.md has the figures).

#![expect(unsafe_code, reason = "the prefetch instruction has no safe form")]

use std::mem::size_of;

/// The size of a cache line.
const LINE_BYTES: usize = 64;

/// The most lines to load at once: further loads would wait for these.
const LINES_MAX: usize = 12;

/// Starts loading the line at `address`, which may be any address.
#[inline]
pub(crate) fn line<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint: it neither faults nor changes memory, whatever the address. SSE is part
    // of x86_64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Starts loading the lines that have half a line of bytes on either side of `address`.
#[inline]
pub(crate) fn around(address: *const u8) {
    line(address.wrapping_sub(LINE_BYTES / 2));
    line(address.wrapping_add(LINE_BYTES / 2 - 1));
}

/// Starts loading `item`, which is no larger than a line, but may be in two.
#[inline]
pub(crate) fn whole<T>(item: &T) {
    const { assert!(size_of::<T>() <= LINE_BYTES) };
    line(&raw const *item);
    line((&raw const *item).wrapping_byte_add(size_of::<T>() - 1));
}

/// Starts loading the line with the first of `bytes`, and that with the last if it is the next: an allocation of less than
/// a line may be in two.
#[inline]
pub(crate) fn few(bytes: &[u8]) {
    line(bytes.as_ptr());
    if let Some(last) = bytes.get(..LINE_BYTES.min(bytes.len())).and_then(<[u8]>::last) {
        line(&raw const *last);
    }
}

/// Starts loading the lines of `items`, at most [`LINES_MAX`].
#[inline]
pub(super) fn lines<T>(items: &[T]) {
    let per_line = LINE_BYTES / size_of::<T>();
    for start in (0..items.len()).step_by(per_line).take(LINES_MAX) {
        line(&raw const items[start]);
    }
}
