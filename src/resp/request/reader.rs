//! The request reader: finds the complete requests in the bytes of a connection.
//!
//! It is between the read buffer of the socket and the command table. It is incremental (it looks at each byte once, however
//! a request is split into reads), does not recurse (requests do not nest), and reserves no memory for a size that a header
//! announces. docs/decisions/0002-request-reader.md gives the reasons for an implementation of our own.
//!
//! The arguments of a request stay in the buffer; the reader records their positions. Inline commands are unquoted in
//! place, which never makes them longer.

use super::arguments::Span;
use super::batch::RequestBatch;
use super::error::ProtocolError;
use crate::limits;
use crate::resp::integer;
use crate::text::quoting::{Unbalanced, split_words};

/// The limits for requests of a connection.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Whether the connection still has to authenticate: then limits are low, and one request is read at a time.
    pub unauthenticated: bool,
    /// Longest argument in bytes (`proto-max-bulk-len`).
    pub bulk_bytes: usize,
    /// Most requests of one batch, including empty ones. A batch also ends when it has four times as many arguments.
    pub requests: usize,
}

/// Reads requests from the bytes of a connection, and keeps its state within an incomplete request.
#[derive(Debug, Default)]
pub struct RequestReader {
    /// How far the buffer has been parsed.
    position: usize,
    /// How far the buffer has been searched for a line end, if that is further.
    searched: usize,
    /// The arguments that have come of an incomplete request.
    spans: Vec<Span>,
    /// The number of missing arguments of the current request; 0 between requests.
    missing: usize,
    /// The length of the current argument, when its header has been read.
    bulk: Option<usize>,
}

impl RequestReader {
    /// Replaces the contents of `batch` with the complete requests at the front of `buffer`.
    ///
    /// `buffer` must have the remaining bytes of the last call (after removing [`RequestBatch::consumed_bytes`] and calling
    /// [`RequestReader::consumed`]), followed by new ones.
    ///
    /// # Errors
    /// The first invalid request. `batch` holds the requests before it; the connection must be closed.
    pub fn read(
        &mut self,
        buffer: &mut [u8],
        bounds: &RequestLimits,
        batch: &mut RequestBatch,
    ) -> Result<(), ProtocolError> {
        batch.clear();
        // An incomplete request goes on in the batch, where its arguments need not be copied when it is complete.
        std::mem::swap(&mut self.spans, &mut batch.spans);
        let most_arguments = bounds.requests.saturating_mul(4);
        let mut read = Ok(true);
        for requests in 0.. {
            batch.is_full = requests >= bounds.requests || batch.arguments() >= most_arguments;
            if batch.is_full {
                break;
            }
            read = self.read_request(buffer, bounds, &mut batch.spans);
            if read != Ok(true) {
                break;
            }
            batch.end_request(self.position);
        }
        batch.move_incomplete(&mut self.spans);
        read.map(|_| ())
    }

    /// Tells the reader that `bytes` were removed from the front of the buffer.
    pub fn consumed(&mut self, bytes: usize) {
        self.position -= bytes;
        self.searched = self.searched.saturating_sub(bytes);
        for span in &mut self.spans {
            span.start -= bytes as u32;
            span.end -= bytes as u32;
        }
    }

    /// How many bytes the current argument still needs beyond `buffer_len`: a hint for the next read.
    #[must_use]
    pub fn missing_bytes(&self, buffer_len: usize) -> usize {
        self.bulk.map_or(0, |len| (self.position + len + 2).saturating_sub(buffer_len))
    }

    /// Reads a request, or the rest of one, and appends its arguments to `spans`. Returns whether it was complete.
    #[inline]
    fn read_request(
        &mut self,
        buffer: &mut [u8],
        bounds: &RequestLimits,
        spans: &mut Vec<Span>,
    ) -> Result<bool, ProtocolError> {
        if self.missing == 0 {
            match buffer.get(self.position) {
                None => return Ok(false),
                Some(b'*') => {
                    if !self.read_count(buffer, bounds)? {
                        return Ok(false);
                    }
                }
                Some(_) => return self.read_inline(buffer, spans),
            }
        }
        let most_bytes = if bounds.unauthenticated {
            limits::UNAUTHENTICATED_BULK_BYTES.min(bounds.bulk_bytes)
        } else {
            bounds.bulk_bytes
        };
        loop {
            self.read_short_bulks(buffer, most_bytes, spans);
            if self.missing == 0 {
                return Ok(true);
            }
            if !self.read_bulk(buffer, bounds, spans)? {
                return Ok(false);
            }
        }
    }

