//! Bases as what a replica begins with: written beside commands, read back, and read when they are cut, damaged or made up.

use super::loading::check_rankings;
use super::support::contents;
use super::with_store::{changes, command, make_large};
use rankd::journal::{BadBase, BaseRead, read_base, write_base};
use rankd::machine::chance::Chance;
use rankd::machine::clock::Clock;
use rankd::store::Store;
use rankd::store::change::position::{FollowedPosition, StreamPlace};
use rankd::store::change::{ChangeBuffer, DatabaseNumbering};
use std::io;
use std::sync::Arc;

const PLACE: StreamPlace = StreamPlace { offset: 1234, database: 1 };
const HEADER_BYTES: usize = 52;
const HEAD_BYTES: usize = 28;

fn store() -> Arc<Store> {
    Arc::new(Store::new(8, 2, 7, Clock::manual(1_000)))
}

/// The base of a store for a replica. `between` is called between two steps of the walk.
fn base(store: &Store, mut between: impl FnMut()) -> Vec<u8> {
    let position = FollowedPosition { history: [b'a'; 40], reached: PLACE };
    let numbering = store.numbering();
    let mut walk = store.snapshot().for_replica(numbering, position);
    let mut base = Vec::new();
    let go_on = || {
        between();
        Ok(())
    };
    write_base(&mut base, &mut walk, 1234, 1, &mut |_, _, _| (), go_on, || Ok(2000)).expect("a vector");
    base
}

fn read(base: &[u8]) -> (Arc<Store>, Result<BaseRead, BadBase>) {
    let store = store();
    let read = read_base(base, &store);
    (store, read)
}

/// Gives one byte at a time.
struct Bytewise<'b>(&'b [u8]);

impl io::Read for Bytewise<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some((first, rest)) = self.0.split_first().filter(|_| !out.is_empty()) else { return Ok(0) };
        (out[0], self.0) = (*first, rest);
        Ok(1)
    }
}

#[test]
fn a_base_for_a_replica_has_everything_and_names_databases_and_its_place() {
    for seed in 0..20 {
        let mut chance = Chance::seeded(seed);
        let mut changes = changes();
        let live = store();
        make_large(&live);
        for _ in 0..300 {
            command(&live, &mut chance, &mut changes);
        }
        let bytes = base(&live, || ());
        let (copy, outcome) = read(&bytes);
        assert_eq!(outcome.unwrap(), BaseRead { bytes: bytes.len() as u64, whole_at: 2000 });
        assert_eq!(copy.position().unwrap().reached, PLACE);
        assert_eq!(copy.numbering(), DatabaseNumbering::default());
        copy.follow(None);
        assert!(contents(&copy) == contents(&live), "seed {seed}");
        let slowly = store();
        read_base(Bytewise(&bytes), &slowly).unwrap();
        slowly.follow(None);
        assert!(contents(&slowly) == contents(&live), "seed {seed}: byte by byte");

        // Beside commands a member may be visited twice. What is read back has it once.
        let bytes = base(&live, || {
            for _ in 0..chance.below(30) {
                command(&live, &mut chance, &mut changes);
            }
        });
        let (copy, outcome) = read(&bytes);
        outcome.unwrap();
        check_rankings(&copy);
        copy.follow(None);
        assert!(!contents(&copy).is_empty(), "seed {seed}");
    }
}

#[test]
fn a_base_that_is_cut_or_damaged_anywhere_is_an_error() {
    let live = store();
    let (mut chance, mut changes) = (Chance::seeded(1), changes());
    for _ in 0..30 {
        command(&live, &mut chance, &mut changes);
    }
    let whole = base(&live, || ());
    let mut places: Vec<usize> = (0..100).chain(whole.len() - 100..whole.len()).collect();
    places.extend((0..100).map(|_| chance.below(whole.len() as u64) as usize));
    for &len in &places {
        assert!(read(&whole[..len]).1.is_err(), "cut at {len} of {}", whole.len());
    }
    for at in places {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << chance.below(8);
        assert!(read(&damaged).1.is_err(), "damaged at {at} of {}", whole.len());
    }
    assert!(read(&[&whole[..], b"x"].concat()).1.is_err());
    assert!(read(&[&whole[..], &whole].concat()).1.is_err());
}

/// The same base with other Changes, and with right checksums, as a master can send that lies.
fn rewritten(base: &[u8], mut rewrite: impl FnMut(&mut Vec<u8>)) -> Vec<u8> {
    let number = |at: usize| u32::from_le_bytes(base[at..at + 4].try_into().unwrap());
    let seed = number(HEADER_BYTES - 4);
    let (mut out, mut at, mut previous) = (base[..HEADER_BYTES].to_vec(), HEADER_BYTES, seed);
    while at < base.len() {
        let body = &base[at + HEAD_BYTES..][..number(at) as usize];
        let body = match u32::from_le_bytes(body[..4].try_into().unwrap()) {
            0 => body.to_vec(),
            length => {
                let mut changes = lz4_flex::block::decompress(&body[4..], length as usize).unwrap();
                rewrite(&mut changes);
                [&(changes.len() as u32).to_le_bytes()[..], &lz4_flex::block::compress(&changes)].concat()
            }
        };
        let start = out.len();
        out.extend_from_slice(&(body.len() as u32).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&previous.to_le_bytes());
        out.extend_from_slice(&base[at + 12..at + HEAD_BYTES]);
        out.extend_from_slice(&body);
        let sum =
            crc32c::crc32c_append(crc32c::crc32c_append(seed, &out[start..start + 4]), &out[start + 8..]);
        out[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
        previous = sum;
        at += HEAD_BYTES + number(at) as usize;
    }
    out
}

#[test]
fn changes_that_a_master_has_made_up_end_in_an_error_or_in_sound_values() {
    let live = store();
    let (mut chance, mut changes) = (Chance::seeded(2), changes());
    make_large(&live);
    for _ in 0..400 {
        command(&live, &mut chance, &mut changes);
    }
    let whole = base(&live, || ());
    assert_eq!(rewritten(&whole, |_| ()), whole);
    for _ in 0..500 {
        let bytes = rewritten(&whole, |changes| {
            for _ in 0..=chance.below(2) {
                let at = chance.below(changes.len() as u64) as usize;
                match chance.below(3) {
                    0 => changes[at] ^= 1 << chance.below(8),
                    1 => changes[at] = chance.below(256) as u8,
                    // A part twice: members and keys that are there already.
                    _ => changes.extend_from_within(at..),
                }
            }
        });
        let (copy, outcome) = read(&bytes);
        if outcome.is_ok() {
            check_rankings(&copy);
        }
    }
}

#[test]
fn changes_that_are_in_no_base_are_refused() {
    let live = store();
    let (mut chance, mut changes) = (Chance::seeded(3), changes());
    command(&live, &mut chance, &mut changes);
    let whole = base(&live, || ());
    let foreign: [fn(&mut ChangeBuffer); 2] =
        [|changes| changes.flush_all(), |changes| changes.flush_database(0)];
    for put in foreign {
        let bytes = rewritten(&whole, |changes| {
            let mut more = ChangeBuffer::default();
            put(&mut more);
            more.end_record();
            more.records().for_each(|record| changes.extend_from_slice(record));
        });
        let error = read(&bytes).1.unwrap_err().to_string();
        assert!(error.ends_with("a Change that is in no base for a replica"), "{error}");
    }
}
