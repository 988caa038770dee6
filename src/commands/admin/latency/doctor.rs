//! LATENCY DOCTOR: what the samples say, and what can be done about it. The words are rankd's own.

use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::state::host::Host;
use crate::commands::state::latency_events::{LatencyEvent, LatencySeries};
use crate::resp::reply::Reply;
use std::fmt::Write;

pub(super) fn doctor(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let events = host.latency_events.all();
    let mut report = String::new();
    if events.is_empty() {
        report.push_str(match call.config.latency_monitor_ms() {
            None => {
                "Latency is not monitored. `CONFIG SET latency-monitor-threshold <milliseconds>` begins it: what takes \
                 that long or longer is noted from then on.\n"
            }
            Some(_) => "Nothing has taken as long as latency-monitor-threshold.\n",
        });
    }
    for (event, series) in events {
        let _ = writeln!(report, "- {}: {} {}", event.name(), describe(&series), advice(event));
    }
    reply.verbatim(&report);
    Ok(())
}

fn describe(series: &LatencySeries) -> String {
    let times = series.samples.iter().map(|sample| sample.elapsed_ms);
    let count = times.len() as u64;
    let mean = times.sum::<u64>() / count.max(1);
    let first_s = series.samples.front().map_or(0, |sample| sample.at_s);
    let span_s = series.samples.back().map_or(0, |sample| sample.at_s) - first_s;
    let often = match span_s.checked_div(count - 1) {
        Some(period_s) => format!(", one in {period_s} seconds"),
        None => String::new(),
    };
    let noun = if count == 1 { "second" } else { "seconds" };
    format!(
        "in {count} {noun} the server was busy for long{often}; {mean} ms on average, {} ms at most.",
        series.longest_ms
    )
}

fn advice(event: LatencyEvent) -> &'static str {
    match event {
        LatencyEvent::Command => {
            "SLOWLOG GET shows which commands these were. Fetch large keys in parts, with ranges or SCAN."
        }
        LatencyEvent::FastCommand => {
            "These commands take little time by themselves: they waited for a key's lock behind a long command \
             (SLOWLOG GET), or for a processor."
        }
        LatencyEvent::Expiry => {
            "Many keys or fields expired at the same moment. Spread the times at which they expire."
        }
        LatencyEvent::Eviction => {
            "Keys were evicted for long at once. Lower `maxmemory-eviction-tenacity`, or evict fewer and larger values."
        }
        LatencyEvent::JournalWrite => {
            "The disk took the journal's records slowly. Move `dir` to a faster disk, or keep others from it."
        }
        LatencyEvent::JournalSync => {
            "The disk synced slowly. A faster disk helps; with `appendfsync always` every write waits for it."
        }
    }
}
