//! The output: a table for people, JSON objects for programs, and a progress line.

use super::exchange::Measurements;
use super::options::BenchOptions;
use super::workload::Workload;
use crate::machine::print::print_line;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// The percentiles of a row, with their names in a JSON object.
const PERCENTILES: [(&str, f64); 4] =
    [("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99), ("p999_ms", 0.999)];

/// A row of an open loop that reaches less than this share of the requested rate shows that rate.
const KEPT_UP: f64 = 0.99;

/// One workload's figures.
pub(super) struct ReportRow<'a> {
    pub(super) workload: &'a Workload,
    pub(super) pipeline: u64,
    /// The requested rate of an open loop.
    pub(super) rate: Option<u64>,
    pub(super) measured: Measurements,
    pub(super) seconds: f64,
    /// Seconds of processor time of the server, if known.
    pub(super) server_cpu: Option<f64>,
    pub(super) client_cpu: f64,
}

impl ReportRow<'_> {
    fn per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.measured.answered as f64 / self.seconds } else { 0.0 }
    }

    fn us_per_op(&self, cpu_seconds: f64) -> f64 {
        1e6 * cpu_seconds / self.measured.answered.max(1) as f64
    }

    fn latency_ms(&self, quantile: f64) -> f64 {
        self.measured.latency_ns.value_at_quantile(quantile) as f64 / 1e6
    }

    fn max_ms(&self) -> f64 {
        self.latency_ms(1.0)
    }

    /// The failure of this workload, if it had one.
    pub(super) fn failure(&self) -> Option<String> {
        let Self { workload, measured, .. } = self;
        if let Some(text) = &measured.first_error {
            let (errors, answered) = (grouped(measured.errors), grouped(measured.answered));
            return Some(format!(
                "{}: {errors} of {answered} replies are errors, one of them {text:?}",
                workload.name
            ));
        }
        let unanswered = measured.unanswered;
        (unanswered > 0)
            .then(|| format!("{}: {} requests were not answered", workload.name, grouped(unanswered)))
    }

    /// Prints the row.
    pub(super) fn print(&self, options: &BenchOptions, server: &str) -> Result<(), String> {
        print_line(if options.json { self.json(options, server).to_string() } else { self.line() })
    }

    fn line(&self) -> String {
        let mut line = format!("{:<14}{:>11}", self.workload.name, grouped(self.per_second().round() as u64));
        for (_, quantile) in PERCENTILES {
            line += &format!("{:>10.3}", self.latency_ms(quantile));
        }
        let server = self.server_cpu.map_or("-".to_owned(), |cpu| format!("{:.2}", self.us_per_op(cpu)));
        line += &format!("{:>10.3}{:>10}", self.max_ms(), grouped(self.measured.errors));
        line += &format!("{server:>12}{:>10.2}", self.us_per_op(self.client_cpu));
        match self.rate {
            Some(rate) if self.per_second() < rate as f64 * KEPT_UP => {
                line + &format!("  (asked for {} ops/s)", grouped(rate))
            }
            _ => line,
        }
    }

    fn json(&self, options: &BenchOptions, server: &str) -> serde_json::Value {
        let mut row = serde_json::json!({
            "workload": self.workload.name,
            "server": server,
            "members": options.populations.members,
            "connections": options.connections,
            "threads": options.threads,
            "pipeline": self.pipeline,
            "seed": options.seed,
            "rate": self.rate,
            "seconds": self.seconds,
            "replies": self.measured.answered,
            "unanswered": self.measured.unanswered,
            "errors": self.measured.errors,
            "first_error": self.measured.first_error,
            "ops_per_second": self.per_second(),
            "mean_ms": self.measured.latency_ns.mean() / 1e6,
            "max_ms": self.max_ms(),
            "server_cpu_us_per_op": self.server_cpu.map(|cpu| self.us_per_op(cpu)),
            "client_cpu_us_per_op": self.us_per_op(self.client_cpu),
        });
        for (name, quantile) in PERCENTILES {
            row[name] = self.latency_ms(quantile).into();
        }
        row
    }
}

/// Prints the server and the options, above the rows.
pub(super) fn print_heading(options: &BenchOptions, server: &str) -> Result<(), String> {
    let BenchOptions { target, populations, connections, threads, pipeline, .. } = options;
    let pace = match options.rate {
        Some(rate) => format!("open loop, {} requests/s", grouped(rate)),
        None => "closed loop".to_owned(),
    };
    print_line(format_args!(
        "{server} at {target}: {connections} connections, {threads} threads, pipeline {pipeline}, {pace}\n\
         {} members; writes keys {}* {}; seed {}\n",
        grouped(populations.members),
        populations.prefix,
        if options.keep { "and keeps them" } else { "and removes them at the end" },
        options.seed,
    ))?;
    print_line(format_args!(
        "{:<14}{:>11}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}{:>10}",
        "", "", "latency", "in ms", "", "", "", "", "CPU us/op", ""
    ))?;
    print_line(format_args!(
        "{:<14}{:>11}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}{:>10}",
        "workload", "ops/s", "p50", "p90", "p99", "p99.9", "max", "errors", "server", "client"
    ))
}

/// Overwrites the progress line, if standard error is a terminal.
pub(super) fn progress(workload: &str, elapsed: Duration, replies: u64) {
    let seconds = elapsed.as_secs_f64();
    status(&format!(
        "{workload}: {seconds:.1} s, {} replies, {}/s",
        grouped(replies),
        grouped((replies as f64 / seconds) as u64)
    ));
}

/// Overwrites the progress line with `text`, if standard error is a terminal; an empty text clears it.
pub(super) fn status(text: &str) {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        // Errors are ignored: standard error may be closed.
        let _ = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
    }
}

/// A number with a comma between each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(measured: Measurements) -> ReportRow<'static> {
        let workload = Workload::named("zadd").unwrap();
        ReportRow {
            workload,
            pipeline: 1,
            rate: Some(2000),
            measured,
            seconds: 2.0,
            server_cpu: None,
            client_cpu: 0.5,
        }
    }

    #[test]
    fn rows_show_the_measurements() {
        let mut measured = Measurements { answered: 1000, ..Measurements::default() };
        measured.latency_ns.saturating_record_n(2_000_000, 1000);
        let good = row(measured.clone());
        let line = good.line();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..2], ["zadd", "500"]);
        assert_eq!((words[7], words[8], words[9]), ("0", "-", "500.00"));
        assert!(line.ends_with("(asked for 2,000 ops/s)"), "{line}");
        assert!((good.latency_ms(0.5) - 2.0).abs() < 0.01);
        assert_eq!(good.failure(), None);
        let bad =
            row(Measurements { errors: 3, first_error: Some("ERR \"x\"".to_owned()), ..measured.clone() });
        assert_eq!(
            bad.failure().unwrap(),
            "zadd: 3 of 1,000 replies are errors, one of them \"ERR \\\"x\\\"\""
        );
        let unanswered = row(Measurements { unanswered: 1_234_567, ..measured });
        assert_eq!(unanswered.failure().unwrap(), "zadd: 1,234,567 requests were not answered");
    }
}
