//! Bytes in, and what a connection does while nothing comes.

use super::arrival::Arrival;
use super::{Connection, End};
use crate::limits;
use std::future::{Future, poll_fn};
use std::hint::cold_path;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

/// Bytes asked of a connection at a time, as long as it sends little. As Redis.
const SMALL_READ_BYTES: usize = 16 * 1024;

impl Connection<'_> {
    /// Waits for bytes and reads those that have come; messages that come first are sent.
    ///
    /// # Errors
    /// Why the connection ends.
    pub(super) async fn receive(&mut self) -> Result<(), End> {
        loop {
            let timeout_s = self.work.config.latest(&self.shared.host.settings).timeout_s;
            // As in Redis, a client that is subscribed or monitors is not idle.
            let is_bounded = timeout_s > 0 && !self.work.session.client.only_hears();
            let deadline =
                if is_bounded { Instant::now().checked_add(Duration::from_secs(timeout_s)) } else { None };
            let mut is_woken = false;
            let arrival = poll_fn(|context| {
                let arrival = self.poll_arrival(context, std::mem::replace(&mut is_woken, true));
                if arrival.is_ready() {
                    return arrival;
                }
                self.rest();
                let Some(deadline) = deadline else { return Poll::Pending };
                cold_path();
                self.poll_idle(deadline, context).map(|()| Err(io::ErrorKind::TimedOut.into()))
            });
            match arrival.await? {
                Arrival::Bytes(0) => return Err(End::Client),
                Arrival::Bytes(_) => return Ok(()),
                Arrival::Mail => {
                    cold_path();
                    self.send_mail().await?;
                }
            }
        }
    }

    /// Ready if the client has been idle until `deadline`. The timer is set again only when it has run out, and not for each
    /// deadline: all connections share a lock for that.
    fn poll_idle(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        let timers = &self.shared.timers;
        let timer = self.idle_timer.get_or_insert_with(|| Box::pin(timers.sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.deadline() < deadline {
            ready!(timer.as_mut().poll(context));
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(context)
    }

    /// What has come: messages, or bytes, which are in the input buffer then. A connection that has been woken (`is_woken`) most
    /// likely finds bytes. Any other looks first whether there are some, which costs less than to try, and takes no memory.
    pub(super) fn poll_arrival(
        &mut self,
        context: &mut Context<'_>,
        is_woken: bool,
    ) -> Poll<io::Result<Arrival>> {
        match self.work.session.client.mailbox.poll(context) {
            Poll::Ready(()) => Poll::Ready(Ok(Arrival::Mail)),
            Poll::Pending if is_woken => self.poll_read(context).map_ok(Arrival::Bytes),
            Poll::Pending => self.poll_more(context).map_ok(Arrival::Bytes),
        }
    }

    /// Reads the bytes that have come, if there are some, and says how many; 0 at the end.
    pub(super) fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        ready!(self.stream.poll_readable(context))?;
        self.poll_read(context)
    }

    /// As [`Connection::poll_more`], for bytes that have most likely come.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let work = &mut *self.work;
        let input = work.input();
        // The rest of a large argument is asked for at once; a full last read asks for more the next time.
        let missing = self.reader.missing_bytes(input.len());
        let was_full = input.capacity() >= limits::READ_CHUNK_BYTES;
        let chunk =
            if was_full || missing > SMALL_READ_BYTES { limits::READ_CHUNK_BYTES } else { SMALL_READ_BYTES };
        input.reserve(chunk);
        // Of tokio's ways to read without waiting, only this one knows that a read which leaves room has taken everything,
        // which saves the next call to the kernel.
        let received = ready!(pin!(self.stream.read_buf(input)).poll(context))?;
        self.shared.stats.input_bytes.add(received as u64);
        self.shared.stats.reads.add(1);
        self.work.session.client.input_bytes.add(received as u64);
        self.note_input();
        Poll::Ready(Ok(received))
    }

    /// Gives back the memory of empty buffers before waiting.
    fn rest(&mut self) {
        if let Some(large) = self.work.rest() {
            // To free hundreds of megabytes takes long, so another thread does it.
            drop(tokio::task::spawn_blocking(move || drop(large)));
        }
        self.note_input();
    }

    /// Notes the size of the input buffer, for CLIENT LIST and `maxmemory-clients`.
    fn note_input(&self) {
        let (input, client) = (&self.work.input, &self.work.session.client);
        client.query_buffer_bytes.store(input.len(), Ordering::Relaxed);
        client.query_buffer_free_bytes.store(input.capacity() - input.len(), Ordering::Relaxed);
        self.shared.host.clients.count(client);
        self.shared.host.clients.bound_memory();
    }
}
