//! The threads that connections live on, and the work that goes from one to another.

pub(super) mod shared;
pub(super) mod turns;
pub(super) mod upkeep;
pub(super) mod work;
pub(super) mod worker;
