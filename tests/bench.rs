//! `rankd bench` against rankd, against Redis, and against faulty servers.

use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::reply::{Reply, read_reply};
use crate::support::server::{Peer, Server, free_address, run_rankd};
use crate::support::wait_for;

/// Workloads that any server compatible with Redis supports.
const WORKLOADS: &str = "ping,zadd,zincrby,zrank,zrevrank,zscore,zmscore200,zcount,top100,mixed,get,mget10,set,incr,append,setbit,pfadd,expire,\
     hset,hincrby,hmget4,hgetall4,feed-keys,feed-hashes,lpush,queue,lrange100,sadd,sismember,geoadd,geosearch,\
     script-add,script-count-once,script-boards,function-add,function-count-once";

/// Runs `rankd bench --json`. Returns whether it succeeded, its rows and its standard error.
fn bench(address: SocketAddr, arguments: &str) -> (bool, Vec<Value>, String) {
    let port = address.port().to_string();
    let words = ["bench", "--json", "--port", &port].into_iter().chain(arguments.split_whitespace());
    let (status, said, complained) = run_rankd(&words.collect::<Vec<_>>());
    let rows = said.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    (status.success(), rows, complained)
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["workload"].as_str().expect("a name")).collect()
}

/// A server that answers each request with the result of `answer`, and closes the connection at `None`.
fn double<A>(answer: A) -> SocketAddr
where
    A: FnMut(&[String]) -> Option<Vec<u8>> + Clone + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut answer) = (BufReader::new(stream.expect("a connection")), answer.clone());
            std::thread::spawn(move || {
                while let Ok(Reply::Array(words)) = read_reply(&mut stream, &mut Vec::new()) {
                    let words: Vec<String> = words.iter().map(Reply::text).collect();
                    let Some(reply) = answer(&words) else { return };
                    if stream.get_mut().write_all(&reply).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// The replies of a server without keys and without INFO to the requests before and after the load.
fn around_a_run(words: &[String]) -> Vec<u8> {
    let reply: &[u8] = match words[0].as_str() {
        "GET" => b"$-1\r\n",
        "SCAN" => b"*2\r\n$1\r\n0\r\n*0\r\n",
        "SET" => b"+OK\r\n",
        "UNLINK" => b":0\r\n",
        "PING" => b"+PONG\r\n",
        _ => b"-ERR unknown command\r\n",
    };
    reply.to_vec()
}

fn every_workload_is_answered_by(server: &Server, workloads: &str) {
    for protocol in ["", "--resp3"] {
        let arguments =
            format!("-w {workloads} --members 2000 -n 3001 -c 4 --threads 2 --pipeline 8 {protocol}");
        let (succeeded, rows, complained) = bench(server.address, &arguments);
        assert!(succeeded, "{complained}");
        for workload in workloads.split(',') {
            let row = rows.iter().find(|row| row["workload"] == workload).expect("a row");
            assert_eq!(
                (&row["replies"], &row["errors"], &row["unanswered"]),
                (&3001.into(), &0.into(), &0.into())
            );
            assert!(
                row["max_ms"].as_f64() >= row["p50_ms"].as_f64() && row["p50_ms"].as_f64() > Some(0.0),
                "{row}"
            );
            assert!(
                row["server_cpu_us_per_op"].is_number() && row["ops_per_second"].as_f64() > Some(0.0),
                "{row}"
            );
        }
        let loaded = rows.iter().find(|row| row["workload"] == "load").expect("the board is loaded");
        assert_eq!((&loaded["replies"], &loaded["pipeline"]), (&20.into(), &16.into()));
        assert_eq!(server.client().ask("DBSIZE"), Reply::Integer(0), "keys are left");
    }
}

#[test]
fn every_workload_is_answered_by_rankd() {
    every_workload_is_answered_by(
        &Server::rankd(),
        &format!("{WORKLOADS},friendrank,rank100,around10,submit"),
    );
}

#[test]
fn every_workload_is_answered_by_redis() {
    let Some(server) = Server::peer(Peer::Redis, &[]) else { return };
    every_workload_is_answered_by(&server, WORKLOADS);
    let (succeeded, rows, complained) = bench(server.address, "-w friendrank --members 100 -n 10 -c 1");
    assert!(!succeeded && complained.contains("unknown command 'FRIENDRANK'"), "{complained}");
    assert_eq!(rows.last().expect("a row")["errors"], 10);
}

#[test]
fn what_a_workload_uses_up_is_loaded_anew_for_each_run_and_does_not_run_out() {
    let server = Server::rankd();
    let mut client = server.client();
    for (requests, popped) in [(3000, 3000), (3000, 3000), (9000, 7200)] {
        let arguments = format!("-w rpop --members 2 -n {requests} -c 2 --keep --prefix p:");
        let (succeeded, rows, complained) = bench(server.address, &arguments);
        assert!(succeeded, "{complained}");
        assert_eq!(names(&rows), ["load-backlogs", "rpop"]);
        assert_eq!(rows[1]["replies"], popped);
        let left = ["p:backlog:000000000000", "p:backlog:000000000001"]
            .map(|key| client.ask(&format!("LLEN {key}")).integer());
        assert_eq!(left[0] + left[1], 8000 - popped);
        assert!(left[0] > 0 && left[1] > 0);
    }
}

#[test]
fn the_table_has_a_row_for_each_requested_workload() {
    let server = Server::rankd();
    let port = server.address.port().to_string();
    let words =
        ["bench", "--port", &port, "-w", "ping,zadd", "-n", "100", "--members", "100", "--prefix", "p:"];
    let (status, said, complained) = run_rankd(&words);
    assert!(status.success(), "{complained}");
    assert!(said.contains("p:* and removes them") && said.contains("rankd "), "{said}");
    for name in ["ping", "load", "zadd"] {
        assert!(said.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}: {said}");
    }
    // Standard error is not a terminal, so no progress is printed.
    assert_eq!(complained, "");
}

#[test]
fn a_kept_board_is_loaded_once() {
    let server = Server::rankd();
    let run = |arguments: &str| {
        let (succeeded, rows, complained) = bench(server.address, arguments);
        assert!(succeeded, "{complained}");
        names(&rows).join(",")
    };
    assert_eq!(run("-w zscore,zrank --members 300 -n 10 --keep"), "load,zscore,zrank");
    assert_eq!(server.client().ask("ZCARD bench:lb"), Reply::Integer(300));
    assert_eq!(run("-w zscore --members 300 -n 10 --keep"), "zscore");
    assert_eq!(run("-w zscore --members 200 -n 10 --keep"), "load,zscore");
    assert_eq!(server.client().ask("ZCARD bench:lb"), Reply::Integer(200));
    server.client().ask("ZREM bench:lb user:000000000007");
    assert_eq!(run("-w load,zscore --members 200 -n 10 --keep"), "load,zscore");
    server.client().ask("ZREM bench:lb user:000000000007");
    assert_eq!(run("-w zscore --members 200 -n 10"), "load,zscore");
    assert_eq!(server.client().ask("DBSIZE"), Reply::Integer(0));
}

#[test]
fn a_run_does_not_change_other_keys() {
    let server = Server::rankd();
    let mut client = server.client();
    client.ask("SET bench:lb mine");
    client.ask("SET other mine");
    let (succeeded, rows, complained) = bench(server.address, "-n 10 --members 10");
    assert!(
        !succeeded && rows.is_empty() && complained.contains("\"bench:lb\" was not created"),
        "{complained}"
    );
    // A prefix is not a pattern: these match no existing key.
    for prefix in ["b[e]nch:", "?ench:", "*"] {
        let (succeeded, _, complained) = bench(server.address, &format!("-w incr -n 10 --prefix {prefix}"));
        assert!(succeeded, "{complained}");
    }
    assert!(["GET bench:lb", "GET other"].iter().all(|line| client.ask(line).text() == "mine"));
    assert_eq!(client.ask("DBSIZE"), Reply::Integer(2));
    let (succeeded, rows, complained) = bench(server.address, "-w zadd -n 10 --members 10 --force");
    assert!(succeeded && names(&rows) == ["load", "zadd"], "{complained}");
    assert_eq!(client.ask("DBSIZE"), Reply::Integer(1));
}

#[test]
fn a_password_and_a_database_are_used() {
    let server = Server::rankd_with(&["--appendonly", "no", "--requirepass", "p@ss"]);
    let (succeeded, _, complained) = bench(server.address, "-w ping -n 10");
    assert!(!succeeded && complained.contains("NOAUTH"), "{complained}");
    let (succeeded, _, complained) = bench(server.address, "-w ping -n 10 --password wrong");
    assert!(!succeeded && complained.contains("WRONGPASS"), "{complained}");
    let url = format!("redis://:p%40ss@{}/3", server.address);
    let (status, _, complained) = run_rankd(&["bench", "--url", &url, "-w", "incr", "-n", "10", "--keep"]);
    assert!(status.success(), "{complained}");
    let mut client = server.client();
    client.ask("AUTH p@ss");
    assert_eq!(client.ask("DBSIZE"), Reply::Integer(0));
    client.ask("SELECT 3");
    assert_eq!(client.ask("EXISTS bench:made-by"), Reply::Integer(1));
}

#[test]
fn an_unusable_server_is_reported_with_the_reason() {
    let address = free_address();
    let (succeeded, _, complained) = bench(address, "-w ping");
    assert!(!succeeded && complained.contains(&address.to_string()), "{complained}");
    for error in ["LOADING Redis is loading the dataset in memory", "MOVED 866 127.0.0.1:7001"] {
        let address = double(move |_| Some(format!("-{error}\r\n").into_bytes()));
        let (succeeded, rows, complained) = bench(address, "-w ping");
        assert!(!succeeded && rows.is_empty() && complained.contains(error), "{complained}");
    }
    let address = double(|_| Some(b"HTTP/1.1 400 Bad Request\r\n".to_vec()));
    let (succeeded, _, complained) = bench(address, "-w ping");
    assert!(!succeeded && complained.contains("not RESP"), "{complained}");
}

#[test]
fn a_connection_that_closes_during_a_run_is_reported() {
    let mut pings = 0;
    let address = double(move |words| {
        pings += u64::from(words[0] == "PING");
        (pings < 20).then(|| around_a_run(words))
    });
    let (succeeded, _, complained) = bench(address, "-w ping -n 100 -c 2");
    assert!(!succeeded && complained.contains("closed"), "{complained}");
}

/// The test's server answers nothing until it has all twenty requests, the last of which is due 190 ms after the first. So
/// the first request waits for at least that long, and half of them for at least 90 ms. A generator that waits for a reply
/// before it sends the next request would never end. A generator that measures from the time of sending would pass here,
/// but be wrong when the socket is full: a test in `src/bench/exchange.rs` covers that.
#[test]
fn an_open_loop_continues_to_send_during_a_stall() {
    let (mut pings, mut held) = (0, Vec::new());
    let address = double(move |words| {
        let reply = around_a_run(words);
        if words[0] != "PING" {
            return Some(reply);
        }
        pings += 1;
        // The first request is not part of the load: it tests whether the connection is served.
        if pings == 1 {
            return Some(reply);
        }
        held.extend_from_slice(&reply);
        Some(if pings == 21 { std::mem::take(&mut held) } else { Vec::new() })
    });
    let (succeeded, rows, complained) = bench(address, "-w ping --rate 100 -n 20 -c 1 --threads 1");
    assert!(succeeded, "{complained}");
    let figure = |name: &str| rows[0][name].as_f64().expect("a number");
    assert!(figure("max_ms") > 189.0 && figure("p50_ms") > 89.0, "{rows:?}");
    assert!(figure("seconds") >= 0.19 && rows[0]["replies"] == 20 && rows[0]["rate"] == 100, "{rows:?}");
    assert!(rows[0]["server_cpu_us_per_op"].is_null(), "the double has no INFO: {rows:?}");
}

#[test]
fn an_interrupt_prints_the_results_so_far() {
    let answered = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&answered);
    let address = double(move |words| {
        counter.fetch_add(1, Ordering::Relaxed);
        Some(around_a_run(words))
    });
    let child = Command::new(env!("CARGO_BIN_EXE_rankd"))
        .args([
            "bench",
            "--json",
            "-w",
            "ping,ping",
            "--seconds",
            "1000",
            "--port",
            &address.port().to_string(),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the rankd binary runs");
    wait_for("load", || (answered.load(Ordering::Relaxed) > 1000).then_some(()));
    kill_process(Pid::from_child(&child), Signal::INT).expect("it is running");
    let output = child.wait_with_output().expect("a child");
    let rows = String::from_utf8_lossy(&output.stdout);
    let row: Value = serde_json::from_str(rows.trim()).expect("one row");
    assert!(row["workload"] == "ping" && row["replies"].as_u64() > Some(0), "{row}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "rankd: interrupted\n");
}
