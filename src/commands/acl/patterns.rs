//! The patterns of keys and channels that a selector allows.

use crate::text::glob::{Case, matches};

/// What a request does with a key, as far as permissions distinguish it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::commands) struct KeyUse {
    /// It reads the value.
    pub(super) reads: bool,
    /// It changes the key.
    pub(super) writes: bool,
}

impl KeyUse {
    /// Both.
    pub(super) const BOTH: Self = Self { reads: true, writes: true };

    fn covers(self, wanted: Self) -> bool {
        (self.reads || !wanted.reads) && (self.writes || !wanted.writes)
    }

    fn and(self, other: Self) -> Self {
        Self { reads: self.reads || other.reads, writes: self.writes || other.writes }
    }
}

/// Which keys may be used, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyPatterns {
    /// Every key, in every way.
    pub(super) all: bool,
    patterns: Vec<(KeyUse, Box<[u8]>)>,
}

impl KeyPatterns {
    /// Every key, or none.
    pub(super) fn all_or_none(all: bool) -> Self {
        Self { all, patterns: Vec::new() }
    }

    /// Allows a use of keys that match `pattern`.
    pub(super) fn add(&mut self, allowed: KeyUse, pattern: &[u8]) {
        match self.patterns.iter_mut().find(|(_, known)| **known == *pattern) {
            Some((known, _)) => *known = known.and(allowed),
            None => self.patterns.push((allowed, pattern.into())),
        }
    }

    /// Whether a key may be used in this way. O(patterns).
    pub(super) fn allow(&self, key: &[u8], wanted: KeyUse) -> bool {
        let fits = |(allowed, pattern): &(KeyUse, Box<[u8]>)| {
            allowed.covers(wanted) && matches(pattern, key, Case::Sensitive)
        };
        self.all || self.patterns.iter().any(fits)
    }

    /// Whether every key may be read.
    pub(super) fn allow_reading_everything(&self) -> bool {
        self.all || self.patterns.iter().any(|(allowed, pattern)| allowed.reads && **pattern == *b"*")
    }

    /// The rules that make it, as ACL LIST prints them.
    pub(super) fn rules(&self) -> Vec<Vec<u8>> {
        if self.all {
            return vec![b"~*".to_vec()];
        }
        let rule = |(allowed, pattern): &(KeyUse, Box<[u8]>)| {
            let prefix: &[u8] = match allowed {
                KeyUse { reads: true, writes: true } => b"~",
                KeyUse { reads: true, .. } => b"%R~",
                KeyUse { .. } => b"%W~",
            };
            [prefix, pattern].concat()
        };
        self.patterns.iter().map(rule).collect()
    }
}

/// How a request names channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChannelName {
    /// By their names.
    Literal,
    /// By a pattern, which must be one of those allowed.
    Pattern,
}

/// Which channels may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ChannelPatterns {
    /// Every channel.
    pub(super) all: bool,
    patterns: Vec<Box<[u8]>>,
}

impl ChannelPatterns {
    /// Every channel, or none.
    pub(super) fn all_or_none(all: bool) -> Self {
        Self { all, patterns: Vec::new() }
    }

    /// Allows channels that match `pattern`.
    pub(super) fn add(&mut self, pattern: &[u8]) {
        if !self.patterns.iter().any(|known| **known == *pattern) {
            self.patterns.push(pattern.into());
        }
    }

    /// Whether a channel may be used. O(patterns).
    pub(super) fn allow(&self, name: &[u8], named: ChannelName) -> bool {
        let fits = |pattern: &[u8]| match named {
            ChannelName::Literal => matches(pattern, name, Case::Sensitive),
            ChannelName::Pattern => pattern == name,
        };
        self.all || self.patterns.iter().any(|pattern| fits(pattern))
    }

    /// The rules that make it, as ACL GETUSER prints them.
    pub(super) fn rules(&self) -> Vec<Vec<u8>> {
        if self.all {
            return vec![b"&*".to_vec()];
        }
        self.patterns.iter().map(|pattern| [b"&", &**pattern].concat()).collect()
    }
}
