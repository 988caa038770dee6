//! Edits of a sorted set.

use super::Board;
use crate::ranking::{RankedMembers, Score, Updated};
use crate::store::access::edit::Edit;
use std::ops::Range;

impl Edit<'_, '_, Board> {
    /// Finds the member once. `decide` gets its present score (`None` if absent) and returns its new score. If `decide`
    /// returns `None`, nothing changes. O(log n).
    pub fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<Score>) -> Option<Score>) -> Updated {
        let updated = self.value.update(member, decide);
        if let Some(score) = updated.after.filter(|_| updated.after != updated.before) {
            self.record(|changes, database, key| changes.set_score(database, key, member, score));
        }
        updated
    }

    /// Removes the member and returns its score. O(log n).
    pub fn remove(&mut self, member: &[u8]) -> Option<Score> {
        let removed = self.value.0.remove(member);
        if removed.is_some() {
            self.record(|changes, database, key| changes.remove_score(database, key, member));
        }
        removed
    }

    /// Removes the members with ascending ranks `ranks`. If that removes all members, it records no Change for each
    /// member: the removal of the key follows and is one Change. O(log n + members removed).
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        if ranks.is_empty() {
            return;
        }
        let Self { value: Board(ranking), trace, has_changed, .. } = self;
        let is_everything = ranks == (0..ranking.len());
        *has_changed = true;
        ranking.remove_range(ranks, |member, _| {
            if !is_everything {
                trace.changes.remove_score(trace.keyspace, trace.key, member);
            }
        });
    }

    /// Breaks the board's invariants, like a panic in the middle of an edit.
    #[cfg(test)]
    pub(in crate::store) fn damage(&mut self) {
        self.value.0.damage();
    }
}
