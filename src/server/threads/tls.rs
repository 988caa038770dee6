//! What all threads share of TLS: the terms at present, and how many handshakes are under way.

use crate::config::{Config, NoEffect};
use crate::limits;
use crate::net::tls::client::ClientTerms;
use crate::net::tls::server;
use parking_lot::RwLock;
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The terms on which new connections speak TLS.
#[derive(Debug, Default)]
pub(in crate::server) struct TlsTerms {
    current: RwLock<Option<Arc<ServerConfig>>>,
    /// Those of the link to a master; `None` while that is not TLS.
    of_replica: RwLock<Option<ClientTerms>>,
    pub(in crate::server) handshakes: Handshakes,
}

impl TlsTerms {
    /// Reads the files that `config` names, if TLS is on. Connections that are there keep their terms.
    ///
    /// # Errors
    /// What is wrong with a file. The terms stay as they were.
    pub(in crate::server) fn read(&self, config: &Config) -> Result<(), NoEffect> {
        if config.tls.is_on() {
            let terms = server::terms(&config.tls, &config.dir)?;
            let of_replica = config.tls.replication.then(|| ClientTerms::of_server(&config.tls, &config.dir));
            let of_replica = of_replica.transpose()?;
            *self.current.write() = Some(terms);
            *self.of_replica.write() = of_replica;
        } else {
            *self.of_replica.write() = None;
        }
        Ok(())
    }

    /// The present terms; `None` if TLS has not been on yet.
    pub(in crate::server) fn current(&self) -> Option<Arc<ServerConfig>> {
        self.current.read().clone()
    }

    /// The terms of the next link to a master; `None` if it is to be plain.
    pub(in crate::server) fn of_replica(&self) -> Option<ClientTerms> {
        self.of_replica.read().clone()
    }
}

/// The handshakes under way.
#[derive(Debug)]
pub(in crate::server) struct Handshakes {
    pending: AtomicUsize,
    started: Instant,
    /// When the last failure was logged, in milliseconds since `started`, plus 1; 0 before the first.
    logged_ms: AtomicU64,
    /// Failures since then that were not logged.
    unlogged: AtomicU64,
}

impl Default for Handshakes {
    fn default() -> Self {
        let (pending, logged_ms, unlogged) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { pending, started: Instant::now(), logged_ms, unlogged }
    }
}

/// How often a failed handshake is logged.
const LOGGED_EVERY: Duration = Duration::from_secs(1);

/// The place of a handshake among those under way. It is free again when this is dropped.
#[derive(Debug)]
pub(in crate::server) struct HandshakePlace<'h>(&'h Handshakes);

impl Drop for HandshakePlace<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handshakes {
    /// Begins a handshake, unless too many are under way.
    pub(in crate::server) fn begin(&self) -> Option<HandshakePlace<'_>> {
        let place = HandshakePlace(self);
        (self.pending.fetch_add(1, Ordering::Relaxed) < limits::TLS_HANDSHAKES).then_some(place)
    }

    /// The number of handshakes under way.
    pub(in crate::server) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Logs that the handshake with `peer` failed, once a second.
    pub(in crate::server) fn note_failure(&self, peer: SocketAddr, why: &str) {
        let now_ms = self.started.elapsed().as_millis() as u64;
        let logged_ms = self.logged_ms.load(Ordering::Relaxed);
        let is_due = logged_ms == 0 || now_ms + 1 - logged_ms >= LOGGED_EVERY.as_millis() as u64;
        let order = Ordering::Relaxed;
        if !is_due || self.logged_ms.compare_exchange(logged_ms, now_ms + 1, order, order).is_err() {
            self.unlogged.fetch_add(1, order);
            return;
        }
        match self.unlogged.swap(0, order) {
            0 => tracing::warn!(%peer, "no TLS handshake: {why}"),
            others => tracing::warn!(%peer, "no TLS handshake: {why} ({others} others failed before)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_handshakes_are_under_way_at_most() {
        let handshakes = Handshakes::default();
        let mut places: Vec<_> = (0..limits::TLS_HANDSHAKES).map(|_| handshakes.begin().unwrap()).collect();
        assert!(handshakes.begin().is_none());
        places.pop();
        places.push(handshakes.begin().unwrap());
        assert!(handshakes.begin().is_none());
        assert_eq!(handshakes.pending(), limits::TLS_HANDSHAKES);
        drop(places);
        assert_eq!(handshakes.pending(), 0);
    }
}
