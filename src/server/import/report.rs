//! What an import prints at its end: what was read, what the store holds, what was left out and why.

use crate::machine::print::print_line;
use crate::rdb::{LoadTally, number_of};
use crate::store::{Census, DatabaseIndex, Kind, KindCount};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The counts of an import. Its `Display` is what the import prints.
pub(super) struct ImportReport {
    source: String,
    pub(super) tally: LoadTally,
    pub(super) census: Census,
    /// Bytes of commands read.
    pub(super) command_bytes: u64,
    /// Commands that were run.
    pub(super) commands: u64,
    /// Commands on keys of types that rankd does not have, by type.
    pub(super) foreign_commands: BTreeMap<&'static str, u64>,
    /// EXECs without a MULTI.
    pub(super) stray_execs: u64,
    /// Bytes cut off the end of the append-only file.
    pub(super) cut_bytes: u64,
    /// Keys that were removed before they were read.
    pub(super) vanished_keys: u64,
    /// Keys of each database of a server.
    pub(super) counts: Vec<DatabaseCount>,
    /// Sorted sets that became boards with a policy.
    pub(super) boards: Vec<BoardCount>,
    /// Whether the server is a replica that has lost its master.
    pub(super) is_cut_off: bool,
}

/// A sorted set that became a board with a policy.
pub(super) struct BoardCount {
    pub(super) database: DatabaseIndex,
    pub(super) key: Box<[u8]>,
    pub(super) members: usize,
    /// The members that had lost their tie: their scores were equal only because they were rounded.
    pub(super) lost: Vec<Box<[u8]>>,
}

/// Members of a board that the report names.
const NAMED_MEMBERS: usize = 10;

/// Keys of a database: as its server counted them before and after the reading, and as they were read.
pub(super) struct DatabaseCount {
    pub(super) database: DatabaseIndex,
    pub(super) before: u64,
    pub(super) read: u64,
    pub(super) after: u64,
}

impl ImportReport {
    pub(super) fn new(source: &str) -> Self {
        Self {
            source: without_password(source),
            tally: LoadTally::default(),
            census: Census::default(),
            command_bytes: 0,
            commands: 0,
            foreign_commands: BTreeMap::new(),
            stray_execs: 0,
            cut_bytes: 0,
            vanished_keys: 0,
            counts: Vec::new(),
            boards: Vec::new(),
            is_cut_off: false,
        }
    }

    pub(super) fn print(&self, directory: &Path, duration_ms: u64) -> Result<(), String> {
        let (directory, seconds) = (directory.display(), duration_ms as f64 / 1000.0);
        print_line(format_args!("{self}  written     {directory} in {seconds:.2} s"))
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tally, census, .. } = self;
        let mut row = |name: &str, text: fmt::Arguments<'_>| writeln!(f, "  {name:<12}{text}");
        let origin = if tally.origin.is_empty() { String::new() } else { format!(" ({})", tally.origin) };
        row("read", format_args!("{}{origin}", self.source))?;
        row("bytes", format_args!("{}", tally.bytes + self.command_bytes))?;
        if self.commands > 0 {
            row("commands", format_args!("{}", self.commands))?;
        }
        for kind in Kind::ALL.into_iter().rev() {
            let KindCount { keys, elements } = census.of(kind);
            match kind.element_name() {
                Some(name) => row(kind.plural_name(), format_args!("{keys}, with {elements} {name}"))?,
                None => row(kind.plural_name(), format_args!("{keys}"))?,
            }
        }
        for DatabaseCount { database, before, read, after } in &self.counts {
            let keys = number_of(*read, "key");
            if read == after {
                row("counted", format_args!("{keys} in database {database}, as the server counts"))?;
            } else {
                let meanwhile = "the database changed meanwhile; stop its writers to have everything";
                row(
                    "counted",
                    format_args!(
                        "{keys} in database {database}; its server counted {before} before and {after} after: {meanwhile}"
                    ),
                )?;
            }
        }
        for BoardCount { database, key, members, lost } in &self.boards {
            let members = number_of(*members as u64, "member");
            row("board", format_args!("'{}' in database {database}: {members}", key.escape_ascii()))?;
            if !lost.is_empty() {
                let named =
                    lost.iter().take(NAMED_MEMBERS).map(|member| format!("'{}'", member.escape_ascii()));
                let named: Vec<String> = named.collect();
                let more = if lost.len() > named.len() { " and others" } else { "" };
                let lost = number_of(lost.len() as u64, "member");
                let what = "had lost the tie, because doubles rounded the time away:";
                row("", format_args!("{lost} {what} {}{more}", named.join(", ")))?;
            }
        }
        if self.is_cut_off {
            row("counted", format_args!("on a replica that has lost its master, which may hold more"))?;
        }
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
        if self.stray_execs > 0 {
            let commands = number_of(self.stray_execs, "command");
            skipped(format_args!("{commands}: EXEC without MULTI, which does nothing"))?;
        }
        Ok(())
    }
}

fn without_password(source: &str) -> String {
    let user = source.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)));
    user.map_or_else(|| source.to_owned(), |(scheme, host)| format!("{scheme}://{host}"))
}
