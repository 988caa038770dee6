//! INFO: its sections and fields, beside Redis's.

use std::collections::BTreeSet;

use crate::support::client::Client;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;

/// Sections whose lines depend on what was done, or on what the server has.
const OF_CONTENTS: [&str; 7] =
    ["Commandstats", "Errorstats", "Latencystats", "Keyspace", "Keysizes", "Modules", "Threads"];

/// Fields of Redis that have no meaning here: scripts, functions, and parts of the allocator.
const LEFT_OUT: [&str; 33] = [
    "used_memory_peak_time",
    "allocator_allocated",
    "allocator_active",
    "allocator_resident",
    "allocator_muzzy",
    "total_system_memory",
    "total_system_memory_human",
    "used_memory_vm_eval",
    "used_memory_lua_human",
    "used_memory_scripts_eval",
    "number_of_cached_scripts",
    "number_of_functions",
    "number_of_libraries",
    "used_memory_vm_functions",
    "used_memory_vm_total",
    "used_memory_vm_total_human",
    "used_memory_functions",
    "used_memory_scripts",
    "used_memory_scripts_human",
    "allocator_frag_ratio",
    "allocator_frag_bytes",
    "allocator_rss_ratio",
    "allocator_rss_bytes",
    "rss_overhead_ratio",
    "rss_overhead_bytes",
    "mem_fragmentation_bytes",
    "mem_not_counted_for_evict",
    "evicted_clients",
    "evicted_scripts",
    "total_eviction_exceeded_time",
    "current_eviction_exceeded_time",
    "lazyfree_pending_objects",
    "lazyfreed_objects",
];

/// The sections that INFO returns for `words`, each with the names of its fields.
fn sections(client: &mut Client, words: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in client.ask(&format!("INFO {words}")).text().lines() {
        if let Some(name) = line.strip_prefix("# ") {
            found.push((name.to_owned(), Vec::new()));
        } else if let Some((name, _)) = line.split_once(':') {
            found.last_mut().expect("a section").1.push(name.to_owned());
        } else {
            assert_eq!(line, "");
        }
    }
    found
}

fn names(sections: &[(String, Vec<String>)]) -> Vec<&str> {
    sections.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn info_has_the_sections_and_fields_of_redis_in_their_order() {
    let options = ["--appendonly", "yes"];
    let ours = sections(&mut Server::rankd_with(&options).client(), "everything");
    let Some(redis) = Server::peer(Peer::Redis, &options) else { return };
    let theirs = sections(&mut redis.client(), "everything");
    assert_eq!(names(&ours)[..names(&theirs).len()], names(&theirs));
    let left_out = BTreeSet::from(LEFT_OUT);
    for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        if OF_CONTENTS.contains(&name.as_str()) {
            continue;
        }
        let is_wanted = |field: &&String| {
            !left_out.contains(field.as_str())
                && !field.starts_with("mem_")
                && !field.starts_with("active_defrag_running")
        };
        let wanted: Vec<&String> = theirs.iter().filter(is_wanted).collect();
        let have: Vec<&String> = ours.iter().filter(|field| wanted.contains(field)).collect();
        assert_eq!(have, wanted, "{name}");
    }
}

#[test]
fn sections_are_chosen_by_name() {
    let server = Server::rankd();
    let mut client = server.client();
    let by_default = sections(&mut client, "");
    assert_eq!(sections(&mut client, "default"), by_default);
    assert!(!names(&by_default).contains(&"Commandstats") && names(&by_default).contains(&"Keysizes"));
    let everything = sections(&mut client, "everything");
    assert!(names(&everything).contains(&"Commandstats") && names(&everything).contains(&"Latencystats"));
    assert_eq!(names(&sections(&mut client, "all")), names(&everything));
    assert_eq!(names(&sections(&mut client, "cpu nosuch SERVER cpu")), ["Server", "CPU"]);
    let with_one_more = sections(&mut client, "commandstats default");
    assert_eq!(with_one_more.len(), by_default.len() + 1);
    assert!(sections(&mut client, "nosuch").is_empty());
}

