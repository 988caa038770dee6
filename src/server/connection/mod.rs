//! One connection: bytes in, batches of commands, bytes out.
//!
//! Replies leave only once the journal has the records that they rest on. While replies wait to be sent nothing more is
//! read, so a client that does not read its replies delays only itself. An idle connection holds no buffers.

pub(super) mod admission;
mod arrival;
mod deaf;
mod handshake;
pub(super) mod held;
mod replica;
mod replica_file;
mod sending;
mod waiting;
mod wire;

use super::listening::newcomer::Newcomer;
use super::threads::shared::Shared;
use super::threads::work::{Lendable, Work};
use crate::commands::engine::{Leeway, Ran, Terms};
use crate::commands::state::client::Client;
use crate::commands::state::session::{NextStep, Session};
use crate::config::Followed;
use crate::limits;
use crate::resp::request::{RequestLimits, RequestReader};
use admission::admit;
use arrival::Arrival;
use bytes::{Buf, BytesMut};
use held::HeldReplies;
use std::cell::Cell;
use std::future::Future;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use wire::Wire;

/// Buffers up to this size are kept while a connection waits.
const IDLE_BUFFER_BYTES: usize = 1024;

/// Bytes asked of a connection at a time, as long as it sends little. As Redis.
const SMALL_READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// The empty input buffer of the connection of this thread that began to wait last. The next one that reads takes it.
    static SPARE_INPUT: Cell<BytesMut> = Cell::default();
}

/// Serves a connection until it ends.
pub(super) async fn serve(newcomer: Newcomer, shared: Shared) {
    let Some((stream, peer)) = admit(newcomer, &shared).await else { return };
    let client = shared.host.clients.register(peer.clone(), shared.host.clock.now_ms());
    let id = client.id;
    let registration = Registration { shared: &shared, client: Arc::clone(&client) };
    let config = Followed::new(&shared.host.settings);
    let session = Session::new(client, &shared.host.users);
    tracing::trace!(id, peer = %peer.address, "connected");
    let connection = Connection {
        stream,
        shared: &shared,
        reader: RequestReader::default(),
        work: Lendable::new(Work::new(session, config)),
        over_soft_since_ns: None,
    };
    let end = connection.run().await;
    tracing::trace!(id, peer = %peer.address, ?end, "disconnected");
    drop(registration);
}

/// Removes the connection from the registry when it ends, also by a panic.
struct Registration<'s> {
    shared: &'s Shared,
    client: Arc<Client>,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.shared.host.clients.remove(&self.client);
    }
}

/// Why a connection ended.
#[derive(Debug)]
enum End {
    /// The client closed it, or asked for it to be closed.
    Client,
    /// It sent bytes that are not a request, or a request that is too long.
    Protocol,
    /// It was idle for `timeout` seconds.
    Idle,
    /// It did not read what was sent to it.
    Deaf,
    /// Another client wanted it to end.
    Killed,
    /// The socket failed.
    #[expect(dead_code, reason = "shown by Debug in the log")]
    Socket(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Idle,
            io::ErrorKind::QuotaExceeded => Self::Deaf,
            io::ErrorKind::ResourceBusy => Self::Killed,
            _ => Self::Socket(error),
        }
    }
}

/// A connection; how it sends is in [`self::sending`].
pub(super) struct Connection<'s> {
    pub(super) stream: Wire,
    pub(super) shared: &'s Shared,
    reader: RequestReader,
    pub(super) work: Lendable,
    /// Since when more waits for the client than the soft limit of `client-output-buffer-limit` allows.
    over_soft_since_ns: Option<u64>,
}

impl Drop for Connection<'_> {
    /// However it ends, it leaves no wait, watch or subscription behind.
    fn drop(&mut self) {
        self.stream.say_goodbye();
        if let Some(work) = self.work.get_mut() {
            work.session.end(&self.shared.host);
        }
    }
}

