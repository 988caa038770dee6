//! The bounds of the compact forms of sets.

/// Up to where a set is kept compactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetBounds {
    /// Most members of a set of integers: `set-max-intset-entries`.
    pub intset_entries: usize,
    /// Most members of a packed set: `set-max-listpack-entries`.
    pub listpack_entries: usize,
    /// Longest member of a packed set, in bytes: `set-max-listpack-value`.
    pub listpack_value_bytes: usize,
}

impl SetBounds {
    /// Redis's defaults.
    pub const DEFAULT: Self = Self { intset_entries: 512, listpack_entries: 128, listpack_value_bytes: 64 };
}
