//! Who is talking? Sockets, runtimes, connections, start and stop. The one layer that knows tokio.
//!
//! | folder or file | its subject |
//! |---|---|
//! | `start` | the command line ([`start::command_line`]), reading the journal, signals, the log |
//! | `listening` | the sockets that clients connect to, and the tasks that accept |
//! | `connection` | one connection: admitted, read, answered |
//! | `threads` | the worker threads, each a runtime of its own, and the work that goes from one to another |
//! | `dump` | the dump file of a running server |
//! | `import` | `rankd import` |
//! | `replication` | the other ends of the stream to replicas |
//! | `metrics` | the metrics port |
//! | `upstream` | the link to the master that is followed |
//! | `sentinel` | what sentinels say of the master |
//! | `process` | what commands may ask of the process |
//!
//! The main thread accepts connections and deals them to worker threads, and has their timers. A connection stays with its worker; its
//! commands run on that thread, to completion.

mod connection;
mod dump;
mod import;
mod listening;
mod metrics;
mod process;
mod replication;
mod sentinel;
pub mod start;
mod threads;
mod upstream;
