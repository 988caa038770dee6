//! [`ReplySequence`]: the replies of a transaction from its first large one on, as bytes and sources.

use super::Protocol;
use super::reply::{Reply, ReplySource};
use std::collections::VecDeque;

/// How many finished bytes go to the output buffer at a time.
const PIECE_BYTES: usize = 32 * 1024;

/// Replies in order, some of which are written while they are sent.
#[derive(Debug, Default)]
pub struct ReplySequence {
    parts: VecDeque<Part>,
    memory_bytes: usize,
}

#[derive(Debug)]
enum Part {
    Bytes {
        bytes: Vec<u8>,
        written: usize,
    },
    /// The source that a command left, with the protocol at that time: a later HELLO may have changed it.
    Source(Box<dyn ReplySource>, Protocol),
}

impl Part {
    fn memory_bytes(&self) -> usize {
        let content = match self {
            Self::Bytes { bytes, .. } => bytes.capacity(),
            Self::Source(source, _) => source.memory_bytes(),
        };
        size_of::<Self>() + content
    }

    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
        match self {
            Self::Bytes { bytes, written } => {
                let end = bytes.len().min(*written + PIECE_BYTES);
                reply.out().extend_from_slice(&bytes[*written..end]);
                *written = end;
                end < bytes.len()
            }
            Self::Source(source, protocol) => {
                reply.set_protocol(*protocol);
                source.write_more(reply)
            }
        }
    }
}

impl ReplySequence {
    /// Whether the sequence has no replies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds finished replies.
    pub fn push_bytes(&mut self, mut bytes: Vec<u8>) {
        if !bytes.is_empty() {
            bytes.shrink_to_fit();
            self.push(Part::Bytes { bytes, written: 0 });
        }
    }

    /// Adds a reply that `source` will write, in `protocol`.
    pub fn push_source(&mut self, source: Box<dyn ReplySource>, protocol: Protocol) {
        self.push(Part::Source(source, protocol));
    }

    fn push(&mut self, part: Part) {
        self.memory_bytes += part.memory_bytes();
        self.parts.push_back(part);
    }
}

impl ReplySource for ReplySequence {
    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
        if let Some(part) = self.parts.front_mut() {
            self.memory_bytes -= part.memory_bytes();
            if part.write_more(reply) {
                self.memory_bytes += part.memory_bytes();
            } else {
                self.parts.pop_front();
            }
        }
        !self.parts.is_empty()
    }

    fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes numbers down to 1, as doubles.
    #[derive(Debug)]
    struct Countdown(u32);

    impl ReplySource for Countdown {
        fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
            reply.double(f64::from(self.0));
            self.0 -= 1;
            self.0 > 0
        }

        fn memory_bytes(&self) -> usize {
            self.0 as usize
        }
    }

    #[test]
    fn parts_are_written_in_their_order_each_in_its_protocol() {
        let mut sequence = ReplySequence::default();
        let long = vec![b'x'; PIECE_BYTES * 2 + 1];
        sequence.push_bytes(Vec::new());
        assert!(sequence.is_empty());
        sequence.push_source(Box::new(Countdown(2)), Protocol::Resp2);
        sequence.push_bytes(b"+OK\r\n".to_vec());
        sequence.push_source(Box::new(Countdown(1)), Protocol::Resp3);
        sequence.push_bytes(long.clone());
        let (mut out, mut kept_bytes) = (Vec::new(), sequence.memory_bytes());
        while sequence.write_more(&mut Reply::new(&mut out, Protocol::Resp3)) {
            assert!(sequence.memory_bytes() <= kept_bytes, "what has been written is freed");
            kept_bytes = sequence.memory_bytes();
        }
        assert_eq!(sequence.memory_bytes(), 0);
        assert_eq!(out, [&b"$1\r\n2\r\n$1\r\n1\r\n+OK\r\n,1\r\n"[..], &long].concat());
    }
}
