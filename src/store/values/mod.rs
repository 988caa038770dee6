//! What a key holds: a folder for each type of value, and the list of the types in `kinds`.
//!
//! A folder has the type itself with what the house asks of every type ([`stored::Stored`]); in `change.rs` what its
//! Changes say and how they are written; in `edit.rs` how a command changes it.

pub(super) mod board;
pub(super) mod hash;
pub(super) mod kinds;
pub(super) mod list;
pub(super) mod set;
pub(super) mod stored;
pub(super) mod string;

pub use board::Board;
pub use board::change::{BoardChange, EncodedEntries};
pub use hash::change::HashChange;
pub use hash::edit::FieldExpiry;
pub use hash::{Fields, Living, Text};
pub use kinds::{Element, Kind, Value, ValueChange, Word, WrongType};
pub use list::change::ListChange;
pub use list::{End, List};
pub use set::Members;
pub use set::change::SetChange;
pub use stored::Stored;
pub use string::ByteString;
pub use string::change::StringChange;
