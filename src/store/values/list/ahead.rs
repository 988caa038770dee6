//! Loading the ends of lists into the processor's cache, before several commands push or pop there. From a list to the bytes at
//! its end there are three pointers, one behind the other: each step reads what the one before has loaded.

use super::chunk::End;
use super::{Form, List};
use crate::ranking::prefetch;

impl List {
    /// The first step: starts loading where the chunks are.
    pub fn prefetch_chunks(&self, end: End) {
        match &self.form {
            Form::One(chunk) => chunk.prefetch(end),
            Form::Many(many) => prefetch::whole(&**many),
        }
    }

    /// The second step: starts loading the chunk at `end`.
    pub fn prefetch_end(&self, end: End) {
        if let Form::Many(many) = &self.form
            && let Some(chunk) = many.end(end)
        {
            prefetch::whole(chunk);
        }
    }

    /// The third step: starts loading the bytes at `end`.
    pub fn prefetch_bytes(&self, end: End) {
        if let Form::Many(many) = &self.form
            && let Some(chunk) = many.end(end)
        {
            chunk.prefetch(end);
        }
    }
}
