//! A raw client: blocking, with time limits, one connection. Sends bytes as they are given, reads replies one by one.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::PATIENCE;
use super::reply::{Reply, read_reply};

/// One connection to a server, over TCP or another stream.
pub(crate) struct Client<S = TcpStream> {
    stream: BufReader<S>,
}

impl Client {
    /// # Panics
    /// When the server does not take the connection.
    pub(crate) fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).unwrap_or_else(|error| panic!("no connection to {address}: {error}"))
    }

    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Client::over(stream))
    }

    /// A second handle of the connection, for another thread to send on. Only one of the two may read.
    pub(crate) fn try_clone(&self) -> Client {
        Client::over(self.stream.get_ref().try_clone().expect("a further descriptor"))
    }

    /// Shuts down the sending side. Replies can still be read.
    pub(crate) fn finish_sending(&mut self) {
        self.stream.get_mut().shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Sets the time limit of reads.
    pub(crate) fn set_read_timeout(&mut self, timeout: std::time::Duration) {
        self.stream.get_mut().set_read_timeout(Some(timeout)).expect("a timeout above zero");
    }
}

impl<S: Read + Write> Client<S> {
    /// A client over a stream that is connected and has time limits.
    pub(crate) fn over(stream: S) -> Client<S> {
        Client { stream: BufReader::new(stream) }
    }

    /// The stream itself.
    pub(crate) fn stream(&mut self) -> &mut S {
        self.stream.get_mut()
    }

    /// Sends one request and reads its reply.
    ///
    /// # Panics
    /// When the connection fails.
    pub(crate) fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Reply {
        self.send(words);
        self.reply()
    }

    /// [`Client::call`] with the words of a line.
    pub(crate) fn ask(&mut self, line: &str) -> Reply {
        self.call(&super::escape::words(line))
    }

    /// A field of INFO.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn fact(&mut self, name: &str) -> String {
        let facts = self.call(&["INFO", "everything"]).text();
        let line = facts.lines().find_map(|line| line.strip_prefix(&format!("{name}:")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("{name} in {facts}")).trim().to_owned()
    }

    /// [`Client::call`] without a panic, for servers that may end meanwhile.
    pub(crate) fn try_call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<Reply> {
        self.stream.get_mut().write_all(&encode(words))?;
        self.try_reply()
    }

    pub(crate) fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) {
        self.send_raw(&encode(words));
    }

    /// # Panics
    /// When the connection fails.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server takes the bytes");
    }

    /// Sends bytes that the server may not read completely.
    pub(crate) fn try_send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// The next reply.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn reply(&mut self) -> Reply {
        self.try_reply().unwrap_or_else(|error| panic!("no reply: {error}"))
    }

    pub(crate) fn try_reply(&mut self) -> io::Result<Reply> {
        self.reply_with_bytes().map(|(reply, _)| reply)
    }

    /// The next reply, with its bytes as they came.
    pub(crate) fn reply_with_bytes(&mut self) -> io::Result<(Reply, Vec<u8>)> {
        let mut raw = Vec::new();
        let reply = read_reply(&mut self.stream, &mut raw)?;
        Ok((reply, raw))
    }

    /// The next line, without its end.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut self.stream, &mut line).expect("a line");
        assert!(line.ends_with('\n'), "the connection has ended behind {line:?}");
        line.trim_end().to_owned()
    }

    /// The next `len` bytes.
    ///
    /// # Panics
    /// When there are fewer.
    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.stream.read_exact(&mut bytes).expect("so many bytes");
        bytes
    }

    /// True once the server has closed the connection with nothing left to read.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

/// A request as an array of bulks.
pub(crate) fn encode<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
