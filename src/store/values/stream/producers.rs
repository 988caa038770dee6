//! What a stream knows of those who add entries under ids of their own, so that a request that is sent again adds nothing.
//!
//! The id that a producer gives a request is kept with the id of the entry that it added: for some time, and only the last ones of
//! each producer. How old it is, tells the time in the id of the entry.

use super::id::StreamId;
use crate::config::ProducerBounds;
use crate::limits;
use crate::machine::heap::allocation_bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

/// What a stream knows of its producers beyond their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProducersHead {
    /// For how long and how many ids are kept.
    pub bounds: ProducerBounds,
    /// How many entries were ever added under an id of a producer.
    pub added: u64,
    /// How many requests have added nothing, because their id was known.
    pub duplicates: u64,
}

/// The producers of a stream with the ids of their requests.
#[derive(Clone, Debug, Default)]
pub struct Producers {
    pub(super) head: ProducersHead,
    by_name: BTreeMap<Arc<[u8]>, Producer>,
    /// The oldest entry of each producer.
    oldest: BTreeSet<(StreamId, Arc<[u8]>)>,
    /// The number of ids of all producers.
    ids: usize,
}

/// The ids of a producer. There is one at least.
#[derive(Clone, Debug, Default)]
struct Producer {
    places: BTreeMap<Arc<[u8]>, RequestPlace>,
    by_place: BTreeSet<(RequestPlace, Arc<[u8]>)>,
}

/// The place of an id among those of its producer: the number of ids that the stream had noted with it, and then its entry. So ids
/// are in the order in which they came, also where the same are noted once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestPlace {
    /// The number of ids.
    pub added: u64,
    /// The entry.
    pub entry: StreamId,
}

/// An id of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedRequest<'p> {
    /// The producer.
    pub producer: &'p [u8],
    /// The id.
    pub id: &'p [u8],
    /// Its place, with the entry.
    pub place: RequestPlace,
}

impl Producers {
    /// Without any producer.
    pub(super) fn new(head: ProducersHead) -> Self {
        Self { head, ..Self::default() }
    }

    /// What is known beyond the ids.
    #[must_use]
    pub fn head(&self) -> ProducersHead {
        self.head
    }

    /// The number of ids, with those that have expired and are not removed yet. O(1).
    pub(super) fn ids(&self) -> usize {
        self.ids
    }

    /// The entry that the producer has added under this id, even if it is not in the stream any more; `None` if the id is not
    /// known, or was until it expired. O(log n).
    #[must_use]
    pub fn entry(&self, producer: &[u8], id: &[u8], now_ms: u64) -> Option<StreamId> {
        let entry = self.by_name.get(producer)?.places.get(id)?.entry;
        (entry >= self.unexpired_from(now_ms)).then_some(entry)
    }

    /// Whether there is no room for one more producer, which this one would be. O(log n).
    #[must_use]
    pub fn are_too_many_with(&self, producer: &[u8], now_ms: u64) -> bool {
        self.by_name.len() >= limits::STREAM_PRODUCERS
            && !self.by_name.contains_key(producer)
            && self.oldest.first().is_none_or(|(entry, _)| *entry >= self.unexpired_from(now_ms))
    }

    /// How many producers have ids that have not expired, and how many such ids there are. O(k log n) with k expired ids.
    #[must_use]
    pub fn tracked(&self, now_ms: u64) -> (usize, usize) {
        let from = self.unexpired_from(now_ms);
        let (mut producers, mut ids) = (self.by_name.len(), self.ids);
        for (_, name) in self.oldest.iter().take_while(|(entry, _)| *entry < from) {
            let producer = &self.by_name[name];
            let expired = producer.by_place.iter().take_while(|(place, _)| place.entry < from).count();
            ids -= expired;
            producers -= usize::from(expired == producer.by_place.len());
        }
        (producers, ids)
    }

    /// Entries from here on have ids that have not expired.
    fn unexpired_from(&self, now_ms: u64) -> StreamId {
        let gone_ms = now_ms.checked_sub(u64::from(self.head.bounds.kept_s) * 1000);
        gone_ms.map_or(StreamId::MIN, |gone_ms| StreamId::new(gone_ms + 1, 0))
    }

