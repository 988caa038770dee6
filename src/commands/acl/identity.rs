//! Who a connection is.

use super::user::{DEFAULT, User};
use super::users::Users;
use std::sync::Arc;

/// Who a connection is: its user, as of a version of all users.
#[derive(Debug)]
pub(in crate::commands) struct Identity {
    user: Arc<User>,
    version: u64,
    has_authenticated: bool,
}

impl Identity {
    /// A connection that has not said who it is: the user `default`.
    pub(in crate::commands) fn unknown(users: &Users) -> Self {
        let version = users.version();
        let user = users.get(DEFAULT).unwrap_or_else(|| Arc::new(User::new(DEFAULT, false)));
        Self { has_authenticated: user.is_open(), user, version }
    }

    /// Whether it must authenticate before anything else.
    pub(in crate::commands) fn must_authenticate(&self, users: &Users) -> bool {
        !self.has_authenticated && !users.is_open()
    }

    /// Its user.
    pub(in crate::commands) fn user(&self) -> &User {
        &self.user
    }

    /// Whether its user was allowed everything at the last look, and users have not changed since. A client that may do
    /// everything is asked no more than this.
    #[inline]
    pub(in crate::commands) fn may_do_everything(&self, users: &Users) -> bool {
        self.version == users.version() && self.user.may_do_everything
    }

    /// Becomes the user `name`, if `password` is one of its passwords. Returns whether it has.
    pub(in crate::commands) fn authenticate(&mut self, users: &Users, name: &[u8], password: &[u8]) -> bool {
        let version = users.version();
        let Some(user) = users.get(name).filter(|user| user.accepts(password)) else { return false };
        *self = Self { user, version, has_authenticated: true };
        true
    }

    /// Its user as it is now, if users have changed since the last look.
    pub(in crate::commands) fn changed(&mut self, users: &Users) -> Option<&User> {
        let version = users.version();
        if self.version == version {
            return None;
        }
        let name = self.user.name.clone();
        // A removed user may do nothing; its connection is about to be closed.
        self.user = users.get(&name).unwrap_or_else(|| Arc::new(User::new(&name, false)));
        self.version = version;
        Some(&self.user)
    }
}
