//! The sections of INFO about commands: their counts and times, and their errors.

use super::info_lines::{line, sum};
use crate::commands::spec::table::table;
use crate::commands::state::counter::Counter;
use crate::commands::state::host::Host;
use crate::commands::state::latency::Latencies;
use crate::commands::state::stats::CommandStats;
use crate::store::Shards;

pub(super) fn command_stats(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    for (place, entry) in table().entries().iter().enumerate() {
        let of =
            |counter: fn(&CommandStats) -> &Counter| sum(host, |stats| counter(&stats.by_command[place]));
        let (calls, rejected) = (of(|stats| &stats.calls), of(|stats| &stats.rejected));
        if calls + rejected > 0 {
            let nanoseconds = of(|stats| &stats.nanoseconds);
            let per_call_us = nanoseconds as f64 / 1000.0 / calls.max(1) as f64;
            line(
                out,
                format_args!(
                    "cmdstat_{}:calls={calls},usec={},usec_per_call={per_call_us:.2},rejected_calls={rejected},failed_calls={}",
                    entry.full_name,
                    nanoseconds / 1000,
                    of(|stats| &stats.failed),
                ),
            );
        }
    }
}

pub(super) fn error_stats(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    for (code, count) in host.errors.counts() {
        line(out, format_args!("errorstat_{code}:count={count}"));
    }
}

pub(super) fn latency_stats(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    for (place, entry) in table().entries().iter().enumerate() {
        let latencies = Latencies::of(host.stats.iter().map(|stats| &stats.by_command[place].latencies));
        if !latencies.is_empty() {
            let percentile = |percent: &f64| format!("p{percent}={:.3}", latencies.percentile_us(*percent));
            let shown: Vec<String> = host.config().latency_percentiles.iter().map(percentile).collect();
            let name = &entry.full_name;
            line(out, format_args!("latency_percentiles_usec_{name}:{}", shown.join(",")));
        }
    }
}
