//! INFO: facts about the server for operators, exporters and clients, in Redis's sections and field names.

use super::footprint::Footprint;
use crate::commands::call::error::Outcome;
use crate::commands::call::{Call, text};
use crate::commands::spec::table::table;
use crate::commands::spec::{AllKeys, CommandSpec, Flag, Group, Handler};
use crate::commands::state::client::Client;
use crate::commands::state::counter::Counter;
use crate::commands::state::host::{Host, Loading};
use crate::commands::state::latency::Latencies;
use crate::commands::state::stats::Done;
use crate::machine::usage;
use crate::resp::reply::Reply;
use crate::store::Shards;
use std::fmt::Write;
use std::sync::atomic::Ordering;

/// The version that INFO and HELLO name. Clients choose the commands that they send by it. Valkey names the same.
pub(in crate::commands) const REDIS_VERSION: &str = "7.2.4";

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "info",
    syntax: "[section [section ...]]",
    summary: "Describes the server in sections",
    group: Group::Server,
    arity: -1,
    flags: &[Flag::Loading, Flag::Stale],
    categories: &["@dangerous"],
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    run: Handler::OwnLocks(info),
    ..CommandSpec::BASE
}];

/// A section: its name, whether INFO without arguments shows it, and the function that writes it.
type Section = (&'static str, bool, fn(&Host, &Shards<'_, '_>, &mut String));

const SECTIONS: &[Section] = &[
    ("Server", true, server),
    ("Clients", true, clients),
    ("Memory", true, memory),
    ("Persistence", true, persistence),
    ("Threads", true, threads),
    ("Stats", true, stats),
    ("Replication", true, replication),
    ("CPU", true, cpu),
    ("Modules", true, |_, _, _| {}),
    ("Commandstats", false, command_stats),
    ("Errorstats", true, error_stats),
    ("Latencystats", false, latency_stats),
    ("Cluster", true, cluster),
    ("Keyspace", true, keyspace),
    ("Ranking", true, ranking),
];

fn info(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let wanted: Vec<String> = call.cursor(1).map(|word| text(word).to_ascii_lowercase()).collect();
    let names = |word: &str| wanted.iter().any(|name| name == word);
    let all = names("all") || names("everything");
    let default = wanted.is_empty() || names("default");
    let mut out = String::with_capacity(4096);
    for (name, by_default, write) in SECTIONS {
        if all || (default && *by_default) || names(&name.to_ascii_lowercase()) {
            if !out.is_empty() {
                out.push_str("\r\n");
            }
            line(&mut out, format_args!("# {name}"));
            write(keys.host, &keys.shards, &mut out);
        }
    }
    reply.verbatim(&out);
    Ok(())
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
    out.push_str("\r\n");
}

/// A counter summed over the threads.
fn sum(host: &Host, counter: impl Fn(&crate::commands::state::stats::Stats) -> &Counter) -> u64 {
    host.stats.iter().map(|stats| counter(stats).get()).sum()
}

fn server(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    let now_us = host.clock.now_us();
    let uptime_s = (now_us / 1000).saturating_sub(host.started_ms) / 1000;
    line(out, format_args!("redis_version:{REDIS_VERSION}"));
    line(out, format_args!("server_name:rankd"));
    line(out, format_args!("rankd_version:{}", env!("CARGO_PKG_VERSION")));
    line(out, format_args!("redis_mode:standalone"));
    line(out, format_args!("os:{} {}", std::env::consts::OS, std::env::consts::ARCH));
    line(out, format_args!("arch_bits:{}", usize::BITS));
    line(out, format_args!("process_id:{}", std::process::id()));
    line(out, format_args!("run_id:{}", host.run_id));
    line(out, format_args!("tcp_port:{}", host.port));
    line(out, format_args!("server_time_usec:{now_us}"));
    line(out, format_args!("uptime_in_seconds:{uptime_s}"));
    line(out, format_args!("uptime_in_days:{}", uptime_s / 86_400));
    line(out, format_args!("config_file:{}", host.config_file));
}

fn clients(host: &Host, shards: &Shards<'_, '_>, out: &mut String) {
    line(out, format_args!("connected_clients:{}", host.clients.len()));
    line(out, format_args!("maxclients:{}", host.config().maxclients));
    let clients = host.clients.all();
    let count = |is_so: fn(&Client) -> bool| clients.iter().filter(|client| is_so(client)).count();
    line(out, format_args!("blocked_clients:{}", count(Client::is_blocked)));
    line(out, format_args!("tracking_clients:{}", host.tracking.counts().clients));
    line(out, format_args!("pubsub_clients:{}", count(Client::is_subscribed)));
    line(
        out,
        format_args!("watching_clients:{}", count(|client| client.watched.load(Ordering::Relaxed) > 0)),
    );
    line(out, format_args!("total_watched_keys:{}", shards.watched_keys()));
    line(out, format_args!("total_blocking_keys:{}", shards.awaited_keys()));
    line(out, format_args!("total_blocking_keys_on_nokey:0"));
}

fn memory(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    let found = Footprint::of(host);
    let Footprint { used, peak, resident: rss, startup, overhead, .. } = found;
    let dataset = found.dataset();
    line(out, format_args!("used_memory:{used}"));
    line(out, format_args!("used_memory_human:{}", human(used)));
    line(out, format_args!("used_memory_rss:{rss}"));
    line(out, format_args!("used_memory_rss_human:{}", human(rss)));
    line(out, format_args!("used_memory_peak:{peak}"));
    line(out, format_args!("used_memory_peak_human:{}", human(peak)));
    line(out, format_args!("used_memory_peak_perc:{:.2}%", found.peak_percent()));
    line(out, format_args!("used_memory_overhead:{overhead}"));
    line(out, format_args!("used_memory_startup:{startup}"));
    line(out, format_args!("used_memory_dataset:{dataset}"));
    line(out, format_args!("used_memory_dataset_perc:{:.2}%", found.dataset_percent()));
    line(out, format_args!("used_memory_lua:0"));
    line(out, format_args!("maxmemory:0"));
    line(out, format_args!("maxmemory_human:0B"));
    line(out, format_args!("maxmemory_policy:noeviction"));
    line(out, format_args!("mem_fragmentation_ratio:{:.2}", found.fragmentation()));
    line(out, format_args!("mem_allocator:jemalloc"));
}

/// A number of bytes with a unit, as Redis prints it.
fn human(bytes: usize) -> String {
    let value = bytes as f64;
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..1_048_576 => format!("{:.2}K", value / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.2}M", value / 1_048_576.0),
        _ => format!("{:.2}G", value / 1_073_741_824.0),
    }
}

