//! The libraries of functions: texts by their names, as they are saved and sent to replicas.
//!
//! What a text means is known above the store, which compiles the libraries when [`FunctionLibraries::generation`] has changed.

use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A library's name and its text.
pub type LibraryText = (Arc<[u8]>, Arc<[u8]>);

type TextsByName = BTreeMap<Arc<[u8]>, Arc<[u8]>>;

/// The libraries of a store. They change under the locks of all shards ([`super::Shards::change_libraries`]).
#[derive(Debug, Default)]
pub struct FunctionLibraries {
    texts: RwLock<TextsByName>,
    generation: AtomicU64,
}

impl FunctionLibraries {
    /// A number that every change raises.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// All libraries, ascending by name. O(n).
    #[must_use]
    pub fn list(&self) -> Vec<LibraryText> {
        let texts = self.texts.read();
        texts.iter().map(|(name, text)| (Arc::clone(name), Arc::clone(text))).collect()
    }

    /// Gives the library `name` this text; `None` removes it. Nothing is recorded.
    pub(in crate::store) fn set(&self, name: &[u8], text: Option<Arc<[u8]>>) {
        let mut texts = self.texts.write();
        match text {
            Some(text) => texts.insert(name.into(), text),
            None => texts.remove(name),
        };
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Exchanges all libraries with those of another store.
    pub(in crate::store) fn swap(&self, other: &Self) {
        let mut texts = self.texts.write();
        std::mem::swap(&mut *texts, &mut *other.texts.write());
        self.generation.fetch_add(1, Ordering::Release);
        other.generation.fetch_add(1, Ordering::Release);
    }
}
