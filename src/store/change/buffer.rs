//! The records of one lock hold.

use super::codec::{put_bytes, put_expiry, put_varint, take_bytes, take_varint};
use super::operation;
use crate::limits;
use crate::store::numbers::KeyspaceIndex;

/// The records of one lock hold, in the order of their commands.
///
/// The first Change after [`ChangeBuffer::end_record`] opens a record, and the next `end_record` closes it.
/// Neighbouring Changes of one kind to one key are written as one Change with a list. A very long record continues in
/// further records, each but the last beginning with [`super::Change::Continued`], so that no record is longer than the
/// journal accepts.
#[derive(Debug)]
pub struct ChangeBuffer {
    bytes: Vec<u8>,
    /// End of each closed record in `bytes`.
    ends: Vec<usize>,
    /// The list that the next entry joins if it is of the same kind and key.
    open: Option<OpenList>,
    /// Above this length in bytes, a record continues in the next one.
    record_bytes: usize,
    /// See [`ChangeBuffer::relocating_above`].
    relocated_bytes: usize,
    /// See [`ChangeBuffer::expect_readers`].
    has_readers: bool,
    /// See [`ChangeBuffer::lacks_changes`].
    lacks_changes: bool,
    /// Whether the open record lacks a Change.
    open_lacks_changes: bool,
    /// Closed records that have no byte in `bytes`, because they lack all their Changes.
    unwritten: usize,
}

impl Default for ChangeBuffer {
    fn default() -> Self {
        Self::with_record_bytes(limits::RECORD_PART_BYTES)
    }
}

/// A Change whose list may get further entries.
#[derive(Clone, Copy, Debug)]
struct OpenList {
    /// The position of the Change. The bytes between it and the count are compared with those of the next Change.
    start: usize,
    /// The position of its 4-byte count.
    count_at: usize,
}

impl ChangeBuffer {
    /// An empty buffer. A record of more than `record_bytes` bytes continues in the next one.
    #[must_use]
    pub fn with_record_bytes(record_bytes: usize) -> Self {
        let relocated_bytes = limits::RELOCATED_BYTES;
        Self {
            bytes: Vec::new(),
            ends: Vec::new(),
            open: None,
            record_bytes,
            relocated_bytes,
            has_readers: true,
            lacks_changes: false,
            open_lacks_changes: false,
            unwritten: 0,
        }
    }

    /// The same buffer, where RENAME and MOVE of a value that takes more than `bytes` bytes are recorded by the names of the
    /// key, and those of a smaller one by its elements.
    #[must_use]
    pub fn relocating_above(self, bytes: usize) -> Self {
        Self { relocated_bytes: bytes, ..self }
    }

    /// See [`ChangeBuffer::relocating_above`].
    pub(in crate::store) fn relocated_bytes(&self) -> usize {
        self.relocated_bytes
    }

    /// Whether somebody will read the records from here on. If not, their Changes may be missing.
    pub(in crate::store) fn expect_readers(&mut self, has_readers: bool) {
        self.has_readers = has_readers;
    }

    /// Whether somebody will read the records.
    pub(in crate::store) fn have_readers(&self) -> bool {
        self.has_readers
    }

    /// Whether the Changes of a record are missing. Such a buffer is only for counting records.
    #[must_use]
    pub fn lacks_changes(&self) -> bool {
        self.lacks_changes
    }

    /// Whether the caller need not write a Change: nobody will read it. The record counts as one that has it.
    #[inline]
    pub(in crate::store) fn skips_change(&mut self) -> bool {
        let skips = !self.has_readers;
        self.lacks_changes |= skips;
        self.open_lacks_changes |= skips;
        skips
    }

