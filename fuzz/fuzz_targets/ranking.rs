//! Any sequence of operations leaves a ranking that agrees with an ordered set of its pairs.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rankd::ranking::{Aim, Bound, Order, RankedMembers, Ranking, Score};

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
    Small(i8),
    Any(f64),
}

impl Value {
    fn score(&self) -> Score {
        match self {
            Value::Small(value) => Score::new(f64::from(*value)),
            Value::Any(value) => Score::new(*value),
        }
        .unwrap_or_default()
    }
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
struct Model {
    scores: BTreeMap<Vec<u8>, Score>,
    order: BTreeSet<(Score, Vec<u8>)>,
}

impl Model {
    fn set(&mut self, member: Vec<u8>, score: Score) -> Option<Score> {
        let before = self.remove(&member);
        self.order.insert((score, member.clone()));
        self.scores.insert(member, score);
        before
    }

    fn remove(&mut self, member: &[u8]) -> Option<Score> {
        let score = self.scores.remove(member)?;
        self.order.remove(&(score, member.to_vec()));
        Some(score)
    }
}

fn set(ranking: &mut Ranking, model: &mut Model, member: Vec<u8>, score: Score) {
    assert_eq!(ranking.update(&member, |_| Some(score)).before, model.set(member, score));
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let mut ranking = Ranking::with_seed(7);
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Set(name, value) => set(&mut ranking, &mut model, name.bytes(), value.score()),
            Step::Fill { start, count, stride, value } => {
                for i in 0..u16::from(count) {
                    let number = start.wrapping_add(i.wrapping_mul(u16::from(stride)));
                    set(&mut ranking, &mut model, Name::Padded(number).bytes(), value.score());
                }
            }
            Step::Remove(name) => {
                let member = name.bytes();
                assert_eq!(ranking.remove(&member), model.remove(&member));
            }
            Step::RemoveRange(a, b) => {
                let (a, b) = (usize::from(a).min(ranking.len()), usize::from(b).min(ranking.len()));
                let ranks = a.min(b)..a.max(b);
                let expected: Vec<_> = model.order.iter().skip(ranks.start).take(ranks.len()).cloned().collect();
                let mut removed = Vec::new();
                ranking.remove_range(ranks, |member, score| removed.push((score, member.to_vec())));
                assert_eq!(removed, expected);
                expected.iter().for_each(|(_, member)| {
                    model.remove(member);
                });
            }
            Step::Position(name, value) => {
                let key = (value.score(), name.bytes());
                let below = model.order.range(..&key).count();
                assert_eq!(ranking.position(Bound::BelowEntry(key.0, &key.1)), below);
            }
            Step::Prefetch(name) => {
                let member = name.bytes();
                ranking.prefetch_updates([(member.as_slice(), Aim::Increment(1.0))].into_iter());
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
        let mut scores = scores.iter().map(|score| Score::new(*score).unwrap());
        members.for_each(&mut Vec::new(), |member| visited.push((scores.next().unwrap(), member.to_vec())));
    });
    assert!(visited.iter().eq(model.order.iter().rev()));
    let mut scores = Vec::new();
    ranking.scores(visited.iter().map(|(_, member)| member.as_slice()), |score| scores.push(score.unwrap()));
    assert!(scores.iter().eq(visited.iter().map(|(score, _)| score)));
});
