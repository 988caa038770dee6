//! The integration tests: rankd over sockets and the command line, its ranking structure compared with a naive oracle, its
//! journal with its store.
//!
//! All are one binary, with a module for each subject. Seeds are printed; `RANKD_SEED` repeats a run.

mod appendonly;
mod bench;
mod boards;
mod clients;
mod command_line;
mod concurrency;
mod configuration;
mod container;
mod crash;
mod crowds;
mod cursors;
mod differential;
mod documents;
mod eval;
mod eviction;
mod faults;
mod following;
mod functions;
mod info;
mod journal;
mod large_replies;
mod layers;
mod limits;
mod loading;
mod lua_libraries;
mod master;
mod memory;
mod metrics;
mod model;
mod npm;
mod outgoing;
mod protocol;
mod rdb;
mod reply_dependencies;
mod scripts;
mod sentinel;
mod service;
mod slowness;
mod streams;
mod support;
mod tls;
mod tools;
mod transactions;
mod tree;
mod unix_socket;
mod users;
