//! The types of values: a folder for each type, and the list of the types in `kinds`.
//!
//! A folder has the type itself with its implementation of [`stored::Stored`], its Changes and their encoding in
//! `change.rs`, and the edits of commands in `edit.rs`.

pub(super) mod board;
mod element;
pub(super) mod hash;
pub(super) mod kind;
pub(super) mod kinds;
pub(super) mod list;
mod loose;
pub(super) mod set;
pub(super) mod stored;
pub(super) mod stream;
pub(super) mod string;
mod words;

pub use board::change::{BoardChange, EncodedAttained, EncodedEntries, EncodedIds, EncodedRules};
pub use board::edit::PlainEdit;
pub use board::policy::{AllowedScores, Best, BoardTemplates, Keep, Policy, PolicyError, PolicyWords, Ties};
pub use board::submit::{Conditions, Submit, SubmitError, SubmitStatus, Submitted, WantedPoints};
pub use board::{
    Attained, BestFirst, Board, BoardExcerpt, BoardRules, BoardTime, KeptIds, Points, ScoreSteps, ScoreType,
    Scores,
};
pub use hash::change::HashChange;
pub use hash::edit::FieldExpiry;
pub use hash::{Fields, Living};
pub use kinds::{Beside, Element, Kind, Value, ValueChange, Word, WrongType};
pub use list::change::ListChange;
pub use list::{End, List};
pub use loose::LooseValue;
pub use set::change::SetChange;
pub use set::{Members, SetForm};
pub use stored::Stored;
pub use stream::change::StreamChange;
pub use stream::{
    Consumer, ConsumerGroup, ConsumerTimes, Delivery, GroupPosition, PlacedRequest, Producers, ProducersHead,
    RequestPlace, Stream, StreamEntry, StreamExcerpt, StreamHead, StreamId, StreamPart, Trim, TrimTarget,
};
pub use string::ByteString;
pub use string::change::StringChange;
pub use words::Text;
