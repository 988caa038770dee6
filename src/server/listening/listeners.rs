//! The listening sockets of a running server, and how they follow `port`, `tls-port` and `bind`.
//!
//! CONFIG SET changes them on the thread of its client. To listen on an address that a present socket covers, that socket
//! must have stopped; but if the new one cannot listen, the server must be as before. So the present sockets are made to
//! stop listening without being closed, which shutdown(2) does, and listen again if need be. Only the connections that were
//! not accepted in that moment are lost.

use super::addresses::{WantedAddress, addresses, known_addresses};
use super::port_kind::PortKind;
use super::tcp;
use super::unix::UnixSocket;
use crate::commands::state::host::Ports;
use crate::config::{Config, NoEffect};
use crate::server::threads::tls::TlsTerms;
use parking_lot::Mutex;
use socket2::Socket;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// The listening sockets.
pub(in crate::server) struct Listeners {
    /// The terms on which new connections speak TLS.
    pub(in crate::server) tls: Arc<TlsTerms>,
    /// The words of `bind` that the start has looked up.
    known: Vec<(String, WantedAddress)>,
    open: Mutex<Open>,
    begun: mpsc::UnboundedSender<NewListener>,
}

/// A listener from which connections shall be accepted until `ended` is closed.
pub(in crate::server) struct NewListener {
    pub(in crate::server) socket: ListeningSocket,
    pub(in crate::server) ended: oneshot::Receiver<()>,
}

/// A socket that listens, and that no task accepts from.
pub(in crate::server) enum ListeningSocket {
    Tcp(TcpListener, PortKind),
    Unix(UnixListener, Arc<str>),
}

#[derive(Default)]
struct Open {
    ports: [OpenPort; 2],
    /// Closed at the end.
    unix: Option<oneshot::Sender<()>>,
}

/// A port on all its addresses.
#[derive(Default)]
struct OpenPort {
    /// What it was opened for.
    wanted: Option<(Option<u16>, Vec<String>)>,
    sockets: Vec<OpenSocket>,
}

/// A socket, by a descriptor of its own.
struct OpenSocket {
    socket: Socket,
    address: SocketAddr,
    /// The task that accepts from it ends when this is dropped.
    task: Option<oneshot::Sender<()>>,
}

impl OpenPort {
    /// Ends the tasks, and then the listening.
    fn stop(&mut self) {
        for open in &mut self.sockets {
            open.task = None;
            // If this fails, the address is not free for a new socket, and that one fails.
            let _ = open.socket.shutdown(Shutdown::Both);
        }
    }

    fn number(&self) -> u16 {
        self.sockets.first().map_or(0, |open| open.address.port())
    }
}

/// Bound sockets that do not listen yet. No other process can take their ports while this one starts.
pub(in crate::server) struct BoundPorts {
    sockets: [tcp::BoundSockets; 2],
    /// The words of `bind` with their addresses.
    known: Vec<(String, WantedAddress)>,
}

/// Binds the ports that `config` asks for.
///
/// # Errors
/// An address that cannot be bound, or no way at all to reach the server.
pub(in crate::server) fn bind(config: &Config) -> Result<BoundPorts, String> {
    let addresses = addresses(&config.bind)?;
    if addresses.is_empty() && config.unixsocket.is_empty() {
        return Err("no client could connect: bind names no address, and there is no unixsocket".into());
    }
    let bound = |kind: PortKind| tcp::bind(&addresses, kind.wanted(config));
    let sockets = [bound(PortKind::Plain)?, bound(PortKind::Tls)?];
    Ok(BoundPorts { sockets, known: config.bind.iter().cloned().zip(addresses).collect() })
}

impl Listeners {
    /// Listens on what is bound, with `tls` for the port of that. The other end of the channel gets each listener.
    ///
    /// # Errors
    /// That of the system.
    pub(in crate::server) fn listen(
        bound: BoundPorts,
        tls: Arc<TlsTerms>,
        unix: Option<&mut UnixSocket>,
        config: &Config,
    ) -> Result<(Self, mpsc::UnboundedReceiver<NewListener>), String> {
        let (begun, listeners) = mpsc::unbounded_channel();
        let BoundPorts { sockets, known } = bound;
        let this = Self { tls, known, open: Mutex::default(), begun };
        {
            let mut open = this.open.lock();
            for (kind, bound) in PortKind::ALL.into_iter().zip(sockets) {
                open.ports[kind as usize] =
                    this.begin(kind, bound, config).map_err(|error| format!("cannot listen: {error}"))?;
            }
            if let Some(unix) = unix {
                let (listener, name) = unix.listen(config.tcp_backlog)?;
                open.unix = Some(this.start(ListeningSocket::Unix(listener, name)));
            }
        }
        Ok((this, listeners))
    }

