//! Boards compared with a naive oracle: a sorted list of tuples.

mod import;
mod large;
mod oracle;
mod policies;
mod questions;
mod retries;
mod seasons;
mod submits;
