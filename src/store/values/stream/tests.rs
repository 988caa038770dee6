//! Compares streams with ordered maps.

use super::*;
use crate::config::{ProducerBounds, SetBounds, StreamBounds};
use crate::machine::chance::Chance;
use crate::ranking::Order;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::{Change, What, decode};
use crate::store::values::LooseValue;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;
type Twin = BTreeMap<StreamId, Fields>;

fn pairs(fields: &Fields) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    fields.iter().map(|(name, value)| (&**name, &**value))
}

fn owned(entry: StreamEntry<'_>) -> (StreamId, Fields) {
    let mut digits = itoa::Buffer::new();
    let mut fields = Fields::new();
    for (name, value) in entry.pairs() {
        let name = name.bytes(&mut digits).to_vec();
        fields.push((name, value.bytes(&mut digits).to_vec()));
    }
    (entry.id, fields)
}

fn contents(stream: &Stream) -> Twin {
    stream.range(StreamId::MIN, StreamId::MAX).map(owned).collect()
}

fn random_fields(chance: &mut Chance) -> Fields {
    let value = |chance: &mut Chance| match chance.below(12) {
        0 => vec![b'x'; chance.below(300) as usize],
        1 => (chance.next_u64() as i64 >> chance.below(64)).to_string().into_bytes(),
        _ => chance.below(1_000_000).to_string().into_bytes(),
    };
    let names: &[&str] = match chance.below(8) {
        0 => &["other"],
        1 => &["user", "steps", "at", "more"],
        2 => &["user", "stairs", "at"],
        _ => &["user", "steps", "at"],
    };
    names.iter().map(|name| (name.as_bytes().to_vec(), value(chance))).collect()
}

#[test]
fn a_stream_agrees_with_an_ordered_map() {
    for seed in 0..20 {
        let mut chance = Chance::seeded(seed);
        let (mut stream, mut twin) = (Stream::default(), Twin::new());
        let bounds = StreamBounds {
            node_bytes: [0, 200, 4096][seed as usize % 3],
            node_entries: [4, 100][seed as usize % 2],
        };
        let mut last = StreamId::MIN;
        let mut excerpts = Vec::new();
        for step in 0..2_000 {
            let any = StreamId::new(chance.below(last.ms + 2), chance.below(3));
            match chance.below(20) {
                0..10 => {
                    last = StreamId::new(last.ms + chance.below(2), last.seq + 1 + chance.below(3));
                    let fields = random_fields(&mut chance);
                    stream.insert(last, pairs(&fields), bounds);
                    stream.head.last = last;
                    twin.insert(last, fields);
                }
                // As a replay does.
                10 => {
                    let fields = random_fields(&mut chance);
                    stream.insert(any, pairs(&fields), bounds);
                    stream.head.last = stream.head.last.max(any);
                    last = last.max(any);
                    twin.entry(any).or_insert(fields);
                }
                11..15 => {
                    let near = twin.range(any..).next().map_or(any, |(id, _)| *id);
                    assert_eq!(stream.remove(near), twin.remove(&near).is_some());
                }
                15 => {
                    let target = if chance.below(2) == 0 {
                        let len = twin.len().saturating_sub(chance.below(20) as usize);
                        while twin.len() > len {
                            twin.pop_first();
                        }
                        TrimTarget::Len(len)
                    } else {
                        let id = StreamId::new(any.ms / 3, any.seq);
                        twin = twin.split_off(&id);
                        TrimTarget::From(id)
                    };
                    let (before, trim) = (stream.len(), Trim { target, is_approximate: false, limit: 0 });
                    assert_eq!(stream.trim(trim).count, before - twin.len());
                }
                16 => {
                    let target = TrimTarget::Len(chance.below(twin.len() as u64 + 1) as usize);
                    let limit = chance.below(3) as usize * 10;
                    let trimmed = stream.trim(Trim { target, is_approximate: true, limit });
                    twin.retain(|id, _| *id > trimmed.up_to);
                    assert!(limit == 0 || trimmed.count <= limit);
                }
                17 => {
                    let (from, to) = (any, StreamId::new(any.ms + chance.below(20), 3));
                    let expected: Vec<_> =
                        twin.range(from..=to).map(|(id, fields)| (*id, fields.clone())).collect();
                    assert_eq!(stream.range(from, to).map(owned).collect::<Vec<_>>(), expected);
                    let mut back: Vec<_> = stream.range_back(from, to).map(owned).collect();
                    back.reverse();
                    assert_eq!(back, expected);
                    assert_eq!(
                        stream.get(from).map(owned).map(|(_, fields)| fields),
                        twin.get(&from).cloned()
                    );
                    let mut find = stream.finder();
                    for _ in 0..20 {
                        let id = StreamId::new(any.ms + chance.below(6), chance.below(4));
                        assert_eq!(find(id), stream.get(id), "seed {seed} step {step}");
                    }
                    drop(find);
                    let most = chance.below(8) as usize;
                    excerpts.push((stream.excerpt(from, to, Order::Descending, most), expected, most));
                }
                _ => {}
            }
            stream.check();
            assert_eq!(stream.len(), twin.len(), "seed {seed} step {step}");
            assert_eq!(stream.first_id(), twin.first_key_value().map_or(StreamId::MIN, |(id, _)| *id));
            if step % 100 == 0 {
                assert_eq!(contents(&stream), twin, "seed {seed} step {step}");
            }
        }
        assert_eq!(contents(&stream), twin);
        for (mut excerpt, mut expected, most) in excerpts {
            expected.reverse();
            expected.truncate(most);
            assert_eq!(excerpt.len(), expected.len());
            let mut found = Vec::new();
            while excerpt.take_block(|entry| found.push(owned(entry))) {}
            assert_eq!(found, expected, "a later write changed an excerpt");
        }
    }
}

