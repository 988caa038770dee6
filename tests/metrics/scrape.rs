//! What /metrics has.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{Metered, get, tool};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

/// Does something of everything that metrics are about.
pub(super) fn use_everything(metered: &Metered) {
    let mut client = metered.client();
    client.ask("CONFIG SET latency-monitor-threshold 1 slowlog-log-slower-than 0");
    for line in [
        "ZADD board 1 a 2 b 4 c",
        "FRIENDRANK board a MEMBERS 1 b",
        "LB.TOP board 2",
        "SET text x EX 1000",
        "GET board",
        "NOSUCH",
        "SELECT 3",
        "SADD elsewhere x",
        "DEBUG SLEEP 0.01",
        "CONFIG SET latency-monitor-threshold 0",
    ] {
        client.ask(line);
    }
}

#[test]
fn promtool_reads_a_scrape_and_likes_the_names_of_rankd() {
    let metered = Metered::rankd(&["--enable-debug-command", "yes", "--metrics-boards", "b*"]);
    use_everything(&metered);
    let page = get(metered.metrics, "/metrics");
    assert!(page.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{}", page.head);
    let Some(promtool) = tool("promtool", "prometheus") else { return };
    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    check.stdin.take().expect("piped").write_all(page.body.as_bytes()).expect("promtool reads");
    let output = check.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stderr);
    // Exit code 3 means that it dislikes names. Those of redis_exporter are given.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{:?}: {said}", output.status);
    let disliked: Vec<_> = said.lines().filter(|line| !line.starts_with("redis_")).collect();
    assert!(disliked.is_empty(), "{disliked:?}");
}

#[test]
fn metrics_say_what_happened() {
    let metered = Metered::rankd(&["--enable-debug-command", "yes", "--appendfsync", "always"]);
    use_everything(&metered);
    let scrape = metered.scrape();
    let value = |name: &str, labels: &[(&str, &str)]| scrape.value(name, labels);
    assert_eq!(value("redis_up", &[]), 1.0);
    assert_eq!(value("redis_commands_total", &[("cmd", "friendrank")]), 1.0);
    assert_eq!(value("redis_commands_failed_calls_total", &[("cmd", "get")]), 1.0);
    assert_eq!(value("redis_errors_total", &[("err", "WRONGTYPE")]), 1.0);
    assert_eq!(value("redis_db_keys", &[("db", "db0")]), 2.0);
    assert_eq!(value("redis_db_keys_expiring", &[("db", "db0")]), 1.0);
    assert!((900.0..=1000.0).contains(&value("redis_db_avg_ttl_seconds", &[("db", "db0")])));
    assert_eq!(value("redis_db_keys", &[("db", "db3")]), 1.0);
    assert_eq!(value("redis_db_keys", &[("db", "db15")]), 0.0);
    assert!(value("redis_latency_spike_duration_seconds", &[("event_name", "command")]) >= 0.01);
    assert!(value("redis_slowlog_length", &[]) >= 9.0);
    assert_eq!(value("redis_config_maxclients", &[]), 10_000.0);
    let limit = [("class", "pubsub"), ("limit", "hard")];
    assert_eq!(value("redis_config_client_output_buffer_limit_bytes", &limit), 33_554_432.0);
    assert_eq!(value("redis_instance_info", &[("role", "master"), ("redis_mode", "standalone")]), 1.0);
    let debug = [("cmd", "debug")];
    assert_eq!(value("redis_latency_percentiles_usec_count", &debug), 1.0);
    assert!(value("redis_latency_percentiles_usec", &[("cmd", "debug"), ("quantile", "99")]) >= 10_000.0);
    assert_eq!(value("redis_commands_latencies_usec_count", &debug), 1.0);
    assert!(value("redis_commands_latencies_usec_sum", &debug) >= 10_000.0);
    assert_eq!(value("redis_commands_latencies_usec_bucket", &[("cmd", "debug"), ("le", "8388.608")]), 0.0);
    assert_eq!(value("redis_commands_latencies_usec_bucket", &[("cmd", "debug"), ("le", "+Inf")]), 1.0);

    assert_eq!(value("rankd_boards", &[]), 1.0);
    assert_eq!(value("rankd_members", &[]), 3.0);
    for command in ["friendrank", "lb.top"] {
        assert_eq!(value("rankd_command_duration_seconds_count", &[("cmd", command)]), 1.0, "{command}");
    }
    assert!(scrape.all("rankd_command_duration_seconds_count").len() == 2, "no commands of Redis");
    // ZADD, FRIENDRANK, LB.TOP, SET, GET, SADD.
    let commands: f64 = scrape.all("rankd_shard_commands_total").iter().map(|sample| sample.value).sum();
    assert_eq!((scrape.all("rankd_shard_commands_total").len(), commands), (64, 6.0));
    let threads: f64 = scrape.all("rankd_thread_commands_total").iter().map(|sample| sample.value).sum();
    assert_eq!(threads, value("redis_commands_processed_total", &[]));
    assert_eq!(value("rankd_journal_records_total", &[]), 3.0);
    let fsyncs = value("rankd_journal_fsyncs_total", &[]);
    assert!(fsyncs >= 3.0);
    assert_eq!(value("rankd_journal_fsync_duration_seconds_count", &[]), fsyncs);
    assert!(value("rankd_journal_fsync_duration_seconds_sum", &[]) > 0.0);
    for name in ["refusing", "unwritten_bytes", "unsynced_bytes", "unsynced_seconds"] {
        assert_eq!(value(&format!("rankd_journal_{name}"), &[]), 0.0, "{name}");
    }
}

