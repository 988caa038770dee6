//! LATENCY GRAPH: the samples of an event as columns of characters, each with its age below it.

use super::events::no_samples;
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::state::host::Host;
use crate::commands::state::latency_events::{LatencyEvent, LatencySample, LatencySeries};
use crate::resp::reply::Reply;
use std::fmt::Write;

/// Columns of the graph: the newest samples.
const COLUMNS: usize = 80;

/// Rows of the graph. Each shows three heights.
const ROWS: u64 = 4;

/// What is at the top of a column, by the height in its row; a row below the top is full.
const TOPS: [char; 3] = ['_', 'o', '#'];
const FULL: char = '|';

pub(super) fn graph(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let name = call.argument(1);
    let event = LatencyEvent::named(name).ok_or_else(|| no_samples(name))?;
    let series = host.latency_events.of(event).ok_or_else(|| no_samples(name))?;
    reply.verbatim(&draw(event, &series, host.clock.now_ms() / 1000));
    Ok(())
}

fn draw(event: LatencyEvent, series: &LatencySeries, now_s: u64) -> String {
    let shown = series.samples.len().min(COLUMNS);
    let samples: Vec<LatencySample> =
        series.samples.iter().skip(series.samples.len() - shown).copied().collect();
    let times = || samples.iter().map(|sample| sample.elapsed_ms);
    let (low, high) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let steps = ROWS * TOPS.len() as u64 - 1;
    let height = |time: u64| (time - low).saturating_mul(steps) / (high - low).max(1);
    let heights: Vec<u64> = times().map(height).collect();
    let mut out = format!(
        "{} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        event.name(),
        series.longest_ms,
        "-".repeat(COLUMNS)
    );
    let per_row = TOPS.len() as u64;
    for row in (0..ROWS).rev() {
        let column = |height: &u64| match height.checked_sub(row * per_row) {
            None => ' ',
            Some(above) => TOPS.get(above as usize).copied().unwrap_or(FULL),
        };
        let line: String = heights.iter().map(column).collect();
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out.push('\n');
    let ages: Vec<Vec<char>> =
        samples.iter().map(|sample| age(now_s.saturating_sub(sample.at_s)).chars().collect()).collect();
    for line in 0..ages.iter().map(Vec::len).max().unwrap_or(0) {
        let line: String = ages.iter().map(|age| age.get(line).copied().unwrap_or(' ')).collect();
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// A time in its largest whole unit.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_high_as_their_samples_are_long() {
        let sample = |(at_s, elapsed_ms)| LatencySample { at_s, elapsed_ms };
        let times = [(0, 100), (900, 160), (988, 210), (990, 200), (1000, 100)];
        let series = LatencySeries { samples: times.map(sample).into(), longest_ms: 700 };
        let graph = draw(LatencyEvent::Command, &series, 1000);
        let lines: Vec<&str> = graph.lines().collect();
        assert_eq!(lines[0], "command - high 210 ms, low 100 ms (all time high 700 ms)");
        let drawn = ["  #o", " _||", " |||", "_|||_", "", "11110", "6m20s", "m ss"];
        assert_eq!(lines[2..], drawn, "{graph}");
    }
}
