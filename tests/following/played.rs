//! A master that a test plays: what it says to a replica.

use crate::support::wait_for;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// The identifier of its history.
pub(crate) const ID: &str = "8de1787ba490483314a4d30f1c628bc5025eb761";

/// The smallest file with a key: `new` is `value`.
pub(crate) const FILE: &[u8] = b"REDIS0009\xfe\x00\xfb\x01\x00\x00\x03new\x05value\xff\0\0\0\0\0\0\0\0";

/// Reads a request. `None` at the end of the connection.
pub(crate) fn request(stream: &mut impl BufRead) -> Option<Vec<Vec<u8>>> {
    let mut number = |kind: u8| -> Option<usize> {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
        assert_eq!(line[0], kind, "{}", line.escape_ascii());
        std::str::from_utf8(&line[1..]).ok()?.trim().parse().ok()
    };
    let count = number(b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
        let len: usize = std::str::from_utf8(&line[1..]).ok()?.trim().parse().ok()?;
        let mut word = vec![0; len + 2];
        stream.read_exact(&mut word).ok()?;
        word.truncate(len);
        words.push(word);
    }
    Some(words)
}

/// Answers the requests of a replica, and PSYNC with `answer`, but sends no more than `most` bytes in all. Returns the
/// connection after the answer; without one it has sent all that it may.
pub(crate) fn answer(stream: TcpStream, answer: &[u8], most: usize) -> Option<BufReader<TcpStream>> {
    stream.set_read_timeout(Some(crate::support::PATIENCE)).expect("a socket");
    let mut stream = BufReader::new(stream);
    let mut left = most;
    loop {
        let words = request(&mut stream)?;
        let reply: &[u8] = match &words[0][..] {
            b"PING" => b"+PONG\r\n",
            b"PSYNC" => answer,
            _ => b"+OK\r\n",
        };
        let piece = &reply[..reply.len().min(left)];
        stream.get_mut().write_all(piece).ok()?;
        left -= piece.len();
        if piece.len() < reply.len() {
            return None;
        }
        if words[0] == b"PSYNC" {
            return Some(stream);
        }
    }
}

/// The next connection of the replica.
pub(crate) fn accepted(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("a socket");
    let stream = wait_for("the replica's connection", || listener.accept().ok()).0;
    stream.set_nonblocking(false).expect("a socket");
    stream
}

/// A full sync with this file, whose stream goes on behind offset 100.
pub(crate) fn full_sync(framing: &str, file: &[u8], end: &[u8]) -> Vec<u8> {
    [format!("+FULLRESYNC {ID} 100\r\n\n\n{framing}\r\n").as_bytes(), file, end].concat()
}