/// A stream with groups, consumers and pending entries.
fn random_stream(chance: &mut Chance) -> Stream {
    let mut stream = Stream::default();
    for number in 0..chance.below(300) {
        stream.insert(
            StreamId::new(number / 3 + 1, number),
            pairs(&random_fields(chance)),
            StreamBounds::DEFAULT,
        );
    }
    stream.head = StreamHead { last: StreamId::new(500, 1), added: 1_000, max_deleted: StreamId::new(7, 7) };
    for group in 0..chance.below(4) {
        let position = GroupPosition {
            last: StreamId::new(40, group),
            entries_read: [None, Some(9)][group as usize % 2],
        };
        let mut members = ConsumerGroup::at(position);
        for number in 0..chance.below(5) {
            let times =
                ConsumerTimes { seen_ms: number, active_ms: [None, Some(number)][number as usize % 2] };
            members.set_consumer(format!("consumer{number}").as_bytes(), times);
        }
        for _ in 0..chance.below(200) {
            let id = StreamId::new(chance.below(100), chance.below(3));
            let consumer = format!("consumer{}", chance.below(5));
            let delivery = Delivery { at_ms: 5 + id.ms, count: id.seq };
            members.set_pending(consumer.as_bytes(), std::iter::once((id, delivery)));
        }
        stream.groups.insert(format!("group{group}").into_bytes().into(), members);
    }
    if chance.below(3) > 0 {
        let bounds = ProducerBounds { kept_s: 9, most_ids: 1 + chance.below(20) as u32 };
        let mut producers = Producers::new(ProducersHead { bounds, added: 900, duplicates: 7 });
        for number in 0..chance.below(100) {
            let (name, id) = (format!("p{}", chance.below(4)), format!("id{}", chance.below(60)));
            let (producer, id) = (name.as_bytes(), id.as_bytes());
            let place = RequestPlace { added: number, entry: StreamId::new(chance.below(50), number % 3) };
            producers.note(PlacedRequest { producer, id, place }, 0);
        }
        stream.producers = Some(Box::new(producers));
    }
    stream
}

