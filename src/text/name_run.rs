//! Runs of names with a common prefix, passed from a ranking to a reply.
//!
//! Rankings and replies do not know each other, so the type is here. It avoids assembling each name before it is copied into
//! a reply, which would cost as much as the rest of the reply. The invariant: a run has 1 to [`RUN_MAX`] names.

/// Most names of a run: as many numbers as can be converted to digits together efficiently.
pub const RUN_MAX: usize = 16;

/// Names: their common prefix, and the tail of each.
#[derive(Clone, Copy, Debug)]
pub struct NameRun<'a> {
    prefix: &'a [u8],
    tails: Tails<'a>,
}

/// The tails of names after their common prefix.
#[derive(Clone, Copy, Debug)]
pub enum Tails<'a> {
    /// Tails of any bytes.
    Text(&'a [&'a [u8]]),
    /// The first bytes of a word each; the second list has their number.
    Words(&'a [[u8; 8]; RUN_MAX], &'a [u8]),
}

impl<'a> NameRun<'a> {
    /// The names that consist of `prefix` and one of `tails`.
    ///
    /// # Panics
    /// If there are none, or more than [`RUN_MAX`].
    #[must_use]
    pub fn new(prefix: &'a [u8], tails: Tails<'a>) -> Self {
        let names = Self { prefix, tails };
        assert!((1..=RUN_MAX).contains(&names.count()), "a run of {} names", names.count());
        names
    }

    /// The number of names.
    #[must_use]
    pub fn count(&self) -> usize {
        match self.tails {
            Tails::Text(tails) => tails.len(),
            Tails::Words(_, lens) => lens.len(),
        }
    }

    /// The common prefix.
    #[must_use]
    pub fn prefix(&self) -> &'a [u8] {
        self.prefix
    }

    /// The tails of the names.
    #[must_use]
    pub fn tails(&self) -> Tails<'a> {
        self.tails
    }

    /// Calls `visit` with the tail of each name.
    pub fn for_each_tail(&self, mut visit: impl FnMut(&[u8])) {
        match self.tails {
            Tails::Text(tails) => tails.iter().for_each(|tail| visit(tail)),
            Tails::Words(words, lens) => {
                words.iter().zip(lens).for_each(|(word, &len)| visit(&word[..usize::from(len)]));
            }
        }
    }

    /// Calls `visit` with each name, which is assembled in `scratch`.
    pub fn for_each(&self, scratch: &mut Vec<u8>, mut visit: impl FnMut(&[u8])) {
        scratch.clear();
        scratch.extend_from_slice(self.prefix);
        self.for_each_tail(|tail| {
            scratch.truncate(self.prefix.len());
            scratch.extend_from_slice(tail);
            visit(scratch);
        });
    }
}
