//! Runs of names that begin alike: what a ranking holds and a reply spells.
//!
//! It stands between the two because neither knows the other, and because a name that is put together only to be copied
//! into a reply costs as much as the rest of the reply. Its invariant: a run has at least one name and at most
//! [`RUN_MAX`].

/// Names of a run at most: as many numbers as are spelled well together.
pub const RUN_MAX: usize = 16;

/// Some names: what all begin with, and how each goes on.
#[derive(Clone, Copy, Debug)]
pub struct NameRun<'a> {
    prefix: &'a [u8],
    tails: Tails<'a>,
}

/// How names go on after what they begin with.
#[derive(Clone, Copy, Debug)]
pub enum Tails<'a> {
    /// With these bytes.
    Text(&'a [&'a [u8]]),
    /// With the first bytes of a word, each with as many as the second list says.
    Words(&'a [[u8; 8]; RUN_MAX], &'a [u8]),
}

impl<'a> NameRun<'a> {
    /// The names that begin with `prefix` and go on with `tails`.
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

    /// What all begin with.
    #[must_use]
    pub fn prefix(&self) -> &'a [u8] {
        self.prefix
    }

    /// How each goes on.
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

    /// Calls `visit` with each name, put together in `scratch`.
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
