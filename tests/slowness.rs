//! What takes long, as SLOWLOG, LATENCY and INFO show it. Redis is asked the same where it can be compared.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;

/// The arguments of each entry, oldest first, and the name of its client.
fn entries(client: &mut Client) -> Vec<String> {
    let log = client.ask("SLOWLOG GET -1");
    let shown = |entry: &Reply| {
        let [id, at_s, elapsed_us, arguments, address, name] = entry.items() else { panic!("{entry:?}") };
        assert!(id.integer() >= 0 && at_s.integer() > 1_700_000_000 && elapsed_us.integer() >= 0);
        assert!(address.text().starts_with("127.0.0.1:"), "{address:?}");
        format!("{} of {}", arguments.inline(), name.text())
    };
    log.items().iter().rev().map(shown).collect()
}

fn send_all(server: &Server) -> Vec<String> {
    let (mut client, mut other) = (server.client(), server.client());
    client.ask("CONFIG SET slowlog-log-slower-than 0");
    client.ask("SLOWLOG RESET");
    client.ask("CLIENT SETNAME ann");
    client.ask("SET k v");
    client.ask("GET k");
    // Not run, so not slow.
    client.ask("nosuch a");
    client.ask("SET k");
    client.ask("LPUSH k v");
    client.ask("MULTI");
    client.ask("SET k w");
    client.ask("ZADD board 1 ann");
    client.ask("EXEC");
    client.ask("AUTH secret");
    client.ask("AUTH ann secret");
    client.ask("HELLO 2 AUTH ann secret SETNAME bob");
    client.ask("HELLO 2 SETNAME auth AUTH ann");
    client.ask("ACL SETUSER ann on >secret +get");
    client.ask("ACL GETUSER ann");
    client.ask("ACL DRYRUN ann get x");
    client.ask("ACL DELUSER ann");
    client.ask("CONFIG SET requirepass \"\" maxclients 100 MASTERAUTH \"\"");
    let many: Vec<String> =
        std::iter::once("SADD".to_owned()).chain((0..40).map(|i| i.to_string())).collect();
    client.call(&many[..32]);
    client.call(&many[..33]);
    client.call(&["SET", &"k".repeat(129), &"v".repeat(128)]);
    let mut shown = entries(&mut client);
    client.ask("SLOWLOG RESET");
    other.send(&["BLPOP", "list", "0"]);
    let has_blocked = |client: &mut Client| client.ask("INFO clients").text().contains("blocked_clients:1");
    wait_for("a blocked client", || has_blocked(&mut client).then_some(()));
    assert!(!entries(&mut client).iter().any(|entry| entry.contains("BLPOP")), "its wait is not over");
    client.ask("RPUSH list a");
    other.reply();
    let entry = |client: &mut Client| entries(client).into_iter().find(|entry| entry.contains("BLPOP"));
    shown.push(wait_for("the entry of the blocked client", || entry(&mut client)));
    shown
}

/// The same requests leave the same entries in Redis.
#[test]
fn the_slow_log_has_the_entries_of_redis() {
    let ours = send_all(&Server::rankd());
    let Some(redis) = Server::peer(Peer::Redis, &[]) else { return };
    assert_eq!(ours, send_all(&redis));
}

/// A pipeline's short commands are timed together; one that takes long is still found, with its key.
#[test]
fn a_long_command_is_found_in_a_pipeline_of_short_ones() {
    let server = Server::rankd();
    let mut client = server.client();
    client.ask("CONFIG SET slowlog-log-slower-than 2000");
    client.ask("SLOWLOG RESET");
    let value = "v".repeat(16 << 20);
    client.call(&["SET", "large", &value]);
    let get = |key: &str| format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len());
    client.send_raw((get("a") + &get("b") + &get("large") + &get("c")).as_bytes());
    (0..4).for_each(|_| drop(client.reply()));
    let shown = entries(&mut client);
    let of_get: Vec<&String> = shown.iter().filter(|entry| entry.contains("GET")).collect();
    assert!(of_get.iter().all(|entry| entry.contains("large")), "{shown:?}");
}

