//! A start loads on several threads and in bulk. It must end in the same state as applying one Change after the other.

use super::support::{acknowledge, contents, crash_copy, options, start};
use super::with_store::{changes, command, make_large};
use rankd::config::FsyncPolicy;
use rankd::journal::Journal;
use rankd::machine::chance::Chance;
use rankd::machine::clock::Clock;
use rankd::machine::progress::ReadProgress;
use rankd::store::change::feed::Feed;
use rankd::store::change::sink::{ChangeSink, Count, Seq};
use rankd::store::change::{Change, ChangeBuffer, decode, is_continued};
use rankd::store::{Access, End, Hold, List, Loader, LoaderSizes, Missing, Shards, Store};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The records of a store, read from a feed.
pub(super) struct Recorded(Feed);

impl Recorded {
    /// Takes the records from now on, of a store with a sink that counts.
    pub(super) fn of(store: &Store) -> Self {
        store.attach(Arc::new(Count::default()));
        Self::beside_the_sink_of(store)
    }

    fn beside_the_sink_of(store: &Store) -> Self {
        Self(store.open_feed(usize::MAX).expect("a sink is attached").0)
    }

    /// The bodies of the records since the last call.
    pub(super) fn take(&self) -> Vec<Vec<u8>> {
        self.take_numbered().into_iter().map(|(_, body)| body).collect()
    }

    /// Like [`Recorded::take`], with the numbers of the records.
    pub(super) fn take_numbered(&self) -> Vec<(Seq, Vec<u8>)> {
        let mut records = Vec::new();
        let context = Context::from_waker(Waker::noop());
        while let Poll::Ready(published) = self.0.poll(&context) {
            let published = published.expect("no bound");
            records.extend(published.records().map(|(seq, body)| (seq, body.to_vec())));
        }
        records
    }
}

fn store() -> Arc<Store> {
    Arc::new(Store::new(8, 2, 7, Clock::manual(1_000)))
}

