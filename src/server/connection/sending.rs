//! Bytes out. Replies leave once the journal has the records that they rest on, large ones in pieces, and never faster than
//! the client reads.

use super::Connection;
use super::deaf::{closed, deaf};
use super::held::HeldReplies;
use super::wire::Wire;
use crate::commands::state::client::Client;
use crate::config::OutputLimit;
use crate::limits;
use crate::resp::reply::ReplySource;
use crate::server::threads::shared::Shared;
use crate::store::Seq;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Connection<'_> {
    /// Waits until the record `seq` is as safe as `appendfsync` promises. If the journal fails, writes may or may not be
    /// there after a restart: each of their replies becomes an error. Reads go on while writes are refused, so their
    /// replies stay. Returns whether the replies stay.
    pub(in crate::server) async fn acknowledge(&mut self, seq: Seq, what: HeldReplies) -> bool {
        let Some(journal) = self.shared.process.journal() else { return true };
        let (Err(refused), HeldReplies::Writes { replies }) = (journal.acknowledged(seq).await, what) else {
            return true;
        };
        self.work.out.clear();
        for _ in 0..replies {
            let text = format!("MISCONF Errors writing to the AOF file: {refused}");
            self.work.reply().error(&text);
        }
        false
    }

    /// Sends the replies, and behind them `rest`, which is written while it is sent: the next piece when the one before it
    /// is on its way.
    pub(in crate::server) async fn stream(&mut self, mut rest: Box<dyn ReplySource>) -> io::Result<()> {
        let (mut has_more, mut sent) = (true, Ok(()));
        while has_more && sent.is_ok() {
            // Half, so that the piece is sent in one go together with the element that ends it.
            while has_more && self.work.out.len() < limits::SENT_AT_ONCE_BYTES / 2 {
                has_more = rest.write_more(&mut self.work.reply());
            }
            sent = self.send_with(rest.memory_bytes()).await;
            tokio::task::yield_now().await;
        }
        // To free what is left of it may take long.
        drop(tokio::task::spawn_blocking(move || drop(rest)));
        sent
    }

    /// Sends what is in the output buffer.
    pub(in crate::server) async fn send(&mut self) -> io::Result<()> {
        self.send_with(0).await
    }

    /// As [`Connection::send`]. `kept_bytes` are the bytes of memory of the rest that is sent behind it, for CLIENT LIST.
    async fn send_with(&mut self, kept_bytes: usize) -> io::Result<()> {
        if self.send_at_once(kept_bytes)? { Ok(()) } else { self.send_slowly(kept_bytes).await }
    }

    /// Begins to send what is in the output buffer. Nearly always the socket takes everything at once. Returns whether it has:
    /// otherwise [`Connection::send_slowly`] goes on.
    pub(super) fn send_at_once(&mut self, kept_bytes: usize) -> io::Result<bool> {
        let work = &mut *self.work;
        let bytes = work.out.len();
        if bytes == 0 {
            return Ok(true);
        }
        if self.shared.host.store.is_abandoned() {
            return Err(io::Error::other("the server stops in the middle of a script"));
        }
        let config = work.config.latest(&self.shared.host.settings);
        let limit = config.output_limits.of(work.session.client.is_subscribed());
        if limit.hard_bytes > 0 && bytes + kept_bytes > limit.hard_bytes {
            self.shared.host.clients.count_cut_off();
            return Err(deaf());
        }
        self.shared.stats.writes.add(1);
        if bytes > limits::SENT_AT_ONCE_BYTES {
            return Ok(false);
        }
        let sent = self.stream.try_write(&work.out)?;
        let is_all = sent == bytes;
        work.out.drain(..sent);
        self.note_sent(sent);
        if is_all {
            self.trim_output();
        }
        Ok(is_all && kept_bytes == 0 && !self.stream.has_unsent())
    }

    /// Sends what [`Connection::send_at_once`] has left in the output buffer, as fast as the client reads.
    pub(super) async fn send_slowly(&mut self, kept_bytes: usize) -> io::Result<()> {
        // Boxed, because every connection has room for its largest state.
        Box::pin(self.flush(kept_bytes)).await?;
        self.note_sent(self.work.out.len());
        self.work.out.clear();
        self.trim_output();
        Ok(())
    }

    fn note_sent(&self, bytes: usize) {
        self.shared.stats.output_bytes.add(bytes as u64);
        self.work.session.client.output_bytes.add(bytes as u64);
    }

    /// Gives the memory of the output buffer, which is empty, back if it has grown large.
    fn trim_output(&mut self) {
        if self.work.out.capacity() > limits::PENDING_REPLY_BYTES * 2 {
            // To free hundreds of megabytes takes as long as to write them.
            let sent = std::mem::take(&mut self.work.out);
            drop(tokio::task::spawn_blocking(move || drop(sent)));
        } else if self.work.out.capacity() > limits::KEPT_BUFFER_BYTES {
            self.work.out = Vec::new();
        }
    }

    async fn flush(&mut self, kept_bytes: usize) -> io::Result<()> {
        let (shared, client) = (self.shared, Arc::clone(&self.work.session.client));
        let host = &shared.host;
        let config = host.config();
        let limit = config.output_limits.of(client.is_subscribed());
        let note = |left: usize| {
            client.output_buffer_bytes.store(left + kept_bytes, Ordering::Relaxed);
            host.clients.count(&client);
        };
        note(self.work.out.len());
        let write = write_in_turns(&mut self.stream, &self.work.out, note);
        let idle = async {
            // A client that does not read is as idle as one that does not write. One that only hears others is never idle.
            match config.timeout_s {
                1.. if !client.only_hears() => {
                    shared.timers.sleep(Duration::from_secs(config.timeout_s)).await;
                }
                _ => std::future::pending().await,
            }
        };
        let over_soft_since_ns = &mut self.over_soft_since_ns;
        tokio::select! {
            biased;
            written = write => written,
            why = poll_fn(|_| client.mailbox.poll_closed()) => Err(closed(why)),
            () = stays_over(limit, &client, shared, over_soft_since_ns) => {
                host.clients.count_cut_off();
                Err(deaf())
            }
            () = idle => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Waits until more than the soft limit has waited for the client for longer than it may. `since_ns` is when that began; it
/// outlives the call, so that a client that reads too slowly is found as well.
async fn stays_over(limit: &OutputLimit, client: &Client, shared: &Shared, since_ns: &mut Option<u64>) {
    if limit.soft_bytes == 0 {
        std::future::pending::<()>().await;
    }
    loop {
        let now_ns = shared.host.clock.monotonic_ns();
        if client.waiting_bytes() <= limit.soft_bytes {
            *since_ns = None;
        } else if now_ns - *since_ns.get_or_insert(now_ns)
            > Duration::from_secs(limit.soft_s).as_nanos() as u64
        {
            return;
        }
        shared.timers.sleep(SOFT_LIMIT_PERIOD).await;
    }
}

/// How often the soft limit of a client that does not read is looked at.
const SOFT_LIMIT_PERIOD: Duration = Duration::from_millis(250);

/// Writes all of `bytes`; the thread's other connections have their turns between pieces. Calls `note` with what is left.
async fn write_in_turns(stream: &mut Wire, mut bytes: &[u8], note: impl Fn(usize)) -> io::Result<()> {
    while !bytes.is_empty() || stream.has_unsent() {
        stream.writable().await?;
        let written = stream.try_write(&bytes[..bytes.len().min(limits::SENT_AT_ONCE_BYTES)])?;
        bytes = &bytes[written..];
        note(bytes.len());
        if !bytes.is_empty() {
            tokio::task::yield_now().await;
        }
    }
    note(0);
    Ok(())
}
