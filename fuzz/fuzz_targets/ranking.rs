//! After any sequence of operations a ranking, with any type of sort key, agrees with an ordered set of its pairs.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rankd::ranking::{Aim, BlockRanking, Bound, Order, RankedMembers, Score, SortKey, Timed, Whole};

#[derive(Debug, Arbitrary)]
enum Name<'a> {
    Bytes(&'a [u8]),
    Decimal(u16),
    Padded(u16),
    Long(u8, u16),
}

impl Name<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Name::Bytes(bytes) => bytes.to_vec(),
            Name::Decimal(number) => number.to_string().into_bytes(),
            Name::Padded(number) => format!("user:{number:012}").into_bytes(),
            Name::Long(byte, len) => vec![*byte; usize::from(*len)],
        }
    }
}

#[derive(Debug, Arbitrary)]
enum Value {
    /// A score, and a moment.
    Small(i8, u8),
    /// The bits of both.
    Any(u64, u64),
}

/// A key type that can be made from the fuzzer's input.
trait FuzzedKey: SortKey {
    fn of(value: &Value) -> Self;
    fn increment() -> Self::Increment;
}

impl FuzzedKey for Score {
    fn of(value: &Value) -> Self {
        match *value {
            Value::Small(score, _) => Self::new(f64::from(score)),
            Value::Any(bits, _) => Self::new(f64::from_bits(bits)),
        }
        .unwrap_or_default()
    }

    fn increment() -> f64 {
        1.0
    }
}

impl FuzzedKey for Whole {
    fn of(value: &Value) -> Self {
        Self(match *value {
            Value::Small(score, _) => i64::from(score),
            Value::Any(bits, _) => bits as i64,
        })
    }

    fn increment() -> i64 {
        1
    }
}

impl<K: FuzzedKey + SortKey<Number = u64>> FuzzedKey for Timed<K> {
    fn of(value: &Value) -> Self {
        let moment = match *value {
            Value::Small(_, moment) => u64::from(moment),
            Value::Any(_, moment) => moment,
        };
        Self::new(K::of(value), moment)
    }

    fn increment() -> Self::Increment {
        (K::increment(), 1)
    }
}

#[derive(Debug, Arbitrary)]
enum Kind {
    Doubles,
    Integers,
    TimedDoubles,
    TimedIntegers,
}

#[derive(Debug, Arbitrary)]
enum Step<'a> {
    Set(Name<'a>, Value),
    Fill { start: u16, count: u8, stride: u8, value: Value },
    Remove(Name<'a>),
    RemoveRange(u16, u16),
    Position(Name<'a>, Value),
    Prefetch(Name<'a>),
    Scan(u8),
}

#[derive(Default)]
struct Model<K> {
    scores: BTreeMap<Vec<u8>, K>,
    order: BTreeSet<(K, Vec<u8>)>,
}

impl<K: SortKey> Model<K> {
    fn set(&mut self, member: Vec<u8>, score: K) -> Option<K> {
        let before = self.remove(&member);
        self.order.insert((score, member.clone()));
        self.scores.insert(member, score);
        before
    }

    fn remove(&mut self, member: &[u8]) -> Option<K> {
        let score = self.scores.remove(member)?;
        self.order.remove(&(score, member.to_vec()));
        Some(score)
    }
}

fn set<K: SortKey>(ranking: &mut BlockRanking<K>, model: &mut Model<K>, member: Vec<u8>, score: K) {
    assert_eq!(ranking.update(&member, |_| Some(score)).before, model.set(member, score));
}

fuzz_target!(|input: (Kind, Vec<Step<'_>>)| {
    let (kind, steps) = input;
    match kind {
        Kind::Doubles => agrees_with_model::<Score>(steps),
        Kind::Integers => agrees_with_model::<Whole>(steps),
        Kind::TimedDoubles => agrees_with_model::<Timed<Score>>(steps),
        Kind::TimedIntegers => agrees_with_model::<Timed<Whole>>(steps),
    }
});

fn agrees_with_model<K: FuzzedKey>(steps: Vec<Step<'_>>) {
    let mut ranking = BlockRanking::<K>::with_seed(7);
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Set(name, value) => set(&mut ranking, &mut model, name.bytes(), K::of(&value)),
            Step::Fill { start, count, stride, value } => {
                for i in 0..u16::from(count) {
                    let number = start.wrapping_add(i.wrapping_mul(u16::from(stride)));
                    set(&mut ranking, &mut model, Name::Padded(number).bytes(), K::of(&value));
                }
            }
            Step::Remove(name) => {
                let member = name.bytes();
                assert_eq!(ranking.remove(&member), model.remove(&member));
            }
            Step::RemoveRange(a, b) => {
                let (a, b) = (usize::from(a).min(ranking.len()), usize::from(b).min(ranking.len()));
                let ranks = a.min(b)..a.max(b);
                let expected: Vec<_> =
                    model.order.iter().skip(ranks.start).take(ranks.len()).cloned().collect();
                let mut removed = Vec::new();
                ranking.remove_range(ranks, |member, score| removed.push((score, member.to_vec())));
                assert_eq!(removed, expected);
                expected.iter().for_each(|(_, member)| {
                    model.remove(member);
                });
            }
            Step::Position(name, value) => {
                let key = (K::of(&value), name.bytes());
                let below = model.order.range(..&key).count();
                assert_eq!(ranking.position(Bound::BelowEntry(key.0, &key.1)), below);
            }
            Step::Prefetch(name) => {
                let member = name.bytes();
                ranking.prefetch_updates([(member.as_slice(), Aim::Increment(K::increment()))].into_iter());
            }
            Step::Scan(count) => {
                let mut seen = BTreeSet::new();
                let mut cursor = 0;
                loop {
                    cursor = ranking.scan(cursor, usize::from(count), |member, score| {
                        assert!(seen.insert((score, member.to_vec())));
                    });
                    if cursor == 0 {
                        break;
                    }
                }
                assert_eq!(seen, model.order);
            }
        }
        ranking.check_invariants();
    }
    let mut visited = Vec::new();
    ranking.visit(0..ranking.len(), Order::Ascending, |member, score| visited.push((score, member.to_vec())));
    assert!(visited.iter().eq(model.order.iter()));
    visited.clear();
    ranking.visit_runs(0..ranking.len(), Order::Descending, |members, scores| {
        let mut scores = scores.iter().copied();
        members.for_each(&mut Vec::new(), |member| visited.push((scores.next().unwrap(), member.to_vec())));
    });
    assert!(visited.iter().eq(model.order.iter().rev()));
    let mut scores = Vec::new();
    ranking.scores(visited.iter().map(|(_, member)| member.as_slice()), |score| scores.push(score.unwrap()));
    assert!(scores.iter().eq(visited.iter().map(|(score, _)| score)));
}
