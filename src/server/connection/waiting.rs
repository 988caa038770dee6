//! What a connection does while it waits for others: its messages, and the end of a command that blocks.

use super::arrival::Arrival;
use super::deaf::closed;
use super::held::HeldReplies;
use super::{Connection, End};
use crate::commands::state::marks::Mark;
use crate::commands::state::slow_log::SlowRequest;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

impl Connection<'_> {
    /// Sends the messages that have come.
    pub(super) async fn send_mail(&mut self) -> io::Result<()> {
        let work = &mut *self.work;
        let seq = work.session.client.mailbox.take_into(&mut work.out).map_err(closed)?;
        self.acknowledge(seq, HeldReplies::Reads).await;
        self.send().await
    }

    /// Waits for the reply of the last command, which blocks, and sends it. Bytes that come meanwhile are read and kept.
    pub(super) async fn wait(&mut self) -> Result<(), End> {
        let client = Arc::clone(&self.work.session.client);
        let Some(waiting) = client.waiting.lock().clone() else { return Ok(()) };
        let shared = self.shared;
        let time_out = async {
            match waiting.timeout() {
                Some(timeout) => shared.timers.sleep(timeout).await,
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
                arrival = poll_fn(|context| self.poll_arrival(context, false)) => self.take(arrival?).await?,
            }
        };
        *client.waiting.lock() = None;
        let request = client.waiting_request.lock().take();
        let host = &self.shared.host;
        waiting.leave(&host.store);
        if let Some(code) = ending.error_code() {
            host.errors.count(code);
            request.inspect(|request| request.count_failure(&self.shared.stats));
        }
        let slow = client.slow_wait.lock().take();
        if let Some(slow) = slow {
            let slow = SlowRequest { at_s: host.clock.now_ms() / 1000, ..slow };
            host.slow_log.add(slow, host.config().slowlog_max_len);
        }
        if self.work.session.wants_waited_reply() {
            self.work.out.extend_from_slice(&ending.reply);
        }
        if let Some(seq) = ending.seq {
            self.acknowledge(seq, HeldReplies::Writes { replies: 1 }).await;
        }
        // With the messages that came before the reply, and those that it has caused.
        self.send_mail().await?;
        Ok(())
    }

    /// Keeps the bytes that have come, or sends the messages.
    ///
    /// # Errors
    /// Why the connection ends.
    async fn take(&mut self, arrival: Arrival) -> Result<(), End> {
        match arrival {
            Arrival::Mail => self.send_mail().await?,
            Arrival::Bytes(0) => return Err(End::Client),
            Arrival::Bytes(_) => {}
        }
        let host = &self.shared.host;
        if self.work.input.len() > host.config().client_query_buffer_limit_bytes {
            host.clients.count_overlong();
            return Err(End::Protocol);
        }
        Ok(())
    }

    /// Waits until CLIENT PAUSE has ended. Bytes that come meanwhile are read and kept.
    pub(super) async fn sit_out_pause(&mut self) -> Result<(), End> {
        let client = Arc::clone(&self.work.session.client);
        client.marks.set(Mark::Postponed, true);
        let end = self.wait_for_end_of_pause().await;
        client.marks.set(Mark::Postponed, false);
        end
    }

    async fn wait_for_end_of_pause(&mut self) -> Result<(), End> {
        let host = Arc::clone(&self.shared.host);
        let ends = host.interventions.ended_pauses();
        loop {
            let now_ms = host.clock.now_ms();
            host.interventions.end_pause_if_over(now_ms);
            let Some((_, until_ms)) = host.interventions.pause(now_ms) else { return Ok(()) };
            let arrival = tokio::select! {
                biased;
                () = poll_fn(|context| host.interventions.poll_unpaused(ends, context)) => return Ok(()),
                () = self.shared.timers.sleep(Duration::from_millis(until_ms - now_ms)) => continue,
                arrival = poll_fn(|context| self.poll_arrival(context, false)) => arrival?,
            };
            self.take(arrival).await?;
        }
    }
}