/// Calls `visit` with each Change in `bodies` and its bytes.
pub(super) fn for_each_change(bodies: &[Vec<u8>], mut visit: impl FnMut(&Change<'_>, &[u8])) {
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

/// Calls `visit` with each Change in `records`, its record's number and its bytes.
pub(super) fn for_each_numbered(records: &[(Seq, Vec<u8>)], mut visit: impl FnMut(Seq, &Change<'_>, &[u8])) {
    for (seq, body) in records {
        for_each_change(std::slice::from_ref(body), |change, encoded| visit(*seq, change, encoded));
    }
}

pub(super) fn check_rankings(store: &Store) {
    for database in 0..store.databases() {
        for key in (0..12).map(|number| format!("key{number}")).chain(["large".to_owned()]) {
            let shards = [store.shard_of(key.as_bytes())];
            let hold = Hold::on(store, &shards, Access::Read, ChangeBuffer::default());
            if let Some(value) = hold.reader(database).value(key.as_bytes()) {
                value.check();
            }
        }
    }
}

#[test]
fn a_base_and_a_segment_loaded_in_bulk_restore_the_store() {
    for seed in 0..40 {
        let mut chance = Chance::seeded(seed);
        let mut changes = changes();
        let live = store();
        let recorded = Recorded::of(&live);
        make_large(&live);
        for _ in 0..200 {
            command(&live, &mut chance, &mut changes);
        }
        recorded.take();

        // The walk, with commands between its steps, and further commands after it.
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
        let mut after = recorded.take_numbered();
        let walked_to = after.len();
        for _ in 0..chance.below(3_000) {
            command(&live, &mut chance, &mut changes);
        }
        after.extend(recorded.take_numbered());

        let in_bulk = store();
        let mut loader = Loader::new(&in_bulk).unwrap();
        if let Some((first, _)) = after[..walked_to].first() {
            loader.expect(*first);
        }
        for_each_change(&base, |change, encoded| loader.load(change, encoded).unwrap());
        for_each_numbered(&after, |seq, change, encoded| loader.apply(seq, change, encoded).unwrap());
        loader.finish();

        assert!(contents(&in_bulk) == contents(&live), "seed {seed}");
        check_rankings(&in_bulk);
    }
}

/// A base contains a list that was created after a flush, so the replay skips the push after the flush. If the replayed flush
/// removed the list, its elements would be lost.
#[test]
fn a_replayed_flush_keeps_the_lists_that_were_made_after_it() {
    let live = store();
    let recorded = Recorded::of(&live);
    let push = |key: &[u8], element: &[u8]| {
        let shards = [live.shard_of(key)];
        let mut hold = Hold::on(&live, &shards, Access::Write, ChangeBuffer::default());
        let mut writer = hold.writer(0);
        let pushed =
            writer.edit::<List, _>(key, Missing::Create, "rpush", |list| list.push(End::Back, element));
        assert!(pushed.is_ok());
        writer.set_expiry(key, Some(5_000));
        hold.end_record();
    };
    push(b"before", b"gone");
    push(b"both", b"gone");
    recorded.take();
    let mut walk = live.snapshot();
    Shards::free(&live).flush(None).expect("no master is followed");
    push(b"both", b"once");
    push(b"after", b"once");
    let (mut base, mut records) = (Vec::new(), ChangeBuffer::default());
    while walk.step(&mut records) {
        base.extend(records.records().map(<[u8]>::to_vec));
        records.clear();
    }
    let ahead = recorded.take_numbered();
    push(b"both", b"twice");
    let after = [ahead.clone(), recorded.take_numbered()].concat();

    let read_back = store();
    let mut loader = Loader::new(&read_back).unwrap();
    loader.expect(ahead[0].0);
    for_each_change(&base, |change, encoded| loader.load(change, encoded).unwrap());
    for_each_numbered(&after, |seq, change, encoded| loader.apply(seq, change, encoded).unwrap());
    loader.finish();
    assert_eq!(contents(&read_back), contents(&live));
    assert_eq!(contents(&read_back).len(), 4, "two lists and when they expire");
}

/// Ten million ZADDs to one board, one record each, took ten seconds to replay, on one thread that waited for memory. The
/// sizes of this test make small rankings gathered, and some of them on all lanes.
#[test]
fn gathering_on_all_lanes_gives_the_state_of_applying_one_by_one() {
    for seed in 0..20 {
        let mut chance = Chance::seeded(seed);
        let mut changes = ChangeBuffer::default().relocating_above(chance.below(400) as usize);
        let live = store();
        let recorded = Recorded::of(&live);
        // From an empty store, or after a base with a large board.
        let base = if seed % 2 == 0 {
            make_large(&live);
            let mut base = Vec::new();
            let mut records = ChangeBuffer::default();
            let mut walk = live.snapshot();
            while walk.step(&mut records) {
                base.extend(records.records().map(<[u8]>::to_vec));
                records.clear();
            }
            recorded.take();
            base
        } else {
            Vec::new()
        };
        for _ in 0..chance.below(20_000) {
            command(&live, &mut chance, &mut changes);
        }
        let segment = recorded.take_numbered();

        let one_by_one = store();
        for_each_change(&base, |change, _| one_by_one.apply(change).unwrap());
        for_each_numbered(&segment, |_, change, _| one_by_one.apply(change).unwrap());
        let gathered = store();
        let sizes = LoaderSizes {
            lanes: 1 + chance.below(4) as usize,
            gathered_members: 1 + chance.below(30) as usize,
            wide_members: 1 + chance.below(200) as usize,
        };
        let mut loader = Loader::with_sizes(&gathered, sizes).unwrap();
        for_each_change(&base, |change, encoded| loader.load(change, encoded).unwrap());
        for_each_numbered(&segment, |seq, change, encoded| loader.apply(seq, change, encoded).unwrap());
        loader.finish();

        let expected = contents(&live);
        assert!(contents(&one_by_one) == expected, "seed {seed}: one by one");
        assert!(contents(&gathered) == expected, "seed {seed}: {sizes:?}");
        check_rankings(&gathered);
    }
}

#[test]
fn a_segment_torn_anywhere_gives_the_state_of_its_whole_commands() {
    const HEADER_BYTES: u64 = 32;
    const HEAD_BYTES: u64 = 28;
    for seed in 0..6 {
        let mut chance = Chance::seeded(seed);
        let directory = tempfile::tempdir().unwrap();
        let live = store();
        let opened =
            Journal::open(options(directory.path(), FsyncPolicy::Never), &live, &ReadProgress::default());
        let (journal, _) = opened.unwrap();
        live.attach(Arc::clone(&journal) as Arc<dyn ChangeSink>);
        let recorded = Recorded::beside_the_sink_of(&live);
        let mut last = make_large(&live);
        // Many commands are longer than this and continue in further records.
        let mut changes = ChangeBuffer::with_record_bytes(40);
        for _ in 0..3_000 {
            last = last.max(command(&live, &mut chance, &mut changes));
        }
        acknowledge(&journal, last).unwrap();
        let bodies = recorded.take();
        let is_open: Vec<_> = bodies.iter().map(|body| is_continued(body)).collect();
        assert!(is_open.contains(&true), "seed {seed}: a command in several records");

        let mut cuts: Vec<u64> = Vec::new();
        let mut end = HEADER_BYTES;
        let mut ends = Vec::new();
        for (body, is_open) in bodies.iter().zip(&is_open) {
            end += HEAD_BYTES + body.len() as u64;
            ends.push(end);
            // Mostly cut in the middle of commands.
            if *is_open && cuts.len() < 5 {
                cuts.push(end);
            }
        }
        cuts.extend((0..5).map(|_| HEADER_BYTES + chance.below(end - HEADER_BYTES + 1)));
        cuts.push(end);
        for cut in cuts {
            let copy = crash_copy(directory.path());
            let segment = copy.path().join("segment-0000000001");
            std::fs::OpenOptions::new().write(true).open(segment).unwrap().set_len(cut).unwrap();
            let mut whole = ends.partition_point(|&end| end <= cut);
            while whole > 0 && is_open[whole - 1] {
                whole -= 1;
            }
            let one_by_one = store();
            for_each_change(&bodies[..whole], |change, _| one_by_one.apply(change).unwrap());
            let server = start(copy.path(), FsyncPolicy::Never).unwrap();
            assert_eq!(server.recovered.last_seq, Seq(whole as u64), "seed {seed}, cut at {cut}");
            assert!(contents(&server.store) == contents(&one_by_one), "seed {seed}, cut at {cut}");
            check_rankings(&server.store);
        }
    }
}
