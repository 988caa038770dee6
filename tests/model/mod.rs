//! Compares the ranking structures with a naive oracle after every step.

mod at_scale;
mod keys;
mod memory;
mod operations;
mod oracle;
mod steps;
