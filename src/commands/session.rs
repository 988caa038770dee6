//! A connection's own state, as its commands see it.

use super::clients::Client;
use super::stats::Stats;
use crate::config::Config;
use crate::resp::Protocol;
use crate::store::change::ChangeBuffer;
use crate::store::{DatabaseIndex, Seq};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What happens to the connection once the replies so far are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It goes on.
    Continue,
    /// It is closed after the replies so far.
    Close,
    /// It is closed at once and nothing more is sent.
    Drop,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    /// The connection in the registry.
    pub client: Arc<Client>,
    /// The counters of the thread that serves it.
    pub stats: Arc<Stats>,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The database it has selected.
    pub database: DatabaseIndex,
    /// Whether it has given the password, or none was needed when it connected.
    pub authenticated: bool,
    /// What happens to it after the present batch.
    pub next: Next,
    /// The last record that its commands have left in the journal and that its replies have to wait for.
    pub unacknowledged: Option<Seq>,
    /// Buffer for the Changes of its commands, kept between batches for its memory.
    pub(super) changes: ChangeBuffer,
}

impl Session {
    /// The session of a connection that has just come.
    #[must_use]
    pub fn new(client: Arc<Client>, stats: Arc<Stats>, config: &Config) -> Self {
        Self {
            client,
            stats,
            protocol: Protocol::Resp2,
            database: 0,
            authenticated: config.requirepass.is_empty(),
            next: Next::Continue,
            unacknowledged: None,
            changes: ChangeBuffer::default(),
        }
    }

    /// Whether commands must be refused until AUTH.
    #[must_use]
    pub fn must_authenticate(&self, config: &Config) -> bool {
        !self.authenticated && !config.requirepass.is_empty()
    }

    /// Selects a database.
    pub fn select(&mut self, database: DatabaseIndex) {
        self.database = database;
        self.client.database.store(database, Ordering::Relaxed);
    }

    /// Speaks another protocol from now on.
    pub fn speak(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.client.set_protocol(protocol);
    }
}
