//! Requests: the reader, the batch that it fills, the arguments of each request, and what is refused.

mod arguments;
mod batch;
mod error;
mod reader;

pub(super) use arguments::Span;
pub use arguments::{Arguments, OwnedArguments};
pub use batch::{RequestBatch, Requests};
pub use error::ProtocolError;
pub use reader::{RequestLimits, RequestReader};