fn persistence(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    let facts = host.process.persistence();
    let flag = u8::from;
    let status = |ok: bool| if ok { "ok" } else { "err" };
    let is_loading = host.is_loading();
    line(out, format_args!("loading:{}", flag(is_loading)));
    line(out, format_args!("async_loading:0"));
    let saves = host.process.saves();
    let seconds = |seconds: Option<u64>| seconds.map_or(-1, u64::cast_signed);
    line(out, format_args!("rdb_changes_since_last_save:{}", saves.changes_since));
    line(out, format_args!("rdb_bgsave_in_progress:{}", flag(saves.in_progress)));
    line(out, format_args!("rdb_last_save_time:{}", saves.last_unix_s));
    line(out, format_args!("rdb_last_bgsave_status:{}", status(saves.last_ok)));
    line(out, format_args!("rdb_last_bgsave_time_sec:{}", seconds(saves.last_s)));
    line(out, format_args!("rdb_current_bgsave_time_sec:{}", seconds(saves.current_s)));
    line(out, format_args!("rdb_saves:{}", saves.saves));
    line(out, format_args!("rdb_last_load_keys_expired:{}", saves.expired_keys_loaded));
    line(out, format_args!("rdb_last_load_keys_loaded:{}", saves.keys_loaded));
    line(out, format_args!("aof_enabled:{}", flag(facts.enabled)));
    line(out, format_args!("aof_rewrite_in_progress:{}", flag(facts.rewrite_in_progress)));
    line(out, format_args!("aof_rewrite_scheduled:0"));
    line(out, format_args!("aof_rewrites:{}", facts.rewrites));
    let failures = facts.rewrite_failures_in_a_row;
    line(out, format_args!("aof_rewrites_consecutive_failures:{failures}"));
    line(out, format_args!("aof_current_rewrite_time_sec:{}", seconds(facts.current_rewrite_s)));
    line(out, format_args!("aof_last_rewrite_time_sec:{}", seconds(facts.last_rewrite_s)));
    line(out, format_args!("aof_last_bgrewrite_status:{}", status(facts.last_rewrite_ok)));
    line(out, format_args!("aof_last_write_status:{}", status(facts.last_write_error.is_none())));
    if let Some(why) = &facts.last_write_error {
        line(out, format_args!("aof_last_write_error:{why}"));
    }
    line(out, format_args!("aof_current_size:{}", facts.current_size_bytes));
    line(out, format_args!("aof_base_size:{}", facts.base_size_bytes));
    line(out, format_args!("aof_buffer_length:{}", facts.pending_bytes));
    line(out, format_args!("aof_pending_rewrite:0"));
    line(out, format_args!("aof_pending_bio_fsync:0"));
    line(out, format_args!("aof_delayed_fsync:0"));
    line(out, format_args!("aof_fsyncs:{}", facts.fsyncs));
    line(out, format_args!("aof_failed_fsyncs:{}", facts.failed_fsyncs));
    if is_loading {
        loading(host, out);
    }
}

