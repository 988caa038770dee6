//! All users of a server.

use super::log::{Denial, DenialLog, LogEntry, Reason};
use super::user::{DEFAULT, User};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

type ByName = BTreeMap<Box<[u8]>, Arc<User>>;

/// All users. Readers see each of them before or after a change, never between.
#[derive(Debug)]
pub struct Users {
    by_name: RwLock<ByName>,
    /// Raised by each change.
    version: AtomicU64,
    /// Whether a connection may use the server without a password.
    is_open: AtomicBool,
    log: Mutex<DenialLog>,
    denied: [AtomicU64; Reason::ALL.len()],
}

impl Default for Users {
    /// The user `default`, who needs no password and may do everything.
    fn default() -> Self {
        let default = Arc::new(User::open_default());
        Self {
            by_name: RwLock::new(BTreeMap::from([(DEFAULT.into(), default)])),
            version: AtomicU64::new(0),
            is_open: AtomicBool::new(true),
            log: Mutex::default(),
            denied: Default::default(),
        }
    }
}

impl Users {
    /// Whether a connection may use the server without a password, as the user `default`.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Puts in the user that `make` makes of the one of this name, if there is one.
    ///
    /// # Errors
    /// Those of `make`. Nothing has changed then.
    pub(super) fn put<E>(
        &self,
        name: &[u8],
        make: impl FnOnce(Option<&User>) -> Result<User, E>,
    ) -> Result<(), E> {
        let mut by_name = self.by_name.write();
        let user = make(by_name.get(name).map(|user| &**user))?;
        by_name.insert(name.into(), Arc::new(user));
        self.note_change(&by_name);
        Ok(())
    }

    /// Replaces all users. Returns the names of those who are gone or have changed.
    pub(super) fn put_all(&self, users: Vec<User>) -> Vec<Box<[u8]>> {
        let mut users: ByName = users.into_iter().map(|user| (user.name.clone(), Arc::new(user))).collect();
        users.entry(DEFAULT.into()).or_insert_with(|| Arc::new(User::open_default()));
        let mut by_name = self.by_name.write();
        let before = by_name.iter().filter(|(name, user)| users.get(*name) != Some(*user));
        let changed = before.map(|(name, _)| name.clone()).collect();
        *by_name = users;
        self.note_change(&by_name);
        changed
    }

    /// Removes a user. Returns whether there was one.
    pub(super) fn remove(&self, name: &[u8]) -> bool {
        let mut by_name = self.by_name.write();
        let was_there = by_name.remove(name).is_some();
        self.note_change(&by_name);
        was_there
    }

    /// The number of changes so far.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The user of this name.
    pub(super) fn get(&self, name: &[u8]) -> Option<Arc<User>> {
        self.by_name.read().get(name).cloned()
    }

    /// Whether there is a user of this name.
    pub(in crate::commands) fn has(&self, name: &[u8]) -> bool {
        self.by_name.read().contains_key(name)
    }

    /// All users, ordered by name.
    pub(super) fn all(&self) -> Vec<Arc<User>> {
        self.by_name.read().values().cloned().collect()
    }

    fn note_change(&self, by_name: &ByName) {
        self.is_open.store(by_name[DEFAULT].is_open(), Ordering::Relaxed);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Counts a denial and adds it to the log of at most `most` entries.
    pub(in crate::commands) fn note_denial(&self, denial: Denial, now_ms: u64, most: usize) {
        self.denied[denial.reason as usize].fetch_add(1, Ordering::Relaxed);
        self.log.lock().add(denial, now_ms, most);
    }

    /// The newest `most` entries of the log.
    pub(super) fn denials(&self, most: usize) -> Vec<LogEntry> {
        self.log.lock().newest(most)
    }

    /// Empties the log.
    pub(super) fn forget_denials(&self) {
        self.log.lock().clear();
    }

    /// How often something was denied for each reason, in the order of INFO.
    pub(in crate::commands) fn denied(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().map(|reason| (reason, self.denied[reason as usize].load(Ordering::Relaxed)))
    }

    /// Sets the counters of INFO back to zero.
    pub(in crate::commands) fn reset_denied(&self) {
        self.denied.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }
}
