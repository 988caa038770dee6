//! What a program tells whoever started it.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

/// Writes a line to standard output. If its reader has gone away (`rankd import ... | head -1`), nothing is missing.
///
/// # Errors
/// Why the line cannot be written, such as a full disk.
pub fn print_line(line: impl Display) -> Result<(), String> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}

/// Writes a line to standard error. If that fails, nobody can be told.
pub fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
