//! Streams beyond single replies: readers that wait, bounds, and work of which other clients must notice nothing.

mod idempotence;
mod many;
mod readers;
mod redis_8_6;
mod replicas;
mod write_path;
