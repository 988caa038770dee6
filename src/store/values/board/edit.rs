//! Edits of a sorted set.

use super::policy::{Best, Policy};
use super::submit::{Submit, SubmitStatus, Submitted};
use super::{Attained, Board, BoardRules, Content, Points};
use crate::ranking::{Aim, Bound, RankedMembers, Ranking, Score, Updated};
use crate::store::access::edit::{Edit, Trace};
use std::ops::Range;

/// A board without a policy, being changed.
pub struct PlainEdit<'p, 'w> {
    ranking: &'p mut Ranking,
    trace: &'p mut Trace<'w>,
    has_changed: &'p mut bool,
}

impl PlainEdit<'_, '_> {
    /// See [`Board::prefetch_updates`].
    pub fn prefetch_updates<'a>(&self, updates: impl Iterator<Item = (&'a [u8], Aim)> + Clone) {
        self.ranking.prefetch_updates(updates);
    }

    /// Finds the member once. `decide` gets its present score (`None` if absent) and returns its new score. If `decide`
    /// returns `None`, nothing changes. O(log n).
    pub fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<Score>) -> Option<Score>) -> Updated {
        let updated = self.ranking.update(member, decide);
        if let Some(score) = updated.after.filter(|_| updated.after != updated.before) {
            *self.has_changed = true;
            self.trace.changes.set_score(self.trace.keyspace, self.trace.key, member, score);
        }
        updated
    }
}