/// The same commands leave values of the same sizes in Redis.
#[test]
fn key_sizes_follow_the_values() {
    let fill = |server: &Server| {
        let mut client = server.client();
        for bytes in [0, 1, 2, 3, 4, 1000, 1024, 5000] {
            client.call(&["SET", &format!("s{bytes}"), &"x".repeat(bytes)]);
        }
        let mut many = vec!["ZADD".to_owned(), "board".to_owned()];
        (0..1500).for_each(|n| many.extend([n.to_string(), format!("m{n}")]));
        client.call(&many);
        for line in [
            "APPEND s1 abc",
            "SETRANGE s2 40 x",
            "SET s1000 short",
            "SETBIT bits 1000 1",
            "INCR number",
            "RPUSH list a b c d e",
            "LPOP list 3",
            "SADD set 1 2 3 4 5 6 7 8 9",
            "SREM set 1 2",
            "HSET hash a 1 b 2 c 3",
            "HDEL hash a",
            "ZREMRANGEBYRANK board 0 800",
            "ZUNIONSTORE union 2 board set",
            "RENAME union other",
            "COPY other copy",
            "COPY other copy DB 3",
            "MOVE list 3",
            "DEL s3",
            "GETDEL s4",
            "SPOP set 7",
            "ZADD gone 1 a",
            "ZREM gone a",
        ] {
            client.ask(line);
        }
        client
    };
    let server = Server::rankd_with(&["--appendonly", "yes"]);
    let shown = fill(&server).ask("INFO keysizes").text();
    let restarted = server.restart();
    assert_eq!(restarted.client().ask("INFO keysizes").text(), shown, "after a restart");
    let mut client = restarted.client();
    client.ask("FLUSHALL");
    assert_eq!(client.ask("INFO keysizes").text(), "# Keysizes\r\n");
    let Some(redis) = Server::peer(Peer::Redis, &[]) else { return };
    assert_eq!(shown, fill(&redis).ask("INFO keysizes").text());
}

#[test]
fn the_section_of_rankings_knows_the_largest_board() {
    let server = Server::rankd();
    let mut client = server.client();
    for (key, members) in [("small", 10), ("large\r\n", 3000), ("medium", 1500)] {
        let mut add = vec!["ZADD".to_owned(), key.to_owned()];
        (0..members).for_each(|n| add.extend([n.to_string(), format!("member:{n}")]));
        client.call(&add);
    }
    let text = client.ask("INFO ranking").text();
    for line in ["boards:3", "members:4510", "largest_board:db0:large\\r\\n", "largest_board_members:3000"] {
        assert!(text.contains(&format!("\n{line}\r")), "no {line} in {text}");
    }
    let bytes = text.split("bytes_per_member:").nth(1).and_then(|rest| rest.lines().next());
    let bytes: f64 = bytes.expect("a field").parse().expect("a number");
    assert!((8.0..80.0).contains(&bytes), "{bytes}");
    client.call(&["DEL", "large\r\n"]);
    let text = client.ask("INFO ranking").text();
    assert!(text.contains("largest_board:db0:medium"), "{text}");
}

#[test]
fn the_error_of_a_client_that_is_unblocked_counts() {
    let server = Server::rankd();
    let (mut client, mut blocked) = (server.client(), server.client());
    let id = blocked.ask("CLIENT ID").integer();
    blocked.send(&["BLPOP", "list", "0"]);
    let unblock = format!("CLIENT UNBLOCK {id} ERROR");
    wait_for("a blocked client", || (client.ask(&unblock).integer() == 1).then_some(()));
    assert!(blocked.reply().is_error());
    assert!(client.ask("INFO errorstats").text().contains("errorstat_UNBLOCKED:count=1"));
    let said = client.ask("INFO commandstats").text();
    let counts = said.lines().find(|line| line.starts_with("cmdstat_blpop:")).expect("its line");
    assert!(counts.contains("calls=1,") && counts.ends_with("failed_calls=1"), "{counts}");
}