/// All parts of a stream, in words.
fn parts(stream: &Stream, most: usize) -> Vec<String> {
    let (mut parts, mut position) = (Vec::new(), None);
    loop {
        let mut see = |element: Element<'_>| {
            let Element::Part(part) = element else { panic!("a part of another type") };
            parts.push(match part {
                StreamPart::Entry(entry) => format!("{:?}", owned(entry)),
                part => format!("{part:?}"),
            });
        };
        position = stream.walk(position.as_ref(), most, WalkOrder::InOrder, &mut see);
        if position.is_none() {
            return parts;
        }
    }
}

#[test]
fn a_walk_in_steps_makes_the_same_stream_from_its_changes() {
    for seed in 0..30 {
        let mut chance = Chance::seeded(seed);
        let stream = random_stream(&mut chance);
        stream.check();
        let whole = parts(&stream, usize::MAX);
        assert_eq!(whole.len(), stream.elements());
        for most in [1, 2, 7, 100] {
            assert_eq!(parts(&stream, most), whole, "seed {seed}, {most} at once");
        }
        let mut changes = ChangeBuffer::default();
        stream.walk(None, usize::MAX, WalkOrder::InOrder, &mut |element| {
            changes.element(0, b"s", element, None);
        });
        changes.end_record();
        // Once more over itself: Changes are absolute.
        let mut loose = LooseValue::new(1, SetBounds::DEFAULT);
        for _ in 0..2 {
            for mut body in changes.records() {
                while !body.is_empty() {
                    let Ok(Change::Key { what: What::Value(change), .. }) = decode(&mut body) else {
                        panic!()
                    };
                    loose.apply(change);
                }
            }
        }
        let made = loose.into_value().and_then(|value| Stream::of(&value).cloned()).expect("a stream");
        made.check();
        assert_eq!(parts(&made, usize::MAX), whole, "seed {seed}");
    }
}

/// A hundred entries of three small fields, as a service writes them.
#[test]
fn small_entries_take_few_bytes() {
    let mut stream = Stream::default();
    for number in 0..100_000u64 {
        let user = (number * 7919 % 1_000_000).to_string();
        let (steps, at) = ((number % 20_000).to_string(), (1_753_900_000_000 + number).to_string());
        let fields: Fields = [("user", user), ("steps", steps), ("at", at)]
            .map(|(name, value)| (name.into(), value.into_bytes()))
            .to_vec();
        stream.insert(
            StreamId::new(1_753_900_000_000 + number / 3, number % 3),
            pairs(&fields),
            StreamBounds::DEFAULT,
        );
    }
    let bytes = stream.memory_bytes(usize::MAX);
    assert!(bytes < 100_000 * 25, "{bytes} bytes");
}

/// A value of so many bytes would take them: the lengths alone decide.
#[test]
fn an_entry_of_more_than_a_gigabyte_is_too_large() {
    let part = vec![b'x'; 64 << 20];
    let pairs = |count: usize| (0..count).map(|_| (&b""[..], &*part));
    assert!(!Stream::is_too_large(pairs(16)));
    assert!(Stream::is_too_large(pairs(16).chain(std::iter::once((&b"n"[..], &b""[..])))));
}

/// Of few of many pending entries, of many, and of all: the other consumers keep theirs.
#[test]
fn a_consumer_goes_with_what_is_pending_for_it() {
    let id = |number: u64| StreamId::new(1, number);
    for own in [1, 20, 990, 1_000] {
        let mut group = ConsumerGroup::default();
        let deliveries = |ids: std::ops::Range<u64>| ids.map(|number| (id(number), Delivery::default()));
        group.set_pending(b"stays", deliveries(0..1_000 - own));
        group.set_pending(b"goes", deliveries(1_000 - own..1_000));
        let gone = group.remove_consumer(b"goes").expect("it was there");
        assert_eq!((gone.pending_of_all() as u64, group.pending_len() as u64), (own, 1_000 - own));
        assert!(group.remove_consumer(b"goes").is_none());
        group.check();
        // Its number is free for another one.
        group.set_pending(b"new", deliveries(0..1_000));
        assert_eq!(group.consumer(b"new").expect("made").pending_len(), 1_000);
        group.check();
    }
}
