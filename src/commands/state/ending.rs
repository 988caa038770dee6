//! How the wait of a blocked client ended.

use crate::store::Seq;

/// How a wait ended.
#[derive(Debug)]
pub struct Ending {
    /// The reply.
    pub reply: Vec<u8>,
    /// The record that the reply rests on; `None` if nothing was taken.
    pub seq: Option<Seq>,
}

impl Ending {
    /// The code of the error that the reply is, if it is one.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        let error = std::str::from_utf8(self.reply.strip_prefix(b"-")?).ok()?;
        error.split([' ', '\r']).next()
    }
}
