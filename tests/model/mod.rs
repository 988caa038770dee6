//! The ranking structures against a naive oracle, after every step.

mod at_scale;
mod keys;
mod memory;
mod operations;
mod oracle;
mod steps;
