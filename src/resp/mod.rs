//! The protocol: reads requests and writes replies, in RESP2 and RESP3. It knows no commands and no keys.

mod digits;
pub mod double;
pub mod integer;
pub mod long_double;
pub mod queue;
pub mod reply;
pub mod request;
pub mod sequence;

/// The protocol version of a connection: RESP2 until HELLO changes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Redis's original protocol, with five types.
    #[default]
    Resp2,
    /// Adds maps, sets, doubles, nulls, verbatim strings and pushes.
    Resp3,
}
