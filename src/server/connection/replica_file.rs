//! The file of a full sync on its way to a replica: a dump file when it is complete, a base while it is written.

use super::Connection;
use crate::commands::state::replica_request::{DataWish, ReplicaRequest};
use crate::journal;
use crate::machine::chance::Chance;
use crate::replication::{
    FullSync, ReplicaLink, ReplicaPhase, ReplicationId, StreamForm, SyncEnd, SyncFile, SyncForm,
};
use crate::server::replication::Replication;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Bytes that are read from the file at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// A file that a replica has been sent.
pub(super) struct GivenFile {
    /// Keeps the stream behind the file, as the file does.
    pub(super) sync: Arc<FullSync>,
    pub(super) file: Arc<SyncFile>,
    pub(super) end: Arc<SyncEnd>,
    /// Whether there is a mark at its end, and no length in front.
    pub(super) has_mark: bool,
}

impl Connection<'_> {
    /// Sends all data as a file. `stream` is the form of the stream behind it.
    pub(super) async fn give_file(
        &mut self,
        request: &ReplicaRequest,
        stream: StreamForm,
        replication: &Replication,
        link: &ReplicaLink,
    ) -> io::Result<GivenFile> {
        let form = file_form(request);
        let sync = replication.syncs.join(form, stream).map_err(io::Error::other)?;
        let file = self.wait_for_file(request, &sync).await?;
        link.set_phase(ReplicaPhase::ReceivesFile);
        let (end, has_mark) = self.send_file(link, form, &sync, &file).await?;
        Ok(GivenFile { sync, file, end, has_mark })
    }

    /// Waits for a file with the data, some of which can be sent, and announces where the stream behind it begins.
    async fn wait_for_file(
        &mut self,
        request: &ReplicaRequest,
        sync: &FullSync,
    ) -> io::Result<Arc<SyncFile>> {
        let file = self.with_line_feeds(|context| sync.poll_file(context)).await?;
        if !matches!(request.wish, DataWish::All) {
            let line = format!("+FULLRESYNC {} {}\r\n", file.id, file.offset);
            self.write_all(line.as_bytes(), None).await?;
        }
        self.with_line_feeds(|context| sync.poll_ready(0, context)).await?;
        Ok(file)
    }

    /// Waits for what `poll` gives, and sends a line feed each tick.
    async fn with_line_feeds<T>(
        &mut self,
        mut poll: impl FnMut(&Context<'_>) -> Poll<Result<T, String>>,
    ) -> io::Result<T> {
        loop {
            if let Some(done) = self.or_tick(poll_fn(|context| poll(context))).await? {
                return done.map_err(io::Error::other);
            }
            self.write_all(b"\n", None).await?;
        }
    }

    /// Sends the file, as far as it is written. Returns what is known at its end, and whether there is a mark there, and no length
    /// in front.
    async fn send_file(
        &mut self,
        link: &ReplicaLink,
        form: SyncForm,
        sync: &FullSync,
        file: &SyncFile,
    ) -> io::Result<(Arc<SyncEnd>, bool)> {
        let has_mark = match form {
            SyncForm::Base => true,
            SyncForm::Dump => {
                link.introduction().reads_to_mark && self.shared.host.config().replication.diskless_sync
            }
        };
        let mark = ReplicationId::random(&mut Chance::from_system());
        let mut piece = vec![0; PIECE_BYTES];
        let mut at = 0;
        let mut is_begun = false;
        loop {
            let ready = self.or_tick(poll_fn(|context| sync.poll_ready(at, context))).await?;
            let Some(ready) = ready.transpose().map_err(io::Error::other)? else { continue };
            if !is_begun {
                // A dump file is complete by now.
                let head =
                    if has_mark { format!("$EOF:{mark}\r\n") } else { format!("${}\r\n", ready.bytes) };
                self.write_all(head.as_bytes(), None).await?;
                is_begun = true;
            }
            while at < ready.bytes {
                let wanted = piece.len().min((ready.bytes - at) as usize);
                file.file.read_exact_at(&mut piece[..wanted], at)?;
                self.write_all(&piece[..wanted], Some(&file.reading)).await?;
                at += wanted as u64;
                tokio::task::yield_now().await;
            }
            if let Some(end) = ready.end {
                if has_mark {
                    self.write_all(mark.as_str().as_bytes(), None).await?;
                }
                return Ok((end, has_mark));
            }
        }
    }
}

/// What the replica reads. To another version of rankd a dump file says the same.
fn file_form(request: &ReplicaRequest) -> SyncForm {
    let reads_base = request.base_version == Some(journal::BASE_VERSION);
    if reads_base && request.is_rankd && request.reads_to_mark && !request.wants_only_file {
        SyncForm::Base
    } else {
        SyncForm::Dump
    }
}
