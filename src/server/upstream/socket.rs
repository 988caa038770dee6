//! The connection to the master. Nothing on it waits longer than [`TICK`] without a look at the turn: a server that is told
//! to follow another master, or none, lets go at once.

use super::error::LinkError;
use super::secured::shake_hands;
use crate::net::outgoing::connect_from;
use crate::net::tls::client::ClientTerms;
use crate::replication::upstream::lines::LineReader;
use crate::replication::upstream::state::{MasterAddress, Upstream};
use rustls::{ClientConnection, Stream};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How long a read waits before the turn, the silence and the time of the next acknowledgement are looked at.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// How long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(2);

/// How long the master may take to read what is sent to it, which is little.
const SENDING: Duration = Duration::from_secs(5);

/// Bytes that are read at a time while lines are expected.
const PIECE_BYTES: usize = 16 * 1024;

/// A connection to a master.
pub(super) struct MasterSocket<'u> {
    stream: TcpStream,
    /// The session on it, if TLS is spoken.
    session: Option<Box<ClientConnection>>,
    upstream: &'u Upstream,
    turn: u64,
    /// How long the master may be silent.
    patience: Duration,
    heard: Instant,
}

impl<'u> MasterSocket<'u> {
    /// Connects to the first of the master's addresses that answers, from the address `source` if that is possible.
    pub(super) fn connect(
        source: &str,
        master: &MasterAddress,
        upstream: &'u Upstream,
        turn: u64,
        patience: Duration,
    ) -> Result<Self, LinkError> {
        let addresses = (master.host.as_str(), master.port).to_socket_addrs()?;
        let mut outcome = Err(LinkError::Failed("its name has no address".into()));
        for address in addresses {
            match connect_from(source, &address, CONNECTING) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(TICK))?;
                    stream.set_write_timeout(Some(SENDING))?;
                    let heard = Instant::now();
                    return Ok(Self { stream, session: None, upstream, turn, patience, heard });
                }
                Err(error) => outcome = Err(error.into()),
            }
            if upstream.turn() != turn {
                return Err(LinkError::Superseded);
            }
        }
        outcome
    }

    /// The connection itself.
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Speaks TLS from here on. `host` is the name or address by which the master is called.
    pub(super) fn secure(&mut self, terms: &ClientTerms, host: &str) -> Result<(), LinkError> {
        let is_over = || self.upstream.turn() != self.turn;
        self.session = Some(shake_hands(&self.stream, terms, host, is_over)?);
        self.heard = Instant::now();
        Ok(())
    }

    /// Whether TLS is spoken.
    pub(super) fn is_secured(&self) -> bool {
        self.session.is_some()
    }

    /// Sends bytes.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        match &mut self.session {
            None => self.stream.write_all(bytes)?,
            Some(session) => {
                let mut stream = Stream::new(&mut **session, &mut self.stream);
                stream.write_all(bytes)?;
                stream.flush()?;
            }
        }
        Ok(())
    }

    /// Reads what has come. `None` if nothing has within a tick.
    ///
    /// # Errors
    /// [`LinkError::Superseded`] if the turn is over, and a failure if the master has been silent for too long.
    pub(super) fn read_some(&mut self, out: &mut [u8]) -> Result<Option<usize>, LinkError> {
        if self.upstream.turn() != self.turn {
            return Err(LinkError::Superseded);
        }
        let read = match &mut self.session {
            None => self.stream.read(out),
            Some(session) => Stream::new(&mut **session, &mut self.stream).read(out),
        };
        match read {
            Ok(0) => Err(LinkError::Failed("the master closed the connection".into())),
            Ok(read) => {
                self.heard = Instant::now();
                Ok(Some(read))
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                if self.heard.elapsed() > self.patience {
                    return Err(LinkError::Failed(format!("silent for {} s", self.patience.as_secs())));
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl MasterSocket<'_> {
    /// Nothing is read for a time, and the master's silence does not count.
    ///
    /// # Errors
    /// [`LinkError::Superseded`] if the turn is over.
    pub(super) fn stand_still(&mut self) -> Result<(), LinkError> {
        self.heard = Instant::now();
        if self.upstream.turn() == self.turn { Ok(()) } else { Err(LinkError::Superseded) }
    }

    /// Waits for bytes and adds them to the lines.
    pub(super) fn read_lines(&mut self, lines: &mut LineReader) -> Result<(), LinkError> {
        let mut piece = [0; PIECE_BYTES];
        loop {
            if let Some(read) = self.read_some(&mut piece)? {
                lines.push(&piece[..read]);
                return Ok(());
            }
        }
    }
}

impl Read for MasterSocket<'_> {
    /// Waits until something has come.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.read_some(out) {
                Ok(Some(read)) => return Ok(read),
                Ok(None) => {}
                Err(LinkError::Superseded) => {
                    return Err(io::Error::new(ErrorKind::ConnectionAborted, "superseded"));
                }
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
    }
}
