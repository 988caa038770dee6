//! What INFO tells of the values, from what the keyspaces keep of them.

use super::shards::Shards;
use crate::machine::chance::Chance;
use crate::store::keys::sizes::KindSizes;
use crate::store::numbers::{DatabaseIndex, ShardIndex};
use crate::store::shard::Shard;
use crate::store::values::kinds::{Kind, Value};

/// Keys that are drawn from each shard to estimate the memory of small boards.
const DRAWS: usize = 4;

/// The boards of all databases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoardSurvey {
    /// Their number.
    pub boards: u64,
    /// The number of their members.
    pub members: u64,
    /// The bytes of memory for each member: of the boards with many members exactly, of the others from a sample.
    pub bytes_per_member: f64,
    /// The largest board, if it has at least [`LARGE_BOARD_MEMBERS`](crate::store::LARGE_BOARD_MEMBERS) members.
    pub largest: Option<LargestBoard>,
}

/// The board with the most members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargestBoard {
    /// Its database.
    pub database: DatabaseIndex,
    /// Its key.
    pub key: Box<[u8]>,
    /// The number of its members.
    pub members: usize,
}

/// Members and bytes of some boards.
#[derive(Default)]
struct Measured {
    members: u64,
    bytes: u64,
}

impl Measured {
    fn add(&mut self, board: &Value) {
        self.members += board.elements() as u64;
        self.bytes += board.memory_bytes(0) as u64;
    }
}

impl Shards<'_, '_> {
    /// How many values of `kind` there are in `database`, by size. Locks one shard at a time. O(shards).
    #[must_use]
    pub fn sizes(&self, database: DatabaseIndex, kind: Kind) -> KindSizes {
        let mut sum = KindSizes::default();
        self.each(|shard| {
            if let Some(sizes) = shard.keyspace(database).sizes().of(kind) {
                sum.merge(sizes);
            }
        });
        sum
    }

    /// The boards. Locks one shard at a time. O(shards + boards of many members).
    #[must_use]
    pub fn survey_boards(&self, databases: DatabaseIndex, chance: &mut Chance) -> BoardSurvey {
        let mut survey = BoardSurvey::default();
        let (mut large, mut drawn) = (Measured::default(), Measured::default());
        self.each(|shard| {
            for database in 0..databases {
                let keyspace = shard.keyspace(database);
                let Some(sizes) = keyspace.sizes().of(Kind::SortedSet) else { continue };
                survey.boards += sizes.count();
                survey.members += keyspace.sizes().board_members();
                for key in keyspace.sizes().large_boards() {
                    let Some(entry) = keyspace.find(key) else { continue };
                    large.add(entry.value);
                    let members = entry.value.elements();
                    if survey.largest.as_ref().is_none_or(|largest| largest.members < members) {
                        survey.largest = Some(LargestBoard { database, key: key.into(), members });
                    }
                }
                let draws = (0..DRAWS).filter_map(|_| keyspace.draw(chance));
                draws
                    .filter(|entry| entry.value.kind() == Kind::SortedSet)
                    .for_each(|entry| drawn.add(entry.value));
            }
        });
        let of_small = drawn.bytes as f64 / drawn.members.max(1) as f64;
        let small_bytes = survey.members.saturating_sub(large.members) as f64 * of_small;
        survey.bytes_per_member = (large.bytes as f64 + small_bytes) / survey.members.max(1) as f64;
        survey
    }

    /// Calls `visit` with every key that has not expired, its database, its value, and whether it expires: database by
    /// database, in no order within one. All shards are locked meanwhile. O(keys).
    pub fn visit_all(&self, mut visit: impl FnMut(DatabaseIndex, &[u8], &Value, bool)) {
        let all: Vec<ShardIndex> = (0..self.shard_count()).collect();
        let looking = self.look(&all);
        for database in 0..looking.store.databases() {
            for shard in all.iter().filter_map(|index| looking.shard(*index)) {
                let entries = shard.keyspace(database).iter();
                for entry in entries.filter(|entry| !entry.is_expired(looking.expired_by_ms)) {
                    visit(database, entry.key, entry.value, entry.expire_at_ms().is_some());
                }
            }
        }
    }

    fn each(&self, mut visit: impl FnMut(&Shard)) {
        (0..self.shard_count()).for_each(|index| self.visit(index, &mut visit).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::clock::Clock;
    use crate::ranking::Score;
    use crate::store::change::ChangeBuffer;
    use crate::store::{Access, Board, Edit, Hold, Missing, Store};

    #[test]
    fn a_survey_has_what_a_walk_would_count() {
        let store = Store::new(2, 2, 1, Clock::manual(1_000));
        let fill = |database, key: &[u8], members: usize| {
            let mut hold = Hold::on(&store, &[0, 1], Access::Write, ChangeBuffer::default());
            let add = |edit: &mut Edit<'_, '_, Board>| {
                (0..members).for_each(|member| {
                    let _ = edit.plain().unwrap().update(format!("{member}").as_bytes(), |_| Score::new(1.0));
                });
            };
            hold.writer(database).edit(key, Missing::Create, "zadd", add).unwrap();
        };
        (0..50).for_each(|board| fill(0, format!("small:{board}").as_bytes(), 10));
        fill(1, b"large", 5_000);
        fill(0, b"medium", 2_000);
        let survey = Shards::free(&store).survey_boards(2, &mut Chance::seeded(1));
        assert_eq!((survey.boards, survey.members), (52, 7_500));
        let largest = survey.largest.unwrap();
        assert_eq!((largest.database, &*largest.key, largest.members), (1, &b"large"[..], 5_000));
        assert!((5.0..60.0).contains(&survey.bytes_per_member), "{}", survey.bytes_per_member);
        let sizes = Shards::free(&store).sizes(0, Kind::SortedSet);
        assert_eq!(sizes.classes().collect::<Vec<_>>(), [(8, 50), (1024, 1)]);
        Shards::free(&store).flush(None).unwrap();
        assert_eq!(Shards::free(&store).survey_boards(2, &mut Chance::seeded(1)), BoardSurvey::default());
    }
}
