//! Compares a hash with a naive model.

use super::*;
use std::collections::BTreeMap;

/// Every field with its value and its expiry.
fn contents(fields: &Fields) -> BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)> {
    let mut all = BTreeMap::new();
    let mut place = None;
    loop {
        place = fields.walk(place.as_ref(), 10, WalkOrder::EachOnce, &mut |element| {
            let Element::Field(field, value, at_ms) = element else { panic!("{element:?}") };
            assert_eq!(all.insert(field.to_vec(), (value.to_vec(), at_ms)), None);
        });
        if place.is_none() {
            return all;
        }
    }
}

#[test]
fn a_hash_agrees_with_a_map_in_every_form() {
    for (names, length, dated) in [(40u64, 3, 0), (40, 3, 3), (700, 3, 0), (700, 3, 4), (40, 90, 5)] {
        let (mut fields, mut twin) =
            (Fields::with_seed(0), BTreeMap::<Vec<u8>, (Vec<u8>, Option<u64>)>::new());
        let mut chance = Chance::seeded(names + length as u64 + dated);
        for _ in 0..6000 {
            let name = format!("{:>length$}", chance.below(names)).into_bytes();
            match chance.below(8) {
                0 | 1 => assert_eq!(fields.remove(&name), twin.remove(&name).is_some()),
                2 if dated > 0 && twin.contains_key(&name) => {
                    let at_ms = Some(chance.below(dated)).filter(|&at_ms| at_ms > 0);
                    fields.set_expiry(&name, at_ms);
                    twin.get_mut(&name).unwrap().1 = at_ms;
                }
                _ => {
                    let value = [chance.next_u64() as i64, chance.below(300) as i64, -1];
                    let value = value[chance.below(3) as usize].to_string().into_bytes();
                    let is_new = !twin.contains_key(&name);
                    assert_eq!(fields.set(&name, &value), is_new);
                    twin.insert(name.clone(), (value, None));
                }
            }
            let found = fields.get(&name).map(|text| text.bytes(&mut itoa::Buffer::new()).to_vec());
            assert_eq!(found.as_ref(), twin.get(&name).map(|(value, _)| value));
            assert_eq!(fields.len(), twin.len());
            assert_eq!(fields.first_due_ms(), twin.values().filter_map(|(_, at_ms)| *at_ms).min());
        }
        assert_eq!(contents(&fields), twin);
        for by_ms in 0..5 {
            let living = fields.at(by_ms);
            let expected = twin.values().filter(|(_, at_ms)| at_ms.is_none_or(|at_ms| at_ms > by_ms)).count();
            assert_eq!((living.iter().count(), living.len()), (expected, expected));
        }
    }
}

/// Expiry times cost a second allocation, which a hash without them does not have.
#[test]
fn a_small_hash_without_expiries_is_one_allocation() {
    let mut fields = Fields::with_seed(0);
    fields.set(b"likes", b"17");
    assert_eq!((fields.memory_bytes(5), fields.allocations()), (16, 1));
    assert!(!fields.has_dated());
    fields.set_expiry(b"likes", Some(1));
    fields.set(b"likes", b"18");
    assert!(fields.has_dated() && fields.first_due_ms().is_none());
}
