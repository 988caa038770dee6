//! What the process uses: bytes allocated, bytes resident, processor time. For INFO.
//!
//! The allocator is the system's; [`CountingAllocator`] only adds up what allocations take in a few counters, one per thread in turn, so that cores do
//! not fight over one cache line.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait; every call is passed on unchanged")]

use crate::heap::allocation_bytes;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

/// Counters that threads are spread over.
const COUNTERS: usize = 16;

/// A counter on a cache line of its own.
#[repr(align(64))]
struct Counter(AtomicIsize);

static ALLOCATED: [Counter; COUNTERS] = [const { Counter(AtomicIsize::new(0)) }; COUNTERS];
static NEXT_COUNTER: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static COUNTER: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The system's allocator with a count of the bytes it has given out.
#[derive(Debug)]
pub struct CountingAllocator;

/// Bytes allocated and not freed now.
#[must_use]
pub fn allocated_bytes() -> usize {
    let sum: isize = ALLOCATED.iter().map(|counter| counter.0.load(Ordering::Relaxed)).sum();
    let now = usize::try_from(sum).unwrap_or(0);
    PEAK.fetch_max(now, Ordering::Relaxed);
    now
}

/// The most bytes that [`allocated_bytes`] has ever returned.
#[must_use]
pub fn peak_bytes() -> usize {
    let _ = allocated_bytes();
    PEAK.load(Ordering::Relaxed)
}

fn count(allocated: usize, freed: usize) {
    let bytes = allocation_bytes(allocated) as isize - allocation_bytes(freed) as isize;

    // A thread that is being torn down has no counter any more; the first one will do.
    let index = COUNTER.try_with(|counter| {
        if counter.get() == usize::MAX {
            counter.set(NEXT_COUNTER.fetch_add(1, Ordering::Relaxed) % COUNTERS);
        }
        counter.get()
    });
    ALLOCATED[index.unwrap_or(0)].0.fetch_add(bytes, Ordering::Relaxed);
}

// SAFETY: every method passes its arguments on to the system's allocator and returns what that returns; counting
// neither allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps GlobalAlloc's contract.
        let pointer = unsafe { System.alloc(layout) };
        if !pointer.is_null() {
            count(layout.size(), 0);
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller keeps GlobalAlloc's contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps GlobalAlloc's contract.
        let pointer = unsafe { System.alloc_zeroed(layout) };
        if !pointer.is_null() {
            count(layout.size(), 0);
        }
        pointer
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller keeps GlobalAlloc's contract.
        let moved = unsafe { System.realloc(pointer, layout, new_size) };
        if !moved.is_null() {
            count(new_size, layout.size());
        }
        moved
    }
}

/// Bytes of the process that are in physical memory, 0 where the system does not tell.
#[must_use]
pub fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size()
}

/// Seconds of processor time spent so far, in user and in system mode; 0 where the system does not tell.
#[must_use]
pub fn cpu_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let mut ticks = after_name.split_ascii_whitespace().skip(11).map(|ticks| ticks.parse().unwrap_or(0.0));
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    let mut next = || ticks.next().unwrap_or(0.0) / per_second;
    (next(), next())
}
