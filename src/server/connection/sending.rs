//! Bytes out. Replies leave once the journal has the records that they rest on, large ones in pieces, and never faster than
//! the client reads.

use super::Connection;
use super::deaf::deaf;
use super::held::HeldReplies;
use crate::limits;
use crate::resp::reply::ReplySource;
use crate::store::Seq;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

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
            sent = self.flush(rest.memory_bytes()).await;
            self.trim_output();
            tokio::task::yield_now().await;
        }
        // To free what is left of it may take long.
        drop(tokio::task::spawn_blocking(move || drop(rest)));
        sent
    }

    /// Sends what is in the output buffer, and gives its memory back if it has grown large.
    pub(in crate::server) async fn send(&mut self) -> io::Result<()> {
        self.flush(0).await?;
        self.trim_output();
        Ok(())
    }

    /// Gives the output buffer's memory back if it has grown large and is empty.
    fn trim_output(&mut self) {
        if !self.work.out.is_empty() {
            return;
        }
        if self.work.out.capacity() > limits::PENDING_REPLY_BYTES * 2 {
            // To free hundreds of megabytes takes as long as to write them.
            let sent = std::mem::take(&mut self.work.out);
            drop(tokio::task::spawn_blocking(move || drop(sent)));
        } else if self.work.out.capacity() > limits::KEPT_BUFFER_BYTES {
            self.work.out = Vec::new();
        }
    }

    /// Sends what is in the output buffer. `kept_bytes` are the bytes of memory of the rest that is sent behind it, for CLIENT
    /// LIST.
    async fn flush(&mut self, kept_bytes: usize) -> io::Result<()> {
        if self.work.out.is_empty() {
            return Ok(());
        }
        let sent = self.work.out.len() as u64;
        let client = Arc::clone(&self.work.session.client);
        client.output_buffer_bytes.store(self.work.out.len() + kept_bytes, Ordering::Relaxed);
        let timeout_s = self.shared.host.config().timeout_s;
        let write = write_in_turns(&mut self.stream, &self.work.out);
        if client.is_subscribed() {
            tokio::select! {
                written = write => written?,
                _ = poll_fn(|context| client.mailbox.poll_overflow(context)) => return Err(deaf()),
            }
        } else if timeout_s == 0 {
            write.await?;
        } else {
            // A client that does not read is as idle as one that does not write.
            tokio::time::timeout(Duration::from_secs(timeout_s), write).await??;
        }
        self.work.out.clear();
        self.shared.stats.output_bytes.add(sent);
        self.shared.stats.writes.add(1);
        client.output_bytes.fetch_add(sent, Ordering::Relaxed);
        client.output_buffer_bytes.store(kept_bytes, Ordering::Relaxed);
        Ok(())
    }
}

/// Writes all of `bytes`; the thread's other connections have their turns between pieces.
async fn write_in_turns(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    for (index, piece) in bytes.chunks(limits::SENT_AT_ONCE_BYTES).enumerate() {
        if index > 0 {
            tokio::task::yield_now().await;
        }
        stream.write_all(piece).await?;
    }
    Ok(())
}
