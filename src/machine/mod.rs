//! What every part asks of the machine: time, chance, memory, and numbers about the process.

pub mod chance;
pub mod clock;
pub mod durable;
pub mod heap;
pub mod usage;
