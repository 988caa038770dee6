//! Tests: Changes are encoded and decoded.

use super::*;
use crate::machine::chance::Chance;
use crate::ranking::Score;
use crate::store::values::board::change::BoardChange;
use crate::store::values::board::policy::Policy;
use crate::store::values::kinds::Word;
use crate::store::values::string::change::StringChange;

fn score(value: f64) -> Score {
    Score::new(value).expect("not NaN")
}

/// One Change of each kind, in two records.
fn sample() -> ChangeBuffer {
    let mut buffer = ChangeBuffer::default();
    buffer.set_score(0, b"lb", b"alice", score(1.5));
    buffer.set_score(0, b"lb", b"bob", score(f64::INFINITY));
    buffer.set_score(0, b"other", b"", score(0.0));
    buffer.remove_score(3, b"lb", b"alice");
    buffer.set_field(0, b"h", b"field", b"value");
    buffer.set_field(0, b"h", b"", b"");
    buffer.expire_field(0, b"h", b"field", Some(1_700_000_000_000));
    buffer.expire_field(0, b"h", b"", None);
    buffer.remove_field(0, b"h", b"field");
    buffer.end_record();
    buffer.end_record();
    buffer.add_member(0, b"s", b"x");
    buffer.remove_member(0, b"s", b"x");
    buffer.set_string(0, b"", b"value", Some(1_700_000_000_000));
    buffer.set_expiry(300, b"s", None);
    buffer.patch_string(0, b"", 1_000, b"patch");
    buffer.drop_key(0, b"s");
    buffer.relocate(Relocation { keyspace: 2, key: b"old", to: Destination::Name(b"new") });
    buffer.relocate(Relocation { keyspace: 2, key: b"moved", to: Destination::Keyspace(400) });
    let mut numbering = DatabaseNumbering::default();
    numbering.swap(1, 300);
    buffer.number(&numbering);
    buffer.template(b"day:", Some(&Policy { ids: 7, ..Policy::default() }));
    buffer.template(b"", None);
    buffer.flush_database(7);
    buffer.flush_all();
    buffer.end_record();
    buffer
}

#[test]
fn a_long_record_goes_on_in_further_ones() {
    let mut buffer = ChangeBuffer::with_record_bytes(100);
    for number in 0..30 {
        buffer.set_score(0, b"board", format!("member{number}").as_bytes(), score(f64::from(number)));
    }
    buffer.drop_key(0, b"other");
    buffer.end_record();
    buffer.drop_key(0, b"third");
    buffer.end_record();
    let bodies: Vec<_> = buffer.records().collect();
    assert!(bodies.iter().all(|body| body.len() < 130));
    let (last, others) = bodies.split_last().unwrap();
    assert!(!is_continued(last), "another command");
    let (end, parts) = others.split_last().unwrap();
    assert!(parts.len() > 4 && parts.iter().all(|body| is_continued(body)) && !is_continued(end));
    let changes: Vec<_> = others.iter().flat_map(|body| decode_all(body).unwrap()).collect();
    let members = changes.iter().filter_map(|change| match change {
        Change::Key {
            what: What::Value(ValueChange::SortedSet(BoardChange::SetScores(entries))), ..
        } => Some(entries.iter().count()),
        _ => None,
    });
    assert_eq!(members.sum::<usize>(), 30);
    let dropped = Change::Key { keyspace: 0, key: b"other", what: What::Dropped };
    assert_eq!(changes.last(), Some(&dropped));
}

/// The second part of a long record was compared with the next Change one byte too early: the last byte of the part
/// before was read as an operation, and the operation as a database. After a member that ended in byte 1, in database
/// 1, `ZADD \x05 1 b` was recorded as a change of `board`, and was there after a restart.
#[test]
fn a_list_behind_a_long_part_is_joined_by_its_own_kind_only() {
    let mut buffer = ChangeBuffer::with_record_bytes(30);
    buffer.set_score(1, b"big", b"a member longer than a part\x01", score(1.0));
    buffer.set_score(1, b"board", b"a", score(1.0));
    buffer.set_score(1, b"\x05", b"b", score(1.0));
    buffer.end_record();
    let set = |key: &[u8], member: &[u8]| {
        line("set-score", 1, key, &[Word::Bytes(member), Word::Score(score(1.0).into())])
    };
    let expected = [set(b"big", b"a member longer than a part\x01"), set(b"board", b"a"), set(b"\x05", b"b")];
    assert_eq!(entries(&buffer), expected);
}

