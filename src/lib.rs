//! rankd: a server for ranking work that speaks the Redis protocol.
//!
//! # Layout
//!
//! Seven layers, each a folder; imports only go down this list (`tests/layers.rs` holds the rule):
//!
//! - [`server`]: who is talking? Sockets, runtimes, connections, start and stop.
//! - [`commands`]: what does it mean? Arguments in, reply out; one file per command family.
//! - [`journal`]: will it survive? Records, segments, recovery, checkpoint.
//! - [`rdb`]: what does Redis say? RDB files and DUMP payloads, in both directions.
//! - [`store`]: where is it? Key to slot to shard to value; the locks; expiry.
//! - [`resp`]: how is it spelled? The request reader and the RESP2/RESP3 reply writer.
//! - [`ranking`]: who is ahead? The pure data structure.
//!
//! Beside them stands [`mod@bench`], the load generator: a client, which uses `resp` and no other layer.
//!
//! Beneath them stands what any layer may use and what uses no layer: [`machine`] (time, chance, memory, durable files),
//! [`text`] (numbers, patterns, quoted words), [`net`] (addresses, a client's requests), [`config`], and [`limits`], every
//! bound in one file.

pub mod bench;
pub mod commands;
pub mod config;
pub mod journal;
pub mod limits;
pub mod machine;
pub mod net;
pub mod ranking;
pub mod rdb;
pub mod resp;
pub mod server;
pub mod store;
pub mod text;
