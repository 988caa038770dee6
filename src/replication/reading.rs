//! A place in the stream, and what follows it.

use super::flow::{ReplicaEnd, StreamForm};
use super::id::ReplicationId;
use super::outflow::Outflow;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A reader of the stream. What it has not read yet is kept, until it is dropped or given up.
#[derive(Debug)]
pub struct StreamReading {
    outflow: Arc<Outflow>,
    number: u64,
}

impl StreamReading {
    /// Begins behind `offset`, from which another reader keeps the bytes, or at the end. It gets nothing if the bytes do not have this
    /// form.
    #[must_use]
    pub fn from(outflow: &Arc<Outflow>, offset: u64, form: StreamForm) -> Self {
        Self { outflow: Arc::clone(outflow), number: outflow.begin_reading(offset, form) }
    }

    /// Begins behind the byte that is before the byte number `next` of the history `id`, if the backlog has what follows. Also
    /// returns the identifier that the stream has now.
    #[must_use]
    pub fn continuing(
        outflow: &Arc<Outflow>,
        id: ReplicationId,
        next: u64,
        form: StreamForm,
    ) -> Option<(Self, ReplicationId)> {
        let (number, id) = outflow.begin_to_continue(id, next, form)?;
        Some((Self { outflow: Arc::clone(outflow), number }, id))
    }

    /// Appends up to `most` bytes that have not been read yet to `out`. Returns the offset in front of them. If there are none,
    /// wakes the task when there are.
    ///
    /// # Errors
    /// Why nothing more comes.
    pub fn poll(
        &self,
        most: usize,
        out: &mut Vec<u8>,
        context: &Context<'_>,
    ) -> Poll<Result<u64, ReplicaEnd>> {
        self.outflow.poll_bytes(self.number, most, out, context)
    }

    /// Why nothing more comes, if so. The task that [`StreamReading::poll`] has last been called from is woken when that changes.
    #[must_use]
    pub fn end(&self) -> Option<ReplicaEnd> {
        self.outflow.end_of(self.number)
    }

    /// As [`StreamReading::end`], and wakes the task when it comes.
    pub fn poll_end(&self, context: &Context<'_>) -> Poll<ReplicaEnd> {
        self.outflow.poll_end(self.number, context)
    }

    /// What is read begins without some commands, up to `to` in the stream.
    pub fn note_blanks(&self, from: u64, to: u64) {
        self.outflow.note_blanks(from, to);
    }

    /// Bytes that have not been read yet.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.outflow.waiting_bytes(self.number)
    }
}

impl Drop for StreamReading {
    fn drop(&mut self) {
        self.outflow.stop_reading(self.number);
    }
}