#[test]
fn events_of_latency_are_kept_until_they_are_reset() {
    let server = Server::rankd_with(&["--enable-debug-command", "yes", "--latency-monitor-threshold", "20"]);
    let mut client = server.client();
    client.ask("DEBUG SLEEP 0.05");
    client.ask("DEBUG SLEEP 0.03");
    let latest = client.ask("LATENCY LATEST");
    let event = latest.items().iter().find(|event| event.items()[0].text() == "command").expect("an event");
    let [_, at_s, last_ms, longest_ms] = event.items() else { panic!("{event:?}") };
    assert!(at_s.integer() > 0 && last_ms.integer() >= 20 && longest_ms.integer() >= 50, "{event:?}");
    assert!(!client.ask("LATENCY HISTORY command").items().is_empty());
    let graph = client.ask("LATENCY GRAPH command").text();
    assert!(graph.starts_with("command - high ") && graph.contains(" ms, low "), "{graph}");
    assert!(client.ask("LATENCY DOCTOR").text().contains("- command: "));
    assert_eq!(client.ask("LATENCY RESET command"), Reply::Integer(1));
    assert!(client.ask("LATENCY HISTORY command").items().is_empty());
    let log = client.ask("SLOWLOG GET").inline();
    assert!(log.contains("DEBUG") && log.contains("SLEEP"), "{log}");
}

#[test]
fn the_times_of_calls_are_counted_unless_that_is_switched_off() {
    let server = Server::rankd_with(&["--latency-tracking-info-percentiles", "0 50.5 100"]);
    let mut client = server.client();
    (0..10).for_each(|_| drop(client.ask("GET k")));
    let histogram = client.ask("LATENCY HISTOGRAM get config nosuch");
    let [name, of_get] = histogram.items() else { panic!("{histogram:?}") };
    let [_, calls, _, steps] = of_get.items() else { panic!("{of_get:?}") };
    assert_eq!((name.text(), calls.integer()), ("get".into(), 10));
    let counts: Vec<i64> = steps.items().chunks(2).map(|step| step[1].integer()).collect();
    assert!(counts.is_sorted() && counts.last() == Some(&10), "{steps:?}");
    let line = client.ask("INFO latencystats").text();
    assert!(line.contains("latency_percentiles_usec_get:p0=") && line.contains(",p50.5="), "{line}");
    client.ask("CONFIG SET latency-tracking no");
    client.ask("CONFIG RESETSTAT");
    client.ask("GET k");
    assert!(!client.ask("INFO latencystats").text().contains("_get:"));
    assert!(client.ask("INFO commandstats").text().contains("cmdstat_get:calls=1,"));
}

/// A script's time is its own, with that of its calls. Of these, those that may be slow have a time as well.
#[test]
fn a_script_is_as_slow_as_all_that_it_does() {
    let server = Server::rankd_with(&["--slowlog-log-slower-than", "1000"]);
    let mut client = server.client();
    let script = "for i = 1, 1e6 do end redis.call('PING') return #redis.call('KEYS', 'none')";
    let in_transaction = || {
        let mut client = server.client();
        for request in ["MULTI", "PING"] {
            client.ask(request);
        }
        client.call(&["EVAL", script, "0"]);
        client.ask("EXEC");
    };
    client.call(&["EVAL", script, "0"]);
    in_transaction();
    let shown = entries(&mut client);
    assert_eq!(shown.iter().filter(|entry| entry.contains("EVAL")).count(), 2, "{shown:?}");
    assert!(!shown.iter().any(|entry| entry.starts_with("*[ \"PING\"")), "{shown:?}");
    let stats = client.ask("INFO commandstats").text();
    let microseconds = |command: &str| {
        let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:"))).unwrap();
        line.split_once("usec=").unwrap().1.split(',').next().unwrap().parse::<u64>().unwrap()
    };
    assert!(microseconds("eval") > 2000 && microseconds("ping") < 1000, "{stats}");
    assert!(
        stats.contains("cmdstat_keys:calls=2,") && microseconds("keys") < microseconds("eval"),
        "{stats}"
    );
}
