//! A line between a replica and its master that can be cut, and that can stop in the middle.

use crate::support::wait_for;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens when so many bytes of the master have passed on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// All passes.
    Passes,
    /// The line is cut behind so many bytes.
    CutAt(usize),
    /// Nothing more passes behind so many bytes, until there is another fate.
    HeldAt(usize),
}

#[derive(Debug)]
struct State {
    master: SocketAddr,
    fate: Fate,
    /// The bytes of the master that have passed on the last connection.
    passed: Vec<u8>,
    /// Whether what is recorded goes on: not for a long stream.
    records: bool,
    count: usize,
    /// Connections so far, and those that were cut.
    connections: usize,
    cuts: usize,
    /// Whether the last connection is held.
    is_held: bool,
    /// Whether the replica appears as a rankd that reads bases of another version.
    is_other_version: bool,
}

/// The line. Its threads end with their connections.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The port at which the replica finds the master.
    pub(super) port: u16,
    state: Arc<Mutex<State>>,
}

impl Line {
    /// A line to the master at this address.
    pub(super) fn to(master: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(Mutex::new(State {
            master,
            fate: Fate::Passes,
            passed: Vec::new(),
            records: false,
            count: 0,
            connections: 0,
            cuts: 0,
            is_held: false,
            is_other_version: false,
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for replica in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || carry(replica, &shared));
            }
        });
        Self { port, state }
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().expect("no panic while held"))
    }

    /// The fate of this connection and of all that follow.
    pub(super) fn set(&self, fate: Fate) {
        self.with(|state| state.fate = fate);
    }

    /// The master is there from now on.
    pub(super) fn lead_to(&self, master: SocketAddr) {
        self.with(|state| state.master = master);
    }

    /// From now on the replica appears as a rankd of another version, which gets dump files.
    pub(super) fn hide_version(&self) {
        self.with(|state| state.is_other_version = true);
    }

    /// Records what passes from now on.
    pub(super) fn record(&self) {
        self.with(|state| state.records = true);
    }

    /// The bytes of the master that have passed on the last connection since it was recorded.
    pub(super) fn recorded(&self) -> Vec<u8> {
        self.with(|state| {
            state.records = false;
            std::mem::take(&mut state.passed)
        })
    }

    /// How many bytes of the master have passed on the last connection.
    pub(super) fn passed(&self) -> usize {
        self.with(|state| state.count)
    }

    /// How many connections were cut.
    pub(super) fn cuts(&self) -> usize {
        self.with(|state| state.cuts)
    }

    /// Waits until one more than `before` was cut.
    pub(super) fn wait_for_cut(&self, before: usize) {
        wait_for("a cut", || (self.cuts() > before).then_some(()));
    }

    /// Waits until the last connection is held.
    pub(super) fn wait_for_hold(&self) {
        wait_for("a hold", || self.with(|state| state.is_held).then_some(()));
    }
}

/// Carries the bytes of a connection until either side ends, or its fate does.
fn carry(replica: TcpStream, shared: &Mutex<State>) {
    let with = |f: &mut dyn FnMut(&mut State)| f(&mut shared.lock().expect("no panic while held"));
    let (mut number, mut target, mut hides) = (0, None, false);
    with(&mut |state| {
        state.connections += 1;
        (state.count, state.is_held) = (0, false);
        state.passed.clear();
        (number, target, hides) = (state.connections, Some(state.master), state.is_other_version);
    });
    let Some(Ok(master)) = target.map(TcpStream::connect) else { return };
    let (mut from, mut to) = (replica.try_clone().expect("a socket"), master.try_clone().expect("a socket"));
    thread::spawn(move || {
        if hides {
            let _ = carry_without_version(&mut from, &mut to);
        } else {
            let _ = std::io::copy(&mut from, &mut to);
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut master, mut replica) = (master, replica);
    let mut piece = vec![0; 64 * 1024];
    let mut count = 0;
    loop {
        let mut room = piece.len();
        let mut is_cut = false;
        with(&mut |state| {
            let fate = state.fate;
            room = match fate {
                Fate::Passes => piece.len(),
                Fate::CutAt(most) | Fate::HeldAt(most) => piece.len().min(most.saturating_sub(count)),
            };
            is_cut = room == 0 && matches!(fate, Fate::CutAt(_));
            if number == state.connections {
                state.is_held = room == 0;
            }
            state.cuts += usize::from(is_cut);
        });
        if is_cut {
            break;
        }
        if room == 0 {
            thread::park_timeout(Duration::from_millis(2));
            if is_over(&replica) {
                break;
            }
            continue;
        }
        let read = match master.read(&mut piece[..room]) {
            Ok(read) if read > 0 => read,
            _ => break,
        };
        if replica.write_all(&piece[..read]).is_err() {
            break;
        }
        count += read;
        with(&mut |state| {
            if number == state.connections {
                state.count = count;
                if state.records {
                    state.passed.extend_from_slice(&piece[..read]);
                }
            }
        });
    }
    let _ = master.shutdown(Shutdown::Both);
    let _ = replica.shutdown(Shutdown::Both);
}

/// Whether the other side has ended.
fn is_over(stream: &TcpStream) -> bool {
    let mut byte = [0];
    stream.set_nonblocking(true).expect("a socket");
    let peeked = stream.peek(&mut byte);
    stream.set_nonblocking(false).expect("a socket");
    match peeked {
        Ok(read) => read == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// Carries what a replica says, but for the version of the bases that it reads. Each of its requests comes as a whole.
fn carry_without_version(from: &mut TcpStream, to: &mut TcpStream) -> std::io::Result<()> {
    const NAME: &[u8] = b"rankd-base-";
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        if let Some(at) = piece[..read].windows(NAME.len()).position(|name| name == NAME) {
            piece[at] = b'x';
        }
        to.write_all(&piece[..read])?;
    }
}
