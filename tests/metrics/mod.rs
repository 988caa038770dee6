//! The metrics port: what it serves, to whom it does not, and the files of `config` that rest on its names.

mod boards;
mod exporter;
mod files;
mod hostile;
mod probes;
mod scrape;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Once;

use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::server::{Server, free_address};

/// A server with a metrics port.
struct Metered {
    server: Server,
    metrics: SocketAddr,
}

impl Metered {
    /// rankd in a fresh directory, with further arguments.
    fn rankd(arguments: &[&str]) -> Self {
        // Another process may take the port before the server binds it. Then another one is tried.
        for _ in 0..20 {
            let metrics = free_address();
            let port = metrics.port().to_string();
            let arguments = [&["--metrics-port", &port], arguments].concat();
            let directory = tempfile::tempdir().expect("a temporary directory");
            match Server::rankd_in(directory, &arguments) {
                Ok(server) => return Self { server, metrics },
                Err(said) => assert!(said.contains("cannot listen on"), "{said}"),
            }
        }
        panic!("no port is free for long enough");
    }

    fn client(&self) -> Client {
        self.server.client()
    }

    fn scrape(&self) -> Scrape {
        let page = get(self.metrics, "/metrics");
        assert_eq!(page.status, 200);
        Scrape::of(&page.body)
    }
}

/// A reply over HTTP.
pub(crate) struct Page {
    pub(crate) status: u16,
    head: String,
    body: String,
}

/// Sends `request` as it is and returns everything until the server closes the connection.
fn exchange(address: SocketAddr, request: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said)?;
    Ok(String::from_utf8(said).expect("UTF-8"))
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Page {
    let said = exchange(address, format!("GET {path} HTTP/1.1\r\nHost: rankd\r\n\r\n").as_bytes());
    page(&said.expect("a reply"))
}

fn page(said: &str) -> Page {
    let (head, body) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {said:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Page { status, head: head.to_owned(), body: body.to_owned() }
}

/// One sample: its name, its labels, and its value.
#[derive(Clone, Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// A page of metrics taken apart.
#[derive(Debug)]
struct Scrape {
    /// The types by the name of the metric.
    types: BTreeMap<String, String>,
    samples: Vec<Sample>,
}

impl Scrape {
    /// # Panics
    /// If a sample stands outside its metric, or a series is there twice.
    fn of(text: &str) -> Self {
        let mut types = BTreeMap::new();
        let mut samples: Vec<Sample> = Vec::new();
        let mut present = String::new();
        let mut seen = std::collections::BTreeSet::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is there twice");
                present = name.to_owned();
            } else if !line.starts_with('#') {
                let sample = Sample::of(line);
                assert!(seen.insert((sample.name.clone(), sample.labels.clone())), "twice: {line}");
                let suffix =
                    sample.name.strip_prefix(&present).unwrap_or_else(|| panic!("{line} in {present}"));
                assert!(["", "_bucket", "_sum", "_count"].contains(&suffix), "{line} in {present}");
                samples.push(sample);
            }
        }
        Self { types, samples }
    }

    /// The samples named `name`.
    fn all(&self, name: &str) -> Vec<&Sample> {
        self.samples.iter().filter(|sample| sample.name == name).collect()
    }

    /// The value of the only sample named `name` that has these labels.
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|found| found == value))
        };
        let found: Vec<_> = self.all(name).into_iter().filter(has).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
        found[0].value
    }
}

impl Sample {
    fn of(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').expect("a series and a value");
        let (name, labels) = match series.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}').expect("the end of the labels")),
            None => (series, ""),
        };
        let mut found = BTreeMap::new();
        let mut rest = labels;
        while !rest.is_empty() {
            let (label, after) = rest.split_once("=\"").expect("a label");
            let mut value = String::new();
            let mut characters = after.char_indices();
            let end = loop {
                match characters.next().expect("the end of a value") {
                    (_, '\\') => match characters.next().expect("an escape").1 {
                        'n' => value.push('\n'),
                        other => value.push(other),
                    },
                    (at, '"') => break at,
                    (_, other) => value.push(other),
                }
            };
            found.insert(label.to_owned(), value);
            rest = after[end + 1..].trim_start_matches(',');
        }
        let value = match value {
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            value => value.parse().unwrap_or_else(|_| panic!("{line}")),
        };
        Self { name: name.to_owned(), labels: found, value }
    }
}

/// The program `name` of Debian's package `package`; `None` if it is not on this machine. Then one line says so.
///
/// # Panics
/// When it is missing and `RANKD_REQUIRE_PEERS=1`.
pub(crate) fn tool(name: &str, package: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.exists());
    if found.is_none() {
        let missing = format!("{name} is not on this machine: install Debian's package {package}");
        assert!(std::env::var_os("RANKD_REQUIRE_PEERS").is_none_or(|value| value != "1"), "{missing}");
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            // Straight to the file descriptor: the macros' output would be captured by the test harness.
            let line = format!("\nNOT COMPARED: {missing}\n");
            std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
        });
    }
    found
}
