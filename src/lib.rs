//! rankd: a server for ranking work that speaks the Redis protocol.
//!
//! # Layout
//!
//! Nine layers, each a folder; imports only go down this list (`tests/layers.rs` holds the rule):
//!
//! - [`server`]: sockets, threads, connections, start and stop.
//! - [`commands`]: the commands: arguments in, reply out; one file for each command family.
//! - [`journal`]: durability: records, segments, recovery, checkpoints.
//! - [`replication`]: the stream of commands to replicas, its history and its backlog.
//! - [`rdb`]: Redis's RDB files and DUMP payloads, read and written.
//! - [`store`]: the data: key to slot to shard to value; the locks; expiry.
//! - [`scripts`]: the interpreter of scripts: Lua source in, calls of commands and a reply out.
//! - [`resp`]: the protocol: the request reader and the RESP2/RESP3 reply writer.
//! - [`ranking`]: the data structure of a ranking.
//!
//! [`mod@bench`] is the load generator, a client that uses `resp` and no other layer.
//!
//! The following modules are below all layers: every layer may use them, and they use none. [`machine`] (time, randomness,
//! memory, durable files), [`text`] (numbers, patterns, quoted words), [`net`] (addresses, a client's requests),
//! [`config`], and [`limits`], which has every limit in one file.

// They panic where the disk is full or the reader has gone away: `machine::print` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod bench;
pub mod commands;
pub mod config;
pub mod journal;
pub mod limits;
pub mod machine;
pub mod net;
pub mod ranking;
pub mod rdb;
pub mod replication;
pub mod resp;
pub mod scripts;
pub mod server;
pub mod store;
pub mod text;
