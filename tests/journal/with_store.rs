//! Random commands on a store from several threads, with checkpoints beside them; then a restart.

use super::streams::change_stream;
use super::support::{Server, acknowledge, contents, crash_copy, start};
use rankd::config::FsyncPolicy;
use rankd::config::SetBounds;
use rankd::journal::{OpenError, check, dump};
use rankd::machine::chance::Chance;
use rankd::machine::progress::ReadProgress;
use rankd::ranking::Score;
use rankd::store::change::ChangeBuffer;
use rankd::store::change::sink::Seq;
use rankd::store::{Access, Board, End, FieldExpiry, Fields, Hold, List, Members, Missing, Shards, Store};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The size of a record, in bytes, from which on a command continues in the next record. In these tests every command of a
/// few members is longer.
const RECORD_BYTES: usize = 40;

/// Bytes of a value above which it is relocated by its name: about half of the values are larger.
const RELOCATED_BYTES: usize = 150;

/// A buffer that often continues a command in a further record.
pub(super) fn changes() -> ChangeBuffer {
    ChangeBuffer::with_record_bytes(RECORD_BYTES).relocating_above(RELOCATED_BYTES)
}

/// Runs one random command and returns the record that its reply depends on. Rankings, sets and hashes are emptied and
/// created again, keys change their type, expiries are set and removed.
pub(super) fn command(store: &Store, chance: &mut Chance, changes: &mut ChangeBuffer) -> Seq {
    match chance.below(16) {
        13.. => return change_stream(store, chance, changes),
        0..4 => return move_in_large(store, chance, changes),
        4..6 => return change_list(store, chance, changes),
        6 => return relocate(store, chance, changes),
        _ => {}
    }
    let key = format!("key{}", chance.below(12));
    let key = key.as_bytes();
    let database = chance.below(2) as u32;
    let member = |chance: &mut Chance| chance.below(40).to_string();
    if chance.below(2000) == 0 {
        let mut shards = Shards::free(store);
        shards.flush((chance.below(3) == 0).then_some(database)).expect("no master is followed");
        return shards.rests_on();
    }
    if chance.below(100) == 0 {
        let mut shards = Shards::free(store);
        shards.swap_databases(0, 1).expect("no master is followed");
        return shards.rests_on();
    }
    let mut hold = Hold::on(store, &[store.shard_of(key)], Access::Write, std::mem::take(changes));
    let mut writer = hold.writer(database);
    match chance.below(100) {
        0..50 => {
            let edited = writer.edit::<Board, _>(key, Missing::Create, "edit", |edit| {
                for _ in 0..1 + chance.below(9) {
                    let score = Score::new(chance.below(1000) as f64 / 8.0);
                    edit.plain().unwrap().update(member(chance).as_bytes(), |_| score);
                }
            });
            if edited.is_err() {
                writer.remove(key);
            }
        }
        50..60 => {
            let _ = writer
                .edit::<Board, _>(key, Missing::Skip, "edit", |edit| edit.remove(member(chance).as_bytes()));
        }
        60..65 => {
            let _ = writer.edit::<Board, _>(key, Missing::Skip, "edit", |edit| {
                let len = edit.len();
                edit.remove_range(0..len);
            });
        }
        65..70 => {
            let expiry = match chance.below(4) {
                0 => FieldExpiry::Never,
                1 => FieldExpiry::Kept,
                // Far in the future, so that no key expires in a following server.
                _ => FieldExpiry::At((1 << 45) + chance.below(5)),
            };
            let edited = writer.edit::<Fields, _>(key, Missing::Create, "edit", |edit| {
                for _ in 0..1 + chance.below(9) {
                    let value = chance.below(300).to_string();
                    edit.set(member(chance).as_bytes(), value.as_bytes(), expiry, 0);
                }
            });
            if edited.is_err() && chance.below(2) == 0 {
                writer.remove(key);
            }
        }
        70..73 => {
            let _ = writer.edit::<Fields, _>(key, Missing::Skip, "edit", |edit| {
                let field = member(chance).into_bytes();
                if edit.at(0).contains(&field) && chance.below(2) == 0 {
                    edit.expire(&field, (chance.below(2) == 0).then_some(1 << 45));
                } else {
                    edit.remove(&field);
                }
            });
        }
        73..76 => {
            let _ = writer.edit::<Members, _>(key, Missing::Create, "edit", |edit| {
                edit.insert(member(chance).as_bytes(), SetBounds::DEFAULT)
            });
        }
        76..80 => {
            let _ = writer.edit::<Members, _>(key, Missing::Skip, "edit", |edit| {
                edit.remove(member(chance).as_bytes())
            });
        }
        80..85 => {
            let far = (chance.below(2) == 0).then_some(u64::MAX / 4);
            writer.set_string(key, member(chance).as_bytes(), far);
        }
        85..88 => {
            let names: BTreeSet<String> = (0..chance.below(6)).map(|_| member(chance)).collect();
            let score = Score::new(0.5).expect("not NaN");
            let entries = names.iter().map(|name| (name.as_bytes(), score));
            let board = Board::from_sorted(writer.reader().seed(), entries);
            writer.put_board(key, "store", board).unwrap();
        }
        88..95 => {
            let at_ms = (chance.below(3) > 0).then(|| u64::MAX / 4 + chance.below(5));
            writer.set_expiry(key, at_ms);
        }
        _ => {
            writer.remove(key);
        }
    }
    hold.end_record();
    let (seq, emptied) = hold.release();
    *changes = emptied;
    seq
}

