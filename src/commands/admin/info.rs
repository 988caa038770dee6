//! INFO: facts about the server for operators, exporters and clients, in Redis's sections and field names.

use super::info_lines::{line, sum};
use super::{info_commands, info_keys, info_memory};
use crate::commands::call::error::Outcome;
use crate::commands::call::{Call, text};
use crate::commands::spec::{AllKeys, CommandSpec, Flag, Group, Handler};
use crate::commands::state::client::Client;
use crate::commands::state::host::{Host, Loading};
use crate::commands::state::stats::{Done, Stats};
use crate::machine::counter::Counter;
use crate::machine::usage;
use crate::resp::reply::Reply;
use crate::store::Shards;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    ("Memory", true, |host, _, out| info_memory::write(host, out)),
    ("Persistence", true, persistence),
    ("Threads", true, threads),
    ("Stats", true, stats),
    ("Replication", true, |host, _, out| crate::commands::replication::info::write(host, out)),
    ("CPU", true, cpu),
    ("Modules", true, |_, _, _| {}),
    ("Commandstats", false, info_commands::command_stats),
    ("Errorstats", true, info_commands::error_stats),
    ("Latencystats", false, info_commands::latency_stats),
    ("Cluster", true, cluster),
    ("Keyspace", true, info_keys::keyspace),
    ("Keysizes", true, info_keys::key_sizes),
    ("Ranking", true, info_keys::ranking),
];

fn info(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let wanted: Vec<String> = call.cursor(1).map(|word| text(word).to_ascii_lowercase()).collect();
    let names = |word: &str| wanted.iter().any(|name| name == word);
    let all = names("all") || names("everything");
    let default = wanted.is_empty() || names("default");
    let is_wanted =
        |section: &Section| all || (default && section.1) || names(&section.0.to_ascii_lowercase());
    reply.verbatim(&sections(keys.host, &keys.shards, is_wanted));
    Ok(())
}

impl Host {
    /// All sections of INFO, as a client gets them. Locks one shard at a time.
    #[must_use]
    pub fn info(&self) -> String {
        sections(self, &Shards::free(&self.store), |_| true)
    }
}

/// The text of the sections that `is_wanted` names.
fn sections(host: &Host, shards: &Shards<'_, '_>, is_wanted: impl Fn(&Section) -> bool) -> String {
    let mut out = String::with_capacity(1024);
    for section in SECTIONS.iter().filter(|section| is_wanted(section)) {
        if !out.is_empty() {
            out.push_str("\r\n");
        }
        let (name, _, write) = section;
        line(&mut out, format_args!("# {name}"));
        write(host, shards, &mut out);
    }
    out
}

fn server(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    let now_us = host.clock.now_us();
    let uptime_s = (now_us / 1000).saturating_sub(host.started_ms) / 1000;
    line(out, format_args!("redis_version:{REDIS_VERSION}"));
    line(out, format_args!("server_name:rankd"));
    line(out, format_args!("rankd_version:{}", env!("CARGO_PKG_VERSION")));
    // rankd is not built by gcc, and tells no commit. Readers of these fields find them all the same.
    line(out, format_args!("redis_git_sha1:00000000"));
    line(out, format_args!("redis_git_dirty:0"));
    line(out, format_args!("redis_build_id:{}", env!("CARGO_PKG_VERSION")));
    line(out, format_args!("redis_mode:standalone"));
    line(out, format_args!("os:Linux {} {}", usage::kernel_release(), std::env::consts::ARCH));
    line(out, format_args!("arch_bits:{}", usize::BITS));
    line(out, format_args!("monotonic_clock:POSIX clock_gettime"));
    line(out, format_args!("multiplexing_api:epoll"));
    line(out, format_args!("atomicvar_api:rust"));
    line(out, format_args!("gcc_version:0.0.0"));
    line(out, format_args!("process_id:{}", std::process::id()));
    let supervised = if host.config().supervised.is_by_systemd() { "systemd" } else { "no" };
    line(out, format_args!("process_supervised:{supervised}"));
    line(out, format_args!("run_id:{}", host.run_id));
    let ports = host.process.ports();
    line(out, format_args!("tcp_port:{}", if ports.plain > 0 { ports.plain } else { ports.tls }));
    line(out, format_args!("server_time_usec:{now_us}"));
    line(out, format_args!("uptime_in_seconds:{uptime_s}"));
    line(out, format_args!("uptime_in_days:{}", uptime_s / 86_400));
    let config = host.config();
    line(out, format_args!("hz:10"));
    line(out, format_args!("configured_hz:{}", config.ignored_value("hz").unwrap_or("10")));
    line(out, format_args!("lru_clock:{}", now_us / 1_000_000 % (1 << 24)));
    let executable = std::env::current_exe().unwrap_or_default();
    line(out, format_args!("executable:{}", executable.display()));
    line(out, format_args!("config_file:{}", host.config_file));
    line(out, format_args!("io_threads_active:{}", u8::from(host.stats.len() > 2)));
    let binds: String = config.bind.iter().map(|address| format!("bind={address},")).collect();
    if ports.plain > 0 {
        line(out, format_args!("listener0:name=tcp,{binds}port={}", ports.plain));
    }
    if !config.unixsocket.is_empty() {
        line(out, format_args!("listener1:name=unix,bind={}", config.unixsocket));
    }
    if ports.tls > 0 {
        line(out, format_args!("listener2:name=tls,{binds}port={}", ports.tls));
    }
}

