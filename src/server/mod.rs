//! Who is talking? Sockets, runtimes, connections, start and stop. The one layer that knows tokio.
//!
//! [`command_line`] reads what is asked for, `startup` binds the addresses, `opening` recovers the journal, and
//! the main thread accepts connections and deals them to worker threads, each a runtime of its own. A connection
//! stays with its worker; its commands run on that thread, to completion.

mod admission;
pub mod command_line;
mod connection;
mod dump;
mod import;
mod listener;
mod log;
mod opening;
mod probe;
mod process;
mod sending;
mod signals;
mod startup;
mod turns;
mod upkeep;
mod work;
mod worker;
