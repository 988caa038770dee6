//! A blocking client for the program's own requests: those of `rankd ping`, of `rankd bench` outside of its load, and of
//! `rankd import`.

use super::stream::{ClientStream, Endpoint};
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;
use std::io::{Error, ErrorKind, Read, Result as IoResult, Write};
use std::time::Duration;

/// How many bytes are read from the socket at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// One connection that sends one request at a time, in RESP2.
#[derive(Debug)]
pub struct BlockingClient {
    stream: ClientStream,
    endpoint: Endpoint,
}

impl BlockingClient {
    /// Connects. `patience` limits the time of this and of every later step.
    ///
    /// # Errors
    /// The endpoint, and why the connection failed.
    pub fn connect(endpoint: &Endpoint, patience: Duration) -> Result<Self, String> {
        Self::connect_from("", endpoint, patience)
    }

    /// As [`BlockingClient::connect`], over TCP from the address `source` if it is not empty.
    ///
    /// # Errors
    /// The endpoint, and why the connection failed.
    pub fn connect_from(source: &str, endpoint: &Endpoint, patience: Duration) -> Result<Self, String> {
        let stream = ClientStream::connect(source, endpoint, patience);
        let stream = stream.map_err(|error| format!("{endpoint}: {error}"))?;
        Ok(Self { stream, endpoint: endpoint.clone() })
    }

    /// Sends the request with the arguments `words` and returns its reply, which is never an error reply.
    ///
    /// # Errors
    /// The endpoint and the failure of the connection, or the text of an error reply.
    pub fn ask(&mut self, words: &[&[u8]]) -> Result<OwnedFrame, String> {
        match self.exchange(words) {
            Ok(OwnedFrame::Error(text)) => Err(text),
            Ok(reply) => Ok(reply),
            Err(error) => Err(format!("{}: {error}", self.endpoint)),
        }
    }

    /// Authenticates as `user`, or as the default user if that is empty; without a password not at all.
    ///
    /// # Errors
    /// As [`BlockingClient::ask`].
    pub fn authenticate(&mut self, user: &str, password: &str) -> Result<(), String> {
        let (user, password) = (user.as_bytes(), password.as_bytes());
        match (user, password) {
            (_, b"") => Ok(()),
            (b"", password) => self.ask(&[b"AUTH", password]).map(drop),
            (user, password) => self.ask(&[b"AUTH", user, password]).map(drop),
        }
    }

    /// The stream of the connection, without unread bytes.
    #[must_use]
    pub fn into_stream(self) -> ClientStream {
        self.stream
    }

    fn exchange(&mut self, words: &[&[u8]]) -> IoResult<OwnedFrame> {
        self.stream.write_all(&request(words))?;
        let mut received = Vec::new();
        let mut piece = [0; PIECE_BYTES];
        loop {
            let len = self.stream.read(&mut piece)?;
            if len == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection"));
            }
            received.extend_from_slice(&piece[..len]);
            let malformed = |_| Error::new(ErrorKind::InvalidData, "the reply is not RESP");
            if let Some((frame, _)) = decode(&received).map_err(malformed)? {
                return Ok(frame);
            }
        }
    }
}

/// The bytes of the request with the arguments `words`.
#[must_use]
pub fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    request
}
