//! Boards with a policy that replicas without policies get as sorted sets with the nearest doubles: the log names each once.

use std::collections::BTreeSet;

/// Boards that are named.
const NAMED: usize = 10;

/// The boards that the log has named.
#[derive(Debug, Default)]
pub(super) struct RoundedBoards {
    named: BTreeSet<Box<[u8]>>,
    is_full: bool,
}

impl RoundedBoards {
    /// A replica without policies gets something of this board.
    pub(super) fn note(&mut self, board: Box<[u8]>) {
        if self.is_full || self.named.contains(&board) {
            return;
        }
        self.is_full = self.named.len() == NAMED;
        if self.is_full {
            tracing::warn!("further boards have a policy; they are not named");
            return;
        }
        tracing::warn!(
            "the board {} has a policy; replicas that are no rankd get it as a sorted set with the nearest doubles",
            board.escape_ascii()
        );
        self.named.insert(board);
    }
}
