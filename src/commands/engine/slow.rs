//! What took long, for SLOWLOG and LATENCY.

use super::runner::Runner;
use super::timing::TimedCommand;
use crate::commands::call::shown::shown;
use crate::commands::spec::Flag;
use crate::commands::state::latency_events::{LatencyEvent, LatencySample};
use crate::commands::state::session::NextStep;
use crate::commands::state::slow_log::SlowRequest;
use crate::resp::request::Arguments;

impl Runner<'_> {
    /// Notes a command that took long, or several in a row of which `request` was the last.
    #[cold]
    pub(super) fn note_slow(&self, timed: TimedCommand, request: Option<Arguments<'_>>) {
        let spec = timed.entry.spec;
        // As in Redis, the bounds after the command decide, which may have changed them.
        let (host, config) = (self.host, self.host.config());
        let at_s = host.clock.now_ms() / 1000;
        let elapsed_us = timed.elapsed_ns / 1000;
        if config.slowlog_us().is_some_and(|bound_us| elapsed_us >= bound_us) && !spec.has(Flag::SkipSlowlog)
        {
            let arguments = match request {
                Some(request) => shown(spec, request),
                None => vec![spec.name.as_bytes().into()],
            };
            let client = &self.session.client;
            let (address, name) = (client.peer.address.to_string(), client.names.lock().name.clone());
            let slow = SlowRequest { arguments, elapsed_us, at_s, address, name };
            if self.ran.next == NextStep::Wait {
                // As in Redis, a command that blocks is shown once its wait is over, with the time that it ran.
                *client.slow_wait.lock() = Some(slow);
            } else {
                host.slow_log.add(slow, config.slowlog_max_len);
            }
        }
        let elapsed_ms = elapsed_us / 1000;
        if config.latency_monitor_ms().is_some_and(|bound_ms| elapsed_ms >= bound_ms) {
            let event = if spec.has(Flag::Fast) { LatencyEvent::FastCommand } else { LatencyEvent::Command };
            host.latency_events.note(event, LatencySample { at_s, elapsed_ms });
        }
    }
}
