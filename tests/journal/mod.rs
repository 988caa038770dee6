//! The journal with the store it serves, through what the server uses: nothing that was acknowledged is lost.

mod expiry;
mod following;
mod loading;
mod support;
mod versions;
mod with_store;
