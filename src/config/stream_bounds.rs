//! The bounds of the blocks of streams, and of what streams remember of their producers.

use std::ops::RangeInclusive;

/// When a stream begins a new block. Approximate trimming removes whole blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamBounds {
    /// Most bytes of a block in Redis's packing: `stream-node-max-bytes`. 0 for no bound.
    pub node_bytes: usize,
    /// Most entries of a block: `stream-node-max-entries`. 0 for no bound.
    pub node_entries: usize,
}

impl StreamBounds {
    /// Redis's defaults. A stream that is read back at a start is cut into blocks by these.
    pub const DEFAULT: Self = Self { node_bytes: 4096, node_entries: 100 };
}

/// For how long and how many ids a stream keeps of those under which producers add entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerBounds {
    /// The seconds for which an id is kept: `stream-idmp-duration`.
    pub kept_s: u32,
    /// Most ids that are kept of a producer: `stream-idmp-maxsize`.
    pub most_ids: u32,
}

impl ProducerBounds {
    /// Redis's defaults.
    pub const DEFAULT: Self = Self { kept_s: 100, most_ids: 100 };
    /// What `kept_s` can be, as in Redis.
    pub const KEPT_S: RangeInclusive<u32> = 1..=86_400;
    /// What `most_ids` can be, as in Redis.
    pub const MOST_IDS: RangeInclusive<u32> = 1..=10_000;

    /// Whether both are within what they can be.
    #[must_use]
    pub fn are_valid(self) -> bool {
        Self::KEPT_S.contains(&self.kept_s) && Self::MOST_IDS.contains(&self.most_ids)
    }
}

impl Default for ProducerBounds {
    fn default() -> Self {
        Self::DEFAULT
    }
}
