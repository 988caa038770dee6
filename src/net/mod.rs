//! The client side of a connection: addresses, and requests to a server.

pub mod address;
pub mod client;
