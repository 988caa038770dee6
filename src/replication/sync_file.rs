//! A full sync that replicas wait for: its file, how much of it may be sent, and how it ends.

use super::id::ReplicationId;
use super::marks::Blanks;
use super::reading::StreamReading;
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

/// A full sync, which one or more replicas wait for.
#[derive(Debug, Default)]
pub struct FullSync(Mutex<SyncProgress>);

#[derive(Debug, Default)]
struct SyncProgress {
    file: Option<Arc<SyncFile>>,
    /// Bytes of the file that may be sent.
    ready: u64,
    outcome: Option<Result<Arc<SyncEnd>, String>>,
    wakers: Vec<Waker>,
}

/// The file of a full sync, and the stream behind it.
#[derive(Debug)]
pub struct SyncFile {
    /// The history of the stream.
    pub id: ReplicationId,
    /// Where the stream goes on.
    pub offset: u64,
    /// Keeps the stream from there on.
    pub reading: StreamReading,
    /// The file. It is read by positions.
    pub file: File,
}

/// What is known when the file is complete.
#[derive(Debug)]
pub struct SyncEnd {
    /// What of the stream must not be sent.
    pub blanks: Blanks,
    /// The boards with a policy in the file.
    pub boards: BoardNames,
}

/// How much of the file may be sent.
#[derive(Clone, Debug)]
pub struct Sendable {
    /// So many bytes of the file.
    pub bytes: u64,
    /// There are no more.
    pub end: Option<Arc<SyncEnd>>,
}

/// The names of some boards, and how many there are.
#[derive(Debug, Default)]
pub struct BoardNames {
    names: Vec<String>,
    count: usize,
}

impl BoardNames {
    /// Most names that are kept.
    const MOST: usize = 10;

    pub(super) fn note(&mut self, key: &[u8]) {
        self.count += 1;
        if self.names.len() < Self::MOST {
            self.names.push(key.escape_ascii().to_string());
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl std::fmt::Display for BoardNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.names.join(", "))?;
        match self.count - self.names.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl FullSync {
    /// The file, once there is one. Otherwise wakes the task when there is.
    ///
    /// # Errors
    /// Why there will be none.
    pub fn poll_file(&self, context: &Context<'_>) -> Poll<Result<Arc<SyncFile>, String>> {
        let mut progress = self.0.lock();
        match (&progress.file, &progress.outcome) {
            (_, Some(Err(why))) => Poll::Ready(Err(why.clone())),
            (Some(file), _) => Poll::Ready(Ok(Arc::clone(file))),
            (None, _) => progress.wait(context),
        }
    }

    /// How much of the file may be sent, once that is more than `sent` bytes or all. Otherwise wakes the task when it is.
    ///
    /// # Errors
    /// Why the file will not be complete.
    pub fn poll_ready(&self, sent: u64, context: &Context<'_>) -> Poll<Result<Sendable, String>> {
        let mut progress = self.0.lock();
        let bytes = progress.ready;
        match &progress.outcome {
            Some(Err(why)) => Poll::Ready(Err(why.clone())),
            Some(Ok(end)) => Poll::Ready(Ok(Sendable { bytes, end: Some(Arc::clone(end)) })),
            None if bytes > sent => Poll::Ready(Ok(Sendable { bytes, end: None })),
            None => progress.wait(context),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.lock().outcome.is_some()
    }

    pub(super) fn begin(&self, file: Arc<SyncFile>) {
        let mut progress = self.0.lock();
        progress.file = Some(file);
        progress.wake();
    }

    /// So many bytes of the file may be sent by now.
    fn grow_to(&self, bytes: u64) {
        let mut progress = self.0.lock();
        progress.ready = bytes;
        progress.wake();
    }

    /// The file is complete with so many bytes, or will not be.
    pub(super) fn finish(&self, outcome: Result<(u64, SyncEnd), String>) {
        if let Err(why) = &outcome {
            tracing::warn!("a full sync has failed: {why}");
        }
        let mut progress = self.0.lock();
        progress.outcome = Some(outcome.map(|(bytes, end)| {
            progress.ready = bytes;
            Arc::new(end)
        }));
        progress.wake();
    }
}

impl SyncProgress {
    fn wait<T>(&mut self, context: &Context<'_>) -> Poll<T> {
        if !self.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            self.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }

    fn wake(&mut self) {
        std::mem::take(&mut self.wakers).into_iter().for_each(Waker::wake);
    }
}

/// Writes a file that is sent while it grows.
pub(super) struct Growing<'f> {
    file: &'f File,
    sync: &'f Weak<FullSync>,
    bytes: u64,
}

impl<'f> Growing<'f> {
    /// An empty file of this full sync.
    pub(super) fn new(file: &'f File, sync: &'f Weak<FullSync>) -> Self {
        Self { file, sync, bytes: 0 }
    }
}

impl Write for Growing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        if let Some(sync) = self.sync.upgrade() {
            sync.grow_to(self.bytes);
        }
        Ok(written)
    }

    /// Nobody needs it after a crash.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
