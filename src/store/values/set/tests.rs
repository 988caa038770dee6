//! A set beside a naive twin.

use super::*;
use std::collections::BTreeSet;

const BOUNDS: SetBounds = SetBounds::DEFAULT;

fn contents(members: &Members) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    for member in members.iter() {
        assert!(all.insert(member.bytes(&mut itoa::Buffer::new()).to_vec()), "{member:?} comes twice");
    }
    all
}

#[test]
fn agrees_with_a_btree_set_in_every_form() {
    let forms = [
        (300, "", SetForm::Integers),
        (5000, "", SetForm::Hashed),
        (60, "m", SetForm::Packed),
        (3000, "member:", SetForm::Hashed),
        (40, "long ", SetForm::Hashed),
    ];
    for (names, prefix, form) in forms {
        let seed = names + prefix.len() as u64;
        let (mut members, mut twin) = (Members::default(), BTreeSet::new());
        let mut chance = Chance::seeded(seed);
        let width = if prefix == "long " { 300 } else { 0 };
        for step in 0..names * 20 {
            // Both grow for a while, then they shrink, to nothing in the end.
            let removes = if step < names * 10 { 2 } else { 8 };
            let number = chance.below(names).cast_signed() - 50;
            let name = format!("{prefix}{number:>width$}").into_bytes();
            let text = Text::of(&name);
            if chance.below(10) < removes {
                assert_eq!(members.remove(text), twin.remove(&name));
            } else {
                assert_eq!(members.insert(text, BOUNDS), twin.insert(name.clone()));
            }
            assert_eq!((members.contains(&name), members.len()), (twin.contains(&name), twin.len()));
            if step == names * 10 {
                assert_eq!(contents(&members), twin);
                assert_eq!(members.form(), form, "{names} {prefix}");
            }
        }
        assert_eq!(contents(&members), twin);
        for name in twin {
            assert!(members.remove(Text::of(&name)));
        }
        assert!(members.is_empty() && members.draw(&mut chance).is_none());
    }
}

/// A stored result of SINTER has its size from the beginning. It must grow and shrink from there as any other table does.
#[test]
fn a_table_that_has_its_size_from_the_beginning_is_as_any_other() {
    for count in [129, 1000, 8191, 8192, 8193, 50_000] {
        let names: Vec<_> = (0..count * 2).map(|number| format!("member {number}").into_bytes()).collect();
        let texts: Vec<_> = names.iter().map(|name| Text::of(name)).collect();
        let mut members = Members::of_members(texts[..count].iter().copied(), BOUNDS);
        members.prefetch_members(&texts);
        texts.iter().for_each(|text| members.prefetch_place(*text));
        texts.iter().for_each(|text| members.prefetch_member(*text));
        for text in &texts[count..] {
            assert!(!members.has(*text) && members.insert(*text, BOUNDS), "{count}");
        }
        assert_eq!(contents(&members), names.iter().cloned().collect(), "{count}");
        for text in &texts {
            assert!(members.remove(*text), "{count}");
        }
        assert!(members.is_empty(), "{count}");
    }
}

/// Members that are removed do not leave a table behind in which it takes long to find the others.
#[test]
fn a_table_shrinks_with_its_members() {
    let names: Vec<_> = (0..100_000).map(|number| format!("member {number}")).collect();
    let mut members = Members::of_members(names.iter().map(|name| Text::of(name.as_bytes())), BOUNDS);
    let full = members.memory_bytes(usize::MAX);
    assert!((1_300_000..1_800_000).contains(&full), "{full} bytes");
    for name in &names[100..] {
        assert!(members.remove(Text::of(name.as_bytes())));
    }
    let sparse = members.memory_bytes(usize::MAX);
    assert!(sparse < 20_000, "{sparse} bytes for 100 members");
    assert_eq!(contents(&members).len(), 100);
}

#[test]
fn a_scan_sees_what_stays_exactly_once_while_the_rest_changes() {
    for (count, grows) in [(1, true), (7, true), (100, true), (7, false), (500, false)] {
        let name = |number: u64| Text::Integer(number.cast_signed());
        let mut members = Members::of_members((0..3000).map(name), BOUNDS);
        if !grows {
            (3000..30_000).for_each(|number| assert!(members.insert(name(number), BOUNDS)));
        }
        let (mut seen, mut cursor, mut others) = (Vec::new(), 0, 3000);
        loop {
            cursor = members.scan(cursor, count, |member| seen.push(member.integer().unwrap()));
            if cursor == 0 {
                break;
            }
            for _ in 0..count.min(50) * 2 {
                if grows {
                    members.insert(name(others), BOUNDS);
                } else {
                    members.remove(name(others));
                }
                others += 1;
            }
        }
        seen.retain(|number| *number < 3000);
        assert_eq!(seen.len(), 3000, "count {count}");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), 3000, "count {count}");
    }
}

#[test]
fn every_member_is_drawn_about_as_often_as_any_other() {
    let mut chance = Chance::seeded(3);
    for (count, prefix) in [(1, ""), (3, ""), (100, ""), (100, "m"), (2000, ""), (2000, "m")] {
        let names: Vec<_> = (0..count).map(|number| format!("{prefix}{number}")).collect();
        let mut members = Members::of_members(names.iter().map(|name| Text::of(name.as_bytes())), BOUNDS);
        // Half of those of a hashed set are gone again.
        let gone = if members.form() == SetForm::Hashed { count / 2 } else { 0 };
        for name in &names[..gone] {
            members.remove(Text::of(name.as_bytes()));
        }
        let mut drawn = vec![0; count];
        for _ in 0..(count - gone) * 200 {
            let mut digits = itoa::Buffer::new();
            let member = members.draw(&mut chance).unwrap().bytes(&mut digits);
            let number = std::str::from_utf8(member).unwrap().trim_start_matches(prefix);
            drawn[number.parse::<usize>().unwrap()] += 1;
        }
        let fair = drawn[gone..].iter().all(|times| (120..=290).contains(times));
        assert!(fair && drawn[..gone].iter().all(|times| *times == 0), "{count} {prefix}: {drawn:?}");
    }
}

/// A friend list of ids, and one of names.
#[test]
fn a_small_set_takes_little_more_than_its_members() {
    let numbers = Members::of_members((1_000_000..1_000_100).map(Text::Integer), BOUNDS);
    assert_eq!(numbers.memory_bytes(5), 320);
    let names: Vec<_> = (0..100).map(|number| format!("user:{number:04}")).collect();
    let names = Members::of_members(names.iter().map(|name| Text::of(name.as_bytes())), BOUNDS);
    assert_eq!(names.memory_bytes(5), 1024);
}