fn clients(host: &Host, shards: &Shards<'_, '_>, out: &mut String) {
    let replicas = host.process.replication().replicas.len();
    line(out, format_args!("connected_clients:{}", host.clients.len().saturating_sub(replicas)));
    line(out, format_args!("cluster_connections:0"));
    line(out, format_args!("maxclients:{}", host.config().maxclients));
    let clients = host.clients.all();
    let most = |bytes: fn(&Client) -> &AtomicUsize| {
        clients.iter().map(|client| bytes(client).load(Ordering::Relaxed)).max().unwrap_or(0)
    };
    let most_input = most(|client| &client.query_buffer_bytes);
    let most_output = most(|client| &client.output_buffer_bytes);
    line(out, format_args!("client_recent_max_input_buffer:{most_input}"));
    line(out, format_args!("client_recent_max_output_buffer:{most_output}"));
    let count = |is_so: fn(&Client) -> bool| clients.iter().filter(|client| is_so(client)).count();
    line(out, format_args!("blocked_clients:{}", count(Client::is_blocked)));
    line(out, format_args!("tracking_clients:{}", host.tracking.counts().clients));
    line(out, format_args!("pubsub_clients:{}", count(Client::is_subscribed)));
    line(
        out,
        format_args!("watching_clients:{}", count(|client| client.watched.load(Ordering::Relaxed) > 0)),
    );
    line(out, format_args!("clients_in_timeout_table:{}", count(has_timeout)));
    line(out, format_args!("total_watched_keys:{}", shards.watched_keys()));
    line(out, format_args!("total_blocking_keys:{}", shards.awaited_keys()));
    line(out, format_args!("total_blocking_keys_on_nokey:{}", shards.needed_keys()));
}

/// Whether a client waits for a limited time.
fn has_timeout(client: &Client) -> bool {
    client.waiting.lock().as_ref().is_some_and(|waiting| waiting.timeout().is_some())
}