/// Changes a list: one whose key changes its type, or a long one that a checkpoint writes in many steps.
fn change_list(store: &Store, chance: &mut Chance, changes: &mut ChangeBuffer) -> Seq {
    let key = match chance.below(2) {
        0 => "long list".to_owned(),
        _ => format!("key{}", chance.below(12)),
    };
    let key = key.as_bytes();
    let mut hold = Hold::on(store, &[store.shard_of(key)], Access::Write, std::mem::take(changes));
    let mut writer = hold.writer(chance.below(2) as u32);
    let edited = writer.edit::<List, _>(key, Missing::Create, "edit", |list| {
        for _ in 0..1 + chance.below(3) {
            let end = if chance.below(2) == 0 { End::Front } else { End::Back };
            let element = chance.below(300).to_string();
            let index = chance.below(1 + list.len() as u64) as usize;
            match chance.below(100) {
                0..40 => (0..1 + chance.below(5)).for_each(|_| list.push(end, element.as_bytes())),
                40..60 => list.pop(end, chance.below(6) as usize),
                60..70 if index < list.len() => list.set(index, element.as_bytes()),
                70..85 => {
                    let pivot = list.get(index, <[u8]>::to_vec).unwrap_or_default();
                    let mut first = None;
                    list.find(&pivot, End::Front, usize::MAX, |place| {
                        first = Some(place);
                        false
                    });
                    if let Some(first) = first {
                        list.insert_beside((first, end, &pivot), element.as_bytes());
                    }
                }
                85..95 => drop(list.remove_equal(chance.below(5) as i64 - 2, element.as_bytes())),
                // Rarely all elements.
                95..99 => list.trim(index.min(2)..list.len()),
                _ => (0..3_000).for_each(|number: u64| list.push(end, number.to_string().as_bytes())),
            }
        }
    });
    match edited {
        Err(_) => drop(writer.remove(key)),
        Ok(_) if chance.below(100) == 0 => drop(writer.remove(key)),
        Ok(_) => {}
    }
    hold.end_record();
    let (seq, emptied) = hold.release();
    *changes = emptied;
    seq
}

