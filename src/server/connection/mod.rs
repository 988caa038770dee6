//! One connection: bytes in, batches of commands, bytes out.
//!
//! Replies leave only once the journal has what they speak of. While replies wait to be sent nothing more is read,
//! so a client that does not read its replies holds up only itself. An idle connection holds no buffers.

pub(super) mod admission;
mod deaf;
pub(super) mod sending;

use super::threads::shared::Shared;
use super::threads::work::{Lendable, Work};
use crate::commands::state::session::{Next, Session, Streaming};
use crate::limits;
use crate::resp::request::{RequestLimits, RequestReader};
use admission::admit;
use bytes::Buf;
use deaf::deaf;
use std::future::Future;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Buffers up to this size are kept while a connection waits.
const IDLE_BUFFER_BYTES: usize = 1024;

/// What is read of a quiet connection at a time, in bytes. As Redis.
const SMALL_READ_BYTES: usize = 16 * 1024;

/// Serves a connection until it ends.
pub(super) async fn serve(stream: std::net::TcpStream, peer: SocketAddr, shared: Shared) {
    let Some(stream) = admit(stream, peer, &shared).await else { return };
    let local = stream.local_addr().unwrap_or(peer);
    let client = shared.host.clients.register(peer, local, shared.host.clock.now_ms());
    let id = client.id;
    let registration = Registration { shared: &shared, id };
    let mut session = Session::new(client, shared.stats.clone(), &shared.host.config());
    (session.may_take_long, session.streaming) = (false, Streaming::Transactions);
    tracing::trace!(id, %peer, "connected");
    let connection = Connection {
        stream,
        shared: &shared,
        reader: RequestReader::default(),
        work: Lendable::new(Work::new(session)),
    };
    let end = connection.run().await;
    tracing::trace!(id, %peer, ?end, "disconnected");
    drop(registration);
}

/// Takes the connection off the registry when it ends, however it ends.
struct Registration<'s> {
    shared: &'s Shared,
    id: u64,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.shared.host.clients.remove(self.id);
    }
}

/// Why a connection ended.
#[derive(Debug)]
enum End {
    /// The client closed it, or asked for it to be closed.
    Client,
    /// The bytes were no request, or the request was too long.
    Protocol,
    /// It was idle for `timeout` seconds.
    Idle,
    /// It did not read the messages of its channels.
    Deaf,
    /// The socket failed.
    #[expect(dead_code, reason = "shown by Debug in the log")]
    Socket(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Idle,
            io::ErrorKind::QuotaExceeded => Self::Deaf,
            _ => Self::Socket(error),
        }
    }
}

/// A connection; how it sends is in [`self::sending`].
pub(super) struct Connection<'s> {
    pub(super) stream: TcpStream,
    pub(super) shared: &'s Shared,
    reader: RequestReader,
    pub(super) work: Lendable,
}

impl Drop for Connection<'_> {
    /// However it ends, nobody waits or listens for it any more.
    fn drop(&mut self) {
        if let Some(work) = self.work.get_mut() {
            work.session.end(&self.shared.host);
        }
    }
}

