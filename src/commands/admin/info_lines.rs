//! What the sections of INFO are written with.

use crate::commands::state::host::Host;
use crate::commands::state::stats::Stats;
use crate::machine::counter::Counter;
use std::fmt::Write;

/// Adds a line to a section.
pub(super) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
    out.push_str("\r\n");
}

/// A counter summed over the threads.
pub(super) fn sum(host: &Host, counter: impl Fn(&Stats) -> &Counter) -> u64 {
    host.stats.iter().map(|stats| counter(stats).get()).sum()
}
