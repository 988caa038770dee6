//! The files of an import, opened, and the bar that shows how far they have been read.

use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::path::Path;

pub(super) fn starts_as_dump(path: &Path) -> Result<bool, String> {
    head_of(path).map(|head| is_head_of_dump(&head))
}

pub(super) fn is_head_of_dump(head: &[u8]) -> bool {
    head.starts_with(b"REDIS") || head.starts_with(b"VALKEY")
}

pub(super) fn head_of(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let mut head = Vec::new();
    let read = open(path)?.take(6).read_to_end(&mut head);
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(head)
}

pub(super) fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| format!("{}: {error}", path.display()))
}

pub(super) fn len_of(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// A progress bar on standard error, if that is a terminal. `amount` is the template of its figures.
pub(super) fn progress_bar(len: u64, amount: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {amount} {{msg}} ETA {{eta}}");
    let style = ProgressStyle::with_template(&template).expect("a template that a test has drawn");
    ProgressBar::new(len).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_can_be_drawn() {
        for amount in ["{binary_bytes}/{binary_total_bytes}", "{human_pos}/{human_len} keys"] {
            progress_bar(10, amount).finish();
        }
    }
}
