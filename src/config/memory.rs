//! The bounds on memory, and which keys are evicted when there is too little.

use super::value;
use crate::machine::container;

/// The share of a container's memory that is the default of `maxmemory`: buffers, the journal's backlog and what the
/// allocator has not given back need the rest.
const CONTAINER_QUARTERS: u64 = 3;

/// Which keys are evicted, and in which order: `maxmemory-policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the values are the directive's")]
pub enum EvictionPolicy {
    VolatileLru,
    VolatileLfu,
    VolatileRandom,
    VolatileTtl,
    AllkeysLru,
    AllkeysLfu,
    AllkeysRandom,
    #[default]
    NoEviction,
}

impl EvictionPolicy {
    /// The policies with their names, in Redis's order.
    pub const NAMES: [(&'static str, Self); 8] = [
        ("volatile-lru", Self::VolatileLru),
        ("volatile-lfu", Self::VolatileLfu),
        ("volatile-random", Self::VolatileRandom),
        ("volatile-ttl", Self::VolatileTtl),
        ("allkeys-lru", Self::AllkeysLru),
        ("allkeys-lfu", Self::AllkeysLfu),
        ("allkeys-random", Self::AllkeysRandom),
        ("noeviction", Self::NoEviction),
    ];

    /// The policy's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, policy)| *policy == self).map_or("", |(name, _)| name)
    }

    /// Whether it evicts keys that are used least often.
    #[must_use]
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// Whether it evicts keys that have not been used for the longest time.
    #[must_use]
    pub fn is_lru(self) -> bool {
        matches!(self, Self::VolatileLru | Self::AllkeysLru)
    }

    /// Whether it evicts only keys that expire.
    #[must_use]
    pub fn is_volatile(self) -> bool {
        matches!(self, Self::VolatileLru | Self::VolatileLfu | Self::VolatileRandom | Self::VolatileTtl)
    }
}

/// A bound on the memory of all clients: `maxmemory-clients`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientsBound {
    /// This many bytes; 0: none.
    Bytes(u64),
    /// This share of `maxmemory`.
    Percent(u8),
}

/// The bounds on memory, by their directives.
#[expect(missing_docs, reason = "a field is its directive, which the table documents")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBounds {
    /// 0: none.
    pub max_bytes: u64,
    pub policy: EvictionPolicy,
    pub samples: usize,
    pub tenacity: u32,
    pub lfu_log_factor: u32,
    pub lfu_decay_minutes: u32,
    pub clients: ClientsBound,
}

impl MemoryBounds {
    /// No bound.
    pub const NONE: Self = Self {
        max_bytes: 0,
        policy: EvictionPolicy::NoEviction,
        samples: 5,
        tenacity: 10,
        lfu_log_factor: 10,
        lfu_decay_minutes: 1,
        clients: ClientsBound::Bytes(0),
    };

    /// The default of `maxmemory`: three quarters of what the container may use, 0 if there is no container with a limit.
    #[must_use]
    pub fn container_share_bytes() -> u64 {
        container::memory_limit_bytes().map_or(0, |limit| limit / 4 * CONTAINER_QUARTERS)
    }

    /// The most bytes that all clients together may use; `None`: any number.
    #[must_use]
    pub fn clients_bytes(&self) -> Option<u64> {
        match self.clients {
            ClientsBound::Bytes(0) => None,
            ClientsBound::Bytes(bytes) => Some(bytes),
            ClientsBound::Percent(_) if self.max_bytes == 0 => None,
            ClientsBound::Percent(percent) => Some(self.max_bytes / 100 * u64::from(percent)),
        }
    }
}

pub(super) fn max_bytes(text: &str) -> Result<u64, String> {
    match text {
        "auto" => Ok(MemoryBounds::container_share_bytes()),
        text => value::unsigned_bytes(text).map(|bytes| bytes as u64),
    }
}

pub(super) fn policy(text: &str) -> Result<EvictionPolicy, String> {
    let found = EvictionPolicy::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, policy)| *policy).ok_or_else(|| {
        let names = EvictionPolicy::NAMES.map(|(name, _)| name);
        format!("argument(s) must be one of the following: {}", names.join(", "))
    })
}

pub(super) fn clients_bound(text: &str) -> Result<ClientsBound, String> {
    let wrong = || "argument must be a memory or percent value".to_owned();
    let Some(percent) = text.strip_suffix('%') else {
        return value::unsigned_bytes(text)
            .map(|bytes| ClientsBound::Bytes(bytes as u64))
            .map_err(|_| wrong());
    };
    match percent.parse::<u64>().map_err(|_| wrong())? {
        0 => Ok(ClientsBound::Bytes(0)),
        percent @ 1..=100 => Ok(ClientsBound::Percent(percent as u8)),
        _ => Err("percentage argument must be less or equal to 100".into()),
    }
}

pub(super) fn print_clients_bound(bound: ClientsBound) -> String {
    match bound {
        ClientsBound::Bytes(bytes) => bytes.to_string(),
        ClientsBound::Percent(percent) => format!("{percent}%"),
    }
}
