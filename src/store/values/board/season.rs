//! The end of a season: a board becomes an archive, and an empty one begins.

use super::rules::BoardRules;
use super::{Board, Content};

impl Board {
    /// Makes the board, which was at `key`, an archive: read-only, without an end, without request ids. Returns the rules of
    /// the season that begins now; `None`, and changes nothing, if the board has no policy. O(1).
    pub(in crate::store) fn close(&mut self, key: &[u8], now_ms: u64) -> Option<BoardRules> {
        let Content::Ruled(ruled) = &mut self.0 else { return None };
        let rules = &mut ruled.rules;
        let ids = std::mem::take(&mut rules.ids);
        let next = BoardRules { ids, ..BoardRules::new(rules.policy, now_ms) };
        rules.closed_from = Some(key.into());
        rules.policy.ttl_s = None;
        rules.policy.ids = 0;
        Some(next)
    }
}
