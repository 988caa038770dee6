//! What scripts and functions may do, by their flags and the state of the server, compared with Redis: on a replica, one whose data may
//! be old, without replicas, without memory, and for a user who may not do everything.

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server, free_address};

const WRITE: &str = "redis.call('SET', KEYS[1], 'v')";
const READ: &str = "return redis.call('GET', KEYS[1])";

/// Each runs with each first line, and with each set of flags as a function.
const BODIES: [&str; 5] = [
    WRITE,
    READ,
    "return redis.pcall('SET', KEYS[1], 'v')",
    "return redis.call('ECHO', 'x')",
    "return redis.call('LPUSH', 'another', 1) > 0 and redis.call('DEL', 'another')",
];

const FLAGS: [&str; 7] = [
    "",
    "no-writes",
    "allow-stale",
    "no-writes,allow-stale",
    "allow-oom",
    "no-cluster",
    "allow-cross-slot-keys",
];

fn library() -> String {
    let functions = FLAGS.iter().enumerate().flat_map(|(line, flags)| {
        let flags: Vec<String> =
            flags.split(',').filter(|flag| !flag.is_empty()).map(|flag| format!("'{flag}'")).collect();
        let flags = flags.join(",");
        BODIES.iter().enumerate().map(move |(column, body)| {
            format!(
                "redis.register_function{{function_name='f{line}{column}', flags={{{flags}}}, \
                 callback=function(KEYS, ARGV) {body} end}}\n"
            )
        })
    });
    format!("#!lua name=flags\n{}", functions.collect::<String>())
}

/// The replies to all scripts and functions, alone and in a transaction, each behind its request.
fn replies(client: &mut Client) -> Vec<(String, Reply)> {
    let mut requests: Vec<Vec<String>> = Vec::new();
    let mut add = |words: &[&str]| requests.push(words.iter().map(|word| (*word).to_owned()).collect());
    for body in BODIES {
        for command in ["EVAL", "EVAL_RO"] {
            add(&[command, body, "1", "k"]);
            for flags in FLAGS {
                let first =
                    if flags.is_empty() { "#!lua".to_owned() } else { format!("#!lua flags={flags}") };
                add(&[command, &format!("{first}\n{body}"), "1", "k"]);
            }
        }
    }
    for name in
        (0..FLAGS.len()).flat_map(|line| (0..BODIES.len()).map(move |column| format!("f{line}{column}")))
    {
        add(&["FCALL", &name, "1", "k"]);
        add(&["FCALL_RO", &name, "1", "k"]);
    }
    for called in [["EVAL", WRITE], ["EVAL", READ], ["FCALL", "f00"], ["FCALL", "f11"]] {
        add(&["MULTI"]);
        add(&[called[0], called[1], "1", "k"]);
        add(&["EXEC"]);
    }
    add(&["FUNCTION", "STATS"]);
    add(&["FUNCTION", "LOAD", "REPLACE", &library()]);
    add(&["SCRIPT", "LOAD", "return 1"]);
    add(&["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"]);
    requests.into_iter().map(|request| (format!("{request:?}"), client.call(&request))).collect()
}

#[test]
fn flags_mean_what_they_mean_in_redis() {
    let Some(theirs) = Server::peer(Peer::Redis, &[]) else { return };
    let ours = Server::rankd();
    let nobody = free_address();
    let states = [
        String::new(),
        format!("REPLICAOF {} {}", nobody.ip(), nobody.port()),
        "CONFIG SET replica-serve-stale-data no".to_owned(),
        "CONFIG SET replica-read-only no".to_owned(),
        "REPLICAOF NO ONE".to_owned(),
        "CONFIG SET min-replicas-to-write 1".to_owned(),
        "CONFIG SET min-replicas-to-write 0 maxmemory 1".to_owned(),
        "CONFIG SET maxmemory 0".to_owned(),
        "ACL SETUSER ann on nopass +@all -set ~k".to_owned(),
        "AUTH ann any".to_owned(),
    ];
    let mut clients = [ours.client(), theirs.client()];
    for client in &mut clients {
        assert!(!client.call(&["FUNCTION", "LOAD", &library()]).is_error());
    }
    for state in &states {
        let [of_ours, of_theirs] = clients.each_mut().map(|client| {
            if !state.is_empty() {
                let reply = client.ask(state);
                assert!(!reply.is_error(), "{state}: {reply:?}");
            }
            replies(client)
        });
        for ((request, ours), (_, theirs)) in of_ours.iter().zip(&of_theirs) {
            assert_eq!(ours, theirs, "after {state:?}: {request}");
        }
    }
}
