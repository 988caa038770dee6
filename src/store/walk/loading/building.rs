//! Builds a board of a base: its entries come in order and are packed leaf by leaf.

use crate::ranking::{RankingBuilder, Score};
use crate::store::numbers::KeyspaceIndex;
use crate::store::sharded::Store;
use crate::store::values::board::Board;
use crate::store::values::stored::Stored;

/// A board of a base that is being built.
pub(super) struct BoardBuilder {
    keyspace: KeyspaceIndex,
    key: Box<[u8]>,
    pub(super) expire_at_ms: Option<u64>,
    builder: RankingBuilder,
    /// The last entry. The next one must be above it in the order (score, member).
    last_score: Option<Score>,
    last_member: Vec<u8>,
}

impl BoardBuilder {
    pub(super) fn new(keyspace: KeyspaceIndex, key: &[u8], seed: u64) -> Self {
        Self {
            keyspace,
            key: key.into(),
            expire_at_ms: None,
            builder: RankingBuilder::with_seed(seed),
            last_score: None,
            last_member: Vec::new(),
        }
    }

    /// Adds an entry. Returns false if it is not above the last one.
    pub(super) fn push(&mut self, member: &[u8], score: Score) -> bool {
        let is_above =
            self.last_score.is_none_or(|last| score > last || (score == last && *member > *self.last_member));
        if is_above {
            self.last_score = Some(score);
            self.last_member.clear();
            self.last_member.extend_from_slice(member);
            self.builder.push(member, score);
        }
        is_above
    }

    /// Whether this is the board at `key`.
    pub(super) fn is_at(&self, keyspace: KeyspaceIndex, key: &[u8]) -> bool {
        (self.keyspace, &*self.key) == (keyspace, key)
    }

    /// Puts the board into the store.
    pub(super) fn close(self, store: &Store) {
        let value = Board::from(self.builder.finish()).into_value();
        let at = store.locate(&self.key);
        let mut shard = store.shards[at.shard].write();
        let keyspace = shard.numbered_mut(self.keyspace);
        let spot = keyspace.spot(at);
        keyspace.put(&self.key, spot, value, self.expire_at_ms);
    }
}
