//! Replies: the writer, the short pieces that it puts together, and runs of scored members.

mod pairs;
mod room;
mod writer;

pub use writer::{Reply, ReplySource, Rest};
