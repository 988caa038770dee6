//! The memory of the interpreters of all threads, for INFO. Each thread writes its own figures, and they go with its interpreter.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

static INTERPRETERS: Mutex<Vec<Weak<VmMemory>>> = Mutex::new(Vec::new());

fn interpreters() -> MutexGuard<'static, Vec<Weak<VmMemory>>> {
    INTERPRETERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The memory of one interpreter, as of the end of its last script.
#[derive(Debug, Default)]
pub(super) struct VmMemory {
    bytes: AtomicUsize,
    /// By how much the libraries that it has loaded have made it grow.
    library_bytes: AtomicUsize,
}

impl VmMemory {
    /// That of a new interpreter.
    pub(super) fn of_new() -> Arc<Self> {
        let memory = Arc::<Self>::default();
        let mut interpreters = interpreters();
        interpreters.retain(|other| other.strong_count() > 0);
        interpreters.push(Arc::downgrade(&memory));
        memory
    }

    /// The interpreter has `bytes` now.
    pub(super) fn note(&self, bytes: usize) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// A library has made it grow by `bytes`.
    pub(super) fn note_library(&self, bytes: usize) {
        self.library_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// All libraries are forgotten.
    pub(super) fn forget_libraries(&self) {
        self.library_bytes.store(0, Ordering::Relaxed);
    }
}

/// The memory of all interpreters of the process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterpreterMemory {
    /// The interpreters themselves, and what scripts need.
    pub for_scripts: usize,
    /// What libraries of functions have made the interpreters grow.
    pub for_functions: usize,
}

impl InterpreterMemory {
    /// As of the ends of the last scripts. O(threads).
    #[must_use]
    pub fn now() -> Self {
        let mut sum = Self::default();
        for memory in interpreters().iter().filter_map(Weak::upgrade) {
            let bytes = memory.bytes.load(Ordering::Relaxed);
            let of_libraries = memory.library_bytes.load(Ordering::Relaxed).min(bytes);
            sum.for_scripts += bytes - of_libraries;
            sum.for_functions += of_libraries;
        }
        sum
    }

    /// Both.
    #[must_use]
    pub fn total(self) -> usize {
        self.for_scripts + self.for_functions
    }
}
