//! The history of a server's stream: which identifiers its bytes have, and how many bytes there are.
//!
//! A master has an identifier of its own. A replica has its master's, and counts the same bytes. A replica that becomes a master
//! takes a new identifier and keeps the old one, up to the offset at which its own bytes begin: the other replicas of the old
//! master ask with the old identifier, and go on with what they lack.

use super::id::ReplicationId;

/// The identifiers of a stream, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The identifier of the bytes from now on.
    pub id: ReplicationId,
    /// The identifier of earlier bytes, if they had another.
    pub earlier: Option<EarlierHistory>,
    /// The number of bytes so far: `master_repl_offset`.
    pub offset: u64,
}

/// A history that this one continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierHistory {
    /// Its identifier: `master_replid2`.
    pub id: ReplicationId,
    /// The number of the first byte that it does not have: `second_repl_offset`. The first byte of a stream has the number 1.
    pub end: u64,
}

impl History {
    /// A history that has just begun.
    #[must_use]
    pub fn begun(id: ReplicationId) -> Self {
        Self { id, earlier: None, offset: 0 }
    }

    /// Whether a server that has all bytes of the history `id` before the byte `next` has nothing that this one does not have.
    #[must_use]
    pub fn continues(&self, id: ReplicationId, next: u64) -> bool {
        let has_earlier = |earlier: EarlierHistory| earlier.id == id && next <= earlier.end;
        next <= self.offset + 1 && (id == self.id || self.earlier.is_some_and(has_earlier))
    }

    /// From here on the bytes have the identifier `id`; those so far keep theirs.
    pub fn rename(&mut self, id: ReplicationId) {
        self.earlier = Some(EarlierHistory { id: self.id, end: self.offset + 1 });
        self.id = id;
    }

    /// From here on nothing continues: the history `id`, at `offset`.
    pub fn replace(&mut self, id: ReplicationId, offset: u64) {
        *self = Self { id, earlier: None, offset };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    #[test]
    fn a_promoted_replica_serves_the_old_history_up_to_its_own_first_byte() {
        let mut chance = Chance::seeded(3);
        let [old, new, other] = [(); 3].map(|()| ReplicationId::random(&mut chance));
        let mut history = History { id: old, earlier: None, offset: 100 };
        assert!(history.continues(old, 101) && history.continues(old, 1) && !history.continues(old, 102));
        history.rename(new);
        history.offset = 150;
        // The old master has written on: what it has beyond byte 100 is not in this history.
        assert!(history.continues(old, 101) && !history.continues(old, 102));
        assert!(history.continues(new, 151) && !history.continues(new, 152) && !history.continues(other, 1));
        history.replace(other, 7);
        assert!(!history.continues(new, 1) && history.continues(other, 8));
    }
}
