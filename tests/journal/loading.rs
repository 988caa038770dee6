//! What a start does on several threads and in bulk ends where applying one Change after the other ends.

use super::support::contents;
use super::with_store::{changes, command, make_large};
use parking_lot::Mutex;
use rankd::chance::Chance;
use rankd::clock::Clock;
use rankd::ranking::RankedMembers;
use rankd::store::change::{Change, ChangeBuffer, decode};
use rankd::store::sink::{ChangeSink, Seq};
use rankd::store::{Access, Hold, Loader, Store, Value};
use std::sync::Arc;

/// Keeps the records' bodies.
#[derive(Default)]
struct Kept(Mutex<Vec<Vec<u8>>>);

impl ChangeSink for Kept {
    fn append(&self, _unix_ms: u64, records: &ChangeBuffer) -> Seq {
        let mut kept = self.0.lock();
        kept.extend(records.records().map(<[u8]>::to_vec));
        Seq(kept.len() as u64)
    }

    fn last_seq(&self) -> Seq {
        Seq(self.0.lock().len() as u64)
    }
}

fn store() -> Arc<Store> {
    Arc::new(Store::new(8, 2, 7, Clock::manual(1_000)))
}

/// Calls `visit` with each Change in `bodies` and its bytes.
fn for_each_change(bodies: &[Vec<u8>], mut visit: impl FnMut(&Change<'_>, &[u8])) {
    for body in bodies {
        let mut rest = &body[..];
        while !rest.is_empty() {
            let before = rest;
            let change = decode(&mut rest).unwrap();
            if change != Change::Continued {
                visit(&change, &before[..before.len() - rest.len()]);
            }
        }
    }
}

fn check_rankings(store: &Store) {
    for database in 0..store.databases() {
        for key in (0..12).map(|number| format!("key{number}")).chain(["large".to_owned()]) {
            let shards = [store.shard_of(key.as_bytes())];
            let hold = Hold::on(store, &shards, Access::Read, ChangeBuffer::default());
            if let Some(Value::Ranking(ranking)) = hold.reader(database).value(key.as_bytes()) {
                ranking.check_invariants();
            }
        }
    }
}

#[test]
fn a_base_loaded_in_bulk_is_the_base_applied_one_by_one() {
    for seed in 0..40 {
        let mut chance = Chance::seeded(seed);
        let mut changes = changes();
        let (live, kept) = (store(), Arc::new(Kept::default()));
        live.attach(Arc::clone(&kept) as Arc<dyn ChangeSink>);
        make_large(&live);
        for _ in 0..200 {
            command(&live, &mut chance, &mut changes);
        }
        kept.0.lock().clear();

        // The walk, with commands between its steps, and more after it.
        let mut base = Vec::new();
        let mut records = ChangeBuffer::default();
        let mut walk = live.snapshot();
        while walk.step(&mut records) {
            base.extend(records.records().map(<[u8]>::to_vec));
            records.clear();
            for _ in 0..chance.below(30) {
                command(&live, &mut chance, &mut changes);
            }
        }
        let walked_to = kept.0.lock().len();
        for _ in 0..chance.below(3_000) {
            command(&live, &mut chance, &mut changes);
        }
        let after = std::mem::take(&mut *kept.0.lock());

        let one_by_one = store();
        for_each_change(&base, |change, _| one_by_one.apply(change).unwrap());
        for_each_change(&after, |change, _| one_by_one.apply(change).unwrap());
        let in_bulk = store();
        let mut loader = Loader::new(&in_bulk).unwrap();
        for_each_change(&after[..walked_to], |change, _| loader.expect(change));
        for_each_change(&base, |change, encoded| loader.load(change, encoded).unwrap());
        for_each_change(&after, |change, encoded| loader.apply(change, encoded).unwrap());
        loader.finish();

        let held = contents(&live);
        assert!(contents(&one_by_one) == held, "seed {seed}: one by one");
        assert!(contents(&in_bulk) == held, "seed {seed}: in bulk");
        check_rankings(&in_bulk);
    }
}
