//! One connection: bytes in, batches of commands, bytes out.
//!
//! Replies leave only once the journal has the records that they rest on. While replies wait to be sent nothing more is
//! read, so a client that does not read its replies delays only itself. An idle connection holds no buffers.

pub(super) mod admission;
mod arrival;
mod deaf;
mod handshake;
pub(super) mod held;
mod receiving;
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
use crate::resp::request::{ProtocolError, RequestLimits, RequestReader};
use crate::store::ShardIndex;
use admission::admit;
use bytes::Buf;
use held::HeldReplies;
use std::future::Future;
use std::future::poll_fn;
use std::hint::cold_path;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::time::Sleep;
use wire::Wire;

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
        idle_timer: None,
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

/// A connection; how it reads and sends is in [`self::receiving`] and [`self::sending`].
pub(super) struct Connection<'s> {
    pub(super) stream: Wire,
    pub(super) shared: &'s Shared,
    reader: RequestReader,
    pub(super) work: Lendable,
    /// Set while `timeout` bounds how long the client may be idle.
    idle_timer: Option<Pin<Box<Sleep>>>,
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
            let served = match self.receive().await {
                Ok(()) => self.serve_input().await,
                Err(end) => Err(end),
            };
            if let Err(end) = served {
                return end;
            }
        }
    }

    /// Runs every complete request that has come and sends the replies. If there are many, other connections have their
    /// turns in between.
    ///
    /// # Errors
    /// Why the connection ends.
    async fn serve_input(&mut self) -> Result<(), End> {
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
            let stays_behind = work.batch.is_full();
            let understood_bytes = work.input.len();
            self.run_requests().await?;
            let work = &mut *self.work;
            // Bytes are also read while a command waits.
            let has_more = work.input.len() > understood_bytes;
            let consumed = work.batch.consumed_bytes();
            if consumed == work.input.len() {
                work.input.clear();
            } else {
                work.input.advance(consumed);
            }
            self.reader.consumed(consumed);
            if is_overlong || understood.is_ok() && work.input.len() > most_input_bytes {
                cold_path();
                return Err(self.end_overlong().await);
            }
            if let Err(error) = understood {
                cold_path();
                return Err(self.end_misunderstood(error).await);
            }
            if !has_more && !stays_behind {
                return Ok(());
            }
            cold_path();
            tokio::task::yield_now().await;
        }
    }

    async fn end_overlong(&mut self) -> End {
        self.shared.host.clients.count_overlong();
        tracing::warn!(peer = %self.work.session.client.peer.address, "request too long, disconnecting");
        self.close(End::Protocol).await
    }

    async fn end_misunderstood(&mut self, error: ProtocolError) -> End {
        tracing::debug!(peer = %self.work.session.client.peer.address, "{error}");
        self.work.reply().error(&format!("ERR {error}"));
        // The connection ends whether or not the peer can be told.
        let _ = self.send().await;
        self.close(End::Protocol).await
    }

    /// Runs the batch's requests and sends their replies, in several rounds if the replies are large. What nearly every batch
    /// needs happens at once; what may have to wait is awaited only where it must.
    ///
    /// # Errors
    /// Why the connection ends.
    async fn run_requests(&mut self) -> Result<(), End> {
        self.work.done = 0;
        let mut takes_long = false;
        while self.work.has_requests() {
            let ran = match self.run_at_once(takes_long) {
                Some(ran) => ran,
                None => self.run_elsewhere(takes_long).await?,
            };
            takes_long = ran.next == NextStep::Aside;
            if !self.answer_at_once(&ran)? {
                cold_path();
                self.answer(ran).await?;
            }
            if self.work.has_requests() && !takes_long {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Runs requests of the batch on this thread. `None` if they must wait before that, or run on another.
    fn run_at_once(&mut self, takes_long: bool) -> Option<Ran> {
        if takes_long || self.work.turn().is_some() || self.has_backlog() {
            cold_path();
            return None;
        }
        Some(self.run_here())
    }

    fn run_here(&mut self) -> Ran {
        let terms = Terms { stats: &self.shared.stats, leeway: Leeway::Shared };
        self.work.run(&self.shared.host, terms, usize::MAX)
    }

    /// Runs what [`Connection::run_at_once`] does not.
    async fn run_elsewhere(&mut self, takes_long: bool) -> io::Result<Ran> {
        self.wait_for_backlog().await;
        match self.work.turn() {
            _ if takes_long => self.run_aside().await,
            Some(shard) => self.run_in_turn(shard).await,
            None => Ok(self.run_here()),
        }
    }

    /// Sends the replies of a batch if they wait for nothing, and nothing else follows. Returns whether that was so: otherwise
    /// [`Connection::answer`] does the rest.
    fn answer_at_once(&mut self, ran: &Ran) -> io::Result<bool> {
        self.work.session.client.commands.add(ran.count as u64);
        if ran.has_written {
            self.work.session.note_written(ran.seq);
        }
        let is_plain = ran.next == NextStep::Continue && ran.rest.is_none();
        let journal = self.shared.process.journal();
        let may_leave = is_plain && journal.is_none_or(|journal| journal.acknowledges_at_once(ran.seq));
        Ok(may_leave && self.send_at_once(0)?)
    }

    /// Sends the replies of a batch once the journal has what they rest on, and takes the connection's next step.
    ///
    /// # Errors
    /// Why the connection ends.
    async fn answer(&mut self, ran: Ran) -> Result<(), End> {
        let Ran { count, next, seq, has_written, rest, .. } = ran;
        if next != NextStep::Drop {
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
        }
        match next {
            NextStep::Continue | NextStep::Aside => Ok(()),
            NextStep::Wait => self.wait().await,
            NextStep::Pause => self.sit_out_pause().await,
            NextStep::End => std::future::pending().await,
            // Boxed, because every connection has room for its largest state.
            NextStep::Replicate => Err(Box::pin(self.serve_replica()).await),
            NextStep::Close | NextStep::Drop => Err(self.close(End::Client).await),
        }
    }

    /// Runs requests of the batch on the thread that works on `shard`, because this one would wait for its lock.
    async fn run_in_turn(&mut self, shard: ShardIndex) -> io::Result<Ran> {
        let shared = self.shared;
        let ran = shared.turns.run(shard, self.work.lend(), &shared.host, &shared.stats).await;
        let (work, ran) = ran.ok_or_else(|| io::Error::other("lost in a panic"))?;
        self.work.give_back(work);
        Ok(ran)
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

    /// Whether more records wait for the disk than memory should hold.
    fn has_backlog(&self) -> bool {
        self.shared.process.journal().is_some_and(|journal| journal.over_backlog())
    }

    /// Waits for the disk while that is so.
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
