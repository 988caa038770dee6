//! The metrics that only rankd has: boards, its own commands, the journal, threads and shards.

use super::facts::{Facts, number, part};
use super::page::MetricType::{Counter, Gauge, Histogram};
use super::page::Page;
use crate::commands::CommandLatencies;
use crate::commands::spec::Group;
use crate::commands::state::host::Host;
use crate::config::FsyncPolicy;
use crate::journal::Journal;

/// Adds the metrics.
pub(super) fn write(
    page: &mut Page,
    host: &Host,
    facts: &Facts<'_>,
    latencies: &[CommandLatencies],
    journal: Option<&Journal>,
) {
    boards(page, facts);
    let name = "rankd_command_duration_seconds";
    let mut family = page.family(name, Histogram, "The time of a call of a command that Redis does not have");
    for of in latencies.iter().filter(|of| matches!(of.group, Group::Boards | Group::Friends)) {
        let buckets = of.latencies.below_powers().map(|(ns, calls)| (ns as f64 / 1e9, calls));
        let (calls, seconds) = (of.latencies.calls(), of.total_ns as f64 / 1e9);
        family.histogram(&[("cmd", of.name)], buckets, calls, seconds);
    }
    threads(page, facts);
    shards(page, host);
    if let Some(journal) = journal {
        of_journal(page, journal, host.config().appendfsync);
    }
}

fn boards(page: &mut Page, facts: &Facts<'_>) {
    let largest = facts.text("largest_board").split_once(':');
    let (database, key) = largest.unwrap_or_default();
    let mut family =
        page.family("rankd_largest_board_members", Gauge, "The number of members of the largest board");
    if let Some(members) = facts.number("largest_board_members").filter(|_| largest.is_some()) {
        family.sample(&[("db", database), ("board", key)], members);
    }
}

fn threads(page: &mut Page, facts: &Facts<'_>) {
    for (name, field, help) in [
        ("rankd_thread_commands_total", "commands", "Commands that a thread has run"),
        ("rankd_thread_reads_total", "reads", "Reads from sockets by a thread"),
        ("rankd_thread_writes_total", "writes", "Writes to sockets by a thread"),
    ] {
        let mut family = page.family(name, Counter, help);
        for (thread, value) in facts.named("Threads", "io_thread_") {
            if let Some(value) = part(value, field).and_then(number) {
                family.sample(&[("thread", thread)], value);
            }
        }
    }
}

fn shards(page: &mut Page, host: &Host) {
    let name = "rankd_shard_commands_total";
    let mut family = page.family(name, Counter, "Commands on the keys of a shard");
    for shard in 0..host.store.shard_count() {
        let commands: u64 = host.stats.iter().map(|stats| stats.commands_of_shard(shard)).sum();
        family.sample(&[("shard", &shard.to_string())], commands as f64);
    }
}

fn of_journal(page: &mut Page, journal: &Journal, policy: FsyncPolicy) {
    let lag = journal.lag();
    let is_refusing = f64::from(u8::from(journal.refusal().is_some()));
    page.gauge("rankd_journal_refusing", "Whether writes are refused", is_refusing);
    let help = "Bytes of records that no file has yet";
    page.gauge("rankd_journal_unwritten_bytes", help, lag.unwritten_bytes as f64);
    // With `no` the operating system decides when to sync, and tells nobody.
    if policy != FsyncPolicy::Never {
        let help = "Bytes in files that no fdatasync has covered yet";
        page.gauge("rankd_journal_unsynced_bytes", help, lag.unsynced_bytes as f64);
        let help = "For how long the oldest record has been waiting for an fdatasync";
        page.gauge("rankd_journal_unsynced_seconds", help, lag.unsynced_ms as f64 / 1e3);
    }
    let (times, total_ns) = journal.sync_times();
    let buckets = times.below_powers().map(|(ns, calls)| (ns as f64 / 1e9, calls));
    page.family("rankd_journal_fsync_duration_seconds", Histogram, "The time of an fdatasync of the journal")
        .histogram(&[], buckets, times.calls(), total_ns as f64 / 1e9);
}
