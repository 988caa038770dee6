//! The client side of a connection: addresses, streams, and requests to a server.

pub mod address;
pub mod client;
pub mod outgoing;
pub mod stream;
pub mod tls;
