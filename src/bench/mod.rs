//! `rankd bench`: puts load on a server that speaks RESP and tells how fast it answers, so that a machine can be sized
//! before users come. A client: it knows nothing of the server that lives in the same program.
//!
//! | file | the question it answers |
//! |---|---|
//! | `options` | What is asked for? |
//! | `workload`, `template` | What is sent? |
//! | `keys` | To whose keys, and what is there already? |
//! | `schedule` | When is a request due? |
//! | `exchange`, `replies` | What is waited for, and since when? |
//! | `generator` | Who sends and receives? Threads and sockets. |
//! | `report` | What is told? |

mod exchange;
mod generator;
mod keys;
mod options;
mod replies;
mod report;
mod schedule;
mod template;
mod workload;

pub use crate::bench::options::command;

use crate::bench::generator::Plan;
use crate::bench::keys::RunKeys;
use crate::bench::options::BenchOptions;
use crate::bench::replies::ReplyReader;
use crate::bench::report::ReportRow;
use crate::bench::workload::Workload;
use crate::machine::usage;
use crate::net::client::{BlockingClient, request};
use clap::ArgMatches;
use redis_protocol::resp2::types::OwnedFrame;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a server may take to connect, and to answer a question beside the load.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs what the command line asks for and prints it. A raised `interrupted` ends the run early; what there is by then
/// is printed.
///
/// # Errors
/// What kept the load from being put on, or went wrong with some of it: replies that were errors, requests that were
/// not answered.
pub fn run(matches: &ArgMatches, interrupted: &AtomicBool) -> Result<(), String> {
    let options = BenchOptions::read(matches);
    let connect_to = |address| connect(address, &options).map(|client| (address, client));
    let (address, mut control) = options.target.connect_any(connect_to)?;
    let server = server_name(&mut control);
    let mut keys = RunKeys { client: &mut control, populations: &options.populations };
    keys.claim(options.force)?;
    if !options.json {
        report::print_heading(&options, &server);
    }
    let mut run =
        BenchRun { options: &options, address, server: &server, keys, interrupted, failures: Vec::new() };
    let outcome = run.all();
    if !options.keep {
        report::status("removing the keys");
        let removed = run.keys.remove();
        report::status("");
        outcome.and(removed)?;
    } else {
        outcome?;
    }
    match run.failures.as_slice() {
        _ if interrupted.load(Ordering::Relaxed) => Err("interrupted".to_owned()),
        [] => Ok(()),
        failures => Err(failures.join("\nrankd: ")),
    }
}

/// One run over all workloads.
struct BenchRun<'a> {
    options: &'a BenchOptions,
    address: SocketAddr,
    server: &'a str,
    keys: RunKeys<'a>,
    interrupted: &'a AtomicBool,
    /// What went wrong with workloads that have run.
    failures: Vec<String>,
}

