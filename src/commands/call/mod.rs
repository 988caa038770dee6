//! A request as its command sees it: the arguments, and a cursor that walks them.

pub(super) mod draw;
pub mod error;
pub(super) mod multi_pop;
pub(super) mod name_list;
pub(super) mod points;
pub(super) mod scanning;
pub(super) mod shown;
pub(super) mod timeout;

use crate::config::Config;
use crate::limits;
use crate::ranking::Score;
use crate::resp::request::Arguments;
use crate::resp::{double, integer};
use crate::store::Located;
use error::{CommandError, Stop};

/// One request that is about to run.
#[derive(Clone, Copy, Debug)]
pub struct Call<'c> {
    /// The command's name and arguments. For a subcommand they begin with the subcommand's name.
    pub arguments: Arguments<'c>,
    /// Where argument 1 is to be looked for, if that is known already. It is the only key then.
    pub located: Option<Located<'c>>,
    /// The configuration at the start of the batch.
    pub config: &'c Config,
    /// Whether it may keep its thread for long. See [`Call::announce`].
    pub may_take_long: bool,
}

impl<'c> Call<'c> {
    /// The argument at `position`, which the command's arity guarantees.
    ///
    /// # Panics
    /// If the arity does not guarantee it.
    #[must_use]
    pub fn argument(&self, position: usize) -> &'c [u8] {
        self.arguments.get(position).expect("guaranteed by the command's arity")
    }

    /// Announces that the command is about to visit so many elements. A command calls this before it changes anything or
    /// writes a reply.
    ///
    /// # Errors
    /// [`Stop::TakesLong`] if the thread has no time for so many: the command must end, and is run again on a thread
    /// that has.
    pub fn announce(&self, elements: usize) -> Result<(), Stop> {
        let fits = self.may_take_long || elements <= limits::ELEMENTS_ON_THREAD;
        if fits { Ok(()) } else { Err(Stop::TakesLong) }
    }

    /// A cursor on the arguments from `position` on.
    #[must_use]
    pub fn cursor(&self, position: usize) -> Cursor<'c> {
        Cursor { arguments: self.arguments, next: position }
    }
}

/// Walks arguments from left to right.
#[derive(Clone, Debug)]
pub struct Cursor<'c> {
    arguments: Arguments<'c>,
    next: usize,
}

impl<'c> Cursor<'c> {
    /// How many arguments are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.arguments.len().saturating_sub(self.next)
    }

    /// Whether `word` (in any case) comes next; if so, moves past it.
    pub fn take_word(&mut self, word: &str) -> bool {
        let found =
            self.arguments.get(self.next).is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()));
        self.next += usize::from(found);
        found
    }

    /// The next argument, which must be there.
    ///
    /// # Errors
    /// A syntax error if there is none.
    pub fn required(&mut self) -> Result<&'c [u8], CommandError> {
        self.next().ok_or(CommandError::SYNTAX)
    }

    /// The next argument as an integer.
    ///
    /// # Errors
    /// A syntax error if there is none, else "not an integer".
    pub fn integer(&mut self) -> Result<i64, CommandError> {
        parse_integer(self.required()?)
    }

    /// The next argument as an integer that must not be negative.
    ///
    /// # Errors
    /// As [`Cursor::integer`], and "must be positive" for a negative one.
    pub fn non_negative(&mut self) -> Result<usize, CommandError> {
        usize::try_from(self.integer()?).map_err(|_| CommandError::NOT_POSITIVE)
    }

    /// The arguments that are left, without moving.
    #[must_use]
    pub fn rest(&self) -> Arguments<'c> {
        self.arguments.skip(self.next)
    }
}

impl<'c> Iterator for Cursor<'c> {
    type Item = &'c [u8];

    fn next(&mut self) -> Option<&'c [u8]> {
        let next = self.arguments.get(self.next)?;
        self.next += 1;
        Some(next)
    }
}

/// Reads a 64-bit integer.
///
/// # Errors
/// "value is not an integer or out of range".
pub fn parse_integer(text: &[u8]) -> Result<i64, CommandError> {
    integer::parse(text).ok_or(CommandError::NOT_AN_INTEGER)
}

/// Reads a score.
///
/// # Errors
/// "value is not a valid float".
pub fn parse_score(text: &[u8]) -> Result<Score, CommandError> {
    double::parse(text).and_then(Score::new).ok_or(CommandError::NOT_A_FLOAT)
}

/// Reads a count that must not be negative.
///
/// # Errors
/// "value is out of range, must be positive", as Redis says for anything else.
pub fn parse_count(text: &[u8]) -> Result<usize, CommandError> {
    integer::parse(text).and_then(|count| usize::try_from(count).ok()).ok_or(CommandError::NOT_POSITIVE)
}

/// An argument as text for an error message: what is not UTF-8 is replaced.
#[must_use]
pub fn text(argument: &[u8]) -> String {
    String::from_utf8_lossy(argument).into_owned()
}
