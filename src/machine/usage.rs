//! Resource usage of the process, for INFO: allocated bytes, resident bytes, processor time.
//!
//! The allocator is jemalloc. [`CountingAllocator`] adds up the sizes of allocations in several counters, to which threads
//! are assigned in turn, so that cores do not contend for one cache line.
#![expect(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait, passed on unchanged; jemalloc reads an exported name"
)]

use super::clock::Clock;
use super::heap::allocation_bytes;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use tikv_jemallocator::Jemalloc;

/// The options of jemalloc, which `_RJEM_MALLOC_CONF` in the environment overrides: background threads return freed pages to
/// the system within about a fifth of a second, a few at a time, so that no command waits for it.
// SAFETY: jemalloc declares this name as a pointer to a text that ends in a zero byte, as this one does.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static JEMALLOC_OPTIONS: &[u8; 59] = b"background_thread:true,dirty_decay_ms:200,muzzy_decay_ms:0\0";

/// Up to this alignment a size alone decides the size class.
const WORD_BYTES: usize = 8;

/// Most bytes of an allocation that cannot grow where it is: the greatest size class that jemalloc places in slabs.
const MOVED_BYTES: usize = 14 * 1024;

/// The number of counters for all threads.
const COUNTERS: usize = 16;

/// A counter on a cache line of its own.
#[repr(align(64))]
struct CounterLine(AtomicIsize);

static ALLOCATED: [CounterLine; COUNTERS] = [const { CounterLine(AtomicIsize::new(0)) }; COUNTERS];
static NEXT_COUNTER: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static PEAK_UNIX_MS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static COUNTER: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// jemalloc, with a count of allocated bytes.
#[derive(Debug)]
pub struct CountingAllocator;

/// The bytes that are allocated at present.
#[must_use]
pub fn allocated_bytes() -> usize {
    let sum: isize = ALLOCATED.iter().map(|counter| counter.0.load(Ordering::Relaxed)).sum();
    usize::try_from(sum).unwrap_or(0)
}

/// The most bytes that this function has ever found allocated. It is called ten times a second.
pub fn peak_bytes() -> usize {
    let now = allocated_bytes();
    let before = PEAK.fetch_max(now, Ordering::Relaxed);
    if now > before {
        PEAK_UNIX_MS.store(Clock::system().now_ms(), Ordering::Relaxed);
    }
    before.max(now)
}

/// When [`peak_bytes`] found that many, in unix milliseconds.
#[must_use]
pub fn peak_unix_ms() -> u64 {
    PEAK_UNIX_MS.load(Ordering::Relaxed)
}

/// Bytes of memory of the machine; 0 if the system does not show it.
#[must_use]
pub fn system_bytes() -> usize {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|total| total.trim_end_matches("kB").trim().parse::<usize>().ok());
    kib.map_or(0, |kib| kib * 1024)
}

fn count(allocated: usize, freed: usize) {
    let bytes = allocation_bytes(allocated) as isize - allocation_bytes(freed) as isize;

    // A thread that is ending may have no counter any more; use the first one.
    let index = COUNTER.try_with(|counter| {
        if counter.get() == usize::MAX {
            counter.set(NEXT_COUNTER.fetch_add(1, Ordering::Relaxed) % COUNTERS);
        }
        counter.get()
    });
    ALLOCATED[index.unwrap_or(0)].0.fetch_add(bytes, Ordering::Relaxed);
}

