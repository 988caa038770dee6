//! How is it spelled? Requests in, replies out, in RESP2 and RESP3. Knows no command and no key.

mod digits;
pub mod double;
pub mod integer;
pub mod long_double;
mod pairs;
pub mod queue;
pub mod reply;
pub mod request;
pub mod sequence;

/// The protocol version that a connection speaks; RESP2 until HELLO says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Redis's first protocol: five types.
    #[default]
    Resp2,
    /// Adds maps, sets, doubles, nulls, verbatim strings and pushes.
    Resp3,
}
