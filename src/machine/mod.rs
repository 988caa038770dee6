//! Services of the machine for all layers: time, randomness, memory, durable file names, and figures about the process.

pub mod allocator;
pub mod chance;
pub mod clock;
pub mod container;
pub mod counter;
pub mod durable;
pub mod heap;
pub mod latency;
pub mod print;
pub mod progress;
pub mod usage;
