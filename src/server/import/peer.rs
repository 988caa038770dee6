//! The running server that an import asks: its connection, and its replies.

use crate::net::address::ServerAddress;
use crate::net::client::{BlockingClient, request};
use crate::net::stream::ClientStream;
use crate::net::tls::client::TlsOptions;
use crate::resp::integer::parse as integer;
use std::io::{BufRead, BufReader, Read, Write};
use std::time::Duration;

/// How long the server may take for each step.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest reply that is kept in memory, in bytes. (Values are not: they are read as they come.)
const REPLY_BYTES: u64 = 64 * 1024 * 1024;

/// The deepest nesting of arrays: SCAN's reply is an array within an array.
const REPLY_DEPTH: usize = 2;

/// A reply, of the types that these commands return.
pub(super) enum PeerReply {
    Text(Vec<u8>),
    Integer(i64),
    Null,
    Array(Vec<PeerReply>),
}

/// A connection to the server that is imported.
pub(super) struct PeerServer {
    pub(super) stream: BufReader<ClientStream>,
    pub(super) is_valkey: bool,
    /// The command that returns a key's expiry: PTTL for servers before 7.0, which know only the time that is left.
    pub(super) expiry_command: &'static str,
}

impl PeerServer {
    /// Connects, from the address `source` if it is not empty.
    pub(super) fn connect(source: &str, address: &ServerAddress, tls: &TlsOptions) -> Result<Self, String> {
        let connect = |endpoint: &_| BlockingClient::connect_from(source, endpoint, PATIENCE);
        let client = address.connect_any(tls, connect)?;
        let stream = BufReader::new(client.into_stream());
        let mut server = Self { stream, is_valkey: false, expiry_command: "PEXPIRETIME" };
        if let Some(words) = address.authentication() {
            server.call(&words).map_err(|error| format!("{address}: {error}"))?;
        }
        if server.call(&[b"PEXPIRETIME", b"x"]).is_err() {
            server.expiry_command = "PTTL";
        }
        Ok(server)
    }

    pub(super) fn call(&mut self, words: &[&[u8]]) -> Result<PeerReply, String> {
        self.send(&request(words))?;
        self.reply()
    }

    pub(super) fn send(&mut self, requests: &[u8]) -> Result<(), String> {
        self.stream.get_mut().write_all(requests).map_err(|error| error.to_string())
    }

    pub(super) fn reply(&mut self) -> Result<PeerReply, String> {
        self.reply_within(REPLY_DEPTH)
    }

    fn reply_within(&mut self, depth: usize) -> Result<PeerReply, String> {
        let line = self.line()?;
        let Some((kind, text)) = line.split_first() else { return Err(unexpected()) };
        let number = || integer(text).ok_or_else(unexpected);
        Ok(match kind {
            b'+' => PeerReply::Text(text.to_vec()),
            b':' => PeerReply::Integer(number()?),
            b'$' => match u64::try_from(number()?) {
                Err(_) => PeerReply::Null,
                Ok(len) if len > REPLY_BYTES => return Err(unexpected()),
                Ok(len) => {
                    let mut text = Vec::new();
                    let read = (&mut self.stream).take(len).read_to_end(&mut text);
                    read.map_err(|error| error.to_string())?;
                    self.line_end()?;
                    PeerReply::Text(text)
                }
            },
            b'*' if depth > 0 => {
                let items = (0..number()?).map(|_| self.reply_within(depth - 1));
                PeerReply::Array(items.collect::<Result<_, _>>()?)
            }
            _ => return Err(refused(&line)),
        })
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(REPLY_BYTES).read_until(b'\n', &mut line);
        read.map_err(|error| error.to_string())?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(line.to_vec()),
            None if line.is_empty() => Err("the connection was closed".into()),
            None => Err(unexpected()),
        }
    }

    pub(super) fn line_end(&mut self) -> Result<(), String> {
        if self.line()?.is_empty() { Ok(()) } else { Err(unexpected()) }
    }
}

pub(super) fn unexpected() -> String {
    "not a reply of a Redis server".into()
}

/// An error reply in the server's words.
pub(super) fn refused(line: &[u8]) -> String {
    line.strip_prefix(b"-").map_or_else(unexpected, |text| String::from_utf8_lossy(text).into_owned())
}
