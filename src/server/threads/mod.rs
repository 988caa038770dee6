//! The threads that serve connections, and the work that one of them can run for another.

pub(super) mod shared;
pub(super) mod timers;
pub(super) mod tls;
pub(super) mod turns;
pub(super) mod upkeep;
pub(super) mod work;
pub(super) mod worker;
