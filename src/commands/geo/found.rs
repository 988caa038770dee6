//! The members that a search has found: copied, put into the order of the reply, written or stored.

use super::distance::{DistanceText, LengthUnit};
use super::geohash::GeoPoint;
use super::nearest::sort_first;
use super::read::write_point;
use super::request::{Details, StoredScore};
use crate::commands::sorted_sets::entries::Entries;
use crate::ranking::{Order, Score};
use crate::resp::reply::{Reply, ReplySource};

/// Bytes of members that are written at a time, unless one member is longer.
const WRITTEN_AT_ONCE_BYTES: usize = 8 * 1024;

/// A member that is in the shape. Its name is among the bytes of [`FoundMembers`].
#[derive(Clone, Copy, Debug)]
struct FoundMember {
    metres: f64,
    score: Score,
    start: usize,
    len: u32,
}

/// Members with their distances, first in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct FoundMembers {
    names: Vec<u8>,
    list: Vec<FoundMember>,
}

impl FoundMembers {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a member whose name is in two parts.
    pub(super) fn push(&mut self, [front, back]: [&[u8]; 2], score: Score, metres: f64) {
        let start = self.names.len();
        self.names.extend_from_slice(front);
        self.names.extend_from_slice(back);
        // A member came in a request, which is far shorter than 4 GiB (limits::MOST_BULK_BYTES).
        self.list.push(FoundMember { metres, score, start, len: (front.len() + back.len()) as u32 });
    }

    /// Sorts them by distance and keeps the first `most`. The order of equal distances is Redis's: that of the C library's
    /// stable sort if all are kept, else that of [`sort_first`].
    pub(super) fn sort(&mut self, order: Order, most: usize) {
        let compare = |one: &FoundMember, other: &FoundMember| {
            let compared = one.metres.total_cmp(&other.metres);
            if order == Order::Descending { compared.reverse() } else { compared }
        };
        if most < self.list.len() {
            sort_first(&mut self.list, most, &compare);
            self.list.truncate(most);
        } else {
            self.list.sort_by(compare);
        }
    }

    /// Them with the scores that are stored, in the order of a board.
    pub(super) fn into_entries(self, stored: StoredScore, unit: LengthUnit) -> Entries {
        let mut entries = Entries::default();
        for found in &self.list {
            let score = match stored {
                StoredScore::Geohash => found.score,
                StoredScore::Distance => Score::new(found.metres / unit.metres()).unwrap_or_default(),
            };
            entries.push(self.name(found), score);
        }
        entries.sort();
        entries
    }

    /// Writes them as a reply. A long one is written while it is sent.
    pub(super) fn send(self, details: Details, unit: LengthUnit, reply: &mut Reply<'_>) {
        let count = self.len();
        reply.array(count);
        reply.stream(count * (1 + details.count()), SentMembers { found: self, written: 0, details, unit });
    }

    fn name(&self, found: &FoundMember) -> &[u8] {
        &self.names[found.start..found.start + found.len as usize]
    }
}

/// Found members that are written while they are sent.
#[derive(Debug)]
struct SentMembers {
    found: FoundMembers,
    /// How many of them are written.
    written: usize,
    details: Details,
    unit: LengthUnit,
}

impl ReplySource for SentMembers {
    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
        let Self { found, details, unit, .. } = self;
        let mut bytes = 0;
        for member in &found.list[self.written..] {
            if details.count() > 0 {
                reply.array(1 + details.count());
            }
            let name = found.name(member);
            reply.bulk(name);
            if details.distance {
                reply.bulk(DistanceText::of(member.metres / unit.metres()).as_bytes());
            }
            if details.hash {
                reply.integer(member.score.get() as i64);
            }
            if details.point {
                write_point(GeoPoint::of_score(member.score), reply);
            }
            self.written += 1;
            bytes += name.len() + size_of::<FoundMember>();
            if bytes >= WRITTEN_AT_ONCE_BYTES {
                break;
            }
        }
        self.written < found.list.len()
    }

    fn memory_bytes(&self) -> usize {
        self.found.names.capacity() + self.found.list.capacity() * size_of::<FoundMember>()
    }
}
