//! The metrics of redis_exporter: what INFO and CONFIG GET say, under its names and labels.

use super::facts::{Facts, number, part};
use super::fields::{COUNTERS, GAUGES};
use super::page::MetricType::{Counter, Gauge, Histogram, Summary};
use super::page::{Labels, MetricType, Page};
use crate::commands::CommandLatencies;
use crate::commands::state::host::Host;

/// Adds the metrics of redis_exporter.
pub(super) fn write(page: &mut Page, host: &Host, facts: &Facts<'_>, latencies: &[CommandLatencies]) {
    page.gauge("redis_up", "Whether the server answers", 1.0);
    for (kind, fields) in [(Gauge, GAUGES), (Counter, COUNTERS)] {
        for (field, name) in fields {
            if let Some(value) = facts.number(field) {
                page.family(name, kind, &format!("{field} of INFO")).sample(&[], value);
            }
        }
    }
    let uptime_s = facts.number("uptime_in_seconds").unwrap_or_default();
    let now_s = (host.clock.now_ms() / 1000) as f64;
    page.gauge("redis_start_time_seconds", "When the server started, in unix seconds", now_s - uptime_s);
    let fork_s = facts.number("latest_fork_usec").unwrap_or_default() / 1e6;
    page.gauge("redis_latest_fork_seconds", "Always 0: rankd does not fork", fork_s);
    instance(page, facts);
    replication(page, facts);
    databases(page, host, facts);
    commands(page, facts, latencies);
    errors(page, facts);
    slowness(page, host);
    configuration(page, host);
}

fn instance(page: &mut Page, facts: &Facts<'_>) {
    let fields = [
        "role",
        "redis_version",
        "redis_build_id",
        "redis_mode",
        "os",
        "maxmemory_policy",
        "tcp_port",
        "run_id",
        "process_id",
        "master_replid",
        "rankd_version",
    ];
    let labels = fields.map(|field| (field, facts.text(field)));
    page.family("redis_instance_info", Gauge, "What runs here").sample(&labels, 1.0);
}

fn replication(page: &mut Page, facts: &Facts<'_>) {
    let master = [("master_host", facts.text("master_host")), ("master_port", facts.text("master_port"))];
    if facts.text("role") == "slave" {
        let info = [master[0], master[1], ("read_only", facts.text("slave_read_only"))];
        page.family("redis_slave_info", Gauge, "The master of this replica").sample(&info, 1.0);
        let is_up = f64::from(u8::from(facts.text("master_link_status") == "up"));
        page.family("redis_master_link_up", Gauge, "Whether the master is connected").sample(&master, is_up);
    }
    for field in ["master_last_io_seconds_ago", "master_sync_in_progress", "slave_repl_offset"] {
        if let Some(value) = facts.number(field) {
            let name = format!("redis_{field}");
            page.family(&name, Gauge, &format!("{field} of INFO")).sample(&master, value);
        }
    }
    let replicas = || {
        let numbered = |(index, value): (&str, _)| index.parse::<u32>().is_ok().then_some(value);
        facts.named("Replication", "slave").filter_map(numbered)
    };
    for (name, field, help) in [
        ("redis_connected_slave_offset_bytes", "offset", "How far a replica has confirmed the stream"),
        ("redis_connected_slave_lag_seconds", "lag", "Seconds since a replica was last heard of"),
    ] {
        let mut family = page.family(name, Gauge, help);
        for replica in replicas() {
            let label = |name| part(replica, name).unwrap_or_default();
            let labels =
                [("slave_ip", label("ip")), ("slave_port", label("port")), ("slave_state", label("state"))];
            if let Some(value) = number(label(field)) {
                family.sample(&labels, value);
            }
        }
    }
}

fn databases(page: &mut Page, host: &Host, facts: &Facts<'_>) {
    for (name, field, unit, help) in [
        ("redis_db_keys", "keys", 1.0, "Keys of a database"),
        ("redis_db_keys_expiring", "expires", 1.0, "Keys of a database that expire"),
        ("redis_db_avg_ttl_seconds", "avg_ttl", 1e-3, "How long the expiring keys of a database have left"),
    ] {
        let mut family = page.family(name, Gauge, help);
        for index in host.databases() {
            let database = format!("db{index}");
            let value = part(facts.text(&database), field).and_then(number);
            // As in redis_exporter, an empty database has no lifetimes.
            if let Some(value) = value.or((field != "avg_ttl").then_some(0.0)) {
                family.sample(&[("db", &database)], value * unit);
            }
        }
    }
}

