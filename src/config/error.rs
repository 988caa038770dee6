//! Why a directive was not set.

/// Why a directive could not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectiveError {
    /// There is no such directive; a similar name, if there is one.
    Unknown(Option<&'static str>),
    /// The value is invalid; the text says which values are valid.
    BadValue(String),
    /// It cannot be changed while the server runs.
    Immutable,
    /// Clients may not change it.
    Protected,
}

impl std::fmt::Display for DirectiveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(None) => f.write_str("unknown directive"),
            Self::Unknown(Some(meant)) => write!(f, "unknown directive (did you mean '{meant}'?)"),
            Self::BadValue(why) => f.write_str(why),
            Self::Protected => f.write_str("can't set protected config"),
            Self::Immutable => f.write_str("can't set immutable config"),
        }
    }
}

impl std::error::Error for DirectiveError {}

/// A valid value that cannot be put into effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoEffect {
    /// The directive's own name.
    pub directive: &'static str,
    /// The reason.
    pub why: String,
}
