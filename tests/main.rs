//! The integration tests: rankd as its users see it, over sockets and the command line, its ranking structure against
//! a naive oracle, its journal with its store.
//!
//! One binary; each module is one way of looking at the server. Seeds are printed; `RANKD_SEED` repeats a run.

mod bench;
mod command_line;
mod concurrency;
mod container;
mod crash;
mod cursors;
mod differential;
mod documents;
mod faults;
mod journal;
mod large_replies;
mod layers;
mod limits;
mod loading;
mod memory;
mod model;
mod npm;
mod protocol;
mod rdb;
mod scripts;
mod support;
mod told;
mod tools;
mod transactions;
mod tree;