impl<'w> Edit<'_, 'w, Board> {
    /// The board as one of doubles without a policy; `None` if it has one.
    #[inline]
    pub fn plain(&mut self) -> Option<PlainEdit<'_, 'w>> {
        match &mut self.value.0 {
            Content::Plain(ranking) => {
                Some(PlainEdit { ranking, trace: self.trace, has_changed: &mut self.has_changed })
            }
            Content::Ruled(_) => None,
        }
    }

    /// Applies a pair of a call whose wanted scores are [prepared](Submit::prepare). Where the board is full, the last
    /// member falls (event `zrem`). O(log n).
    pub fn submit(&mut self, submit: &Submit, member: &[u8], wanted: Points) -> Submitted {
        let Self { value, trace, has_changed, second_event, .. } = self;
        let is_ruled = value.rules().is_some();
        let mut removed: Option<Box<[u8]>> = None;
        let submitted =
            submit.apply(value, member, wanted, &mut |evicted| removed = Some(Box::from(evicted)));
        if let Some(after) = submitted.after.filter(|_| submitted.status == SubmitStatus::Applied) {
            *has_changed = true;
            let (keyspace, key) = (trace.keyspace, trace.key);
            match after.points {
                Points::Float(score) if !is_ruled => trace.changes.set_score(keyspace, key, member, score),
                _ => trace.changes.set_attained(
                    keyspace,
                    key,
                    member,
                    after,
                    value.has_moments().then_some(submit.at_ms.is_none()),
                ),
            }
        }
        if let Some(removed) = removed {
            *second_event = Some("zrem");
            trace.changes.remove_score(trace.keyspace, trace.key, &removed);
        }
        submitted
    }

    /// Removes the member and returns what it had. O(log n).
    pub fn remove(&mut self, member: &[u8]) -> Option<Attained> {
        let removed = match &mut self.value.0 {
            Content::Plain(ranking) => ranking.remove(member).map(super::timeless),
            Content::Ruled(ruled) => ruled.remove(member),
        };
        if removed.is_some() {
            self.record(|changes, keyspace, key| changes.remove_score(keyspace, key, member));
        }
        removed
    }

    /// Removes the members with ascending ranks `ranks`. If that ends the board, it records no Change for each
    /// member: the removal of the key follows and is one Change. O(log n + members removed).
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        if ranks.is_empty() {
            return;
        }
        let Self { value, trace, has_changed, .. } = self;
        *has_changed = true;
        let mut note = |member: &[u8]| trace.changes.remove_score(trace.keyspace, trace.key, member);
        match &mut value.0 {
            Content::Plain(ranking) => {
                let is_everything = ranks == (0..ranking.len());
                ranking.remove_range(ranks, |member, _| {
                    if !is_everything {
                        note(member);
                    }
                });
            }
            Content::Ruled(ruled) => ruled.remove_range(ranks, &mut note),
        }
    }

    /// Gives the board this policy, which has the same scores, order and ties. Members beyond a lower CAP fall (event
    /// `zrem`), and ids beyond a lower number are forgotten. Returns false, and changes nothing, if the board has no policy
    /// or a member whose score is beyond the range. O(log n + members removed).
    pub fn alter(&mut self, policy: Policy) -> bool {
        let len = self.value.len();
        let is_possible = policy.range.is_none_or(|range| {
            let below = self.value.position(Bound::BelowScore(range.min));
            let up_to = self.value.position(Bound::AboveScore(range.max));
            below == 0 && up_to == len
        });
        let Content::Ruled(ruled) = &mut self.value.0 else { return false };
        if !is_possible {
            return false;
        }
        ruled.rules.policy = policy;
        ruled.rules.ids.keep(policy.ids);
        let rules = &ruled.rules;
        self.has_changed = true;
        self.trace.changes.set_rules(self.trace.keyspace, self.trace.key, rules);
        let cap = policy.cap.map_or(usize::MAX, |cap| usize::try_from(cap.get()).unwrap_or(usize::MAX));
        if len > cap {
            let last = match policy.best {
                Best::Highest => 0..len - cap,
                Best::Lowest => cap..len,
            };
            self.remove_range(last);
            self.is_also("zrem");
        }
        true
    }

    /// Keeps the id of a request. Returns false if it is kept already; nothing has changed then. O(log n).
    pub fn note_id(&mut self, id: &[u8]) -> bool {
        let Content::Ruled(ruled) = &mut self.value.0 else { return true };
        let rules = &mut ruled.rules;
        if rules.ids.contains(id) {
            return false;
        }
        let ordinal = rules.ids.next_ordinal();
        rules.ids.note(ordinal, id, rules.policy.ids);
        self.record(|changes, keyspace, key| changes.note_id(keyspace, key, ordinal, id));
        true
    }

    /// Gives the member what it attained on a master, and on a board without a policy the nearest score. `is_own` says whether the
    /// master's clock gave the moment. O(log n).
    pub(in crate::store) fn set_as_attained(&mut self, member: &[u8], attained: Attained, is_own: bool) {
        let has_moments = self.value.has_moments();
        match &mut self.value.0 {
            Content::Plain(ranking) => {
                let score = attained.points.nearest();
                ranking.update(member, |_| Some(score));
                self.record(|changes, keyspace, key| changes.set_score(keyspace, key, member, score));
            }
            Content::Ruled(ruled) => {
                if !ruled.set_if_fitting(member, attained) {
                    return;
                }
                if is_own {
                    ruled.rules.clock = ruled.rules.clock.max(attained.moment);
                }
                let is_own = has_moments.then_some(is_own);
                self.record(|changes, keyspace, key| {
                    changes.set_attained(keyspace, key, member, attained, is_own);
                });
            }
        }
    }

    /// Keeps the id of a request as a master does. Without a policy it changes nothing. O(log n).
    pub(in crate::store) fn keep_id(&mut self, ordinal: u64, id: &[u8]) {
        if let Content::Ruled(ruled) = &mut self.value.0 {
            let rules = &mut ruled.rules;
            rules.ids.note(ordinal, id, rules.policy.ids);
            self.record(|changes, keyspace, key| changes.note_id(keyspace, key, ordinal, id));
        }
    }

    /// Gives the board the rules of a master's, if it has such scores, order and ties. Returns whether it has.
    pub(in crate::store) fn follow_rules(&mut self, rules: BoardRules) -> bool {
        let Content::Ruled(ruled) = &mut self.value.0 else { return false };
        if !ruled.members.fits(&rules.policy) {
            return false;
        }
        ruled.rules.become_as(rules);
        self.has_changed = true;
        self.trace.changes.set_rules(self.trace.keyspace, self.trace.key, &ruled.rules);
        true
    }

    /// Breaks the board's invariants, like a panic in the middle of an edit.
    #[cfg(test)]
    pub(in crate::store) fn damage(&mut self) {
        if let Content::Plain(ranking) = &mut self.value.0 {
            ranking.damage();
        }
    }
}

impl std::fmt::Debug for PlainEdit<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a plain board of {} members", self.ranking.len())
    }
}