fn loading(host: &Host, out: &mut String) {
    let Loading { total_bytes, read_bytes } = host.process.loading();
    let elapsed_s = host.clock.now_ms().saturating_sub(host.started_ms) / 1000;
    let percent = 100.0 * read_bytes as f64 / total_bytes.max(1) as f64;
    let left_bytes = u128::from(total_bytes.saturating_sub(read_bytes));
    // As Redis, which says 1 in the first second.
    let left_s = match elapsed_s {
        0 => 1,
        _ => u128::from(elapsed_s) * left_bytes / (u128::from(read_bytes) + 1),
    };
    line(out, format_args!("loading_start_time:{}", host.started_ms / 1000));
    line(out, format_args!("loading_total_bytes:{total_bytes}"));
    line(out, format_args!("loading_loaded_bytes:{read_bytes}"));
    line(out, format_args!("loading_loaded_perc:{percent:.2}"));
    line(out, format_args!("loading_eta_seconds:{left_s}"));
}

fn threads(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    let (own, aside) = host.stats.split_at(host.stats.len() / 2);
    for (index, (own, aside)) in own.iter().zip(aside).enumerate() {
        let commands = own.commands.get() + aside.commands.get();
        line(out, format_args!("io_thread_{index}:commands={commands}"));
    }
}