    /// Notes that the producer has added an entry under this id at this unix millisecond. An id that has a later place keeps it.
    /// Removes some ids that have expired by then, more than are ever added at once. O(log n).
    pub(super) fn note(&mut self, PlacedRequest { producer, id, place }: PlacedRequest<'_>, at_ms: u64) {
        let known = self.by_name.get_key_value(producer).map(|(name, _)| Arc::clone(name));
        let name = known.unwrap_or_else(|| producer.into());
        let producer = self.by_name.entry(Arc::clone(&name)).or_default();
        let (oldest, len) = (producer.oldest(), producer.by_place.len());
        producer.note(id, place, self.head.bounds.most_ids as usize);
        self.ids = self.ids + producer.by_place.len() - len;
        let now_oldest = producer.oldest();
        if oldest != now_oldest {
            self.move_oldest(name, oldest, now_oldest);
        }
        self.remove_expired(at_ms);
    }

    fn move_oldest(&mut self, name: Arc<[u8]>, from: Option<StreamId>, to: Option<StreamId>) {
        if let Some(from) = from {
            self.oldest.remove(&(from, Arc::clone(&name)));
        }
        if let Some(to) = to {
            self.oldest.insert((to, name));
        }
    }

    fn remove_expired(&mut self, now_ms: u64) {
        // What is removed late is not known any more all the same.
        const AT_ONCE: usize = 16;
        let from = self.unexpired_from(now_ms);
        for _ in 0..AT_ONCE {
            if self.oldest.first().is_none_or(|(entry, _)| *entry >= from) {
                return;
            }
            let Some((_, name)) = self.oldest.pop_first() else { return };
            let Some(producer) = self.by_name.get_mut(&name) else { return };
            producer.remove_oldest();
            self.ids -= 1;
            match producer.oldest() {
                Some(next) => drop(self.oldest.insert((next, name))),
                None => drop(self.by_name.remove(&name)),
            }
        }
    }

    /// The ids behind this one: ascending by producer, then by place. O(log n) to the first.
    pub(super) fn behind<'p>(
        &'p self,
        after: Option<PlacedRequest<'p>>,
    ) -> impl Iterator<Item = PlacedRequest<'p>> {
        let start = after.map_or(Unbounded, |after| Included(after.producer));
        self.by_name.range::<[u8], _>((start, Unbounded)).flat_map(move |(name, producer)| {
            let start = after.filter(|after| *after.producer == **name);
            let start = start.map_or(Unbounded, |after| Excluded((after.place, Arc::from(after.id))));
            let ids = producer.by_place.range((start, Unbounded));
            ids.map(move |(place, id)| PlacedRequest { producer: name, id, place: *place })
        })
    }

    /// About the memory that they take. Some ids stand for all. O(samples).
    pub(super) fn memory_bytes(&self, samples: usize) -> usize {
        let shared = |bytes: &Arc<[u8]>| allocation_bytes(bytes.len() + 2 * size_of::<usize>());
        let of_all = |sampled: (usize, usize), all: usize| sampled.0 * all / sampled.1.max(1);
        let sum = |(bytes, count), one| (bytes + shared(one), count + 1);
        let names = of_all(self.by_name.keys().take(samples).fold((0, 0), sum), self.by_name.len());
        let some = self.by_name.values().flat_map(|producer| producer.places.keys()).take(samples);
        let ids = of_all(some.fold((0, 0), sum), self.ids);
        let [name, id] = [size_of::<(StreamId, Arc<[u8]>)>(), size_of::<(RequestPlace, Arc<[u8]>)>()];
        let places = self.by_name.len() * (size_of::<(Arc<[u8]>, Producer)>() + name) + 2 * self.ids * id;
        // The nodes of the trees are about three fifths full.
        size_of::<Self>() + names + ids + places * 5 / 3
    }

    /// Panics if an invariant is broken.
    pub(super) fn check(&self) {
        assert_eq!(self.oldest.len(), self.by_name.len());
        for (name, producer) in &self.by_name {
            assert!(producer.by_place.iter().all(|(place, id)| producer.places.get(id) == Some(place)));
            assert_eq!(producer.by_place.len(), producer.places.len());
            assert!(producer.by_place.len() <= self.head.bounds.most_ids as usize);
            let oldest = producer.oldest().expect("a producer has ids");
            assert!(self.oldest.contains(&(oldest, Arc::clone(name))));
        }
        assert_eq!(self.by_name.values().map(|producer| producer.by_place.len()).sum::<usize>(), self.ids);
    }
}

impl Producer {
    fn oldest(&self) -> Option<StreamId> {
        self.by_place.first().map(|(place, _)| place.entry)
    }