// SAFETY: every method passes its arguments on to jemalloc and returns what that returns; counting
// neither allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps GlobalAlloc's contract.
        let pointer = unsafe { Jemalloc.alloc(layout) };
        if !pointer.is_null() {
            count(layout.size(), 0);
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller keeps GlobalAlloc's contract.
        unsafe { Jemalloc.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps GlobalAlloc's contract.
        let pointer = unsafe { Jemalloc.alloc_zeroed(layout) };
        if !pointer.is_null() {
            count(layout.size(), 0);
        }
        pointer
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Within its size class an allocation has the room already. To find that out, jemalloc reads memory of its own that
        // is seldom in the cache.
        if allocation_bytes(layout.size()) == allocation_bytes(new_size) && layout.align() <= WORD_BYTES {
            return pointer;
        }
        if layout.size().max(new_size) <= MOVED_BYTES {
            // jemalloc moves it as well, but reads that memory of its own to find out which size class it leaves.
            // SAFETY: the caller keeps GlobalAlloc's contract: both sizes are valid with the alignment. The new place is no part
            // of the old one, and both have as many bytes as are copied.
            unsafe {
                let moved = Jemalloc.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
                if !moved.is_null() {
                    moved.copy_from_nonoverlapping(pointer, layout.size().min(new_size));
                    Jemalloc.dealloc(pointer, layout);
                    count(new_size, layout.size());
                }
                return moved;
            }
        }
        // SAFETY: the caller keeps GlobalAlloc's contract.
        let moved = unsafe { Jemalloc.realloc(pointer, layout, new_size) };
        if !moved.is_null() {
            count(new_size, layout.size());
        }
        moved
    }
}

/// Bytes of the process in physical memory; 0 if the system does not show it.
#[must_use]
pub fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size()
}

/// The release of the system's kernel; empty if the system does not show it.
#[must_use]
pub fn kernel_release() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.trim_end().to_owned()
}

/// Seconds of processor time used so far, in user and in system mode; 0 if the system does not show it.
#[must_use]
pub fn cpu_seconds() -> (f64, f64) {
    seconds_of("/proc/self/stat")
}

/// The same of the main thread alone.
#[must_use]
pub fn main_thread_cpu_seconds() -> (f64, f64) {
    seconds_of(&format!("/proc/self/task/{}/stat", std::process::id()))
}

fn seconds_of(path: &str) -> (f64, f64) {
    let stat = std::fs::read_to_string(path).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let mut ticks = after_name.split_ascii_whitespace().skip(11).map(|ticks| ticks.parse().unwrap_or(0.0));
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    let mut next = || ticks.next().unwrap_or(0.0) / per_second;
    (next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All memory accounting depends on this.
    #[test]
    fn computed_allocation_sizes_are_those_of_jemalloc() {
        let sizes = (1..20_000).map(|bytes| (bytes, 1));
        let lines = (1..400).map(|lines| (lines * 64, 64));
        let large = (14..24).flat_map(|bits| [(1 << bits, 8), ((1 << bits) + 1, 8), (3 << bits, 8)]);
        for (bytes, align) in sizes.chain(lines).chain(large) {
            let layout = Layout::from_size_align(bytes, align).expect("a layout");
            // SAFETY: the layout is not empty, and the memory is freed with the layout of its allocation.
            let taken = unsafe {
                let pointer = Jemalloc.alloc(layout);
                assert!(!pointer.is_null());
                let taken = tikv_jemallocator::usable_size(pointer);
                Jemalloc.dealloc(pointer, layout);
                taken
            };
            assert_eq!(allocation_bytes(bytes), taken, "{bytes} bytes, aligned to {align}");
        }
    }

    #[test]
    fn within_its_size_class_an_allocation_stays_where_it_is() {
        let layout = |bytes| Layout::from_size_align(bytes, 1).expect("a layout");
        // SAFETY: the sizes are not 0, and each call has the layout that the allocation has then.
        unsafe {
            let pointer = CountingAllocator.alloc(layout(50));
            pointer.write_bytes(7, 50);
            let same = [64, 49, 51].into_iter().fold((pointer, 50), |(at, old), new| {
                let next = CountingAllocator.realloc(at, layout(old), new);
                assert_eq!(next, at);
                (next, new)
            });
            let moved = CountingAllocator.realloc(same.0, layout(same.1), 65);
            assert_eq!(tikv_jemallocator::usable_size(moved), 80);
            assert_eq!(std::slice::from_raw_parts(moved, 49), [7; 49]);
            CountingAllocator.dealloc(moved, layout(65));
        }
    }
}