fn stats(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    line(out, format_args!("total_connections_received:{}", sum(host, |stats| &stats.connections)));
    line(out, format_args!("total_commands_processed:{}", sum(host, |stats| &stats.commands)));
    let commands_per_second = host.rates.per_second(|done| done.commands);
    line(out, format_args!("instantaneous_ops_per_sec:{commands_per_second:.0}"));
    line(out, format_args!("total_net_input_bytes:{}", sum(host, |stats| &stats.input_bytes)));
    line(out, format_args!("total_net_output_bytes:{}", sum(host, |stats| &stats.output_bytes)));
    let kilobytes = |what: fn(&Done) -> u64| host.rates.per_second(what) / 1024.0;
    line(out, format_args!("instantaneous_input_kbps:{:.2}", kilobytes(|done| done.input_bytes)));
    line(out, format_args!("instantaneous_output_kbps:{:.2}", kilobytes(|done| done.output_bytes)));
    line(out, format_args!("rejected_connections:{}", sum(host, |stats| &stats.rejected_connections)));
    line(out, format_args!("expired_subkeys:{}", host.store.expired_fields()));
    line(out, format_args!("expired_keys:{}", host.store.expired_keys()));
    line(out, format_args!("evicted_keys:0"));
    line(out, format_args!("keyspace_hits:{}", sum(host, |stats| &stats.keyspace_hits)));
    line(out, format_args!("keyspace_misses:{}", sum(host, |stats| &stats.keyspace_misses)));
    let (channels, patterns) = host.channels.len();
    line(out, format_args!("pubsub_channels:{channels}"));
    line(out, format_args!("pubsub_patterns:{patterns}"));
    let tracked = host.tracking.counts();
    line(out, format_args!("tracking_total_keys:{}", tracked.keys));
    line(out, format_args!("tracking_total_items:{}", tracked.items));
    line(out, format_args!("tracking_total_prefixes:{}", tracked.prefixes));
    line(out, format_args!("latest_fork_usec:0"));
    line(out, format_args!("total_error_replies:{}", host.errors.counts().values().sum::<u64>()));
    line(out, format_args!("client_output_buffer_limit_disconnections:{}", host.clients.cut_off()));
    // There are no ACLs: only wrong passwords are denied.
    let denied = host.errors.counts().get("WRONGPASS").copied().unwrap_or(0);
    line(out, format_args!("acl_access_denied_auth:{denied}"));
    line(out, format_args!("acl_access_denied_cmd:0"));
    line(out, format_args!("acl_access_denied_key:0"));
    line(out, format_args!("acl_access_denied_channel:0"));
    line(out, format_args!("internal_errors:{}", sum(host, |stats| &stats.panics)));
}

fn replication(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    line(out, format_args!("role:master"));
    line(out, format_args!("connected_slaves:0"));
    line(out, format_args!("master_failover_state:no-failover"));
    line(out, format_args!("master_replid:{}", host.run_id));
    line(out, format_args!("master_replid2:{}", "0".repeat(40)));
    line(out, format_args!("master_repl_offset:0"));
    line(out, format_args!("second_repl_offset:-1"));
    line(out, format_args!("repl_backlog_active:0"));
    line(out, format_args!("repl_backlog_size:0"));
    line(out, format_args!("repl_backlog_first_byte_offset:0"));
    line(out, format_args!("repl_backlog_histlen:0"));
}

fn cpu(_: &Host, _: &Shards<'_, '_>, out: &mut String) {
    let (user_s, system_s) = usage::cpu_seconds();
    line(out, format_args!("used_cpu_sys:{system_s:.6}"));
    line(out, format_args!("used_cpu_user:{user_s:.6}"));
}

fn command_stats(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    for (place, entry) in table().entries().iter().enumerate() {
        let of = |counter: fn(&crate::commands::state::stats::CommandStats) -> &Counter| {
            sum(host, |stats| counter(&stats.by_command[place]))
        };
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

fn error_stats(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    for (code, count) in host.errors.counts() {
        line(out, format_args!("errorstat_{code}:count={count}"));
    }
}

fn latency_stats(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
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

fn cluster(_: &Host, _: &Shards<'_, '_>, out: &mut String) {
    line(out, format_args!("cluster_enabled:0"));
}

fn keyspace(host: &Host, shards: &Shards<'_, '_>, out: &mut String) {
    for database in host.databases() {
        let size = shards.size(database);
        if size.keys > 0 {
            let average_ms = size.expiry_sum_ms / (size.expiring_keys as u128).max(1);
            let left_ms = average_ms.saturating_sub(u128::from(host.clock.now_ms()));
            line(
                out,
                format_args!(
                    "db{database}:keys={},expires={},avg_ttl={left_ms},subexpiry={}",
                    size.keys, size.expiring_keys, size.dated_keys
                ),
            );
        }
    }
}

fn ranking(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    let kept = host.friend_rankings.stats();
    let persistence = host.process.persistence();
    line(out, format_args!("log_seq:{}", persistence.last_seq));
    line(out, format_args!("log_lag:{}", persistence.pending_bytes));
    line(out, format_args!("friendrank_kept_results:{}", kept.results));
    line(out, format_args!("friendrank_kept_bytes:{}", kept.bytes));
    line(out, format_args!("friendrank_kept_hits:{}", kept.hits));
    line(out, format_args!("friendrank_kept_misses:{}", kept.misses));
}