    /// Listens no longer.
    pub(in crate::server) fn stop(&self) {
        let mut open = self.open.lock();
        open.ports.iter_mut().for_each(OpenPort::stop);
        open.unix = None;
    }

    fn begin(&self, kind: PortKind, bound: tcp::BoundSockets, config: &Config) -> io::Result<OpenPort> {
        let mut port =
            OpenPort { wanted: Some((kind.wanted(config), config.bind.clone())), sockets: Vec::new() };
        for socket in bound.listen(config.tcp_backlog)? {
            let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
            let listener = ListeningSocket::Tcp(socket.try_clone()?.into(), kind);
            port.sockets.push(OpenSocket { socket, address, task: Some(self.start(listener)) });
        }
        Ok(port)
    }

    fn start(&self, socket: ListeningSocket) -> oneshot::Sender<()> {
        let (task, ended) = oneshot::channel();
        // Nobody accepts any more while the server ends.
        let _ = self.begun.send(NewListener { socket, ended });
        task
    }

    /// Makes the sockets those that `config` asks for.
    ///
    /// # Errors
    /// The directive at fault, and why. The sockets are as before then.
    pub(in crate::server) fn follow(&self, config: &Config) -> Result<(), NoEffect> {
        let mut open = self.open.lock();
        let mut replaced: Vec<(PortKind, OpenPort)> = Vec::new();
        for kind in PortKind::ALL {
            let wanted = Some((kind.wanted(config), config.bind.clone()));
            let present = &mut open.ports[kind as usize];
            if present.wanted == wanted {
                continue;
            }
            let moves = present.wanted.as_ref().is_none_or(|(_, bind)| *bind == config.bind);
            // The beginnings are Redis's, on which its clients may match.
            let (directive, failure) = match moves {
                true => (kind.directive(), "Unable to listen on this port"),
                false => ("bind", "Failed to bind to specified addresses"),
            };
            present.stop();
            let addresses = known_addresses(&config.bind, &self.known);
            let bound = addresses.and_then(|addresses| tcp::bind(&addresses, kind.wanted(config)));
            let begun = bound.and_then(|bound| {
                self.begin(kind, bound, config).map_err(|error| format!("cannot listen: {error}"))
            });
            match begun {
                Ok(new) => replaced.push((kind, std::mem::replace(&mut open.ports[kind as usize], new))),
                Err(why) => {
                    self.resume(&mut open.ports[kind as usize], kind, config);
                    for (kind, old) in replaced {
                        std::mem::replace(&mut open.ports[kind as usize], old).stop();
                        self.resume(&mut open.ports[kind as usize], kind, config);
                    }
                    return Err(NoEffect { directive, why: format!("{failure}: {why}") });
                }
            }
        }
        Ok(())
    }

    /// Has the sockets of a port listen again. Each gets a new task: the runtime does not forget that a socket has ended.
    fn resume(&self, port: &mut OpenPort, kind: PortKind, config: &Config) {
        for OpenSocket { socket, address, task } in &mut port.sockets {
            let listens = socket.listen(tcp::backlog(config.tcp_backlog)).and_then(|()| socket.try_clone());
            match listens {
                Ok(socket) => *task = Some(self.start(ListeningSocket::Tcp(socket.into(), kind))),
                Err(error) => tracing::error!("{address} cannot be listened on any more: {error}"),
            }
        }
    }

    /// The ports at present.
    pub(in crate::server) fn ports(&self) -> Ports {
        let open = self.open.lock();
        let [plain, tls] = &open.ports;
        Ports { plain: plain.number(), tls: tls.number() }
    }

    /// The addresses at present, with what is spoken there.
    pub(in crate::server) fn addresses(&self) -> Vec<(SocketAddr, PortKind)> {
        let open = self.open.lock();
        let of =
            |kind: PortKind| open.ports[kind as usize].sockets.iter().map(move |open| (open.address, kind));
        PortKind::ALL.into_iter().flat_map(of).collect()
    }
}
