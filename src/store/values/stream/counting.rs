//! How many entries a group has read, and how many are ahead of it. The numbers and the cases in which there is none are
//! Redis's: entries that were removed by themselves leave gaps, and behind a gap nothing can be counted without a walk.

use super::Stream;
use super::group::GroupPosition;
use super::id::StreamId;

impl Stream {
    /// The id of the first entry, the lowest id if there is none.
    #[must_use]
    pub fn first_id(&self) -> StreamId {
        self.first().map_or(StreamId::MIN, |entry| entry.id)
    }

    /// Whether an entry at or behind `id` was removed by itself, as far as it is known.
    fn has_gap_from(&self, id: StreamId) -> bool {
        let gap = self.head.max_deleted;
        !self.is_empty() && gap != StreamId::MIN && id <= gap
    }

    /// How many entries were added up to `id`; `None` if that cannot be told.
    #[must_use]
    pub fn added_up_to(&self, id: StreamId) -> Option<u64> {
        let head = self.head;
        if head.added == 0 {
            return Some(0);
        }
        if self.is_empty() && id <= head.last {
            return Some(head.added);
        }
        if id != StreamId::MIN && id < head.max_deleted {
            return None;
        }
        if id >= head.last {
            return (id == head.last).then_some(head.added);
        }
        let first = self.first_id();
        if head.max_deleted != StreamId::MIN && head.max_deleted >= first {
            return None;
        }
        let before_first = head.added.saturating_sub(self.len as u64);
        match id.cmp(&first) {
            std::cmp::Ordering::Less => Some(before_first),
            std::cmp::Ordering::Equal => Some(before_first + 1),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// How many entries are ahead of a group; `None` if that cannot be told.
    #[must_use]
    pub fn lag(&self, position: GroupPosition) -> Option<i64> {
        let (head, first) = (self.head, self.first_id());
        if head.added == 0 || self.is_empty() {
            return Some(0);
        }
        if position.last < first && head.max_deleted < first {
            return Some(self.len as i64);
        }
        let read = position.entries_read.filter(|_| !self.has_gap_from(position.last));
        let read = read.or_else(|| self.added_up_to(position.last))?;
        Some(head.added.wrapping_sub(read).cast_signed())
    }

    /// Where a group is that has just read the entry `id`.
    pub(super) fn position_after(&self, position: GroupPosition, id: StreamId) -> GroupPosition {
        let entries_read = match position.entries_read {
            Some(read) if position.last >= self.first_id() && !self.has_gap_from(position.last) => {
                Some(read.saturating_add(1))
            }
            read if self.head.added == 0 => read,
            _ => self.added_up_to(id),
        };
        GroupPosition { last: id, entries_read }
    }
}
