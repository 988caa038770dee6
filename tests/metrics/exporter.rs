//! redis_exporter as Debian ships it: it scrapes rankd without an error, and what it would say of Redis is in /metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};

use super::scrape::use_everything;
use super::{Metered, Scrape, get, tool};
use crate::support::server::{Peer, Server, free_address};
use crate::support::wait_for;

/// Metrics of the exporter that rankd does not have.
const WITHOUT: [&str; 3] = [
    // It takes the number of keys with expiring fields for KeyDB's number of cached keys.
    "redis_db_keys_cached",
    // About the exporter itself.
    "redis_last_key_groups_scrape_duration_milliseconds",
    "redis_target_scrape_request_errors_total",
];

/// A count that Debian's version of the exporter calls a gauge, and later ones a counter.
const COUNTER: &str = "redis_expired_time_cap_reached_total";

/// The exporter, killed at the end of the test.
struct Exporter(Child);

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the exporter says of the server at `port`; `None` if it is not on this machine.
fn exported(port: u16) -> Option<Scrape> {
    let program = tool("prometheus-redis-exporter", "prometheus-redis-exporter")?;
    let listen = free_address();
    let exporter = Command::new(program)
        .args(["-redis.addr", &format!("redis://127.0.0.1:{port}")])
        .args(["-web.listen-address", &listen.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _exporter = Exporter(exporter.expect("the exporter runs"));
    wait_for("the exporter", || std::net::TcpStream::connect(listen).ok());
    Some(Scrape::of(&get_old(listen)))
}

/// A page without chunks, as HTTP/1.0 has it.
fn get_old(address: std::net::SocketAddr) -> String {
    let said = super::exchange(address, b"GET /metrics HTTP/1.0\r\n\r\n").expect("a page");
    super::page(&said).body
}

/// The metrics of Redis in a scrape: the type of each, and the names of its labels.
fn shapes(scrape: &Scrape) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut shapes = BTreeMap::new();
    for (name, kind) in &scrape.types {
        // Lists of numbers, of which it takes those that look like one number: `redis_db0_distrib_strings_sizes`.
        let is_list = name.contains("_distrib_");
        let is_wanted = name.starts_with("redis_")
            && !name.starts_with("redis_exporter_")
            && !is_list
            && !WITHOUT.contains(&name.as_str());
        let parts = ["", "_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}"));
        let samples = scrape.samples.iter().filter(|sample| parts.contains(&sample.name));
        let kind = if name == COUNTER { "counter" } else { kind };
        let labels = samples.flat_map(|sample| sample.labels.keys().cloned()).collect();
        if is_wanted {
            shapes.insert(name.clone(), (kind.to_owned(), labels));
        }
    }
    shapes
}

#[test]
fn the_exporter_scrapes_rankd_without_an_error() {
    let metered = Metered::rankd(&["--enable-debug-command", "yes"]);
    use_everything(&metered);
    let Some(exported) = exported(metered.server.address.port()) else { return };
    let errors = exported.all("redis_exporter_last_scrape_error");
    assert!(errors.len() == 1 && errors[0].value == 0.0 && errors[0].labels["err"].is_empty(), "{errors:?}");
    assert_eq!(exported.value("redis_up", &[]), 1.0);

    let own = metered.scrape();
    let ours = shapes(&own);
    let theirs = shapes(&exported);
    assert!(theirs.len() > 100, "{theirs:?}");
    for (name, (kind, labels)) in &theirs {
        let (our_kind, our_labels) = ours.get(name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(our_kind, kind, "{name}");
        assert!(our_labels.is_superset(labels), "{name}: {our_labels:?} {labels:?}");
    }
    // What does not change by being looked at has the same value in both.
    for name in [
        "redis_memory_max_bytes",
        "redis_db_keys",
        "redis_db_keys_expiring",
        "redis_aof_enabled",
        "redis_aof_last_write_status",
        "redis_config_maxclients",
        "redis_process_id",
        "redis_latency_spike_last",
        "redis_latency_spike_duration_seconds",
    ] {
        let theirs = exported.all(name);
        assert!(!theirs.is_empty(), "{name}");
        for sample in theirs {
            let labels: Vec<_> = sample.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(own.value(name, &labels), sample.value, "{name} {labels:?}");
        }
    }
    for command in ["zadd", "friendrank", "config|set"] {
        let labels = [("cmd", command)];
        let name = "redis_commands_total";
        assert_eq!(own.value(name, &labels), exported.value(name, &labels), "{command}");
    }
}

/// Dashboards were made for what the exporter says of Redis itself.
#[test]
fn what_the_exporter_says_of_redis_is_in_a_scrape_of_rankd() {
    let Some(redis) = Server::peer(Peer::Redis, &["--appendonly", "yes"]) else { return };
    let mut client = redis.client();
    for line in ["CONFIG SET latency-monitor-threshold 1", "DEBUG SLEEP 0.01", "SET a b EX 1000", "GET a x"] {
        client.ask(line);
    }
    let Some(exported) = exported(redis.address.port()) else { return };
    let metered = Metered::rankd(&["--enable-debug-command", "yes"]);
    use_everything(&metered);
    let ours = shapes(&metered.scrape());
    for (name, (kind, labels)) in shapes(&exported) {
        let (our_kind, our_labels) = ours.get(&name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(*our_kind, kind, "{name}");
        assert!(our_labels.is_superset(&labels), "{name}: {our_labels:?} {labels:?}");
    }
    assert!(get(metered.metrics, "/metrics").body.contains("redis_aof_current_size_bytes"));
}
