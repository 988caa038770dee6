//! What an import says at its end: what was read, what is there, what was left out and why.

use crate::rdb::{Tally, number_of};
use crate::store::Census;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The course of an import.
pub(super) struct Report {
    source: String,
    pub(super) tally: Tally,
    pub(super) census: Census,
    /// Bytes of commands read.
    pub(super) command_bytes: u64,
    /// Commands that were run.
    pub(super) commands: u64,
    /// Commands that keys of other types got, by type.
    pub(super) foreign_commands: BTreeMap<&'static str, u64>,
    /// Commands that got an error, and the first of them.
    pub(super) failed_commands: u64,
    pub(super) first_failure: Option<String>,
    /// What was cut off the end of the append-only file.
    pub(super) cut_bytes: u64,
    /// Keys that had gone before they could be asked for.
    pub(super) vanished_keys: u64,
}

impl Report {
    pub(super) fn new(source: &str) -> Self {
        Self {
            source: without_password(source),
            tally: Tally::default(),
            census: Census::default(),
            command_bytes: 0,
            commands: 0,
            foreign_commands: BTreeMap::new(),
            failed_commands: 0,
            first_failure: None,
            cut_bytes: 0,
            vanished_keys: 0,
        }
    }

    pub(super) fn print(&self, directory: &Path, duration_ms: u64) {
        print!("{self}");
        println!("  written     {} in {:.2} s", directory.display(), duration_ms as f64 / 1000.0);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tally, census, .. } = self;
        let mut row = |name: &str, text: fmt::Arguments<'_>| writeln!(f, "  {name:<12}{text}");
        let origin = if tally.origin.is_empty() { String::new() } else { format!(" ({})", tally.origin) };
        row("read", format_args!("{}{origin}", self.source))?;
        row("bytes", format_args!("{}", tally.bytes + self.command_bytes))?;
        if self.commands > 0 {
            row("commands", format_args!("{}", self.commands))?;
        }
        let (sets, rankings) = (census.sets, census.rankings);
        row("sorted sets", format_args!("{rankings}, with {} members", census.ranked_members))?;
        row("sets", format_args!("{sets}, with {} members", census.set_members))?;
        row("strings", format_args!("{}", census.strings))?;
        let mut skipped = |text: fmt::Arguments<'_>| row("skipped", text);
        for line in tally.left_out() {
            skipped(format_args!("{line}"))?;
        }
        for (name, commands) in &self.foreign_commands {
            skipped(format_args!("{}: rankd has no type {name}", number_of(*commands, "command")))?;
        }
        if tally.expired_keys > 0 {
            skipped(format_args!("{}: expired", number_of(tally.expired_keys, "key")))?;
        }
        if self.vanished_keys > 0 {
            skipped(format_args!("{}: gone before it was asked for", number_of(self.vanished_keys, "key")))?;
        }
        if self.cut_bytes > 0 {
            let bytes = number_of(self.cut_bytes, "byte");
            skipped(format_args!("{bytes} at the end: an incomplete command or transaction"))?;
        }
        if let Some(first) = &self.first_failure {
            skipped(format_args!(
                "{} with an error, first {first}",
                number_of(self.failed_commands, "command")
            ))?;
        }
        Ok(())
    }
}

fn without_password(source: &str) -> String {
    let user = source.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)));
    user.map_or_else(|| source.to_owned(), |(scheme, host)| format!("{scheme}://{host}"))
}
