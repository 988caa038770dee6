//! The scripts that EVALSHA can name.
//!
//! As in Redis since 7.4: a script of SCRIPT LOAD stays until SCRIPT FLUSH, one that only EVAL has brought goes when it has not been
//! used for the longest time and there are more than [`limits::EVALUATED_SCRIPTS`] of them.

use crate::limits;
use crate::machine::counter::Counter;
use crate::scripts::{Script, ScriptError, Sha, ShaMap};
use crate::text::sha1::sha1;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The scripts of a server.
#[derive(Debug, Default)]
pub struct ScriptCache {
    entries: RwLock<ShaMap<CachedScript>>,
    /// Counts uses, to say which script was used last.
    uses: AtomicU64,
    evicted: Counter,
}

#[derive(Debug)]
struct CachedScript {
    script: Arc<Script>,
    /// Whether it stays until SCRIPT FLUSH.
    is_kept: AtomicBool,
    /// When it was used last, by the counter of uses.
    used: AtomicU64,
}

/// How many scripts there are, for INFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CachedScripts {
    /// Their number.
    pub count: usize,
    /// Their memory, in bytes.
    pub bytes: usize,
    /// How many were evicted since the start.
    pub evicted: u64,
}

impl ScriptCache {
    /// The script with this digest, which counts as a use of it. O(1).
    #[must_use]
    pub fn get(&self, sha: &Sha) -> Option<Arc<Script>> {
        let entries = self.entries.read();
        let entry = entries.get(sha)?;
        if !entry.is_kept.load(Ordering::Relaxed) {
            entry.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        }
        Some(Arc::clone(&entry.script))
    }

    /// Whether there is a script with this digest. O(1).
    #[must_use]
    pub fn has(&self, sha: &Sha) -> bool {
        self.entries.read().contains_key(sha)
    }

    /// The script of this text, which EVAL has brought. O(n), and its compilation if it is new.
    ///
    /// # Errors
    /// It does not compile.
    pub fn evaluated(&self, source: &[u8]) -> Result<Arc<Script>, ScriptError> {
        let sha = sha1(source);
        if let Some(script) = self.get(&sha) {
            return Ok(script);
        }
        let script = Arc::new(Script::new(source)?);
        let mut entries = self.entries.write();
        let is_evictable = |entry: &CachedScript| !entry.is_kept.load(Ordering::Relaxed);
        while entries.values().filter(|entry| is_evictable(entry)).count() >= limits::EVALUATED_SCRIPTS {
            let evictable = entries.iter().filter(|(_, entry)| is_evictable(entry));
            let oldest = evictable.min_by_key(|(_, entry)| entry.used.load(Ordering::Relaxed));
            let Some(oldest) = oldest.map(|(sha, _)| *sha) else { break };
            entries.remove(&oldest);
            self.evicted.add(1);
        }
        entries.insert(sha, self.entry(&script, false));
        Ok(script)
    }

    /// Keeps the script of this text until SCRIPT FLUSH. O(n), and its compilation if it is new.
    ///
    /// # Errors
    /// It does not compile.
    pub fn load(&self, source: &[u8]) -> Result<Arc<Script>, ScriptError> {
        let sha = sha1(source);
        if let Some(entry) = self.entries.read().get(&sha) {
            entry.is_kept.store(true, Ordering::Relaxed);
            return Ok(Arc::clone(&entry.script));
        }
        let script = Arc::new(Script::new(source)?);
        self.entries.write().insert(sha, self.entry(&script, true));
        Ok(script)
    }

    fn entry(&self, script: &Arc<Script>, is_kept: bool) -> CachedScript {
        CachedScript {
            script: Arc::clone(script),
            is_kept: AtomicBool::new(is_kept),
            used: AtomicU64::new(self.uses.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Forgets all scripts. O(n).
    pub fn flush(&self) {
        let scripts = std::mem::take(&mut *self.entries.write());
        drop(scripts);
    }

    /// How many there are. O(n).
    #[must_use]
    pub fn count(&self) -> CachedScripts {
        let entries = self.entries.read();
        let bytes = entries.values().map(|entry| entry.script.memory_bytes()).sum();
        CachedScripts { count: entries.len(), bytes, evicted: self.evicted.get() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_evaluated_scripts_the_last_used_stay_and_loaded_ones_all() {
        let cache = ScriptCache::default();
        let text = |number: usize| format!("return {number}").into_bytes();
        let loaded = cache.load(&text(usize::MAX)).unwrap().sha;
        let first = cache.evaluated(&text(0)).unwrap().sha;
        let second = cache.evaluated(&text(1)).unwrap().sha;
        for number in 2..=limits::EVALUATED_SCRIPTS {
            cache.evaluated(&text(number)).unwrap();
            assert!(cache.get(&first).is_some());
        }
        assert!(cache.has(&first) && !cache.has(&second) && cache.has(&loaded));
        let count = cache.count();
        assert_eq!((count.count, count.evicted), (limits::EVALUATED_SCRIPTS + 1, 1));
        // SCRIPT LOAD of a script that EVAL has brought keeps it.
        cache.load(&text(0)).unwrap();
        for number in 1000..1000 + limits::EVALUATED_SCRIPTS {
            cache.evaluated(&text(number)).unwrap();
        }
        assert!(cache.has(&first) && cache.has(&loaded));
        cache.flush();
        assert_eq!(cache.count().count, 0);
        assert!(cache.evaluated(b"return return").is_err() && cache.count().count == 0);
    }
}