impl Connection<'_> {
    async fn run(mut self) -> End {
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

    /// Waits for bytes and takes what there is.
    async fn receive(&mut self) -> io::Result<usize> {
        loop {
            self.trim_buffers();
            let timeout_s = self.shared.host.config().timeout_s;
            if self.work.session.client.is_subscribed() {
                // As Redis: a client that listens is not idle.
                self.listen().await?;
            } else if timeout_s == 0 {
                self.stream.readable().await?;
            } else {
                tokio::time::timeout(Duration::from_secs(timeout_s), self.stream.readable()).await??;
            }
            if let Some(received) = self.read().await? {
                return Ok(received);
            }
        }
    }

    /// Sends the messages that come until there may be something to read.
    async fn listen(&mut self) -> io::Result<()> {
        let client = Arc::clone(&self.work.session.client);
        loop {
            tokio::select! {
                readable = self.stream.readable() => return readable,
                () = poll_fn(|context| client.mailbox.poll(context)) => {}
            }
            self.send_mail().await?;
        }
    }

    /// Sends the messages that have come.
    async fn send_mail(&mut self) -> io::Result<()> {
        let work = &mut *self.work;
        let rests_on = work.session.client.mailbox.take_into(&mut work.out).map_err(|_| deaf())?;
        work.session.rest_on(rests_on);
        self.acknowledge(0).await;
        self.send().await
    }

    /// Takes the bytes that there are; `None` if there are none after all.
    async fn read(&mut self) -> io::Result<Option<usize>> {
        let input = &mut self.work.input;
        // The rest of a large argument is asked for at once; a full last read asks for more the next time.
        let missing = self.reader.missing_bytes(input.len());
        let was_full = input.capacity() >= limits::READ_CHUNK_BYTES;
        let chunk =
            if was_full || missing > SMALL_READ_BYTES { limits::READ_CHUNK_BYTES } else { SMALL_READ_BYTES };
        input.reserve(chunk);
        // Of the ways to read without waiting this one knows that a read which leaves room has left nothing behind, and
        // saves the next from asking.
        let mut reading = pin!(self.stream.read_buf(input));
        let received = match poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
            Poll::Pending => {
                // There may be bytes all the same, and the task has had its share of the thread: asking for them again
                // and again would never end.
                tokio::task::yield_now().await;
                return Ok(None);
            }
            Poll::Ready(received) => received?,
        };
        self.shared.stats.input_bytes.add(received as u64);
        let client = &self.work.session.client;
        client.input_bytes.fetch_add(received as u64, Ordering::Relaxed);
        client.query_buffer_bytes.store(self.work.input.len(), Ordering::Relaxed);
        Ok(Some(received))
    }

    /// Gives back the memory of empty buffers before waiting.
    fn trim_buffers(&mut self) {
        self.work.batch.clear();
        if self.work.input.is_empty() && self.work.input.capacity() > IDLE_BUFFER_BYTES {
            let empty = std::mem::take(&mut self.work.input);
            if empty.capacity() > limits::PENDING_REPLY_BYTES * 2 {
                // As with replies: giving back hundreds of megabytes takes long.
                drop(tokio::task::spawn_blocking(move || drop(empty)));
            }
        }
        if self.work.out.capacity() > IDLE_BUFFER_BYTES {
            self.work.out = Vec::new();
        }
    }

    /// Runs every complete request that has come and sends the replies, with other connections' turns in between where
    /// there are many. Returns why the connection ends, if it does.
    async fn serve_input(&mut self) -> Option<End> {
        loop {
            let config = self.shared.host.config();
            let unauthenticated = self.work.session.must_authenticate(&config);
            let bounds = RequestLimits {
                unauthenticated,
                bulk_bytes: config.proto_max_bulk_len_bytes,
                requests: if unauthenticated { 1 } else { limits::REQUESTS_PER_BATCH },
            };
            let work = &mut *self.work;
            let understood = self.reader.read(&mut work.input, &bounds, &mut work.batch);
            let stays_behind = self.work.batch.is_full();
            let understood_bytes = self.work.input.len();
            match self.run_requests().await {
                Ok(None) => {}
                Ok(Some(end)) => return Some(end),
                Err(error) => return Some(error.into()),
            }
            // A command that waited let more come in.
            let has_more = self.work.input.len() > understood_bytes;
            let consumed = self.work.batch.consumed_bytes();
            if consumed == self.work.input.len() {
                self.work.input.clear();
            } else {
                self.work.input.advance(consumed);
            }
            self.reader.consumed(consumed);
            self.work.session.client.query_buffer_bytes.store(self.work.input.len(), Ordering::Relaxed);
            match self.work.session.next {
                Next::Continue | Next::Wait | Next::Aside => {}
                Next::Close | Next::Drop => return Some(self.close(End::Client).await),
            }
            if let Err(error) = understood {
                tracing::debug!(peer = %self.work.session.client.address, "{error}");
                self.work.reply().error(&format!("ERR {error}"));
                // Whether or not the peer reads it, this is the end.
                let _ = self.send().await;
                return Some(self.close(End::Protocol).await);
            }
            if self.work.input.len() > config.client_query_buffer_limit_bytes {
                tracing::warn!(peer = %self.work.session.client.address, "request too long, disconnecting");
                return Some(self.close(End::Protocol).await);
            }
            if !has_more && !stays_behind {
                return None;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Runs the batch's requests and sends their replies, in several rounds if the replies are large.
    async fn run_requests(&mut self) -> io::Result<Option<End>> {
        self.work.done = 0;
        while self.work.has_requests() && self.work.session.next == Next::Continue {
            self.wait_for_backlog().await;
            let ran = self.run_batch().await?;
            self.answer(ran).await?;
            if self.work.session.next == Next::Aside {
                self.run_aside().await?;
                self.answer(1).await?;
            }
            if self.work.session.next == Next::Wait {
                if let Some(end) = self.wait().await? {
                    return Ok(Some(end));
                }
                self.work.session.next = Next::Continue;
            }
            if self.work.has_requests() {
                tokio::task::yield_now().await;
            }
        }
        Ok(None)
    }

    /// Runs requests of the batch and returns how many: on this thread, unless they are about to wait for another thread
    /// that works on the same shard.
    async fn run_batch(&mut self) -> io::Result<usize> {
        let (shared, work) = (self.shared, &mut *self.work);
        match work.session.contended {
            Some(shard) if work.batch.len() - work.done > 1 => {
                let ran = shared.turns.run(shard, self.work.lend(), &shared.host, &shared.stats).await;
                let (work, ran) = ran.ok_or_else(|| io::Error::other("lost in a panic"))?;
                self.work.give_back(work);
                Ok(ran)
            }
            _ => Ok(work.run(&shared.host, &shared.stats, usize::MAX)),
        }
    }

    /// Sends the replies of `ran` requests, once they may leave.
    async fn answer(&mut self, ran: usize) -> io::Result<()> {
        self.work.session.client.commands.fetch_add(ran as u64, Ordering::Relaxed);
        if self.work.session.next == Next::Drop {
            return Ok(());
        }
        // A command that waits has no reply yet.
        self.acknowledge(ran - usize::from(self.work.session.next == Next::Wait)).await;
        self.stream().await?;
        self.send().await
    }

    /// Runs the batch's next request, which takes long, on the thread beside this one: the thread's other connections
    /// go on meanwhile.
    async fn run_aside(&mut self) -> io::Result<()> {
        let shared = self.shared.clone();
        let mut work = self.work.lend();
        let run = move || {
            work.session.next = Next::Continue;
            (work.session.may_take_long, work.session.streaming) = (true, Streaming::Everything);
            work.run(&shared.host, &shared.aside_stats, 1);
            (work.session.may_take_long, work.session.streaming) = (false, Streaming::Transactions);
            work
        };
        self.work.give_back(tokio::task::spawn_blocking(run).await.map_err(io::Error::other)?);
        Ok(())
    }

    /// Waits, blocked, for the reply of the last command, and sends it. What comes meanwhile is read and left alone.
    async fn wait(&mut self) -> io::Result<Option<End>> {
        let client = Arc::clone(&self.work.session.client);
        let Some(waiting) = client.waiting.lock().clone() else { return Ok(None) };
        let time_out = async {
            match waiting.timeout() {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(time_out);
        let mut has_timed_out = false;
        let ending = loop {
            tokio::select! {
                biased;
                ending = poll_fn(|context| waiting.poll(context)) => break ending,
                () = &mut time_out, if !has_timed_out => {
                    has_timed_out = true;
                    waiting.time_out();
                }
                readable = self.stream.readable() => {
                    readable?;
                    if self.read().await? == Some(0) {
                        return Ok(Some(End::Client));
                    }
                    if self.work.input.len() > self.shared.host.config().client_query_buffer_limit_bytes {
                        return Ok(Some(End::Protocol));
                    }
                }
                () = poll_fn(|context| client.mailbox.poll(context)), if client.is_subscribed() => {
                    self.send_mail().await?;
                }
            }
        };
        *client.waiting.lock() = None;
        waiting.leave(&self.shared.host.store);
        // Messages that came before it.
        self.send_mail().await?;
        self.work.out.extend_from_slice(&ending.reply);
        if let Some(seq) = ending.seq {
            self.work.session.rest_on(seq);
            self.work.session.has_written = true;
        }
        self.acknowledge(1).await;
        self.send().await?;
        Ok(None)
    }

    /// Lets the disk catch up when more waits for it than memory should hold.
    async fn wait_for_backlog(&self) {
        if let Some(journal) = self.shared.process.journal().filter(|journal| journal.over_backlog()) {
            // A refusal is answered by the gate before each write.
            let _ = journal.acknowledged(journal.last_seq()).await;
        }
    }

    /// Tells the peer that nothing more comes. What it sent and nobody read may still reset the connection.
    async fn close(&mut self, end: End) -> End {
        let _ = self.stream.shutdown().await;
        end
    }
}

/// Futures of connections are spawned on a runtime, so they must be `Send`; this fails to compile where they are not.
fn _serve_is_send(
    stream: std::net::TcpStream,
    peer: SocketAddr,
    shared: Shared,
) -> impl Future<Output = ()> + Send {
    serve(stream, peer, shared)
}