fn commands(page: &mut Page, facts: &Facts<'_>, latencies: &[CommandLatencies]) {
    let each = |page: &mut Page, name, field, unit, help| {
        let mut family = page.family(name, Counter, help);
        for (command, value) in facts.named("Commandstats", "cmdstat_") {
            let value = part(value, field).and_then(number).unwrap_or_default();
            family.sample(&[("cmd", command)], value * unit);
        }
    };
    each(page, "redis_commands_total", "calls", 1.0, "Calls of a command");
    each(page, "redis_commands_duration_seconds_total", "usec", 1e-6, "Time of the calls of a command");
    each(page, "redis_commands_rejected_calls_total", "rejected_calls", 1.0, "Calls that were not run");
    each(page, "redis_commands_failed_calls_total", "failed_calls", 1.0, "Calls that ended with an error");

    let name = "redis_latency_percentiles_usec";
    let mut family = page.family(name, Summary, "Percentiles of the time of a call, in microseconds");
    for (command, value) in facts.named("Latencystats", "latency_percentiles_usec_") {
        let percentiles = value.split(',').filter_map(|part| {
            let (percentile, us) = part.strip_prefix('p')?.split_once('=')?;
            Some((percentile.to_owned(), number(us)?))
        });
        let of = latencies.iter().find(|of| of.name == command);
        let (calls, total_ns) = of.map_or((0, 0), |of| (of.latencies.calls(), of.total_ns));
        family.summary(&[("cmd", command)], percentiles, calls as f64, total_ns as f64 / 1e3);
    }
    let name = "redis_commands_latencies_usec";
    let mut family = page.family(name, Histogram, "The time of a call, in microseconds");
    for of in latencies {
        let buckets = of.latencies.below_powers().map(|(ns, calls)| (ns as f64 / 1e3, calls));
        let sum_us = of.total_ns as f64 / 1e3;
        family.histogram(&[("cmd", of.name)], buckets, of.latencies.calls(), sum_us);
    }
}

fn errors(page: &mut Page, facts: &Facts<'_>) {
    let mut family = page.family("redis_errors_total", Counter, "Error replies by their first word");
    for (code, value) in facts.named("Errorstats", "errorstat_") {
        family.sample(&[("err", code)], part(value, "count").and_then(number).unwrap_or_default());
    }
}

fn slowness(page: &mut Page, host: &Host) {
    let newest = host.slow_log.newest(1);
    let (id, us) = newest.first().map_or((0, 0), |entry| (entry.id, entry.request.elapsed_us));
    page.gauge("redis_slowlog_length", "Entries of SLOWLOG", host.slow_log.count() as f64);
    page.gauge("redis_slowlog_last_id", "The number of the last entry of SLOWLOG", id as f64);
    let name = "redis_last_slow_execution_duration_seconds";
    page.gauge(name, "How long the last entry of SLOWLOG took", us as f64 / 1e6);
    let events: Vec<_> = host
        .latency_events
        .all()
        .into_iter()
        .filter_map(|(event, series)| Some((event.name(), *series.samples.back()?)))
        .collect();
    let mut family =
        page.family("redis_latency_spike_last", Gauge, "When an event of LATENCY was last noted");
    events.iter().for_each(|(name, last)| family.sample(&[("event_name", name)], last.at_s as f64));
    let name = "redis_latency_spike_duration_seconds";
    let mut family = page.family(name, Gauge, "How long the last event of LATENCY took");
    let seconds = |ms: u64| ms as f64 / 1e3;
    events.iter().for_each(|(name, last)| family.sample(&[("event_name", name)], seconds(last.elapsed_ms)));
}

fn configuration(page: &mut Page, host: &Host) {
    let config = host.config();
    let value = |name: &str| config.printed(name).unwrap_or_default();
    for (directive, name) in [
        ("maxclients", "redis_config_maxclients"),
        ("maxmemory", "redis_config_maxmemory"),
        ("io-threads", "redis_config_io_threads"),
        ("repl-backlog-size", "redis_config_repl_backlog_size"),
    ] {
        if let Some(value) = number(&value(directive)) {
            page.gauge(name, &format!("The directive {directive}"), value);
        }
    }
    let limits = value("client-output-buffer-limit");
    let words: Vec<&str> = limits.split(' ').collect();
    let mut each = |name, kind: MetricType, help, wanted: &[(usize, &str)]| {
        let mut family = page.family(name, kind, help);
        for class in words.chunks_exact(4) {
            for (at, limit) in wanted {
                let labels: Labels<'_> = &[("class", class[0]), ("limit", limit)];
                family.sample(labels, number(class[*at]).unwrap_or_default());
            }
        }
    };
    let name = "redis_config_client_output_buffer_limit_bytes";
    each(name, Gauge, "The directive client-output-buffer-limit", &[(1, "hard"), (2, "soft")]);
    let name = "redis_config_client_output_buffer_limit_overcome_seconds";
    each(name, Gauge, "For how long the soft limit may be exceeded", &[(3, "soft")]);
}
