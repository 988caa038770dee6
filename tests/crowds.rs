//! Many connections at once, and slow ones: the server serves others meanwhile, and its memory stays within a bound.
//! `just connections` measures what each costs.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::client::encode;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::{PATIENCE, wait_for};

/// Descriptors that the tests beside this one use.
const OTHERS: u64 = 2000;

/// Lets this process, and the servers that it starts, open as many files as the system allows. Returns how many of `wanted`
/// connections a test can have.
fn allowed(wanted: u64) -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, raised).expect("up to the hard limit it may be raised");
    let allowed = wanted.min(maximum.map_or(u64::MAX, |most| most.saturating_sub(OTHERS)));
    if allowed < wanted {
        println!("the hard limit of open files lets this test have {allowed} connections of {wanted}");
    }
    assert!(allowed > 500, "the hard limit of open files is too low for this test");
    allowed
}

fn server(arguments: &[&str]) -> Server {
    Server::rankd_with(&[&["--appendonly", "no", "--maxclients", "12000"], arguments].concat())
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect_timeout(&server.address, PATIENCE).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// Reads `expected` from the connection.
fn reads(mut stream: &TcpStream, expected: &[u8]) {
    let mut read = vec![0; expected.len()];
    stream.read_exact(&mut read).expect("a reply");
    assert_eq!(read, expected);
}

/// The memory that the server has taken since it had `before_kib`.
fn growth_kib(server: &Server, before_kib: u64) -> u64 {
    server.resident_kib().saturating_sub(before_kib)
}

/// Each has had a request answered. Documented are 4 KiB for each (docs/performance.md); the bound has room for the allocator's
/// pages and for an unoptimised build, and none for a buffer of 16 KiB that is kept.
#[test]
fn ten_thousand_idle_connections_take_little_memory() {
    let count = allowed(10_000);
    let server = server(&[]);
    let before_kib = server.resident_kib();
    let idle: Vec<TcpStream> = (0..count)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(b"PING\r\n").expect("sent");
            reads(&stream, b"+PONG\r\n");
            stream
        })
        .collect();
    let each_kib = growth_kib(&server, before_kib) as f64 / count as f64;
    println!("{each_kib:.1} KiB for each of {count}");
    assert!(each_kib < 8.0, "{each_kib:.1} KiB for each of {count}");
    let begun = Instant::now();
    assert_eq!(server.client().ask("SET key value"), Reply::Simple(b"OK".to_vec()));
    assert!(begun.elapsed() < Duration::from_secs(5), "one more client waited");
    for mut stream in idle.iter().step_by(97) {
        stream.write_all(b"GET key\r\n").expect("sent");
        reads(stream, b"$5\r\nvalue\r\n");
    }
}

/// Each asks for a hundred megabytes. The server stops making replies when a megabyte of them waits (`PENDING_REPLY_BYTES`), which
/// may be within a reply of a megabyte; buffers grow by doubling.
#[test]
fn a_hundred_clients_that_do_not_read_take_four_megabytes_each_at_most() {
    let server = server(&[]);
    let mut client = server.client();
    client.call(&["SET", "large", &"x".repeat(1_000_000)]);
    let before_kib = server.resident_kib();
    let deaf: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(&b"GET large\r\n".repeat(100)).expect("sent");
            stream
        })
        .collect();
    let waiting = |client: &mut crate::support::client::Client| {
        let list = client.ask("CLIENT LIST").text();
        list.lines().filter(|line| line.contains("cmd=get")).count()
    };
    wait_for("replies for each", || (waiting(&mut client) == 100).then_some(()));
    let begun = Instant::now();
    (0..100).for_each(|number| {
        assert_eq!(client.call(&["ECHO", &number.to_string()]).text(), number.to_string());
    });
    assert!(begun.elapsed() < Duration::from_secs(20), "another client waited {:?}", begun.elapsed());
    let kib = growth_kib(&server, before_kib);
    println!("{} KiB for each of 100 that do not read", kib / 100);
    assert!(kib < 100 * 4 * 1024, "{kib} KiB");
    // Whoever reads late gets all of it.
    let mut late = &deaf[0];
    let mut read = vec![0; 64 * 1024];
    let mut left = 100 * (b"$1000000\r\n\r\n".len() + 1_000_000);
    while left > 0 {
        left -= late.read(&mut read).expect("the rest of the replies");
    }
}

/// Half of a request, and then no word more: `timeout` ends such a client, and one that has ended its own side goes at once.
#[test]
fn half_open_connections_are_closed() {
    let server = server(&["--timeout", "2"]);
    let mut client = server.client();
    let before_kib = server.resident_kib();
    let half = |stream: &mut TcpStream| {
        stream.write_all(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1000\r\nvalue").expect("sent");
    };
    let silent: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = connect(&server);
            half(&mut stream);
            stream
        })
        .collect();
    for _ in 0..200 {
        let mut stream = connect(&server);
        half(&mut stream);
        stream.shutdown(Shutdown::Write).expect("a socket");
        assert_eq!(stream.read(&mut [0; 1]).expect("an end"), 0);
    }
    let kib = growth_kib(&server, before_kib);
    assert!(kib < 200 * 64, "{kib} KiB for 200 that have sent half of a request");
    wait_for("the end of those that say nothing", || {
        let list = client.ask("CLIENT LIST").text();
        (list.lines().count() == 1).then_some(())
    });
    for mut stream in silent {
        assert_eq!(stream.read(&mut [0; 1]).expect("an end"), 0);
    }
    assert_eq!(client.ask("EXISTS key"), Reply::Integer(0));
}

/// Requests of 200 clients come a byte at a time, the first byte of each before the second of any.
#[test]
fn requests_that_come_a_byte_at_a_time_are_answered() {
    let server = server(&[]);
    let before_kib = server.resident_kib();
    let slow: Vec<TcpStream> = (0..200).map(|_| connect(&server)).collect();
    let requests = [&encode(&["ECHO", "a longer word"])[..], b"PING\r\n"].concat();
    for byte in requests {
        for mut stream in &slow {
            stream.write_all(&[byte]).expect("sent");
        }
    }
    slow.iter().for_each(|stream| reads(stream, b"$13\r\na longer word\r\n+PONG\r\n"));
    let kib = growth_kib(&server, before_kib);
    assert!(kib < 200 * 64, "{kib} KiB for 200 slow clients");
}

/// Twenty thousand connections come and go, half of them with a request whose reply nobody takes. What they have taken is there
/// again: the bound is that of the thousand that may be open at a time, with 32 KiB for each.
#[test]
fn a_storm_of_connects_leaves_nothing_behind() {
    allowed(2000);
    let server = server(&[]);
    let mut client = server.client();
    let before_kib = server.resident_kib();
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut open = std::collections::VecDeque::new();
                for number in 0..5000 {
                    let mut stream = connect(&server);
                    if number % 2 == 0 {
                        // The server may have refused it: there may be too many for a moment.
                        let _ = stream.write_all(b"PING\r\n");
                    }
                    open.push_back(stream);
                    if open.len() > 250 {
                        open.pop_front();
                    }
                }
            });
        }
    });
    println!("20,000 connects in {:?}", begun.elapsed());
    wait_for("the end of all of them", || {
        (client.ask("CLIENT LIST").text().lines().count() == 1).then_some(())
    });
    let kib = growth_kib(&server, before_kib);
    println!("{kib} KiB more than before");
    assert!(kib < 1000 * 32, "{kib} KiB");
    assert_eq!(client.ask("PING"), Reply::Simple(b"PONG".to_vec()));
}