/// A transaction is as many commands of a shard as it has.
#[test]
fn commands_of_a_transaction_and_of_a_pipeline_are_counted_for_their_shard() {
    let metered = Metered::rankd(&["--appendonly", "no"]);
    let mut client = metered.client();
    for line in ["MULTI", "ZADD board 1 a", "ZADD board 2 b", "ZCARD board"] {
        client.ask(line);
    }
    assert_eq!(client.ask("EXEC").items().len(), 3);
    for member in 0..500 {
        client.send(&["ZADD", "board", "1", &member.to_string()]);
    }
    (0..500).for_each(|_| assert_eq!(client.reply(), Reply::Integer(1)));
    let scrape = metered.scrape();
    let busy: Vec<f64> = scrape.all("rankd_shard_commands_total").iter().map(|sample| sample.value).collect();
    assert_eq!(busy.iter().filter(|commands| **commands > 0.0).collect::<Vec<_>>(), [&503.0]);
    assert!(scrape.all("rankd_journal_unsynced_bytes").is_empty(), "there is no journal");
}

#[test]
fn what_waits_for_the_disk_is_in_the_metrics_until_it_is_synced() {
    let metered = Metered::rankd(&[]);
    let mut client = metered.client();
    client.ask("ZADD board 1 a");
    // A write is on disk a second later at most, so the lag shows within that time and goes after it.
    let mut next = 0;
    wait_for("bytes that wait for the disk", || {
        next += 1;
        client.call(&["ZADD", "board", "1", &next.to_string()]);
        (metered.scrape().value("rankd_journal_unsynced_bytes", &[]) > 0.0).then_some(())
    });
    wait_for("the sync", || {
        let scrape = metered.scrape();
        let lag =
            ["bytes", "seconds"].map(|unit| scrape.value(&format!("rankd_journal_unsynced_{unit}"), &[]));
        (lag == [0.0, 0.0]).then_some(())
    });
    // The system decides when to sync.
    client.ask("CONFIG SET appendfsync no");
    assert!(metered.scrape().all("rankd_journal_unsynced_bytes").is_empty());
}

#[test]
fn without_a_port_there_is_no_thread() {
    let threads = |server: &Server| -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", server.id())).expect("a running process");
        let name =
            |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        tasks.map(|task| name(task.expect("a task")).trim().to_owned()).collect()
    };
    let off = Server::rankd_with(&[]);
    assert!(!threads(&off).iter().any(|name| name.starts_with("metrics")), "{:?}", threads(&off));
    let on = Metered::rankd(&[]);
    assert!(threads(&on.server).iter().any(|name| name == "metrics"), "{:?}", threads(&on.server));
    let told = format!("http://{}/metrics", on.metrics);
    on.server.says(&told);
}