    fn note(&mut self, id: &[u8], place: RequestPlace, most: usize) {
        match self.places.get_key_value(id) {
            Some((_, known)) if *known >= place => return,
            Some((id, &known)) => drop(self.by_place.remove(&(known, Arc::clone(id)))),
            None => {}
        }
        let id: Arc<[u8]> = id.into();
        self.by_place.insert((place, Arc::clone(&id)));
        self.places.insert(id, place);
        while self.by_place.len() > most {
            self.remove_oldest();
        }
    }

    fn remove_oldest(&mut self) {
        if let Some((_, id)) = self.by_place.pop_first() {
            self.places.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    fn note(producers: &mut Producers, producer: &str, id: &str, added: usize, entry: StreamId) {
        let place = RequestPlace { added: added as u64, entry };
        let (producer, id) = (producer.as_bytes(), id.as_bytes());
        producers.note(PlacedRequest { producer, id, place }, entry.ms);
    }

    /// An id is known as long as it is among the last of its producer and not too old, and no longer. What is removed late makes no
    /// difference, nor does noting everything once more.
    #[test]
    fn ids_are_known_as_long_as_bounds_say() {
        for seed in 0..20 {
            let mut chance = Chance::seeded(seed);
            let bounds =
                ProducerBounds { kept_s: 1 + seed as u32 % 3, most_ids: 1 + chance.below(12) as u32 };
            let mut producers = Producers::new(ProducersHead { bounds, ..ProducersHead::default() });
            let (mut noted, mut now_ms) = (Vec::new(), 1_000_000);
            for step in 0..1_500 {
                now_ms += chance.below(if step % 400 > 390 { 3_000 } else { 60 });
                let (name, id) = (format!("p{}", chance.below(5)), format!("i{}", chance.below(40)));
                let known = |noted: &[(String, String, StreamId)], name: &str, id: &str| {
                    let own = noted.iter().rev().filter(|(of, ..)| of == name);
                    let mut last = own.take(bounds.most_ids as usize);
                    let found = last.find(|(_, own, _)| own == id).map(|(.., entry)| *entry);
                    found.filter(|entry| entry.ms + u64::from(bounds.kept_s) * 1000 > now_ms)
                };
                let expected = known(&noted, &name, &id);
                assert_eq!(producers.entry(name.as_bytes(), id.as_bytes(), now_ms), expected, "seed {seed}");
                if expected.is_none() {
                    let entry = StreamId::new(now_ms, step);
                    note(&mut producers, &name, &id, noted.len(), entry);
                    noted.push((name, id, entry));
                }
                producers.check();
                let all: Vec<_> = (0..5)
                    .map(|name| {
                        let name = format!("p{name}");
                        (0..40).filter(|id| known(&noted, &name, &format!("i{id}")).is_some()).count()
                    })
                    .collect();
                let tracked = (all.iter().filter(|ids| **ids > 0).count(), all.iter().sum());
                assert_eq!(producers.tracked(now_ms), tracked, "seed {seed} step {step}");
            }
            let mut again = producers.clone();
            for (added, (name, id, entry)) in noted.iter().enumerate() {
                note(&mut again, name, id, added, *entry);
                again.check();
            }
            for (name, id, _) in &noted {
                let known = |producers: &Producers| producers.entry(name.as_bytes(), id.as_bytes(), now_ms);
                assert_eq!(known(&again), known(&producers), "seed {seed}");
            }
        }
    }

    /// Ids are in the order in which they came, whatever their entries: XIDMPRECORD gives an entry several ids, also an earlier one,
    /// and XSETID can set the last id back.
    #[test]
    fn ids_are_in_the_order_in_which_they_came() {
        let bounds = ProducerBounds { most_ids: 3, ..ProducerBounds::default() };
        let mut producers = Producers::new(ProducersHead { bounds, ..ProducersHead::default() });
        let order = |producers: &Producers| {
            let ids = producers.behind(None).map(|request| request.id[0] as char);
            let from_second = producers.behind(producers.behind(None).next()).count();
            (ids.collect::<String>(), from_second)
        };
        for (added, (id, seq, expected)) in
            [("b", 5, "b"), ("a", 5, "ba"), ("c", 2, "bac"), ("d", 1, "acd"), ("a", 9, "cda")]
                .iter()
                .enumerate()
        {
            note(&mut producers, "p", id, added, StreamId::new(5, *seq));
            producers.check();
            assert_eq!(order(&producers), (expected.to_string(), expected.len() - 1));
        }
        // What was noted before makes no difference.
        for (added, id) in ["b", "a", "c", "d"].into_iter().enumerate() {
            note(&mut producers, "p", id, added, StreamId::new(5, 5));
            producers.check();
            assert_eq!(order(&producers).0.chars().count(), 3);
        }
    }
}