    /// Reads `*<count>`. Returns whether the line was complete.
    #[inline]
    fn read_count(&mut self, buffer: &[u8], bounds: &RequestLimits) -> Result<bool, ProtocolError> {
        let count = match short_header(buffer, self.position, b'*') {
            Some((count, end)) => {
                self.position = end;
                count as i64
            }
            None => {
                let Some(line) = self.take_line(buffer, ProtocolError::CountLineTooBig)? else {
                    return Ok(false);
                };
                integer::parse(&line[1..]).ok_or(ProtocolError::InvalidCount)?
            }
        };
        if count > limits::REQUEST_ARGUMENTS as i64 {
            return Err(ProtocolError::InvalidCount);
        }
        if bounds.unauthenticated && count > limits::UNAUTHENTICATED_ARGUMENTS as i64 {
            return Err(ProtocolError::UnauthenticatedCount);
        }
        // A negative count is an empty request, as in Redis.
        self.missing = count.max(0) as usize;
        Ok(true)
    }

    /// Reads missing arguments, nearly always all of them, in few instructions. It stops at the first that is incomplete,
    /// wrong, longer than `most_bytes` or longer than three digits say; [`RequestReader::read_bulk`] reads that.
    #[inline]
    fn read_short_bulks(&mut self, buffer: &[u8], most_bytes: usize, spans: &mut Vec<Span>) {
        if self.bulk.is_some() {
            return;
        }
        let (mut position, mut missing) = (self.position, self.missing);
        while missing > 0
            && let Some((len, start)) = short_header(buffer, position, b'$')
            && len <= most_bytes
            && let Some(b"\r\n") = buffer.get(start + len..start + len + 2)
        {
            let end = start + len;
            spans.push(Span { start: start as u32, end: end as u32 });
            position = end + 2;
            missing -= 1;
        }
        (self.position, self.missing) = (position, missing);
    }

    /// Reads the next missing argument. Returns whether it was complete.
    #[inline(never)]
    fn read_bulk(
        &mut self,
        buffer: &[u8],
        bounds: &RequestLimits,
        spans: &mut Vec<Span>,
    ) -> Result<bool, ProtocolError> {
        let len = match self.bulk {
            Some(len) => len,
            None => {
                // As in Redis, a wrong first byte is reported only when the line is complete.
                let Some(line) = self.take_line(buffer, ProtocolError::BulkLineTooBig)? else {
                    return Ok(false);
                };
                let Some((b'$', digits)) = line.split_first() else {
                    return Err(ProtocolError::ExpectedBulk(line.first().copied().unwrap_or(b'\r')));
                };
                let len = integer::parse(digits)
                    .and_then(|len| usize::try_from(len).ok())
                    .filter(|len| *len <= bounds.bulk_bytes)
                    .ok_or(ProtocolError::InvalidLength)?;
                if bounds.unauthenticated && len > limits::UNAUTHENTICATED_BULK_BYTES {
                    return Err(ProtocolError::UnauthenticatedLength);
                }
                self.bulk = Some(len);
                len
            }
        };
        let end = self.position + len;
        let Some(line_end) = buffer.get(end..end + 2) else { return Ok(false) };
        if line_end != b"\r\n" {
            return Err(ProtocolError::ExpectedLineEnd);
        }
        spans.push(Span { start: self.position as u32, end: end as u32 });
        self.position = end + 2;
        self.bulk = None;
        self.missing -= 1;
        Ok(true)
    }