    /// Whether there is no record and no Change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.lacks_changes
    }

    /// Bytes of all records so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Closes the open record, if it has a Change or lacks one.
    #[inline]
    pub fn end_record(&mut self) {
        if self.bytes.is_empty() {
            self.unwritten += usize::from(self.open_lacks_changes);
        } else {
            self.end_written_record();
        }
        self.open_lacks_changes = false;
    }

    fn end_written_record(&mut self) {
        self.open = None;
        if self.bytes.len() > self.record_start() {
            self.ends.push(self.bytes.len());
        } else {
            self.unwritten += usize::from(self.open_lacks_changes);
        }
    }

    /// The number of closed records.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.ends.len() + self.unwritten
    }

    /// The closed records' bodies, oldest first. Only for a buffer that lacks no Changes.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }

    /// Removes everything. Keeps the memory for the next hold unless it is large.
    #[inline]
    pub fn clear(&mut self) {
        if !self.bytes.is_empty() {
            self.clear_written();
        }
        (self.lacks_changes, self.open_lacks_changes, self.unwritten) = (false, false, 0);
    }

    fn clear_written(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(limits::KEPT_BUFFER_BYTES);
        self.ends.clear();
        self.ends.shrink_to(limits::COMMANDS_PER_LOCK);
        self.open = None;
    }

    /// Begins a Change of the value at `key`. The caller appends its content.
    pub(in crate::store) fn change(
        &mut self,
        operation: u8,
        keyspace: KeyspaceIndex,
        key: &[u8],
    ) -> &mut Vec<u8> {
        self.start(operation, keyspace, key);
        &mut self.bytes
    }

    /// As [`ChangeBuffer::change`], for a Change with a list of entries: the caller appends one entry. The entry joins
    /// the preceding Change if that has the same operation and key.
    pub(in crate::store) fn entry(
        &mut self,
        operation: u8,
        keyspace: KeyspaceIndex,
        key: &[u8],
    ) -> &mut Vec<u8> {
        self.join_list(operation, keyspace, key);
        &mut self.bytes
    }

    /// Records that `key` expires at `expire_at_ms`, or never.
    pub fn set_expiry(&mut self, keyspace: KeyspaceIndex, key: &[u8], expire_at_ms: Option<u64>) {
        self.start(operation::SET_EXPIRY, keyspace, key);
        put_expiry(&mut self.bytes, expire_at_ms);
    }

    /// Records that `key` does not exist.
    pub fn drop_key(&mut self, keyspace: KeyspaceIndex, key: &[u8]) {
        self.start(operation::DROP_KEY, keyspace, key);
    }

    /// Records that the keyspace holds no key.
    pub fn flush_database(&mut self, keyspace: KeyspaceIndex) {
        put_varint(self.change_of_all(operation::FLUSH_DATABASE), u64::from(keyspace));
    }

    /// Records that no keyspace holds a key.
    pub fn flush_all(&mut self) {
        self.change_of_all(operation::FLUSH_ALL);
    }

    /// Begins a Change that is about no single key. The caller appends its content.
    pub(super) fn change_of_all(&mut self, operation: u8) -> &mut Vec<u8> {
        self.open = None;
        self.bytes.push(operation);
        &mut self.bytes
    }

    /// Whether the open record is so long that the next Change belongs in another record.
    fn is_long(&self) -> bool {
        self.bytes.len() - self.record_start() > self.record_bytes
    }

    /// Whether the open record has a Change or lacks one.
    pub(super) fn has_open_record(&self) -> bool {
        self.open_lacks_changes || self.bytes.len() > self.record_start()
    }

    fn record_start(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Begins a Change. Returns its position, which closing the record before it may have moved by a byte.
    fn start(&mut self, operation: u8, keyspace: KeyspaceIndex, key: &[u8]) -> usize {
        self.open = None;
        if self.is_long() {
            // This moves the whole record by a byte, which costs little compared with writing it.
            self.bytes.insert(self.record_start(), operation::CONTINUED);
            self.ends.push(self.bytes.len());
        }
        let start = self.bytes.len();
        self.bytes.push(operation);
        put_varint(&mut self.bytes, u64::from(keyspace));
        put_bytes(&mut self.bytes, key);
        start
    }

    /// Counts one more entry of the open list, and opens a list if there is none of this kind and key.
    fn join_list(&mut self, operation: u8, keyspace: KeyspaceIndex, key: &[u8]) {
        if let Some(open) = self.open.filter(|_| !self.is_long()) {
            let mut head = &self.bytes[open.start..open.count_at];
            let same = head.first() == Some(&operation) && {
                head = &head[1..];
                take_varint(&mut head) == Ok(u64::from(keyspace)) && take_bytes(&mut head) == Ok(key)
            };
            if same {
                let count = &mut self.bytes[open.count_at..open.count_at + 4];
                let next = u32::from_le_bytes(count.try_into().expect("four bytes")).wrapping_add(1);
                count.copy_from_slice(&next.to_le_bytes());
                return;
            }
        }
        let start = self.start(operation, keyspace, key);
        self.open = Some(OpenList { start, count_at: self.bytes.len() });
        self.bytes.extend_from_slice(&1u32.to_le_bytes());
    }
}