impl Connection<'_> {
    async fn run(mut self) -> End {
        let client = Arc::clone(&self.work.session.client);
        poll_fn(|context| {
            client.mailbox.attend(context.waker());
            Poll::Ready(())
        })
        .await;
        loop {
            match self.receive().await {
                Ok(0) => return End::Client,
                Ok(_) => {}
                Err(error) => return error.into(),
            }
            if let Some(end) = self.serve_input().await {
                return end;
            }
        }
    }

    /// Waits for bytes and reads those that have come.
    async fn receive(&mut self) -> io::Result<usize> {
        loop {
            self.trim_buffers();
            let timeout_s = self.work.config.latest(&self.shared.host.settings).timeout_s;
            // As in Redis, a client that is subscribed or monitors is not idle.
            let arrival = if timeout_s == 0 || self.work.session.client.only_hears() {
                self.next_arrival().await?
            } else {
                tokio::time::timeout(Duration::from_secs(timeout_s), self.next_arrival()).await??
            };
            if arrival == Arrival::Mail {
                self.send_mail().await?;
            } else if let Some(received) = self.read().await? {
                return Ok(received);
            }
        }
    }

    /// Reads the bytes that have come. Returns how many, or `None` if there are none after all.
    async fn read(&mut self) -> io::Result<Option<usize>> {
        let input = &mut self.work.input;
        // The rest of a large argument is asked for at once; a full last read asks for more the next time.
        let missing = self.reader.missing_bytes(input.len());
        let was_full = input.capacity() >= limits::READ_CHUNK_BYTES;
        let chunk =
            if was_full || missing > SMALL_READ_BYTES { limits::READ_CHUNK_BYTES } else { SMALL_READ_BYTES };
        if input.capacity() == 0 {
            *input = SPARE_INPUT.take();
        }
        input.reserve(chunk);
        // Of tokio's ways to read without waiting, only this one knows that a read which leaves room has taken everything,
        // which saves the next call to the kernel.
        let mut reading = pin!(self.stream.read_buf(input));
        let received = match poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
            Poll::Pending => {
                // Tokio also says so when the task has used up its share of the thread. Without a yield the loop would
                // never end then.
                tokio::task::yield_now().await;
                return Ok(None);
            }
            Poll::Ready(received) => received?,
        };
        self.shared.stats.input_bytes.add(received as u64);
        self.shared.stats.reads.add(1);
        let client = &self.work.session.client;
        client.input_bytes.add(received as u64);
        self.note_input();
        Ok(Some(received))
    }

    /// Notes the size of the input buffer, for CLIENT LIST and `maxmemory-clients`.
    fn note_input(&self) {
        let (input, client) = (&self.work.input, &self.work.session.client);
        client.query_buffer_bytes.store(input.len(), Ordering::Relaxed);
        client.query_buffer_free_bytes.store(input.capacity() - input.len(), Ordering::Relaxed);
        self.shared.host.clients.count(client);
        self.shared.host.clients.bound_memory();
    }

    /// Gives back the memory of empty buffers before waiting.
    fn trim_buffers(&mut self) {
        self.work.batch.clear();
        if self.work.input.is_empty() && self.work.input.capacity() > IDLE_BUFFER_BYTES {
            let empty = std::mem::take(&mut self.work.input);
            if empty.capacity() <= limits::READ_CHUNK_BYTES {
                SPARE_INPUT.set(empty);
            } else if empty.capacity() > limits::PENDING_REPLY_BYTES * 2 {
                // To free hundreds of megabytes takes long, so another thread does it.
                drop(tokio::task::spawn_blocking(move || drop(empty)));
            }
            self.note_input();
        }
        if self.work.out.capacity() > IDLE_BUFFER_BYTES {
            self.work.out = Vec::new();
        }
    }

    /// Runs every complete request that has come and sends the replies. If there are many, other connections have their
    /// turns in between. Returns why the connection ends, if it does.
    async fn serve_input(&mut self) -> Option<End> {
        loop {
            let work = &mut *self.work;
            let config = work.config.latest(&self.shared.host.settings);
            let most_input_bytes = config.client_query_buffer_limit_bytes;
            let unauthenticated = work.session.must_authenticate(&self.shared.host.users);
            let bounds = RequestLimits {
                unauthenticated,
                bulk_bytes: config.proto_max_bulk_len_bytes,
                requests: if unauthenticated { 1 } else { limits::REQUESTS_PER_BATCH },
            };
            let understood = self.reader.read(&mut work.input, &bounds, &mut work.batch);
            // Nor is a request that long run if it has come in one read.
            let is_overlong = work.input.len() > most_input_bytes
                && work.batch.cut_before_longer(&work.input, most_input_bytes);
            let stays_behind = self.work.batch.is_full();
            let understood_bytes = self.work.input.len();
            match self.run_requests().await {
                Ok(None) => {}
                Ok(Some(end)) => return Some(end),
                Err(error) => return Some(error.into()),
            }
            // Bytes are also read while a command waits.
            let has_more = self.work.input.len() > understood_bytes;
            let consumed = self.work.batch.consumed_bytes();
            if consumed == self.work.input.len() {
                self.work.input.clear();
            } else {
                self.work.input.advance(consumed);
            }
            self.reader.consumed(consumed);
            self.note_input();
            if is_overlong || understood.is_ok() && self.work.input.len() > most_input_bytes {
                self.shared.host.clients.count_overlong();
                tracing::warn!(peer = %self.work.session.client.peer.address, "request too long, disconnecting");
                return Some(self.close(End::Protocol).await);
            }
            if let Err(error) = understood {
                tracing::debug!(peer = %self.work.session.client.peer.address, "{error}");
                self.work.reply().error(&format!("ERR {error}"));
                // The connection ends whether or not the peer can be told.
                let _ = self.send().await;
                return Some(self.close(End::Protocol).await);
            }
            if !has_more && !stays_behind {
                return None;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Runs the batch's requests and sends their replies, in several rounds if the replies are large. Returns why the
    /// connection ends, if it does.
    async fn run_requests(&mut self) -> io::Result<Option<End>> {
        self.work.done = 0;
        while self.work.has_requests() {
            self.wait_for_backlog().await;
            let ran = self.run_batch().await?;
            let mut next = self.answer(ran).await?;
            if next == NextStep::Aside {
                let ran = self.run_aside().await?;
                next = self.answer(ran).await?;
            }
            match next {
                NextStep::Continue | NextStep::Aside => {}
                NextStep::Wait => {
                    if let Some(end) = self.wait().await? {
                        return Ok(Some(end));
                    }
                }
                NextStep::Pause => {
                    if let Some(end) = self.sit_out_pause().await? {
                        return Ok(Some(end));
                    }
                }
                NextStep::End => return std::future::pending().await,
                NextStep::Replicate => return Ok(Some(self.serve_replica().await)),
                NextStep::Close | NextStep::Drop => return Ok(Some(self.close(End::Client).await)),
            }
            if self.work.has_requests() {
                tokio::task::yield_now().await;
            }
        }
        Ok(None)
    }

    /// Runs requests of the batch: on this thread, or on another that works on the same shard, if this one would wait for it.
    async fn run_batch(&mut self) -> io::Result<Ran> {
        let (shared, work) = (self.shared, &mut *self.work);
        match work.contended {
            Some(shard) if work.batch.len() - work.done > 1 => {
                let ran = shared.turns.run(shard, self.work.lend(), &shared.host, &shared.stats).await;
                let (work, ran) = ran.ok_or_else(|| io::Error::other("lost in a panic"))?;
                self.work.give_back(work);
                Ok(ran)
            }
            _ => {
                let terms = Terms { stats: &shared.stats, leeway: Leeway::Shared };
                Ok(work.run(&shared.host, terms, usize::MAX))
            }
        }
    }

    /// Sends the replies of a batch once the journal has what they rest on. Returns what the connection does next.
    async fn answer(&mut self, ran: Ran) -> io::Result<NextStep> {
        let Ran { count, next, seq, has_written, rest, .. } = ran;
        self.work.session.client.commands.add(count as u64);
        if has_written {
            self.work.session.note_written(seq);
        }
        if next == NextStep::Drop {
            return Ok(next);
        }
        // A command that waits has no reply yet.
        let replies = count - usize::from(next == NextStep::Wait);
        let what = if has_written { HeldReplies::Writes { replies } } else { HeldReplies::Reads };
        let may_leave = self.acknowledge(seq, what).await;
        if next == NextStep::Close {
            // As in Redis, who has read the last reply finds nothing of the client any more.
            self.work.session.end(&self.shared.host);
            self.shared.host.clients.take_out(&self.work.session.client);
        }
        if let Some(rest) = rest.filter(|_| may_leave) {
            self.stream(rest).await?;
        }
        self.send().await?;
        Ok(next)
    }

    /// Runs the batch's next request, which takes long, on the thread beside this one: the thread's other connections
    /// go on meanwhile.
    async fn run_aside(&mut self) -> io::Result<Ran> {
        let shared = self.shared.clone();
        let mut work = self.work.lend();
        let run = move || {
            let terms = Terms { stats: &shared.aside_stats, leeway: Leeway::Aside };
            let ran = work.run(&shared.host, terms, 1);
            (work, ran)
        };
        let (work, ran) = tokio::task::spawn_blocking(run).await.map_err(io::Error::other)?;
        self.work.give_back(work);
        Ok(ran)
    }

    /// Waits for the disk while more records wait for it than memory should hold.
    async fn wait_for_backlog(&self) {
        if let Some(journal) = self.shared.process.journal().filter(|journal| journal.over_backlog()) {
            // If the journal refuses, the gate before each write answers with an error.
            let _ = journal.acknowledged(journal.last_seq()).await;
        }
    }

    /// Tells the peer that nothing more comes. If bytes of the peer have not been read, the connection is reset all the same.
    async fn close(&mut self, end: End) -> End {
        let _ = self.stream.shutdown().await;
        end
    }
}

/// Connections are spawned on a runtime, so their futures must be `Send`. This does not compile if they are not.
fn _serve_is_send(newcomer: Newcomer, shared: Shared) -> impl Future<Output = ()> + Send {
    serve(newcomer, shared)
}
