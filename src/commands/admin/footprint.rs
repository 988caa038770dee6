//! What memory is used for, in INFO's and MEMORY's terms.

use crate::commands::state::host::Host;
use crate::machine::allocator::AllocatorCounts;
use crate::machine::{allocator, usage};
use crate::scripts::InterpreterMemory;

/// The memory of the process, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Footprint {
    /// Allocated now.
    pub(super) used: usize,
    /// The most that was ever found allocated.
    pub(super) peak: usize,
    /// In physical memory.
    pub(super) resident: usize,
    /// Allocated when the server had started.
    pub(super) startup: usize,
    /// Buffers of clients.
    pub(super) of_clients: usize,
    /// Records that are not yet written to the journal's file.
    pub(super) unwritten: usize,
    /// The backlog of replication.
    pub(super) of_backlog: usize,
    /// The scripts that EVALSHA can name.
    pub(super) of_scripts: usize,
    /// The libraries of functions.
    pub(super) of_functions: usize,
    /// The interpreters of scripts and functions.
    pub(super) interpreters: InterpreterMemory,
    /// What is allocated beside the keys and their values.
    pub(super) overhead: usize,
    /// The allocator's own counts.
    pub(super) counts: AllocatorCounts,
}

impl Footprint {
    /// As it is now.
    pub(super) fn of(host: &Host) -> Self {
        let (used, peak, resident) = (usage::allocated_bytes(), usage::peak_bytes(), usage::resident_bytes());
        let startup = host.startup_bytes;
        let of_clients: usize = host.clients.all().iter().map(|client| client.memory_bytes()).sum();
        let unwritten = host.process.persistence().pending_bytes as usize;
        let of_backlog = host.process.replication().backlog_len_bytes as usize;
        let of_scripts = host.scripts.count().bytes;
        let of_functions = host.functions.current(host.store.libraries(), &host.clock).memory_bytes();
        let interpreters = InterpreterMemory::now();
        let others = [
            of_clients,
            unwritten,
            host.friend_rankings.stats().bytes,
            of_backlog,
            of_scripts,
            of_functions,
            interpreters.total(),
        ];
        let overhead = (startup + others.iter().sum::<usize>()).min(used);
        let counts = allocator::counts();
        Self {
            used,
            peak,
            resident,
            startup,
            of_clients,
            unwritten,
            of_backlog,
            of_scripts,
            of_functions,
            interpreters,
            overhead,
            counts,
        }
    }

    /// Keys and their values.
    pub(super) fn dataset(&self) -> usize {
        self.used - self.overhead
    }

    /// The share of keys and values in what was allocated since the start.
    pub(super) fn dataset_percent(&self) -> f64 {
        let since_start = self.used.saturating_sub(self.startup).max(1);
        (100.0 * self.dataset() as f64 / since_start as f64).min(100.0)
    }

    /// How much of the peak is in use.
    pub(super) fn peak_percent(&self) -> f64 {
        100.0 * self.used as f64 / self.peak.max(1) as f64
    }

    /// Pages that are in use for each allocated byte, of which the allocator knows.
    pub(super) fn allocator_fragmentation(&self) -> f64 {
        self.counts.active as f64 / self.counts.allocated.max(1) as f64
    }

    /// Physical memory of the allocator for each byte of pages that are in use.
    pub(super) fn allocator_surplus(&self) -> f64 {
        self.counts.resident as f64 / self.counts.active.max(1) as f64
    }

    /// Physical memory of the process for each byte of the allocator's.
    pub(super) fn process_surplus(&self) -> f64 {
        self.resident as f64 / self.counts.resident.max(1) as f64
    }

    /// Physical memory for each allocated byte.
    pub(super) fn fragmentation(&self) -> f64 {
        self.resident as f64 / self.used.max(1) as f64
    }
}
