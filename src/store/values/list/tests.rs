//! Compares lists with vectors.

use super::*;
use crate::machine::chance::Chance;

fn contents(list: &List) -> Vec<Vec<u8>> {
    let mut contents = Vec::new();
    list.visit(0..list.len(), |element| {
        contents.push(element.to_vec());
        true
    });
    contents
}

fn element(chance: &mut Chance, longest: u64) -> Vec<u8> {
    match chance.below(60) {
        0 => vec![b'y'; 5_000 + chance.below(9_000) as usize],
        1..20 => (chance.next_u64() as i64 >> chance.below(64)).to_string().into_bytes(),
        _ => vec![b'x'; chance.below(longest) as usize],
    }
}

#[test]
fn a_list_of_one_chunk_is_small() {
    assert_eq!(size_of::<List>(), 24);
    let mut list = List::default();
    ["one", "two", "three"].iter().for_each(|element| list.push(End::Back, element.as_bytes()));
    assert_eq!(list.memory_bytes(1), 32 + 32);
}

#[test]
fn a_list_agrees_with_a_vector() {
    for seed in 0..12 {
        let mut chance = Chance::seeded(seed);
        let (mut list, mut twin) = (List::default(), Vec::<Vec<u8>>::new());
        let mut copies = Vec::new();
        let longest = [4, 40, 400, 3_000][seed as usize % 4];
        // Grows for 1,000 steps, shrinks for 1,000, and grows again.
        for step in 0..3_000 {
            let grows = step / 1_000 % 2 == 0;
            let index = chance.below(twin.len() as u64 + 1) as usize;
            let end = if chance.below(2) == 0 { End::Front } else { End::Back };
            list.prefetch_chunks(end);
            list.prefetch_end(end);
            list.prefetch_bytes(end);
            match chance.below(10) {
                0..4 if grows => {
                    for _ in 0..1 + chance.below(4) {
                        let element = element(&mut chance, longest);
                        list.push(end, &element);
                        twin.insert(if end == End::Front { 0 } else { twin.len() }, element);
                    }
                }
                0..4 => {
                    let count = chance.below(8) as usize;
                    list.pop(end, count);
                    let count = count.min(twin.len());
                    let range = if end == End::Front { 0..count } else { twin.len() - count..twin.len() };
                    twin.drain(range);
                }
                4..6 => {
                    let element = element(&mut chance, longest);
                    assert!(list.insert(index, &element));
                    twin.insert(index, element);
                }
                6..8 => {
                    let element = element(&mut chance, longest);
                    assert_eq!(list.set(index, &element), index < twin.len());
                    twin.get_mut(index).into_iter().for_each(|place| *place = element.clone());
                }
                8 => {
                    let rare = 1 + chance.below(50);
                    let mut removed: Vec<usize> =
                        (0..twin.len()).filter(|_| chance.below(rare) == 0).collect();
                    // Mostly one, sometimes many at once.
                    if chance.below(20) > 0 {
                        removed.truncate(1);
                    }
                    list.remove(&removed);
                    removed.iter().rev().for_each(|&index| drop(twin.remove(index)));
                }
                _ => {
                    let start = chance.below(index as u64 + 1) as usize;
                    let excerpt = list.excerpt(start..index);
                    excerpt.check();
                    copies.push((excerpt, twin[start..index].to_vec()));
                    if copies.len() > 3 {
                        copies.remove(0);
                    }
                }
            }
            list.check();
            assert_eq!(list.len(), twin.len(), "seed {seed} step {step}");
            assert_eq!(
                list.get(index, <[u8]>::to_vec).as_ref(),
                twin.get(index),
                "seed {seed} step {step} index {index}"
            );
            if step % 50 == 0 {
                assert_eq!(contents(&list), twin, "seed {seed} step {step}");
                if let Some(wanted) = twin.get(index) {
                    let expected: Vec<usize> = (0..twin.len()).filter(|&at| twin[at] == *wanted).collect();
                    for end in [End::Front, End::Back] {
                        let mut found = Vec::new();
                        list.find(wanted, end, usize::MAX, |place| {
                            found.push(place);
                            true
                        });
                        found.sort_unstable();
                        assert_eq!(found, expected);
                    }
                    let mut some = list.clone();
                    let count = chance.below(5) as i64 - 2;
                    let removed = some.remove_equal(count, wanted);
                    let most = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
                    let from = if count < 0 { expected.len().saturating_sub(most) } else { 0 };
                    let equal = &expected[from..expected.len().min(from.saturating_add(most))];
                    assert_eq!(removed, equal.len());
                    let kept = (0..twin.len()).filter(|at| !equal.contains(at)).map(|at| twin[at].clone());
                    assert_eq!(contents(&some), kept.collect::<Vec<_>>());
                }
            }
        }
        for (mut copy, expected) in copies {
            assert_eq!(contents(&copy), expected, "a later write changed an excerpt");
            let mut drained = Vec::new();
            while copy.drain_chunk(|element| drained.push(element.to_vec())) {}
            assert_eq!(drained, expected);
        }
    }
}

/// An insertion into a full chunk splits it. If each split left a chunk of one element, a list that is filled in its middle
/// would get a chunk for each element.
#[test]
fn insertions_and_removals_in_the_middle_leave_chunks_well_filled() {
    let mut list = List::default();
    for number in 0..20_000 {
        list.insert(list.len() / 2, format!("element{number}").as_bytes());
    }
    let bytes = list.memory_bytes(usize::MAX);
    assert!(bytes < 20_000 * 16 * 2, "{bytes} bytes");
    list.remove(&(0..20_000).filter(|index| index % 50 != 0).collect::<Vec<_>>());
    list.check();
    assert_eq!(list.len(), 400);
    assert!(list.memory_bytes(usize::MAX) < 400 * 16 * 5, "{} bytes", list.memory_bytes(usize::MAX));
}