/// Renames, copies or moves a value, now and then one that a checkpoint tells in many steps: before a walk has come to the
/// one key and after it has been at the other, and the other way round.
fn relocate(store: &Store, chance: &mut Chance, changes: &mut ChangeBuffer) -> Seq {
    let mut name = || match chance.below(40) {
        0 => "long list".to_owned(),
        1 => "large".to_owned(),
        _ => format!("key{}", chance.below(12)),
    };
    let names = [name(), name()];
    let [from, to] = names.each_ref().map(|name| name.as_bytes());
    let shards: BTreeSet<usize> = [store.shard_of(from), store.shard_of(to)].into();
    let shards: Vec<usize> = shards.into_iter().collect();
    let mut hold = Hold::on(store, &shards, Access::Write, std::mem::take(changes));
    let database = chance.below(2) as u32;
    let mut writer = hold.writer(database);
    match chance.below(3) {
        0 if from != to => writer.rename(from, to),
        1 if from != to => writer.copy(from, chance.below(2) as u32, to),
        _ if writer.of_database(1 - database).reader().kind(from).is_none() => {
            writer.move_to(from, 1 - database);
        }
        _ => {}
    }
    hold.end_record();
    let (seq, emptied) = hold.release();
    *changes = emptied;
    seq
}

/// Members of the board that a checkpoint walks in many steps, unless the board was flushed.
pub(super) const LARGE: u32 = 6_000;

/// Creates that board.
pub(super) fn make_large(store: &Store) -> Seq {
    let shards = [store.shard_of(b"large")];
    let mut hold = Hold::on(store, &shards, Access::Write, ChangeBuffer::default());
    hold.writer(0)
        .edit::<Board, _>(b"large", Missing::Create, "edit", |edit| {
            for member in 0..LARGE {
                edit.plain().unwrap().update(&member.to_le_bytes(), |_| Score::new(f64::from(member % 7)));
            }
        })
        .unwrap();
    hold.end_record();
    hold.release().0
}

/// Moves a member of the large board up or down, ahead of a walk or behind it. Many members share a score.
fn move_in_large(store: &Store, chance: &mut Chance, changes: &mut ChangeBuffer) -> Seq {
    let shards = [store.shard_of(b"large")];
    let mut hold = Hold::on(store, &shards, Access::Write, std::mem::take(changes));
    let member = (chance.below(u64::from(LARGE)) as u32).to_le_bytes();
    let score = Score::new(chance.below(9) as f64);
    let mut writer = hold.writer(0);
    match chance.below(2000) {
        0 => {
            writer.remove(b"large");
        }
        1..20 => {
            writer.set_expiry(b"large", Some(u64::MAX / 4));
        }
        20..200 => {
            let _ = writer.edit::<Board, _>(b"large", Missing::Skip, "edit", |edit| edit.remove(&member));
        }
        _ => drop(writer.edit::<Board, _>(b"large", Missing::Create, "edit", |edit| {
            edit.plain().unwrap().update(&member, |_| score)
        })),
    }
    hold.end_record();
    let (seq, emptied) = hold.release();
    *changes = emptied;
    seq
}

fn write_for(server: &Server, seed: u64, stop: &AtomicBool) -> u64 {
    let mut chance = Chance::seeded(seed);
    let mut changes = changes();
    let mut acknowledged = 0;
    while !stop.load(Ordering::Relaxed) {
        let batch = (0..1 + chance.below(16)).map(|_| command(&server.store, &mut chance, &mut changes));
        let seq = batch.max().expect("one command at least");
        acknowledge(&server.journal, seq).unwrap();
        acknowledged = acknowledged.max(seq.0);
    }
    acknowledged
}

#[test]
fn random_writes_during_checkpoints_survive_a_restart() {
    for (seed, fsync) in [(1, FsyncPolicy::Always), (20, FsyncPolicy::EverySecond), (300, FsyncPolicy::Never)]
    {
        let directory = tempfile::tempdir().unwrap();
        let server = start(directory.path(), fsync).unwrap();
        let seq = make_large(&server.store);
        acknowledge(&server.journal, seq).unwrap();

        let stop = AtomicBool::new(false);
        let acknowledged = thread::scope(|scope| {
            let writers: Vec<_> = (0..3)
                .map(|id| {
                    let (server, stop) = (&server, &stop);
                    scope.spawn(move || write_for(server, seed + id, stop))
                })
                .collect();
            for _ in 0..4 {
                server.journal.checkpoint().unwrap();
                while server.journal.checkpoint_running() {
                    thread::yield_now();
                }
            }
            stop.store(true, Ordering::Relaxed);
            writers.into_iter().map(|writer| writer.join().unwrap()).max().unwrap()
        });
        let status = server.journal.status();
        assert_eq!((status.checkpoints, status.last_checkpoint_error), (4, None), "seed {seed}");
        let expected = contents(&server.store);
        let crashed = crash_copy(directory.path());
        server.journal.close().unwrap();

        for directory in [crashed.path(), directory.path()] {
            let again = start(directory, fsync).unwrap();
            assert_eq!(again.recovered.last_seq.0, acknowledged, "seed {seed} {fsync:?}");
            assert_eq!(contents(&again.store), expected, "seed {seed} {fsync:?}");
            again.journal.close().unwrap();
            assert_eq!(check(directory, &ReadProgress::default()).unwrap().last_seq.0, acknowledged);
            dump(directory, &mut std::io::sink(), &ReadProgress::default()).unwrap();
        }
    }
}