    /// The bytes up to the next CR LF, without it; moves past it. `None` if the line is incomplete.
    fn take_line<'b>(
        &mut self,
        buffer: &'b [u8],
        too_big: ProtocolError,
    ) -> Result<Option<&'b [u8]>, ProtocolError> {
        let from = self.searched.max(self.position);
        let Some(offset) = memchr::memchr(b'\r', &buffer[from..]) else {
            self.searched = buffer.len();
            return if buffer.len() - self.position > limits::INLINE_BYTES { Err(too_big) } else { Ok(None) };
        };
        let end = from + offset;
        match buffer.get(end + 1) {
            None => {
                self.searched = end;
                Ok(None)
            }
            Some(b'\n') => {
                let line = &buffer[self.position..end];
                self.position = end + 2;
                Ok(Some(line))
            }
            Some(_) => Err(ProtocolError::ExpectedLineEnd),
        }
    }

    /// Reads an inline command: words up to a line feed, with Redis's quoting. Returns whether the line was complete.
    fn read_inline(&mut self, buffer: &mut [u8], spans: &mut Vec<Span>) -> Result<bool, ProtocolError> {
        let from = self.searched.max(self.position);
        let Some(offset) = memchr::memchr(b'\n', &buffer[from..]) else {
            self.searched = buffer.len();
            let waiting = buffer.len() - self.position;
            return if waiting > limits::INLINE_BYTES { Err(ProtocolError::InlineTooBig) } else { Ok(false) };
        };
        let end = from + offset;
        let text_end = if end > self.position && buffer[end - 1] == b'\r' { end - 1 } else { end };
        let start = self.position;
        split_words(&mut buffer[start..text_end], |word| {
            spans.push(Span { start: (start + word.start) as u32, end: (start + word.end) as u32 });
        })
        .map_err(|Unbalanced| ProtocolError::UnbalancedQuotes)?;
        self.position = end + 1;
        Ok(true)
    }
}