fn persistence(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    let facts = host.process.persistence();
    let flag = u8::from;
    let status = |ok: bool| if ok { "ok" } else { "err" };
    let is_loading = host.is_loading();
    line(out, format_args!("loading:{}", flag(is_loading)));
    line(out, format_args!("async_loading:0"));
    line(out, format_args!("current_cow_peak:0"));
    line(out, format_args!("current_cow_size:0"));
    line(out, format_args!("current_cow_size_age:0"));
    line(out, format_args!("current_fork_perc:0.00"));
    line(out, format_args!("current_save_keys_processed:0"));
    line(out, format_args!("current_save_keys_total:0"));
    let saves = host.process.saves();
    let seconds = |seconds: Option<u64>| seconds.map_or(-1, u64::cast_signed);
    line(out, format_args!("rdb_changes_since_last_save:{}", saves.changes_since));
    line(out, format_args!("rdb_bgsave_in_progress:{}", flag(saves.in_progress)));
    line(out, format_args!("rdb_last_save_time:{}", saves.last_unix_s));
    line(out, format_args!("rdb_last_bgsave_status:{}", status(saves.last_ok)));
    line(out, format_args!("rdb_last_bgsave_time_sec:{}", seconds(saves.last_s)));
    line(out, format_args!("rdb_current_bgsave_time_sec:{}", seconds(saves.current_s)));
    line(out, format_args!("rdb_saves:{}", saves.saves));
    line(out, format_args!("rdb_last_cow_size:0"));
    line(out, format_args!("rdb_last_load_keys_expired:{}", saves.expired_keys_loaded));
    line(out, format_args!("rdb_last_load_keys_loaded:{}", saves.keys_loaded));
    line(out, format_args!("aof_enabled:{}", flag(facts.enabled)));
    line(out, format_args!("aof_rewrite_in_progress:{}", flag(facts.rewrite_in_progress)));
    line(out, format_args!("aof_rewrite_scheduled:0"));
    line(out, format_args!("aof_last_rewrite_time_sec:{}", seconds(facts.last_rewrite_s)));
    line(out, format_args!("aof_current_rewrite_time_sec:{}", seconds(facts.current_rewrite_s)));
    line(out, format_args!("aof_last_bgrewrite_status:{}", status(facts.last_rewrite_ok)));
    line(out, format_args!("aof_rewrites:{}", facts.rewrites));
    let failures = facts.rewrite_failures_in_a_row;
    line(out, format_args!("aof_rewrites_consecutive_failures:{failures}"));
    line(out, format_args!("aof_last_write_status:{}", status(facts.last_write_error.is_none())));
    if let Some(why) = &facts.last_write_error {
        line(out, format_args!("aof_last_write_error:{why}"));
    }
    line(out, format_args!("aof_last_cow_size:0"));
    line(out, format_args!("module_fork_in_progress:0"));
    line(out, format_args!("module_fork_last_cow_size:0"));
    line(out, format_args!("aof_current_size:{}", facts.current_size_bytes));
    line(out, format_args!("aof_base_size:{}", facts.base_size_bytes));
    line(out, format_args!("aof_pending_rewrite:0"));
    line(out, format_args!("aof_buffer_length:{}", facts.pending_bytes));
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
        let both = |counter: fn(&Stats) -> &Counter| counter(own).get() + counter(aside).get();
        let (commands, reads, writes) =
            (both(|stats| &stats.commands), both(|stats| &stats.reads), both(|stats| &stats.writes));
        line(out, format_args!("io_thread_{index}:commands={commands},reads={reads},writes={writes}"));
    }
}

