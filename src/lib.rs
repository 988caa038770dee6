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
//! Beneath them stand a few files that any layer may use and that use no layer: [`limits`], [`clock`],
//! [`chance`], [`address`], [`client`], [`decimal`], [`name_run`], [`heap`], [`quoting`], [`glob`], [`usage`] and
//! [`config`].

pub mod address;
pub mod bench;
pub mod chance;
pub mod client;
pub mod clock;
pub mod commands;
pub mod config;
pub mod decimal;
pub mod durable;
pub mod glob;
pub mod heap;
pub mod journal;
pub mod limits;
pub mod name_run;
pub mod quoting;
pub mod ranking;
pub mod rdb;
pub mod resp;
pub mod server;
pub mod store;
pub mod usage;