/// Reads a header of one to three digits at `position`: nearly every header, in a few instructions. Returns its number and
/// where what follows begins. `None` for anything else, also for what is incomplete or wrong;
/// [`RequestReader::take_line`] says which.
#[inline]
fn short_header(buffer: &[u8], position: usize, tag: u8) -> Option<(usize, usize)> {
    // Whatever follows a header of an argument has two bytes at least.
    let bytes: &[u8; 6] = buffer.get(position..)?.first_chunk()?;
    let digit = |index: usize| Some(bytes[index].wrapping_sub(b'0')).filter(|digit| *digit < 10);
    let mut number = usize::from(digit(1).filter(|_| bytes[0] == tag)?);
    let mut end = 2;
    while bytes[end] != b'\r' {
        // A number has no leading zero.
        let next = digit(end).filter(|_| end < 4 && number > 0)?;
        number = number * 10 + usize::from(next);
        end += 1;
    }
    (bytes[end + 1] == b'\n').then_some((number, position + end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: RequestLimits =
        RequestLimits { unauthenticated: false, bulk_bytes: limits::BULK_BYTES, requests: usize::MAX };

    type Words = Vec<Vec<u8>>;

    /// Feeds `bytes` in pieces of `step` bytes and returns the requests and the error that ended them.
    fn feed(bytes: &[u8], step: usize, bounds: &RequestLimits) -> (Vec<Words>, Option<ProtocolError>) {
        let (mut reader, mut batch) = (RequestReader::default(), RequestBatch::default());
        let (mut buffer, mut found) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(step) {
            buffer.extend_from_slice(piece);
            let result = reader.read(&mut buffer, bounds, &mut batch);
            found.extend(batch.requests(&buffer).map(|words| words.iter().map(<[u8]>::to_vec).collect()));
            if let Err(error) = result {
                return (found, Some(error));
            }
            buffer.drain(..batch.consumed_bytes());
            reader.consumed(batch.consumed_bytes());
        }
        (found, None)
    }

    /// A connection that received 240 MB of PINGs while it waited blocked its thread for 3.7 s when it was served: the
    /// reader read all of them at once.
    #[test]
    fn a_batch_is_bounded_and_the_rest_stays_in_the_buffer() {
        const MOST: usize = 10;
        let bounds = RequestLimits { requests: MOST, ..OPEN };
        let long = format!("*{}\r\n{}", MOST * 5, "$1\r\na\r\n".repeat(MOST * 5));
        for (request, per_batch) in [("PING\r\n", MOST), ("*0\r\n", 0), ("\n", 0), (&long, 1)] {
            let mut buffer = request.repeat(MOST * 3).into_bytes();
            let (mut reader, mut batch) = (RequestReader::default(), RequestBatch::default());
            let mut reads = 0;
            while !buffer.is_empty() {
                reader.read(&mut buffer, &bounds, &mut batch).unwrap();
                assert_eq!((batch.is_full(), batch.len()), (true, per_batch), "{request:.20}");
                buffer.drain(..batch.consumed_bytes());
                reader.consumed(batch.consumed_bytes());
                reads += 1;
            }
            assert_eq!(reads, if request == long { MOST * 3 } else { 3 }, "{request:.20}");
            reader.read(&mut buffer, &bounds, &mut batch).unwrap();
            assert!(!batch.is_full() && batch.is_empty());
        }
    }

    fn words(requests: &[&[&str]]) -> Vec<Words> {
        requests.iter().map(|words| words.iter().map(|word| word.as_bytes().to_vec()).collect()).collect()
    }

    #[test]
    fn requests_are_the_same_however_they_are_cut() {
        let bytes = b"*2\r\n$4\r\nECHO\r\n$5\r\na\r\nb\n\r\n*0\r\n*-1\r\n\r\nPING\n  set k 'it''s'\r\nECHO \"a\\x41 \\\"b\\n\" ''\r\n*1\r\n$0\r\n\r\n";
        // 'it''s' has a letter after a closing quote: unbalanced. The requests before it are served.
        for step in 1..bytes.len() {
            let (found, error) = feed(bytes, step, &OPEN);
            assert_eq!(found, words(&[&["ECHO", "a\r\nb\n"], &["PING"]]), "step {step}");
            assert_eq!(error, Some(ProtocolError::UnbalancedQuotes));
        }
        let bytes = b"ECHO \"a\\x41 \\\"b\\n\" ''\r\n*1\r\n$0\r\n\r\nGET 'it\\'s'\n";
        for step in 1..bytes.len() {
            let (found, error) = feed(bytes, step, &OPEN);
            assert_eq!(found, words(&[&["ECHO", "aA \"b\n", ""], &[""], &["GET", "it's"]]), "step {step}");
            assert_eq!(error, None);
        }
    }

    #[test]
    fn broken_requests_are_named() {
        let long = vec![b'a'; limits::INLINE_BYTES + 2];
        let long_count = [b"*1".as_slice(), &long].concat();
        let long_bulk = [b"*1\r\n$".as_slice(), &long].concat();
        let nested = b"*1\r\n".repeat(8000);
        let cases: Vec<(&[u8], ProtocolError)> = vec![
            (b"*2147483648\r\n", ProtocolError::InvalidCount),
            (b"*x\r\n", ProtocolError::InvalidCount),
            (b"*+1\r\n", ProtocolError::InvalidCount),
            (b"*01\r\n", ProtocolError::InvalidCount),
            (&nested, ProtocolError::ExpectedBulk(b'*')),
            (b"*1\r\n$-1\r\n", ProtocolError::InvalidLength),
            (b"*1\r\n$536870913\r\n", ProtocolError::InvalidLength),
            (b"*1\r\n$1\r\nabc", ProtocolError::ExpectedLineEnd),
            (b"*1\rX", ProtocolError::ExpectedLineEnd),
            (b"ECHO \"a\r\n", ProtocolError::UnbalancedQuotes),
            (&long, ProtocolError::InlineTooBig),
            (&long_count, ProtocolError::CountLineTooBig),
            (&long_bulk, ProtocolError::BulkLineTooBig),
        ];
        for (bytes, error) in cases {
            for step in [1, 3, bytes.len()] {
                assert_eq!(feed(bytes, step, &OPEN), (vec![], Some(error)));
            }
        }
    }

    #[test]
    fn an_unauthenticated_client_has_lower_limits() {
        let bounds = RequestLimits { unauthenticated: true, requests: 1, ..OPEN };
        assert_eq!(feed(b"*11\r\n", 5, &bounds).1, Some(ProtocolError::UnauthenticatedCount));
        assert_eq!(feed(b"*1\r\n$16385\r\n", 12, &bounds).1, Some(ProtocolError::UnauthenticatedLength));
        assert_eq!(feed(b"*1\r\n$4\r\nPING\r\n", 14, &bounds).0, words(&[&["PING"]]));
    }

    #[test]
    fn a_header_reserves_nothing() {
        let (mut reader, mut batch) = (RequestReader::default(), RequestBatch::default());
        let mut buffer = b"*1048576\r\n$536870912\r\n".to_vec();
        reader.read(&mut buffer, &OPEN, &mut batch).unwrap();
        assert!(batch.is_empty());
        assert_eq!(reader.spans.capacity(), 0);
        assert_eq!(reader.missing_bytes(buffer.len()), 536_870_914);
    }
}
