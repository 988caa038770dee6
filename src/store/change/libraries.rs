//! Libraries of functions as Changes.

use super::buffer::ChangeBuffer;
use super::codec::{Malformed, put_bytes, take_bytes};
use super::operation;

impl ChangeBuffer {
    /// Records that the library `name` has this text, or that there is none of this name.
    pub fn library(&mut self, name: &[u8], text: Option<&[u8]>) {
        let operation = if text.is_some() { operation::LIBRARY } else { operation::DROP_LIBRARY };
        let out = self.change_of_all(operation);
        put_bytes(out, name);
        if let Some(text) = text {
            put_bytes(out, text);
        }
    }
}

/// Reads the fields of `operation`, a name and the text if there is one, from the front of `rest`.
pub(super) fn take<'a>(
    operation: u8,
    rest: &mut &'a [u8],
) -> Result<(&'a [u8], Option<&'a [u8]>), Malformed> {
    let name = take_bytes(rest)?;
    let text = if operation == operation::LIBRARY { Some(take_bytes(rest)?) } else { None };
    Ok((name, text))
}
