//! Requests to jemalloc: to give free pages back, and to describe itself. Counts of what is allocated are in `usage`.
#![expect(unsafe_code, reason = "jemalloc's functions are C")]

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;

/// jemalloc's own number for all arenas together (`MALLCTL_ARENAS_ALL`).
const PURGE_ALL: &CStr = c"arena.4096.purge";

/// Gives the pages that are free back to the system at once. Returns whether jemalloc did so. It can take milliseconds for
/// each gigabyte.
#[must_use]
pub fn purge() -> bool {
    // SAFETY: the name ends in a zero byte; this control reads and writes no value.
    let refusal =
        unsafe { tikv_jemalloc_sys::mallctl(PURGE_ALL.as_ptr(), null_mut(), null_mut(), null_mut(), 0) };
    refusal == 0
}

/// jemalloc's own counts, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllocatorCounts {
    /// Given out.
    pub allocated: usize,
    /// In pages of which something is given out.
    pub active: usize,
    /// In pages that are in physical memory.
    pub resident: usize,
}

/// The allocator's counts at this moment; zeros if it does not give them. It adds up those of all its arenas, which takes some
/// microseconds.
#[must_use]
pub fn counts() -> AllocatorCounts {
    let mut epoch = 1_u64;
    let (pointer, size) = ((&raw mut epoch).cast::<c_void>(), size_of::<u64>());
    // SAFETY: the name ends in a zero byte; this control takes a number of 64 bits, which it is given.
    let _ = unsafe { tikv_jemalloc_sys::mallctl(c"epoch".as_ptr(), null_mut(), null_mut(), pointer, size) };
    AllocatorCounts {
        allocated: count(c"stats.allocated"),
        active: count(c"stats.active"),
        resident: count(c"stats.resident"),
    }
}

/// A count of jemalloc, 0 if there is none of this name.
fn count(name: &CStr) -> usize {
    let (mut value, mut size) = (0_usize, size_of::<usize>());
    // SAFETY: the name ends in a zero byte; the control writes a number of this size, for which there is room.
    let refusal = unsafe {
        tikv_jemalloc_sys::mallctl(name.as_ptr(), (&raw mut value).cast(), &raw mut size, null_mut(), 0)
    };
    if refusal == 0 { value } else { 0 }
}

/// The allocator's report about itself.
#[must_use]
pub fn report() -> String {
    unsafe extern "C" fn append(report: *mut c_void, piece: *const c_char) {
        // SAFETY: jemalloc passes on the pointer below, and a text that ends in a zero byte.
        let (report, piece) = unsafe { (&mut *report.cast::<Vec<u8>>(), CStr::from_ptr(piece)) };
        report.extend_from_slice(piece.to_bytes());
    }
    let mut report = Vec::<u8>::new();
    // SAFETY: the pointer is valid during the call, which is the only time that jemalloc uses it.
    unsafe {
        tikv_jemalloc_sys::malloc_stats_print(Some(append), (&raw mut report).cast(), std::ptr::null());
    }
    String::from_utf8_lossy(&report).into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn jemalloc_counts_what_it_gives_out() {
        let counts = super::counts();
        // Tests use another allocator, but jemalloc needs some memory for itself.
        assert!(counts.allocated > 0 && counts.active >= counts.allocated, "{counts:?}");
        assert!(counts.resident >= counts.active, "{counts:?}");
    }

    #[test]
    fn jemalloc_purges_and_describes_itself() {
        assert!(super::purge());
        let report = super::report();
        assert!(report.contains("jemalloc statistics") && report.contains("background_thread"), "{report}");
    }
}
