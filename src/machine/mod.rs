//! What every part asks of the machine: time, chance, memory, durable files, and numbers about the process and its start.

pub mod chance;
pub mod clock;
pub mod durable;
pub mod heap;
pub mod progress;
pub mod usage;