impl BenchRun<'_> {
    /// Runs the workloads, each after the loaders of what it needs and does not find.
    fn all(&mut self) -> Result<(), String> {
        let mut loaded: Vec<&str> = Vec::new();
        for &workload in &self.options.workloads {
            let needed = workload.needs.iter().map(|name| Workload::named(name).expect("it is in the table"));
            for part in needed.chain([workload]) {
                let is_needed = part != workload;
                if is_needed && (loaded.contains(&part.name) || self.keys.are_loaded(part)?) {
                    continue;
                }
                self.one(part)?;
                if self.interrupted.load(Ordering::Relaxed) {
                    return Ok(());
                }
                loaded.push(part.name);
            }
        }
        Ok(())
    }

    /// Runs one workload and prints its row.
    fn one(&mut self, workload: &Workload) -> Result<(), String> {
        let options = self.options;
        let templates = workload.templates(&options.populations);
        let load_requests = templates[0].1.load_requests();
        let (pipeline, pace, total) = options.pace(load_requests);
        let rate = options.rate.filter(|_| load_requests.is_none());
        if load_requests.is_some() {
            self.keys.begin_loading(workload)?;
        }
        report::status(&format!("{}: connecting", workload.name));
        let streams = self.streams()?;
        let plan = Plan { templates, pace, total, pipeline, threads: options.threads, seed: options.seed };
        let before = (self.server_cpu_seconds(), client_cpu_seconds());
        let measured = generator::run(&plan, streams, self.interrupted, |elapsed, replies| {
            report::progress(workload.name, elapsed, replies);
        })?;
        let after = (self.server_cpu_seconds(), client_cpu_seconds());
        let is_complete = measured.unanswered == 0 && !self.interrupted.load(Ordering::Relaxed);
        // An open loop has not run for less than it was asked to, however soon its last reply came.
        let least_ns = plan.last_due_ns().filter(|_| is_complete).unwrap_or(0);
        let row = ReportRow {
            workload,
            pipeline,
            rate,
            seconds: measured.last_reply_ns.max(least_ns) as f64 / 1e9,
            server_cpu: after.0.zip(before.0).map(|(after, before)| after - before),
            client_cpu: after.1 - before.1,
            measured,
        };
        report::status("");
        row.print(options, self.server);
        match row.failure() {
            // What follows would ask about what is not there.
            Some(failure) if load_requests.is_some() => Err(failure),
            failure => {
                self.failures.extend(failure);
                if load_requests.is_some() && is_complete { self.keys.end_loading(workload) } else { Ok(()) }
            }
        }
    }

    /// The connections of one workload, ready.
    fn streams(&self) -> Result<Vec<TcpStream>, String> {
        let connect = |number: u64| {
            let ready = connect(self.address, self.options).and_then(|client| {
                let mut stream = client.into_stream();
                if self.options.resp3 {
                    speak_resp3(&mut stream)?;
                }
                Ok(stream)
            });
            ready.map_err(|error| format!("connection {number}: {error}"))
        };
        (1..=self.options.connections).map(connect).collect()
    }

    /// Processor time that the server has spent so far, if it tells.
    fn server_cpu_seconds(&mut self) -> Option<f64> {
        let info = info(self.keys.client, "cpu")?;
        let seconds = |name| field(&info, name)?.parse::<f64>().ok();
        Some(seconds("used_cpu_sys")? + seconds("used_cpu_user")?)
    }
}

/// A connection that is authenticated, in its database, and served.
fn connect(address: SocketAddr, options: &BenchOptions) -> Result<BlockingClient, String> {
    let mut client = BlockingClient::connect(address, PATIENCE)?;
    let target = &options.target;
    let mut ask =
        |words: &[&[u8]]| client.ask(words).map(drop).map_err(|error| format!("{address}: {error}"));
    if let Some(words) = target.authentication() {
        ask(&words)?;
    }
    if let Some(database) = target.database.filter(|database| *database != 0) {
        ask(&[b"SELECT", database.to_string().as_bytes()])?;
    }
    // A server that is loading, or wants a password, says so here and not in the middle of a run.
    ask(&[b"PING"])?;
    Ok(client)
}

/// Changes the protocol of a connection that has no request under way.
fn speak_resp3(stream: &mut TcpStream) -> Result<(), String> {
    let mut replies = ReplyReader::default();
    let failed = |error: std::io::Error| format!("HELLO 3: {error}");
    stream.write_all(&request(&[b"HELLO", b"3"])).map_err(failed)?;
    let mut piece = [0; 4096];
    loop {
        let len = stream.read(&mut piece).map_err(failed)?;
        let ended = replies.read(&piece[..len]).map_err(|_| "HELLO 3: the reply is not RESP")?;
        match &replies.first_error {
            Some(error) => return Err(format!("HELLO 3: {error}")),
            None if ended > 0 => return Ok(()),
            None if len == 0 => return Err("HELLO 3: the server closed the connection".to_owned()),
            None => {}
        }
    }
}

/// A section of INFO, if the server has it.
fn info(client: &mut BlockingClient, section: &str) -> Option<String> {
    match client.ask(&[b"INFO", section.as_bytes()]) {
        Ok(OwnedFrame::BulkString(text)) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    }
}

/// The value of a line of INFO.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

/// Name and version, as far as the server tells them.
fn server_name(client: &mut BlockingClient) -> String {
    let info = info(client, "server").unwrap_or_default();
    // Those who follow Redis report its version beside their own.
    let name = field(&info, "server_name").unwrap_or("redis");
    match field(&info, &format!("{name}_version")) {
        Some(version) => format!("{name} {version}"),
        None => "a RESP server".to_owned(),
    }
}

/// Processor time that this process has spent so far.
fn client_cpu_seconds() -> f64 {
    let (user, system) = usage::cpu_seconds();
    user + system
}
