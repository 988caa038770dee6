//! When keys expire: not before the whole journal has been read, and not because a client watches or waits for a key.

use super::loading::{Recorded, for_each_change};
use super::support::contents;
use rankd::machine::chance::Chance;
use rankd::machine::clock::Clock;
use rankd::ranking::Score;
use rankd::store::change::sink::Count;
use rankd::store::change::{ChangeBuffer, decode};
use rankd::store::keys::interest::{Ready, Served, Ticket, Waiter, Watch};
use rankd::store::{Access, Board, Hold, Kind, Loader, Missing, Seq, Shards, Store, Writer};
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

/// A store of one shard, with a clock at 10,000 ms.
fn store() -> (Arc<Store>, Clock) {
    let clock = Clock::manual(10_000);
    (Arc::new(Store::new(1, 1, 7, clock.clone())), clock)
}

/// Applies `record` to `store`, as a start does.
fn replay(store: &Store, record: impl FnOnce(&mut ChangeBuffer)) {
    let mut changes = ChangeBuffer::default();
    record(&mut changes);
    changes.end_record();
    for mut body in changes.records() {
        while !body.is_empty() {
            store.apply(&decode(&mut body).unwrap()).unwrap();
        }
    }
}

fn write<T>(store: &Store, work: impl FnOnce(&mut Writer<'_, '_>) -> T) -> T {
    let mut hold = Hold::on(store, &[0], Access::Write, ChangeBuffer::default());
    let result = work(&mut hold.writer(0));
    hold.end_record();
    result
}

fn members(store: &Store, key: &[u8]) -> Option<usize> {
    let hold = Hold::on(store, &[0], Access::Read, ChangeBuffer::default());
    hold.reader(0).get::<Board>(key).unwrap().map(Board::len)
}

fn keys(store: &Store) -> usize {
    Shards::free(store).size(0).keys
}

fn has_expired_under(store: &Store, key: &[u8], watch: &Watch) -> bool {
    let hold = Hold::on(store, &[0], Access::Read, ChangeBuffer::default());
    hold.reader(0).has_expired_under(key, watch)
}

/// A client that waits and is never served.
struct Patient;

impl Waiter for Patient {
    fn ticket(&self) -> Ticket {
        1
    }

    fn kind(&self) -> Kind {
        Kind::SortedSet
    }

    fn destination(&self) -> Option<&[u8]> {
        None
    }

    fn needs_value(&self) -> bool {
        false
    }

    fn serve(&self, _: &mut Writer<'_, '_>, _: &Ready<'_>) -> Served {
        Served::NotYet
    }

    fn deliver(&self, _: Seq) {}
}

/// Does what a client does that watches `key` and waits for it.
fn take_interest(store: &Store, key: &[u8]) {
    let (watch, waiter) = (Arc::new(Watch::default()), Arc::new(Patient));
    write(store, |writer| {
        writer.watch(key, &watch);
        writer.wait_for(key, Arc::clone(&waiter) as Arc<dyn Waiter>);
        writer.stop_waiting(key, &*waiter);
    });
    has_expired_under(store, key, &watch);
    write(store, |writer| writer.unwatch(key, &watch));
    assert!(!watch.is_broken());
}

/// WATCH, UNWATCH, EXEC or the end of a connection, while a start read its journal, removed a board that had expired
/// by the clock and that a later record renewed. No record said so. The renewals found no key, and the next
/// checkpoint made the loss permanent.
#[test]
fn a_key_that_seems_expired_during_a_replay_can_be_renewed() {
    let (store, _) = store();
    let score = Score::new(1.0).unwrap();
    replay(&store, |records| {
        records.set_score(0, b"board", b"alice", score);
        records.set_expiry(0, b"board", Some(5_000));
        records.set_score(0, b"past", b"alice", score);
        records.set_expiry(0, b"past", Some(5_000));
    });
    take_interest(&store, b"board");
    assert!(!store.remove_expired(0));
    assert_eq!((members(&store, b"board"), keys(&store)), (Some(1), 2), "nothing has expired yet");
    assert_eq!(store.census().of(Kind::SortedSet).keys, 2);
    let mut seen = 0;
    Shards::free(&store).scan(0, 0, 10, |_, _| seen += 1);
    assert_eq!(seen, 2);

    replay(&store, |records| {
        records.set_score(0, b"board", b"bob", score);
        records.set_expiry(0, b"board", Some(20_000));
    });
    store.attach(Arc::new(Count::default()));
    assert_eq!((members(&store, b"board"), members(&store, b"past")), (Some(2), None));
    store.remove_expired(0);
    assert_eq!((keys(&store), store.last_seq()), (1, Seq(1)), "the removal is a record");
}