fn line(operation: &str, keyspace: KeyspaceIndex, key: &[u8], words: &[Word<'_>]) -> String {
    format!("{operation} {keyspace} {key:?} {words:?}")
}

/// Every entry of every record as text, without regard to joined lists and continued records.
fn entries(buffer: &ChangeBuffer) -> Vec<String> {
    let mut entries = Vec::new();
    for change in buffer.records().flat_map(|body| decode_all(body).unwrap()) {
        match change {
            Change::Key { keyspace, key, what: What::Value(change) } => {
                change.lines(&mut |operation, words| entries.push(line(operation, keyspace, key, words)));
            }
            Change::Continued => {}
            other => entries.push(format!("{other:?}")),
        }
    }
    entries
}

/// The names consist of the bytes of operations, databases and lengths, and the records are continued often.
#[test]
fn random_changes_come_back_in_order_through_joins_and_continued_records() {
    for seed in 0..300 {
        let mut chance = Chance::seeded(seed);
        let mut buffer = ChangeBuffer::with_record_bytes(chance.below(60) as usize);
        let mut expected = Vec::new();
        for _ in 0..200 {
            let mut bytes = |most| {
                let len = chance.below(most) as usize;
                (0..len).map(|_| chance.below(6) as u8).collect::<Vec<u8>>()
            };
            let (key, member) = (bytes(3), bytes(12));
            let database = chance.below(3) as u32;
            let mut expect = |operation, words: &[Word<'_>]| {
                expected.push(line(operation, database, &key, words));
            };
            let named = [Word::Bytes(&member)];
            match chance.below(11) {
                0..3 => {
                    buffer.set_score(database, &key, &member, score(2.0));
                    expect("set-score", &[Word::Bytes(&member), Word::Score(score(2.0).into())]);
                }
                3..5 => {
                    buffer.remove_score(database, &key, &member);
                    expect("remove-score", &named);
                }
                5..7 => {
                    buffer.add_member(database, &key, &member);
                    expect("add-member", &named);
                }
                7 => {
                    buffer.remove_member(database, &key, &member);
                    expect("remove-member", &named);
                }
                8 => {
                    buffer.patch_string(database, &key, 300, &member);
                    expect("patch-string", &[Word::Number(300), Word::Bytes(&member)]);
                }
                9 => {
                    buffer.drop_key(database, &key);
                    let dropped = Change::Key { keyspace: database, key: &key, what: What::Dropped };
                    expected.push(format!("{dropped:?}"));
                }
                _ => buffer.end_record(),
            }
        }
        buffer.end_record();
        assert_eq!(entries(&buffer), expected, "seed {seed}");
    }
}

fn decode_all(mut body: &[u8]) -> Result<Vec<Change<'_>>, Malformed> {
    let mut changes = Vec::new();
    while !body.is_empty() {
        changes.push(decode(&mut body)?);
    }
    Ok(changes)
}

#[test]
fn every_kind_reads_back_and_neighbours_join() {
    let buffer = sample();
    let records: Vec<_> = buffer.records().map(|body| decode_all(body).unwrap()).collect();
    assert_eq!(records.iter().map(Vec::len).collect::<Vec<_>>(), [6, 13]);
    let Change::Key {
        keyspace: 0,
        key: b"lb",
        what: What::Value(ValueChange::SortedSet(BoardChange::SetScores(entries))),
    } = records[0][0]
    else {
        panic!("{records:?}")
    };
    let entries: Vec<_> = entries.iter().map(|(member, score)| (member, score.get())).collect();
    assert_eq!(entries, [(&b"alice"[..], 1.5), (&b"bob"[..], f64::INFINITY)]);
    let set = StringChange::Set { value: b"value", expire_at_ms: Some(1_700_000_000_000) };
    let string = Change::Key { keyspace: 0, key: b"", what: What::Value(ValueChange::String(set)) };
    assert_eq!(records[1][2], string);
    assert_eq!(records[1][3], Change::Key { keyspace: 300, key: b"s", what: What::Expiry(None) });
    let renamed = Relocation { keyspace: 2, key: b"old", to: Destination::Name(b"new") };
    assert_eq!(records[1][6], Change::Relocated(renamed));
    assert_eq!(records[1][7].highest_keyspace(), Some(400));
    assert_eq!(records[1][8].highest_keyspace(), Some(300));
    let Change::Templated(template) = records[1][9] else { panic!("{records:?}") };
    assert_eq!((template.prefix(), template.policy().map(|policy| policy.ids)), (&b"day:"[..], Some(7)));
    let Change::Templated(template) = records[1][10] else { panic!("{records:?}") };
    assert_eq!((template.prefix(), template.policy()), (&b""[..], None));
    assert_eq!(records[1][12], Change::FlushAll);
}

#[test]
fn no_prefix_of_a_record_decodes_to_the_whole() {
    let buffer = sample();
    for body in buffer.records() {
        let whole = decode_all(body).unwrap();
        for len in 0..body.len() {
            assert_ne!(decode_all(&body[..len]).as_ref(), Ok(&whole), "prefix of {len} bytes");
        }
    }
}

#[test]
fn nan_and_overlong_numbers_are_malformed() {
    let mut buffer = ChangeBuffer::default();
    buffer.set_score(0, b"k", b"m", score(1.0));
    buffer.end_record();
    let mut body = buffer.records().next().unwrap().to_vec();
    let at = body.len() - 2 - 8;
    body[at..at + 8].copy_from_slice(&f64::NAN.to_le_bytes());
    assert_eq!(decode_all(&body), Err(Malformed));
    let mut buffer = ChangeBuffer::default();
    buffer.patch_string(0, b"k", crate::limits::MOST_BULK_BYTES, b"1");
    buffer.end_record();
    assert_eq!(decode_all(buffer.records().next().unwrap()), Err(Malformed), "beyond any string");
    assert_eq!(
        decode_all(&[operation::SET_EXPIRY, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]),
        Err(Malformed)
    );
}
