//! `rankd bench`: sends load to a server that speaks RESP and measures how fast it answers, so that an operator can choose
//! a machine. It is a client, and independent of the server in the same program.
//!
//! | file | the question it answers |
//! |---|---|
//! | `options` | What does the command line ask for? |
//! | `workload`, `template`, `scripts` | What is sent? |
//! | `keys` | Which keys does a run use, and what is loaded already? |
//! | `schedule` | When is a request due? |
//! | `exchange`, `replies` | Which replies are missing, and since when? |
//! | `generator` | Which threads and sockets send and receive? |
//! | `report` | What is printed? |

mod exchange;
mod generator;
mod keys;
mod options;
mod replies;
mod report;
mod schedule;
mod scripts;
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
use crate::net::stream::{ClientStream, Endpoint};
use clap::ArgMatches;
use redis_protocol::resp2::types::OwnedFrame;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a server may take to accept a connection, and to answer a request that is not part of the load.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the workloads of the command line and prints the results. Setting `interrupted` ends the run early; the results so
/// far are printed.
///
/// # Errors
/// The run could not start, a reply was an error, or a request got no reply.
pub fn run(matches: &ArgMatches, interrupted: &AtomicBool) -> Result<(), String> {
    let options = BenchOptions::read(matches);
    let connect_to =
        |endpoint: &Endpoint| connect(endpoint, &options).map(|client| (endpoint.clone(), client));
    let (endpoint, mut control) = options.target.connect_any(&options.tls, connect_to)?;
    let server = server_name(&mut control);
    let mut keys = RunKeys { client: &mut control, populations: &options.populations };
    keys.claim(options.force)?;
    if !options.json {
        report::print_heading(&options, &server)?;
    }
    let mut run =
        BenchRun { options: &options, endpoint, server: &server, keys, interrupted, failures: Vec::new() };
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
    endpoint: Endpoint,
    server: &'a str,
    keys: RunKeys<'a>,
    interrupted: &'a AtomicBool,
    /// Failures of the workloads that have run.
    failures: Vec<String>,
}

impl BenchRun<'_> {
    /// Runs the workloads. Before each it runs the loaders of the data that it needs and that do not exist.
    fn all(&mut self) -> Result<(), String> {
        let mut loaded: Vec<&str> = Vec::new();
        for &workload in &self.options.workloads {
            let needed = workload.needs.iter().map(|name| Workload::named(name).expect("it is in the table"));
            for part in needed.chain([workload]) {
                let is_needed = part != workload;
                let is_loaded = loaded.contains(&part.name) && !part.is_used_up();
                if is_needed && (is_loaded || self.keys.are_loaded(part)?) {
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
        let total = workload.most_requests(&options.populations).map_or(total, |most| total.min(most));
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
        // An open loop has run for at least the requested time, even if its last reply came earlier.
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
        row.print(options, self.server)?;
        match row.failure() {
            // The next workload would ask for data that do not exist.
            Some(failure) if load_requests.is_some() => Err(failure),
            failure => {
                self.failures.extend(failure);
                if load_requests.is_some() && is_complete { self.keys.end_loading(workload) } else { Ok(()) }
            }
        }
    }

    /// The connections of one workload, ready.
    fn streams(&self) -> Result<Vec<ClientStream>, String> {
        let connect = |number: u64| {
            let ready = connect(&self.endpoint, self.options).and_then(|client| {
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

    /// The processor time that the server has used so far, if its INFO shows it.
    fn server_cpu_seconds(&mut self) -> Option<f64> {
        let info = info(self.keys.client, "cpu")?;
        let seconds = |name| field(&info, name)?.parse::<f64>().ok();
        Some(seconds("used_cpu_sys")? + seconds("used_cpu_user")?)
    }
}

/// A connection that is authenticated, has selected its database, and has been answered.
fn connect(endpoint: &Endpoint, options: &BenchOptions) -> Result<BlockingClient, String> {
    let mut client = BlockingClient::connect(endpoint, PATIENCE)?;
    let target = &options.target;
    let mut ask =
        |words: &[&[u8]]| client.ask(words).map(drop).map_err(|error| format!("{endpoint}: {error}"));
    if let Some(words) = target.authentication() {
        ask(&words)?;
    }
    if let Some(database) = target.database.filter(|database| *database != 0) {
        ask(&[b"SELECT", database.to_string().as_bytes()])?;
    }
    // A server that is loading, or wants a password, replies with an error here and not during the run.
    ask(&[b"PING"])?;
    Ok(client)
}

/// Changes the protocol of a connection that has no outstanding request.
fn speak_resp3(stream: &mut ClientStream) -> Result<(), String> {
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

/// Name and version of the server, if its INFO shows them.
fn server_name(client: &mut BlockingClient) -> String {
    let info = info(client, "server").unwrap_or_default();
    // Compatible servers report a version of Redis beside their own.
    let name = field(&info, "server_name").unwrap_or("redis");
    match field(&info, &format!("{name}_version")) {
        Some(version) => format!("{name} {version}"),
        None => "a RESP server".to_owned(),
    }
}

/// The processor time that this process has used so far.
fn client_cpu_seconds() -> f64 {
    let (user, system) = usage::cpu_seconds();
    user + system
}