/// A watched key that had expired was removed by WATCH itself. As in Redis 8.2.3, WATCH changes nothing: a key that
/// had expired before may be removed, and one that expires later breaks the watch.
#[test]
fn watching_an_expired_key_changes_nothing() {
    let (store, clock) = store();
    store.attach(Arc::new(Count::default()));
    let removals: [fn(&Store); 3] = [
        |store| assert!(!store.remove_expired(0)),
        |store| {
            let mut shards = Shards::free(store);
            shards.flush(None).expect("no master is followed");
            assert!(shards.rests_on() > Seq(0));
        },
        |store| assert!(!write(store, |writer| writer.remove(b"key"))),
    ];
    for remove in removals {
        let (early, late) = (Arc::new(Watch::default()), Arc::new(Watch::default()));
        let until_ms = clock.now_ms() + 1_000;
        write(&store, |writer| writer.set_string(b"key", b"1", Some(until_ms)));
        write(&store, |writer| writer.watch(b"key", &early));
        assert!(!has_expired_under(&store, b"key", &early));
        clock.advance(Duration::from_secs(1));

        let seq = store.last_seq();
        take_interest(&store, b"key");
        write(&store, |writer| writer.watch(b"key", &late));
        assert_eq!((keys(&store), store.last_seq()), (1, seq));
        assert!(has_expired_under(&store, b"key", &early) && !has_expired_under(&store, b"key", &late));
        assert!(!early.is_broken() && !late.is_broken());

        // Keys that have expired are looked for every 100 ms.
        clock.advance(Duration::from_millis(100));
        remove(&store);
        assert_eq!((keys(&store), early.is_broken(), late.is_broken()), (0, true, false));
        write(&store, |writer| writer.set_string(b"key", b"2", None));
        assert!(late.is_broken());
        write(&store, |writer| writer.remove(b"key"));
    }
    // The expired key is written before it is removed.
    write(&store, |writer| writer.set_string(b"key", b"1", Some(1)));
    let watch = Arc::new(Watch::default());
    write(&store, |writer| writer.watch(b"key", &watch));
    write(&store, |writer| writer.set_string(b"key", b"2", Some(1)));
    assert!(watch.is_broken());
}

/// Reloads the store as DEBUG RELOAD does.
fn reload(store: &Store) {
    let fresh = store.sibling();
    let frozen = store.freeze();
    let mut dump = Cursor::new(Vec::new());
    rankd::rdb::write(&mut dump, frozen.export(), 1, || Ok(())).unwrap();
    rankd::rdb::RdbReader::new(&fresh).file(dump.into_inner().as_slice()).map(drop).unwrap();
    frozen.replace_by(&fresh);
}

/// One step of a history: keys whose expiry approaches, passes, and is renewed or not.
fn step(store: &Store, clock: &Clock, chance: &mut Chance) {
    let key = format!("key{}", chance.below(4));
    let key = key.as_bytes();
    let soon = |chance: &mut Chance| Some(clock.now_ms() + 1 + chance.below(40));
    match chance.below(100) {
        0..40 => write(store, |writer| {
            let member = chance.below(20).to_string();
            let added = writer.edit::<Board, _>(key, Missing::Create, "zadd", |ranking| {
                ranking.plain().unwrap().update(member.as_bytes(), |_| Score::new(chance.below(9) as f64));
            });
            if added.is_err() {
                writer.remove(key);
            }
        }),
        40..45 => write(store, |writer| writer.set_string(key, b"value", soon(chance))),
        45..50 => write(store, |writer| {
            let member = chance.below(20).to_string();
            let _ = writer
                .edit::<Board, _>(key, Missing::Skip, "zrem", |ranking| ranking.remove(member.as_bytes()));
        }),
        50..65 => write(store, |writer| {
            writer.set_expiry(key, soon(chance));
        }),
        65..70 => write(store, |writer| {
            writer.set_expiry(key, None);
        }),
        70..85 => clock.advance(Duration::from_millis(chance.below(25))),
        85..90 => {
            store.remove_expired(0);
        }
        90..97 => take_interest(store, key),
        _ => reload(store),
    }
}

/// Random histories, each with a checkpoint, are recovered long after, while a client watches every key. The recovered state
/// is the state at the end, including expired keys that had not been removed yet.
#[test]
fn renewed_expiries_are_recovered_long_after() {
    for seed in 0..200 {
        let mut chance = Chance::seeded(seed);
        let (live, clock) = store();
        let recorded = Recorded::of(&live);
        (0..chance.below(200)).for_each(|_| step(&live, &clock, &mut chance));
        recorded.take();
        let mut base = Vec::new();
        let (mut records, mut walk) = (ChangeBuffer::default(), live.snapshot());
        while walk.step(&mut records) {
            base.extend(records.records().map(<[u8]>::to_vec));
            records.clear();
        }
        (0..chance.below(300)).for_each(|_| step(&live, &clock, &mut chance));
        let after = recorded.take();

        let long_after = || Arc::new(Store::new(1, 1, 7, Clock::manual(1 << 42)));
        let interest =
            |store: &Store| (0..4).for_each(|key| take_interest(store, format!("key{key}").as_bytes()));
        let one_by_one = long_after();
        for bodies in [&base, &after] {
            for_each_change(bodies, |change, _| {
                one_by_one.apply(change).unwrap();
                interest(&one_by_one);
                assert!(!one_by_one.remove_expired(0));
            });
        }
        let in_bulk = long_after();
        let mut loader = Loader::new(&in_bulk).unwrap();
        for_each_change(&base, |change, encoded| loader.load(change, encoded).unwrap());
        for_each_change(&after, |change, encoded| {
            loader.apply(Seq(1), change, encoded).unwrap();
            interest(&in_bulk);
        });
        loader.finish();
        let expected = contents(&live);
        assert!(contents(&one_by_one) == expected, "seed {seed}: one by one");
        assert!(contents(&in_bulk) == expected, "seed {seed}: in bulk");
    }
}
