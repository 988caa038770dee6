//! The arguments of LB.SUBMIT and LB.MSUBMIT behind the keys.

use crate::commands::call::Cursor;
use crate::commands::call::error::CommandError;
use crate::limits;
use crate::resp::request::Arguments;
use crate::store::{BoardTime, Keep};

/// What a call submits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Submission<'c> {
    /// What a score does to the present one; `None`: what the board's policy says.
    pub(super) keep: Option<Keep>,
    /// When the scores were reached, in unix milliseconds; `None`: now.
    pub(super) at_ms: Option<u64>,
    /// The name of the request, by which a retry is known.
    pub(super) id: Option<&'c [u8]>,
    /// Whether each pair is answered by a row.
    pub(super) returns: bool,
    /// A score and a member in turn; at least one pair.
    pub(super) pairs: Arguments<'c>,
}

impl<'c> Submission<'c> {
    /// Reads the options, which stand in front of the scores, and notes the pairs. No score is spelled like an option.
    pub(super) fn parse(mut cursor: Cursor<'c>) -> Result<Self, CommandError> {
        let (mut keep, mut at_ms, mut id, mut returns) = (None, None, None, false);
        loop {
            if keep.is_none() && cursor.take_word("keep") {
                keep = Some(Keep::of_word(cursor.required()?).ok_or(CommandError::SYNTAX)?);
            } else if at_ms.is_none() && cursor.take_word("at") {
                let given = cursor.non_negative()? as u64;
                at_ms = Some(given).filter(|&given| given <= BoardTime::LAST_MS);
                at_ms.ok_or(CommandError::NOT_AN_INTEGER)?;
            } else if id.is_none() && cursor.take_word("id") {
                id = cursor.next().filter(|id| (1..=limits::REQUEST_ID_BYTES).contains(&id.len()));
                id.ok_or(CommandError::text("ERR a request id has 1 to 64 bytes"))?;
            } else if !returns && cursor.take_word("return") {
                returns = true;
            } else {
                break;
            }
        }
        let pairs = cursor.rest();
        if pairs.len() < 2 || !pairs.len().is_multiple_of(2) {
            return Err(CommandError::SYNTAX);
        }
        Ok(Self { keep, at_ms, id, returns, pairs })
    }

    /// The members, in the order of the pairs.
    pub(super) fn members(&self) -> impl ExactSizeIterator<Item = &'c [u8]> + Clone {
        self.pairs.iter().skip(1).step_by(2)
    }

    /// The texts of the scores.
    pub(super) fn scores(&self) -> impl ExactSizeIterator<Item = &'c [u8]> + Clone {
        self.pairs.iter().step_by(2)
    }

    /// The number of pairs.
    pub(super) fn len(&self) -> usize {
        self.pairs.len() / 2
    }
}
