//! What expires, and when: not before everything has been read, and never because somebody asks about a key.

use rankd::clock::Clock;
use rankd::ranking::{RankedMembers, Score};
use rankd::store::change::{ChangeBuffer, decode};
use rankd::store::interest::{ReadyKey, Served, Ticket, Waiter, Watch};
use rankd::store::sink::Count;
use rankd::store::{Access, Hold, Kind, Seq, Shards, Store, Writer};
use std::sync::Arc;
use std::time::Duration;

/// A store of one shard whose clock stands at 10,000 ms.
fn store() -> (Arc<Store>, Clock) {
    let clock = Clock::manual(10_000);
    (Arc::new(Store::new(1, 1, 7, clock.clone())), clock)
}

/// What `record` holds is made true in `store`, as a start does it.
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
    hold.reader(0).ranking(key).unwrap().map(RankedMembers::len)
}

fn keys(store: &Store) -> usize {
    Shards::Free(store).size(0).keys
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
        Kind::Ranking
    }

    fn serve(&self, _: &mut Writer<'_, '_>, _: &[ReadyKey]) -> Served {
        Served::NotYet
    }

    fn deliver(&self, _: Option<Seq>) {}
}

/// Everything that somebody interested in `key` does.
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

/// WATCH, UNWATCH, EXEC or the end of a connection, while a start read its journal, removed a board that was past by the
/// clock and that a later record renewed. Nothing was recorded; the renewals fell on a missing key, and the next
/// checkpoint made that last.
#[test]
fn what_is_past_while_history_is_read_is_there_to_be_renewed() {
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
    assert_eq!(store.census().rankings, 2);
    let mut seen = 0;
    Shards::Free(&store).scan(0, 0, 10, |_, _| seen += 1);
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

/// A watched key that is past was removed by WATCH itself. As Redis 8.2.3 answers: WATCH changes nothing, a key that
/// was past by then may go, and one that expires later breaks the watch.
#[test]
fn interest_in_an_expired_key_changes_nothing() {
    let (store, clock) = store();
    store.attach(Arc::new(Count::default()));
    let removals: [fn(&Store); 3] = [
        |store| assert!(!store.remove_expired(0)),
        |store| assert!(Shards::Free(store).flush(None).is_some()),
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

        remove(&store);
        assert_eq!((keys(&store), early.is_broken(), late.is_broken()), (0, true, false));
        write(&store, |writer| writer.set_string(b"key", b"2", None));
        assert!(late.is_broken());
        write(&store, |writer| writer.remove(b"key"));
    }
    // Written to without having been removed before.
    write(&store, |writer| writer.set_string(b"key", b"1", Some(1)));
    let watch = Arc::new(Watch::default());
    write(&store, |writer| writer.watch(b"key", &watch));
    write(&store, |writer| writer.set_string(b"key", b"2", Some(1)));
    assert!(watch.is_broken());
}
