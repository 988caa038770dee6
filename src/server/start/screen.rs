//! What a start prints once the server is ready.

use super::opening::Opened;
use crate::config::{FsyncPolicy, MemoryBounds};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What a start prints, on one screen.
pub(in crate::server) struct Screen {
    pub(in crate::server) appendfsync: FsyncPolicy,
    pub(in crate::server) directory: PathBuf,
    pub(in crate::server) dump_path: PathBuf,
    /// Where clients can connect.
    pub(in crate::server) addresses: Vec<String>,
    /// Those of the metrics port.
    pub(in crate::server) metrics_addresses: Vec<SocketAddr>,
    pub(in crate::server) threads: usize,
    pub(in crate::server) memory: MemoryBounds,
    /// The configuration file that was read.
    pub(in crate::server) file: Option<PathBuf>,
    pub(in crate::server) warnings: Vec<String>,
}

impl Screen {
    /// How to import the data at `path` into the journal.
    fn advice(&self, path: &Path) -> String {
        let (path, directory) = (path.display(), self.directory.display());
        format!(
            "to import it, stop this server before it is written to and run `rankd import {path} --dir {directory}`"
        )
    }

    /// The text; `opened` is what the start has read.
    pub(in crate::server) fn text(&self, opened: &Opened) -> String {
        let mut text = format!("rankd {}, pid {}\n", env!("CARGO_PKG_VERSION"), std::process::id());
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<12}{value}");
        };
        for address in &self.addresses {
            row("address", format!("listening on {address}"));
        }
        for address in &self.metrics_addresses {
            row("metrics", format!("http://{address}/metrics"));
        }
        if let Some(file) = &self.file {
            row("configured", format!("by {}", file.display()));
        }
        row("directory", self.directory.display().to_string());
        let policy = match self.appendfsync {
            FsyncPolicy::Always => "synced before each reply",
            FsyncPolicy::EverySecond => "synced once a second",
            FsyncPolicy::Never => "synced when the operating system decides",
        };
        let dump = self.dump_path.display();
        let persistence = match opened {
            Opened::Dump(None) => "none (appendonly no)".to_owned(),
            Opened::Dump(Some(loaded)) => {
                format!("none (appendonly no); {} keys read from {dump}", loaded.keys)
            }
            Opened::Journal(recovered) if recovered.records == 0 => format!("journal, {policy}; empty"),
            Opened::Journal(recovered) => {
                let mib = recovered.bytes as f64 / f64::from(1 << 20);
                let seconds = recovered.duration_ms as f64 / 1000.0;
                format!("journal, {policy}; {mib:.1} MiB read back in {seconds:.2} s")
            }
        };
        row("persistence", persistence);
        row("threads", self.threads.to_string());
        row("memory", memory_line(&self.memory));
        self.warnings.iter().for_each(|warning| row("warning", warning.clone()));
        if let Opened::Dump(Some(loaded)) = opened {
            for line in loaded.left_out() {
                row("warning", format!("not read from {dump}, and not in the next dump file: {line}"));
            }
            if let Some(miscount) = loaded.miscount {
                row("warning", format!("{dump}: {miscount}"));
            }
        }
        if let Opened::Journal(recovered) = opened {
            if let Some(tear) = &recovered.torn_tail {
                let file = tear.path.display();
                row("warning", format!("cut off the journal's torn tail: {} bytes of {file}", tear.bytes));
            }
            if recovered.records == 0 && self.dump_path.exists() {
                row(
                    "warning",
                    format!(
                        "{dump} is not read, because there is a journal (appendonly yes); {}",
                        self.advice(&self.dump_path)
                    ),
                );
            }
        }
        if matches!(opened, Opened::Dump(_)) || matches!(opened, Opened::Journal(it) if it.records == 0) {
            for name in ["appendonlydir", "appendonly.aof"] {
                let path = self.directory.join(name);
                if path.exists() {
                    row(
                        "warning",
                        format!(
                            "{} is Redis's append-only file, which is not read; {}",
                            path.display(),
                            self.advice(&path)
                        ),
                    );
                }
            }
        }
        text.push_str("ready to accept connections");
        text
    }
}

/// What `maxmemory` means for this server.
fn memory_line(memory: &MemoryBounds) -> String {
    let bytes = memory.max_bytes;
    if bytes == 0 {
        return "no bound (maxmemory 0)".into();
    }
    let mib = bytes as f64 / f64::from(1 << 20);
    let whose = match bytes == MemoryBounds::container_share_bytes() {
        true => ", three quarters of the container's limit",
        false => "",
    };
    format!("at most {mib:.0} MiB{whose} (maxmemory {bytes}), {}", memory.policy.name())
}
