//! Boards with a policy, made and looked up by key.

use super::edit::KeyEdit;
use super::writer::Writer;
use crate::config::EventClasses;
use crate::store::values::board::policy::Policy;
use crate::store::values::board::{Board, BoardRules};
use crate::store::values::kinds::WrongType;
use crate::store::values::stored::Stored;

/// What became of the wish for a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It was made.
    Made,
    /// It is there, with this policy.
    Stands,
    /// A sorted set with another policy, or without one, is there.
    Differs,
}

impl Writer<'_, '_> {
    /// Makes `key` an empty board with this policy, which ends after its TTL, if there is no such key (event `new`).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else than a sorted set.
    pub fn create_board(&mut self, key: &[u8], policy: Policy) -> Result<Creation, WrongType> {
        let (seed, now_ms) = (self.reader().seed(), self.reader().now_ms());
        let mut edit: KeyEdit<'_> = self.fresh(key);
        if let Some(entry) = edit.entry() {
            let rules = Board::of(entry.value).ok_or(WrongType)?.rules();
            let stands = rules.is_some_and(|rules| rules.policy == policy && rules.closed_from.is_none());
            return Ok(if stands { Creation::Stands } else { Creation::Differs });
        }
        let rules = BoardRules::new(policy, now_ms);
        let ends_at_ms = rules.ends_at_ms();
        edit.replace(Board::with_rules(seed, rules).into_value(), ends_at_ms);
        edit.trace.event(EventClasses::NEW, "new");
        edit.trace.note_change(false);
        Ok(Creation::Made)
    }
}
