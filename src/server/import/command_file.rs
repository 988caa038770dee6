//! Reads the commands in one file of Redis's append-only file, as leniently as Redis reads them, and no more
//! leniently.
//!
//! Redis reads a header line up to its line feed and takes the number at its start. It ignores the two bytes behind
//! an argument. A command that was read is passed on as a well-formed request.

use super::aof_manifest::leading_number;
use crate::limits;
use std::io::{self, BufRead, Read};

/// Longest line, its end included. As Redis.
const LINE_BYTES: u64 = 1023;

/// What comes next in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextCommand {
    /// A complete command.
    Command,
    /// The end of the file.
    End,
    /// The end of the file, in the middle of a command.
    Cut,
}

/// Reads the commands of a file one by one.
pub(super) struct CommandFile<R> {
    read: R,
    /// Bytes read, those in front of the commands included.
    offset: u64,
    line: Vec<u8>,
    request: Vec<u8>,
}

impl<R: BufRead> CommandFile<R> {
    /// Reads on from `read`, which begins `offset` bytes behind the start of the file.
    pub(super) fn new(read: R, offset: u64) -> Self {
        Self { read, offset, line: Vec::new(), request: Vec::new() }
    }

    /// Bytes read so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The last command that was read, as a request.
    pub(super) fn request(&mut self) -> &mut [u8] {
        &mut self.request
    }

    /// Reads the next command.
    ///
    /// # Errors
    /// What is malformed, and where.
    pub(super) fn next_command(&mut self) -> Result<NextCommand, String> {
        loop {
            if !self.read_line()? {
                return Ok(NextCommand::End);
            }
            match *self.line {
                // A comment, as `aof-timestamp-enabled` writes them.
                [b'#', ..] => {}
                [b'*'] => return Ok(NextCommand::Cut),
                [b'*', ..] => return self.arguments(),
                _ => return self.malformed("a command does not begin with '*'"),
            }
        }
    }

    fn arguments(&mut self) -> Result<NextCommand, String> {
        let count = leading_number(&self.line[1..]);
        if count < 1 {
            return self.malformed("the number of arguments is missing");
        }
        self.request.clear();
        self.request.extend_from_slice(format!("*{count}\r\n").as_bytes());
        for _ in 0..count {
            if !self.read_line()? {
                return Ok(NextCommand::Cut);
            }
            if self.line[0] != b'$' {
                return self.malformed("an argument does not begin with '$'");
            }
            let len = leading_number(&self.line[1..]);
            let Some(len) = usize::try_from(len).ok().filter(|len| *len <= limits::MOST_BULK_BYTES) else {
                return self.malformed("an argument whose length is out of range");
            };
            self.request.extend_from_slice(format!("${len}\r\n").as_bytes());
            let (argument, end) = (self.take(len as u64)?, self.request.len());
            if !argument || !self.take(2)? {
                return Ok(NextCommand::Cut);
            }
            self.request.truncate(end);
            self.request.extend_from_slice(b"\r\n");
        }
        Ok(NextCommand::Command)
    }

    /// Appends the next `len` bytes to the request. Returns whether there were so many. Memory grows only with the
    /// bytes that come.
    fn take(&mut self, len: u64) -> Result<bool, String> {
        let came = (&mut self.read).take(len).read_to_end(&mut self.request).map_err(to_text)?;
        self.offset += came as u64;
        Ok(came as u64 == len)
    }

    /// Reads a line, which the end of the file may end. Returns whether there was any byte.
    fn read_line(&mut self) -> Result<bool, String> {
        self.line.clear();
        let came = (&mut self.read).take(LINE_BYTES).read_until(b'\n', &mut self.line).map_err(to_text)?;
        self.offset += came as u64;
        if came as u64 == LINE_BYTES && !self.line.ends_with(b"\n") {
            return self.malformed("a line that is longer than Redis reads");
        }
        Ok(came > 0)
    }

    fn malformed<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("not an append-only file that Redis would load: {what}, at byte {}", self.offset))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn to_text(error: io::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The requests in `bytes`, and how they end.
    fn read(bytes: &[u8]) -> Result<(Vec<String>, NextCommand), String> {
        let mut file = CommandFile::new(bytes, 0);
        let mut requests = Vec::new();
        loop {
            match file.next_command()? {
                NextCommand::Command => requests.push(file.request().escape_ascii().to_string()),
                end => return Ok((requests, end)),
            }
        }
    }

    #[test]
    fn commands_are_accepted_or_refused_as_by_redis() {
        let strict = read(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n").unwrap();
        let lenient: [&[u8]; 4] = [
            b"*2\n$3\nGETxy$1\nk\0\0",
            b"#TS:1700000000\r\n* 2abc\r\n$+3\r\nGET\n\n$1 \r\nk\r\n",
            b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n#",
            b"# a remark\n*2\r\n$03\r\nGET$$$1\r\nk**",
        ];
        assert_eq!(strict.1, NextCommand::End);
        for bytes in lenient {
            assert_eq!(read(bytes), Ok(strict.clone()), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn every_cut_is_one_and_nonsense_is_none() {
        let bytes = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
        for len in 1..bytes.len() {
            assert_eq!(read(&bytes[..len]), Ok((Vec::new(), NextCommand::Cut)), "{len}");
        }
        let long = [&b"#"[..], &[b'x'; 2000], b"\n"].concat();
        let refused: [&[u8]; 12] = [
            b"REDI",
            b"\0\0\0\0",
            b"GET k\r\n",
            b"\r\n*1\r\n$4\r\nPING\r\n",
            b"*0\r\n",
            b"*x\r\n",
            b"*-1\r\n",
            b"*1\r\nPING\r\n",
            b"*1\r\n$-1\r\n",
            b"*1\r\n$9999999999\r\n",
            b"#!/bin/sh\necho\n",
            &long,
        ];
        for bytes in refused {
            assert!(read(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }
}
