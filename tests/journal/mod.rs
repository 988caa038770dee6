//! The journal together with the store, through the interface that the server uses: no acknowledged write is lost.

mod expiry;
mod following;
mod loading;
mod read_back;
mod streams;
mod support;
mod transfer;
mod versions;
mod with_store;
