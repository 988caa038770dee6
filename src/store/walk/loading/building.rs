//! Builds a board of a base: its entries come in order and are packed leaf by leaf.

use crate::store::numbers::KeyspaceIndex;
use crate::store::sharded::Store;
use crate::store::values::board::{BoardInOrder, BoardRules};
use crate::store::values::stored::Stored;

/// A board of a base that is being built.
pub(super) struct BoardBuilder {
    keyspace: KeyspaceIndex,
    key: Box<[u8]>,
    pub(super) expire_at_ms: Option<u64>,
    pub(super) board: BoardInOrder,
}

impl BoardBuilder {
    /// For the board at a key that is not there yet; `rules` are those of a board with a policy.
    pub(super) fn new(keyspace: KeyspaceIndex, key: &[u8], seed: u64, rules: Option<BoardRules>) -> Self {
        Self { keyspace, key: key.into(), expire_at_ms: None, board: BoardInOrder::new(seed, rules) }
    }

    /// Whether this is the board at `key`.
    pub(super) fn is_at(&self, keyspace: KeyspaceIndex, key: &[u8]) -> bool {
        (self.keyspace, &*self.key) == (keyspace, key)
    }

    /// Puts the board into the store.
    pub(super) fn close(self, store: &Store) {
        let value = self.board.finish().into_value();
        let at = store.locate(&self.key);
        let mut shard = store.shards[at.shard].write();
        let keyspace = shard.numbered_mut(self.keyspace);
        let spot = keyspace.spot(at);
        keyspace.put(&self.key, spot, value, self.expire_at_ms);
    }
}
