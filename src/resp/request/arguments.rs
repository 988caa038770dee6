//! One request's arguments: slices of the connection's read buffer.

/// The position of an argument in the read buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::resp) struct Span {
    pub(in crate::resp) start: u32,
    pub(in crate::resp) end: u32,
}

/// One request: the command name and its arguments, borrowed from the read buffer.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Arguments<'a> {
    #[inline]
    pub(in crate::resp) fn new(buffer: &'a [u8], spans: &'a [Span]) -> Self {
        Self { buffer, spans }
    }

    /// The number of arguments, the command name included; never 0.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Always false; a request has at least its command's name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`, 0 being the command's name.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| &self.buffer[span.start as usize..span.end as usize])
    }

    /// All arguments, the command's name first.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let buffer = self.buffer;
        self.spans.iter().map(move |span| &buffer[span.start as usize..span.end as usize])
    }

    /// The first `count` arguments.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        Self { buffer: self.buffer, spans: &self.spans[..count.min(self.spans.len())] }
    }

    /// The same request without its first `count` arguments.
    #[must_use]
    #[inline]
    pub fn skip(&self, count: usize) -> Self {
        Self { buffer: self.buffer, spans: &self.spans[count.min(self.spans.len())..] }
    }
}

/// A request that is put together from its arguments.
#[derive(Debug, Default)]
pub struct OwnedArguments {
    buffer: Vec<u8>,
    spans: Vec<Span>,
}

impl OwnedArguments {
    /// Adds an argument. All of them must be shorter than 4 GiB together.
    pub fn push(&mut self, argument: &[u8]) {
        let start = self.buffer.len() as u32;
        self.buffer.extend_from_slice(argument);
        self.spans.push(Span { start, end: self.buffer.len() as u32 });
    }

    /// The bytes of all arguments.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Removes all arguments, and keeps their memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.spans.clear();
    }

    /// Gives back the memory if it is more than `most_bytes`. There are no arguments then.
    pub fn trim(&mut self, most_bytes: usize) {
        if self.buffer.capacity() + self.spans.capacity() * size_of::<Span>() > most_bytes {
            *self = Self::default();
        }
    }

    /// The request.
    #[must_use]
    pub fn as_arguments(&self) -> Arguments<'_> {
        Arguments::new(&self.buffer, &self.spans)
    }
}
