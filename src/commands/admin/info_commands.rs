//! The sections of INFO about commands: their counts and times, and their errors.

use super::info_lines::{line, sum};
use crate::commands::spec::Group;
use crate::commands::spec::table::table;
use crate::commands::state::host::Host;
use crate::commands::state::stats::CommandStats;
use crate::machine::counter::Counter;
use crate::machine::latency::Latencies;
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

/// What is known of how long the calls of one command took.
#[derive(Debug)]
pub struct CommandLatencies {
    /// Its name, with that of its container: `config|get`.
    pub name: &'static str,
    /// Its group.
    pub group: Group,
    /// The calls, by the time that they took. They are counted while `latency-tracking` is on.
    pub latencies: Latencies,
    /// The time of all calls, in nanoseconds.
    pub total_ns: u64,
}

impl Host {
    /// How long calls took, of each command of which there were calls. O(commands x threads).
    pub fn command_latencies(&self) -> impl Iterator<Item = CommandLatencies> {
        table().entries().iter().enumerate().filter_map(|(place, entry)| {
            let latencies = Latencies::of(self.stats.iter().map(|stats| &stats.by_command[place].latencies));
            let total_ns = sum(self, |stats| &stats.by_command[place].nanoseconds);
            let (name, group) = (entry.full_name.as_str(), entry.spec.group);
            (!latencies.is_empty()).then_some(CommandLatencies { name, group, latencies, total_ns })
        })
    }
}

pub(super) fn error_stats(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    for (code, count) in host.errors.counts() {
        line(out, format_args!("errorstat_{code}:count={count}"));
    }
}

pub(super) fn latency_stats(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    for CommandLatencies { name, latencies, .. } in host.command_latencies() {
        let percentile = |percent: &f64| format!("p{percent}={:.3}", latencies.percentile_us(*percent));
        let shown: Vec<String> = host.config().latency_percentiles.iter().map(percentile).collect();
        line(out, format_args!("latency_percentiles_usec_{name}:{}", shown.join(",")));
    }
}
