//! Text formats other than the protocol: numbers, patterns, quoted words, runs of names; short strings; and SHA-1.

pub mod c_number;
pub mod decimal;
pub mod fixed_point;
pub mod glob;
pub mod integer;
pub mod library_head;
pub mod name_run;
pub mod quoting;
pub mod sha1;
pub mod short;