fn stats(host: &Host, _: &Shards<'_, '_>, out: &mut String) {
    line(out, format_args!("total_connections_received:{}", sum(host, |stats| &stats.connections)));
    line(out, format_args!("total_commands_processed:{}", sum(host, |stats| &stats.commands)));
    let commands_per_second = host.rates.per_second(|done| done.commands);
    line(out, format_args!("instantaneous_ops_per_sec:{commands_per_second:.0}"));
    line(out, format_args!("total_net_input_bytes:{}", sum(host, |stats| &stats.input_bytes)));
    line(out, format_args!("total_net_output_bytes:{}", sum(host, |stats| &stats.output_bytes)));
    line(out, format_args!("total_net_repl_input_bytes:0"));
    let replication = host.process.replication();
    line(out, format_args!("total_net_repl_output_bytes:{}", replication.sent_bytes));
    let kilobytes = |what: fn(&Done) -> u64| host.rates.per_second(what) / 1024.0;
    line(out, format_args!("instantaneous_input_kbps:{:.2}", kilobytes(|done| done.input_bytes)));
    line(out, format_args!("instantaneous_output_kbps:{:.2}", kilobytes(|done| done.output_bytes)));
    line(out, format_args!("instantaneous_input_repl_kbps:0.00"));
    line(out, format_args!("instantaneous_output_repl_kbps:0.00"));
    line(out, format_args!("rejected_connections:{}", sum(host, |stats| &stats.rejected_connections)));
    for (name, count) in ["sync_full", "sync_partial_ok", "sync_partial_err"].iter().zip(replication.syncs) {
        line(out, format_args!("{name}:{count}"));
    }
    line(out, format_args!("expired_subkeys:{}", host.store.expired_fields()));
    line(out, format_args!("expired_keys:{}", host.store.expired_keys()));
    line(out, format_args!("expired_stale_perc:0.00"));
    line(out, format_args!("expired_time_cap_reached_count:0"));
    line(out, format_args!("expire_cycle_cpu_milliseconds:{}", host.expiry_ns.get() / 1_000_000));
    line(out, format_args!("evicted_keys:{}", host.store.evicted_keys()));
    line(out, format_args!("evicted_clients:{}", host.clients.evicted()));
    line(out, format_args!("evicted_scripts:{}", host.scripts.count().evicted));
    let (current_ms, total_ms) = host.shortage.lasted_ms(host.clock.monotonic_ns());
    line(out, format_args!("total_eviction_exceeded_time:{total_ms}"));
    line(out, format_args!("current_eviction_exceeded_time:{current_ms}"));
    line(out, format_args!("keyspace_hits:{}", sum(host, |stats| &stats.keyspace_hits)));
    line(out, format_args!("keyspace_misses:{}", sum(host, |stats| &stats.keyspace_misses)));
    let (channels, patterns) = host.channels.len();
    line(out, format_args!("pubsub_channels:{channels}"));
    line(out, format_args!("pubsub_patterns:{patterns}"));
    line(out, format_args!("pubsubshard_channels:{}", host.channels.shard_channels.len()));
    line(out, format_args!("latest_fork_usec:0"));
    line(out, format_args!("total_forks:0"));
    line(out, format_args!("migrate_cached_sockets:0"));
    line(out, format_args!("slave_expires_tracked_keys:0"));
    line(out, format_args!("active_defrag_hits:0"));
    line(out, format_args!("active_defrag_misses:0"));
    line(out, format_args!("active_defrag_key_hits:0"));
    line(out, format_args!("active_defrag_key_misses:0"));
    line(out, format_args!("total_active_defrag_time:0"));
    line(out, format_args!("current_active_defrag_time:0"));
    let tracked = host.tracking.counts();
    line(out, format_args!("tracking_total_keys:{}", tracked.keys));
    line(out, format_args!("tracking_total_items:{}", tracked.items));
    line(out, format_args!("tracking_total_prefixes:{}", tracked.prefixes));
    line(out, format_args!("unexpected_error_replies:0"));
    line(out, format_args!("total_error_replies:{}", host.errors.counts().values().sum::<u64>()));
    line(out, format_args!("dump_payload_sanitizations:0"));
    let (reads, writes) = (sum(host, |stats| &stats.reads), sum(host, |stats| &stats.writes));
    line(out, format_args!("total_reads_processed:{reads}"));
    line(out, format_args!("total_writes_processed:{writes}"));
    line(out, format_args!("io_threaded_reads_processed:{reads}"));
    line(out, format_args!("io_threaded_writes_processed:{writes}"));
    line(out, format_args!("io_threaded_total_prefetch_batches:0"));
    line(out, format_args!("io_threaded_total_prefetch_entries:0"));
    line(out, format_args!("client_query_buffer_limit_disconnections:{}", host.clients.overlong()));
    line(out, format_args!("client_output_buffer_limit_disconnections:{}", host.clients.cut_off()));
    line(out, format_args!("reply_buffer_shrinks:0"));
    line(out, format_args!("reply_buffer_expands:0"));
    line(out, format_args!("eventloop_cycles:0"));
    line(out, format_args!("eventloop_duration_sum:0"));
    line(out, format_args!("eventloop_duration_cmd_sum:0"));
    line(out, format_args!("instantaneous_eventloop_cycles_per_sec:0"));
    line(out, format_args!("instantaneous_eventloop_duration_usec:0"));
    for (reason, count) in host.users.denied() {
        line(out, format_args!("acl_access_denied_{}:{count}", reason.word_in_info()));
    }
    line(out, format_args!("internal_errors:{}", sum(host, |stats| &stats.panics)));
}

fn cpu(_: &Host, _: &Shards<'_, '_>, out: &mut String) {
    let (user_s, system_s) = usage::cpu_seconds();
    line(out, format_args!("used_cpu_sys:{system_s:.6}"));
    line(out, format_args!("used_cpu_user:{user_s:.6}"));
    line(out, format_args!("used_cpu_sys_children:0.000000"));
    line(out, format_args!("used_cpu_user_children:0.000000"));
    let (user_s, system_s) = usage::main_thread_cpu_seconds();
    line(out, format_args!("used_cpu_sys_main_thread:{system_s:.6}"));
    line(out, format_args!("used_cpu_user_main_thread:{user_s:.6}"));
}

fn cluster(_: &Host, _: &Shards<'_, '_>, out: &mut String) {
    line(out, format_args!("cluster_enabled:0"));
}