#[test]
fn always_acknowledges_only_what_an_fdatasync_has_covered() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), FsyncPolicy::Always).unwrap();
    let mut chance = Chance::seeded(5);
    let mut changes = changes();
    for _ in 0..50 {
        let seq = command(&server.store, &mut chance, &mut changes);
        acknowledge(&server.journal, seq).unwrap();
        let status = server.journal.status();
        assert!(status.synced_seq >= seq, "{status:?}");
    }
    server.journal.close().unwrap();
}

/// The records that a start has read may be in pages that a failed fdatasync has dropped. Replies that depended on later
/// records waited for the new base; replies that depended on the recovered records did not.
#[test]
fn replies_about_recovered_data_wait_for_the_new_base() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), FsyncPolicy::Always).unwrap();
    let seq = make_large(&server.store);
    acknowledge(&server.journal, seq).unwrap();
    let crashed = crash_copy(directory.path());
    server.journal.close().unwrap();

    let again = start(crashed.path(), FsyncPolicy::Always).unwrap();
    let shards = [again.store.shard_of(b"large")];
    let mut reading = Hold::on(&again.store, &shards, Access::Read, ChangeBuffer::default());
    let rests_on = reading.release().0;
    assert_eq!(rests_on, seq);
    acknowledge(&again.journal, rests_on).unwrap();
    let files = std::fs::read_dir(crashed.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let is_base = |name: std::ffi::OsString| name.to_string_lossy().starts_with("base-");
    assert!(files.into_iter().any(is_base), "the new base is what it waited for");
    again.journal.close().unwrap();
}

#[test]
fn a_change_of_policy_applies_to_replies_that_wait() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), FsyncPolicy::Never).unwrap();
    let mut chance = Chance::seeded(6);
    let mut changes = changes();
    for policy in
        [FsyncPolicy::Always, FsyncPolicy::EverySecond, FsyncPolicy::Never].into_iter().cycle().take(30)
    {
        let last = server.store.last_seq();
        let seq = std::iter::repeat_with(|| command(&server.store, &mut chance, &mut changes))
            .find(|seq| *seq > last)
            .expect("sooner or later one changes something");
        thread::scope(|scope| {
            let waiting = scope.spawn(|| acknowledge(&server.journal, seq));
            server.journal.set_fsync(policy);
            waiting.join().unwrap().unwrap();
        });
    }
    server.journal.close().unwrap();
}

#[test]
fn a_database_beyond_the_configured_number_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), FsyncPolicy::EverySecond).unwrap();
    let changes = ChangeBuffer::default();
    let mut hold = Hold::on(&server.store, &[server.store.shard_of(b"k")], Access::Write, changes);
    hold.writer(1).set_string(b"k", b"v", None);
    hold.end_record();
    drop(hold);
    server.journal.close().unwrap();
    let store = std::sync::Arc::new(Store::new(8, 1, 7, rankd::machine::clock::Clock::system()));
    let options = super::support::options(directory.path(), FsyncPolicy::EverySecond);
    let Err(error) = rankd::journal::Journal::open(options, &store, &ReadProgress::default()) else {
        panic!("opened")
    };
    assert!(matches!(error, OpenError::Unfit { .. }), "{error}");
    assert!(error.to_string().contains("database 1 is beyond"), "{error}");
}
