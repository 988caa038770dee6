//! Which connections are accepted: up to `maxclients`, and in protected mode only those from this machine.

use super::wire::Wire;
use crate::commands::state::peer::{Peer, PeerAddress};
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::server::listening::newcomer::Newcomer;
use crate::server::threads::shared::Shared;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// Prepares the socket of a new connection. Returns `None` if the connection was refused.
pub(in crate::server) async fn admit(newcomer: Newcomer, shared: &Shared) -> Option<(Wire, Peer)> {
    let config = shared.host.config();
    let (stream, peer) = prepare(newcomer, config.tcp_keepalive_s).ok()?;
    shared.stats.connections.add(1);
    let refusal = if shared.host.clients.len() >= config.maxclients {
        "ERR max number of clients reached"
    } else if config.protected_mode && shared.host.users.is_open() && !peer.address.is_local() {
        DENIED
    } else {
        return Some((stream, peer));
    };
    shared.stats.rejected_connections.add(1);
    refuse(stream, refusal).await;
    None
}

const DENIED: &str = "DENIED rankd is running in protected mode: no password is set, so only connections from this \
                      machine are served. To serve others, set a password (requirepass in the configuration file, \
                      --requirepass, RANKD_REQUIREPASS, or CONFIG SET requirepass from this machine), or, where only \
                      friends can reach this port, turn protected mode off (protected-mode no)";

fn prepare(newcomer: Newcomer, keepalive_s: u32) -> io::Result<(Wire, Peer)> {
    let (stream, address, local_address) = match newcomer {
        Newcomer::Tcp(stream, peer) => {
            stream.set_nodelay(true)?;
            if keepalive_s > 0 {
                let time = Duration::from_secs(u64::from(keepalive_s));
                let interval = time / 3;
                let keepalive =
                    TcpKeepalive::new().with_time(time).with_interval(interval.max(Duration::from_secs(1)));
                SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
            }
            let local = stream.local_addr().unwrap_or(peer);
            (Wire::Tcp(TcpStream::from_std(stream)?), PeerAddress::Tcp(peer), PeerAddress::Tcp(local))
        }
        Newcomer::Unix(stream, path) => {
            let address = PeerAddress::Unix(path);
            (Wire::Unix(UnixStream::from_std(stream)?), address.clone(), address)
        }
    };
    let descriptor = stream.as_raw_fd();
    Ok((stream, Peer { address, local_address, descriptor }))
}

async fn refuse(mut stream: Wire, text: &str) {
    let mut out = Vec::new();
    Reply::new(&mut out, Protocol::Resp2).error(text);
    // A new socket has room for a line, as soon as the runtime has heard of it. If this fails the peer has closed the
    // connection already.
    let _ = stream.writable().await;
    let _ = stream.try_write(&out);
    let _ = stream.shutdown().await;
}
