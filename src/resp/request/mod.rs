//! Requests: the reader, the batch that it fills, the arguments of each request, and what is refused.

mod arguments;
mod batch;
mod error;
mod reader;

pub use arguments::Arguments;
pub(super) use arguments::Span;
pub use batch::RequestBatch;
pub use error::ProtocolError;
pub use reader::{RequestLimits, RequestReader};
