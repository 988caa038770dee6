//! Queued requests: those of a transaction, which run at EXEC.

use super::request::{Arguments, Span};

/// Copies of requests, in the order of arrival.
#[derive(Debug, Default)]
pub struct RequestQueue {
    buffer: Vec<u8>,
    spans: Vec<Span>,
    /// Where the arguments of each request end in `spans`.
    ends: Vec<usize>,
}

impl RequestQueue {
    /// Adds a copy of a request. O(its bytes).
    pub fn push(&mut self, request: Arguments<'_>) {
        for argument in request.iter() {
            let start = self.buffer.len() as u32;
            self.buffer.extend_from_slice(argument);
            self.spans.push(Span { start, end: self.buffer.len() as u32 });
        }
        self.ends.push(self.spans.len());
    }

    /// The number of requests.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The memory of the queue, in bytes. It must stay below 4 GiB; `client-query-buffer-limit` ensures that.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.buffer.len() + self.spans.len() * size_of::<Span>() + self.ends.len() * size_of::<usize>()
    }

    /// The requests, in order.
    pub fn iter(&self) -> impl Iterator<Item = Arguments<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| Arguments::new(&self.buffer, &self.spans[start..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::RequestQueue;
    use crate::resp::request::{RequestBatch, RequestLimits, RequestReader};

    #[test]
    fn requests_come_back_as_they_were() {
        let mut bytes = b"ZADD lb 1 a\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\nPING\r\n".to_vec();
        let (mut batch, mut queue) = (RequestBatch::default(), RequestQueue::default());
        let bounds = RequestLimits { unauthenticated: false, bulk_bytes: 1024, requests: usize::MAX };
        RequestReader::default().read(&mut bytes, &bounds, &mut batch).unwrap();
        batch.requests(&bytes).for_each(|request| queue.push(request));
        let words: Vec<Vec<&[u8]>> = queue.iter().map(|request| request.iter().collect()).collect();
        let expected: [&[&[u8]]; 3] = [&[b"ZADD", b"lb", b"1", b"a"], &[b"GET", b""], &[b"PING"]];
        assert_eq!(words, expected);
        assert_eq!(queue.len(), 3);
    }
}
