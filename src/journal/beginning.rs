//! The journal turned on while the server runs.
//!
//! What is in the directory stays the journal until the first base is complete, because a base is listed together with the
//! segment behind it and in place of all files before. So a crash at any moment leaves the old journal or the new one. The
//! checkpoint that writes the base is the one that replaces a broken segment (`checkpoint.rs`). Until it is complete, nothing is
//! promised ([`JournalStage::Beginning`]); if it fails, the thread of `rounds` begins another.

use super::directory::load_manifest;
use super::error::OpenError;
use super::listed::Listed;
use super::manifest::Manifest;
use super::running::Journal;
use super::segment::Segment;
use super::segment_writer::SegmentWriter;
use super::stage::JournalStage;
use crate::machine::chance::Chance;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Journal {
    /// Turns the journal on: locks its directory, and starts a checkpoint of the data as they are and of what follows. Does
    /// nothing if it is on. Waits for the disk, and for no lock of the store.
    ///
    /// # Errors
    /// The directory cannot be created or written, another process has it, or its manifest is not one that this version can replace.
    /// The journal is off then, and the files are as they were.
    pub fn turn_on(self: &Arc<Self>) -> Result<(), OpenError> {
        if self.stage.get() != JournalStage::Off {
            return Ok(());
        }
        self.begin()?;
        if let Err(error) = self.start_rounds() {
            self.turn_off();
            return Err(OpenError::io(&self.directory.path)(error));
        }
        // If one that was given up has not ended yet, the thread starts this one within a second or two.
        let _ = self.checkpoint();
        Ok(())
    }

    /// [`Journal::turn_on`] without the thread and the checkpoint.
    pub(super) fn begin(&self) -> Result<(), OpenError> {
        let mut lock = self.lock.lock();
        lock.take(&self.directory)?;
        let segment = self.begin_files().inspect_err(|_| {
            lock.let_go();
        })?;
        drop(lock);
        self.segment_bytes.store(segment.len, Ordering::Relaxed);
        let mut history = self.history.lock();
        (history.failed_in_a_row, history.hold_off_rounds, history.last_error) = (0, 0, None);
        drop(history);
        let mut writer = self.writer();
        *writer = SegmentWriter::beginning(segment, self.last_seq());
        self.written.store(0, Ordering::Release);
        self.synced.store(0, Ordering::Release);
        self.stage.set(JournalStage::Beginning);
        drop(writer);
        tracing::info!("the journal is turned on: its first base will be written");
        Ok(())
    }

    /// Creates a segment, as the first test of whether the disk takes a journal. If there is no journal in the directory, the
    /// segment is listed, so that a start before the base is complete finds an empty one.
    fn begin_files(&self) -> Result<Segment, OpenError> {
        let directory = &self.directory;
        let present = load_manifest(&directory.path)?;
        let mut listed = self.listed.lock();
        if let Some(manifest) = &present {
            self.next_number.fetch_max(manifest.last() + 1, Ordering::Relaxed);
        }
        // A checkpoint that was given up may be taking a number at this moment.
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let failed = OpenError::io(&directory.path);
        let segment = self.create_listed(number, present.as_ref()).map_err(failed)?;
        *listed = Listed::new(present.unwrap_or_else(|| Manifest::begun_empty(number)));
        Ok(segment)
    }

    fn create_listed(&self, number: u64, present: Option<&Manifest>) -> io::Result<Segment> {
        let directory = &self.directory;
        let salt = Chance::from_system().next_u64();
        let segment = Segment::create(directory, number, salt).inspect_err(|_| {
            let _ = directory.files.remove(&directory.segment(number));
        })?;
        if present.is_none() {
            // If this fails, the manifest may be in place all the same, so its segment stays.
            directory.store_manifest(&Manifest::begun_empty(number))?;
        }
        Ok(segment)
    }
}
