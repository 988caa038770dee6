//! What a command does with a key, in the words of COMMAND INFO's key specifications.

/// One flag of a key specification. Each key has one of the first four; the others say more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFlag {
    /// Reads the value, or only what is known about it.
    Ro,
    /// Changes the value that is there.
    Rw,
    /// Replaces the value without reading it.
    Ow,
    /// Removes the key.
    Rm,
    /// Returns, copies or compares the user's data.
    Access,
    /// Adds data and changes none.
    Insert,
    /// Changes data that is there.
    Update,
    /// Removes data.
    Delete,
}

impl KeyFlag {
    /// The name in COMMAND INFO.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ro => "RO",
            Self::Rw => "RW",
            Self::Ow => "OW",
            Self::Rm => "RM",
            Self::Access => "access",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Whether it is one of the four of which each key has one.
    #[must_use]
    pub fn is_main(self) -> bool {
        matches!(self, Self::Ro | Self::Rw | Self::Ow | Self::Rm)
    }
}
