//! The bounds of the blocks of streams.

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
