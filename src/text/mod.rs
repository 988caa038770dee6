//! Text formats other than the protocol: numbers, patterns, quoted words, runs of names.

pub mod decimal;
pub mod glob;
pub mod integer;
pub mod name_run;
pub mod quoting;
