//! A connection of a replica: the data that it begins with, and then the stream as fast as it reads.
//!
//! A replica sends nothing but acknowledgements. One that sends something else, that is silent for `repl-timeout` seconds, or
//! that does not read, is disconnected. It connects again, and goes on where it was if the backlog has that.

use super::deaf::closed;
use super::replica_file::GivenFile;
use super::{Connection, End};
use crate::commands::state::marks::Mark;
use crate::commands::state::peer::PeerAddress;
use crate::commands::state::replica_request::{DataWish, ReplicaRequest};
use crate::limits;
use crate::replication::{
    Blanks, Introduction, ReplicaEnd, ReplicaLink, ReplicaPhase, ReplicationId, StreamForm, StreamReading,
};
use crate::resp::request::RequestReader;
use crate::server::replication::listed::ListedReplica;
use crate::server::replication::{Replication, SyncCounts};
use crate::store::Shards;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Bytes that are taken from the stream at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// How often a replica that waits for its file gets a line feed, and how often its silence is measured.
const TICK: Duration = Duration::from_secs(1);

impl Connection<'_> {
    /// Serves the client as a replica, as it has asked, until it ends.
    pub(super) async fn serve_replica(&mut self) -> End {
        let client = Arc::clone(&self.work.session.client);
        let Some(request) = self.work.session.take_replica_request() else { return End::Protocol };
        let replication = Arc::clone(&self.shared.process.replication);
        let link = ReplicaLink::new(
            client.id,
            host_of(&client.peer.address),
            introduction(&request),
            replication.now_ms(),
        );
        let link = Arc::new(link);
        let listed = ListedReplica::new(&replication, Arc::clone(&link));
        client.marks.set(Mark::Replica, true);
        // What has come behind its request came before any data, and means nothing.
        self.work.batch.clear();
        self.work.input.clear();
        self.reader = RequestReader::default();
        let end = match self.give_data(&request, &replication, &link).await {
            Ok(()) => End::Client,
            Err(error) => End::from(error),
        };
        drop(listed);
        tracing::info!(replica = %client.peer.address, ?end, "a replica has gone");
        end
    }

    async fn give_data(
        &mut self,
        request: &ReplicaRequest,
        replication: &Arc<Replication>,
        link: &Arc<ReplicaLink>,
    ) -> io::Result<()> {
        let peer = self.work.session.client.peer.address.clone();
        let form = if request.is_rankd { StreamForm::Exact } else { StreamForm::Plain };
        if let DataWish::Behind { id, next, hands_over } = &request.wish {
            let host = &self.shared.host;
            if *hands_over && host.upstream.is_set() {
                tracing::info!(master = %peer, "this server becomes the master: its master hands over (FAILOVER)");
                host.take_role(None, &mut Shards::free(&host.store));
            }
            let asked = ReplicationId::parse(id).zip(u64::try_from(*next).ok());
            let found =
                asked.and_then(|(id, next)| StreamReading::continuing(&replication.outflow, id, next, form));
            if let Some((reading, id)) = found {
                SyncCounts::count(&replication.counts.partial);
                tracing::info!(replica = %peer, "partial sync: {} bytes", reading.waiting_bytes());
                let line = if request.follows_renames {
                    format!("+CONTINUE {id}\r\n")
                } else {
                    "+CONTINUE\r\n".into()
                };
                self.write_all(line.as_bytes(), None).await?;
                link.set_phase(ReplicaPhase::Online);
                replication.outflow.tell_progress();
                return self.stream_to(link, replication, &reading, &Blanks::default()).await;
            }
            if **id != *b"?" {
                SyncCounts::count(&replication.counts.refused_partial);
                tracing::info!(replica = %peer, "it cannot go on where it was, and gets all data");
            }
        }
        SyncCounts::count(&replication.counts.full);
        let GivenFile { sync, file, end, has_mark } =
            self.give_file(request, form, replication, link).await?;
        if !link.introduction().is_rankd && !end.boards.is_empty() {
            tracing::warn!(
                replica = %peer,
                "this replica is no rankd: it gets these boards without their policies, as sorted sets with the nearest \
                 doubles: {}",
                end.boards
            );
        }
        if request.wants_only_file {
            return self.stream.shutdown().await;
        }
        let reading = StreamReading::from(&replication.outflow, file.offset, form);
        let blanks = end.blanks.clone();
        drop((sync, file, end));
        if has_mark {
            // The replica finds the mark at the end of what it has read, so nothing may follow yet.
            self.wait_for_acknowledgement(link, replication, &reading).await?;
        }
        link.set_phase(ReplicaPhase::Online);
        replication.outflow.tell_progress();
        self.stream_to(link, replication, &reading, &blanks).await
    }

    /// Waits for `what`, at most a tick. Bytes that come meanwhile are thrown away: they are keep-alives.
    pub(super) async fn or_tick<T>(&mut self, what: impl Future<Output = T>) -> io::Result<Option<T>> {
        let client = Arc::clone(&self.work.session.client);
        let tick = self.shared.timers.sleep(TICK);
        tokio::pin!(what, tick);
        loop {
            tokio::select! {
                biased;
                why = poll_fn(|_| client.mailbox.poll_closed()) => return Err(closed(why)),
                done = &mut what => return Ok(Some(done)),
                () = &mut tick => return Ok(None),
                received = poll_fn(|context| self.poll_more(context)) => {
                    if received? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.work.input.clear();
                }
            }
        }
    }

    /// Waits for the first acknowledgement of a replica, which has loaded its file then.
    async fn wait_for_acknowledgement(
        &mut self,
        link: &ReplicaLink,
        replication: &Replication,
        reading: &StreamReading,
    ) -> io::Result<()> {
        let mut silent_since = Instant::now();
        loop {
            let before = self.work.session.client.input_bytes.get();
            if let Some(end) = self.or_input(poll_fn(|context| reading.poll_end(context))).await? {
                return Err(ended(end));
            }
            if self.take_acknowledgements(link, replication)? {
                return Ok(());
            }
            // It sends line feeds while it loads.
            if self.work.session.client.input_bytes.get() > before {
                silent_since = Instant::now();
            }
            self.check_silence(silent_since.elapsed())?;
        }
    }

    /// Sends the stream.
    async fn stream_to(
        &mut self,
        link: &ReplicaLink,
        replication: &Replication,
        reading: &StreamReading,
        blanks: &Blanks,
    ) -> io::Result<()> {
        let client = Arc::clone(&self.work.session.client);
        let mut piece = Vec::new();
        let mut silent_since = Instant::now();
        loop {
            piece.clear();
            let next = poll_fn(|context| reading.poll(PIECE_BYTES, &mut piece, context));
            if let Some(taken) = self.or_input(next).await? {
                let at = taken.map_err(ended)?;
                blanks.apply(at, &mut piece);
                client.output_buffer_bytes.store(piece.len() + reading.waiting_bytes(), Ordering::Relaxed);
                self.write_all(&piece, Some(reading)).await?;
                client.output_buffer_bytes.store(reading.waiting_bytes(), Ordering::Relaxed);
                replication.counts.sent_bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
                if piece.len() == PIECE_BYTES {
                    tokio::task::yield_now().await;
                } else {
                    piece.shrink_to(limits::KEPT_BUFFER_BYTES);
                }
            }
            if self.take_acknowledgements(link, replication)? {
                silent_since = Instant::now();
            }
            // A server that asks by SYNC acknowledges nothing.
            if !link.introduction().is_old {
                self.check_silence(silent_since.elapsed())?;
            }
        }
    }

    /// Waits for `what`, for bytes of the replica, or for a tick.
    async fn or_input<T>(&mut self, what: impl Future<Output = T>) -> io::Result<Option<T>> {
        let (client, shared) = (Arc::clone(&self.work.session.client), self.shared);
        tokio::select! {
            biased;
            why = poll_fn(|_| client.mailbox.poll_closed()) => Err(closed(why)),
            received = poll_fn(|context| self.poll_more(context)) => match received? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(None),
            },
            done = what => Ok(Some(done)),
            () = shared.timers.sleep(TICK) => Ok(None),
        }
    }

    /// Reads the acknowledgements that have come. Returns whether there was one.
    fn take_acknowledgements(&mut self, link: &ReplicaLink, replication: &Replication) -> io::Result<bool> {
        let work = &mut *self.work;
        let bounds = crate::resp::request::RequestLimits {
            unauthenticated: false,
            bulk_bytes: limits::REPLICA_WORD_BYTES,
            requests: limits::REQUESTS_PER_BATCH,
        };
        let mut has_come = false;
        loop {
            let understood = self.reader.read(&mut work.input, &bounds, &mut work.batch);
            for request in work.batch.requests(&work.input) {
                let mut words = request.iter();
                let name = words.next().unwrap_or_default();
                let is_known = if name.eq_ignore_ascii_case(b"replconf") {
                    let words: Vec<&[u8]> = words.collect();
                    replication.note_acknowledgement(link, &words, &mut has_come)
                } else {
                    name.eq_ignore_ascii_case(b"ping")
                };
                if !is_known {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a replica sent what is no acknowledgement",
                    ));
                }
            }
            let (consumed, is_full) = (work.batch.consumed_bytes(), work.batch.is_full());
            bytes::Buf::advance(&mut work.input, consumed);
            self.reader.consumed(consumed);
            work.batch.clear();
            understood.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            if work.input.len() > limits::REPLICA_INPUT_BYTES {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a replica sent too long a request"));
            }
            if !is_full {
                break;
            }
        }
        if has_come {
            replication.outflow.tell_progress();
        }
        Ok(has_come)
    }

    fn check_silence(&self, lasted: Duration) -> io::Result<()> {
        let timeout_s = self.shared.host.config().replication.timeout_s;
        if lasted > Duration::from_secs(timeout_s) { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// Sends `bytes`. Gives up when the replica takes nothing for `repl-timeout` seconds, or gets nothing more from `reading`.
    pub(super) async fn write_all(
        &mut self,
        mut bytes: &[u8],
        reading: Option<&StreamReading>,
    ) -> io::Result<()> {
        let client = Arc::clone(&self.work.session.client);
        let timeout = Duration::from_secs(self.shared.host.config().replication.timeout_s);
        self.shared.stats.output_bytes.add(bytes.len() as u64);
        client.output_bytes.add(bytes.len() as u64);
        while !bytes.is_empty() {
            let written = self.stream.try_write(bytes)?;
            bytes = &bytes[written..];
            if bytes.is_empty() {
                return Ok(());
            }
            tokio::select! {
                biased;
                why = poll_fn(|_| client.mailbox.poll_closed()) => return Err(closed(why)),
                end = poll_fn(|context| reading.map_or(Poll::Pending, |reading| reading.poll_end(context))) => {
                    return Err(ended(end));
                }
                writable = self.stream.writable() => writable?,
                () = self.shared.timers.sleep(timeout) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        Ok(())
    }
}

/// The error for a replica that gets nothing more.
fn ended(end: ReplicaEnd) -> io::Error {
    match end {
        ReplicaEnd::TooSlow => super::deaf::deaf(),
        ReplicaEnd::Interrupted => io::Error::other("the stream does not go on"),
    }
}

fn host_of(address: &PeerAddress) -> String {
    match address {
        PeerAddress::Tcp(address) => address.ip().to_canonical().to_string(),
        PeerAddress::Unix(_) => String::new(),
    }
}

fn introduction(request: &ReplicaRequest) -> Introduction {
    Introduction {
        listening_port: request.listening_port,
        address: request.address.clone(),
        reads_to_mark: request.reads_to_mark,
        follows_renames: request.follows_renames,
        is_rankd: request.is_rankd,
        wants_only_file: request.wants_only_file,
        is_old: matches!(request.wish, DataWish::All),
    }
}
