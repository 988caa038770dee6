//! The complete requests of one read buffer.

use super::arguments::{Arguments, Span};

/// A connection keeps memory for this many argument positions between batches.
const KEPT_SPANS: usize = 1024;

/// The complete requests found in one buffer, in order.
#[derive(Debug, Default)]
pub struct RequestBatch {
    pub(super) spans: Vec<Span>,
    /// For each request, the end of its arguments in `spans`.
    ends: Vec<usize>,
    /// The bytes of the buffer up to the end of the last request.
    consumed_bytes: usize,
    /// Whether there may be further requests in the buffer.
    pub(super) is_full: bool,
}

/// Requests of a batch, one after the other.
#[derive(Clone, Debug)]
pub struct Requests<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
    /// Where the arguments of the next request begin.
    start: usize,
    ends: &'a [usize],
}

impl<'a> Iterator for Requests<'a> {
    type Item = Arguments<'a>;

    #[inline]
    fn next(&mut self) -> Option<Arguments<'a>> {
        let (&end, ends) = self.ends.split_first()?;
        let spans = &self.spans[self.start..end];
        (self.start, self.ends) = (end, ends);
        Some(Arguments::new(self.buffer, spans))
    }
}

impl RequestBatch {
    /// The number of requests.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes at the front of the buffer that can be removed when the requests have run.
    #[must_use]
    pub fn consumed_bytes(&self) -> usize {
        self.consumed_bytes
    }

    /// Whether the reader stopped at a limit: the buffer may have further complete requests.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// The requests' arguments; `buffer` is the one that was read.
    pub fn requests<'a>(&'a self, buffer: &'a [u8]) -> Requests<'a> {
        self.requests_behind(0, usize::MAX, buffer)
    }

    /// As [`RequestBatch::requests`], without the first `count`, and at most `most` of the rest.
    pub fn requests_behind<'a>(&'a self, count: usize, most: usize, buffer: &'a [u8]) -> Requests<'a> {
        let (before, ends) = self.ends.split_at(count.min(self.ends.len()));
        let start = before.last().copied().unwrap_or(0);
        Requests { buffer, spans: &self.spans, start, ends: &ends[..most.min(ends.len())] }
    }

    /// The number of bytes of the buffer up to the end of each request. None of them may be an inline command.
    pub fn request_ends(&self) -> impl Iterator<Item = usize> {
        // Behind the last argument there is a line end.
        self.ends.iter().map(|&end| self.spans[end - 1].end as usize + 2)
    }

    /// Removes the first request with more than `most` bytes, and all behind it. Returns whether there was one.
    pub fn cut_before_longer(&mut self, buffer: &[u8], most: usize) -> bool {
        let is_longer =
            |request: Arguments<'_>| request.iter().map(|word| word.len() + 2).sum::<usize>() > most;
        let first = self.requests(buffer).position(is_longer);
        if let Some(first) = first {
            self.ends.truncate(first);
            self.spans.truncate(self.arguments());
        }
        first.is_some()
    }

    /// Removes all requests, and frees the memory of an unusually large batch.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.spans.shrink_to(KEPT_SPANS);
        self.ends.clear();
        self.ends.shrink_to(KEPT_SPANS);
        self.consumed_bytes = 0;
        self.is_full = false;
    }

    /// The number of arguments of all complete requests.
    #[inline]
    pub(super) fn arguments(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The arguments behind the last request are one, which ends at `consumed_bytes` of the buffer.
    #[inline]
    pub(super) fn end_request(&mut self, consumed_bytes: usize) {
        self.consumed_bytes = consumed_bytes;
        // Empty requests are ignored.
        if self.spans.len() > self.arguments() {
            self.ends.push(self.spans.len());
        }
    }

    /// Moves the arguments behind the last request to `spans`, which is empty.
    #[inline]
    pub(super) fn move_incomplete(&mut self, spans: &mut Vec<Span>) {
        let complete = self.arguments();
        if complete == 0 {
            // A request with very many arguments is not copied.
            std::mem::swap(&mut self.spans, spans);
        } else if complete < self.spans.len() {
            spans.extend(self.spans.drain(complete..));
        }
    }
}
