//! Streams beyond single replies: readers that wait, bounds, and work of which other clients must notice nothing.

mod many;
mod readers;
mod write_path;
