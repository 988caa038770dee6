//! Which connections are accepted: up to `maxclients`, and in protected mode only those from this machine.

use super::handshake::shake_hands;
use super::wire::Wire;
use crate::commands::state::peer::{Peer, PeerAddress};
use crate::config::Config;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::server::listening::newcomer::Newcomer;
use crate::server::threads::shared::Shared;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// Prepares the socket of a new connection. Returns `None` if the connection was refused.
pub(in crate::server) async fn admit(newcomer: Newcomer, shared: &Shared) -> Option<(Wire, Peer)> {
    let config = shared.host.config();
    shared.stats.connections.add(1);
    let (stream, peer) = prepare(newcomer, shared, &config).await?;
    let refusal = if is_full(shared, &config) {
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

/// Clients whose handshake has not ended count as well.
fn is_full(shared: &Shared, config: &Config) -> bool {
    let handshakes = shared.process.listeners.tls.handshakes.pending();
    shared.host.clients.len() + handshakes >= config.maxclients
}

/// The wire of a new connection and its two ends; `None` if it has ended already.
async fn prepare(newcomer: Newcomer, shared: &Shared, config: &Config) -> Option<(Wire, Peer)> {
    let (stream, address, local_address) = match newcomer {
        Newcomer::Tcp(stream, peer) => {
            let (stream, local) = prepare_tcp(stream, config.tcp_keepalive_s).ok()?;
            (Wire::Tcp(stream), PeerAddress::Tcp(peer), PeerAddress::Tcp(local))
        }
        Newcomer::Tls(stream, peer) => {
            let (stream, local) = prepare_tcp(stream, config.tcp_keepalive_s).ok()?;
            // As in Redis, nothing is said before a handshake.
            if is_full(shared, config) {
                shared.stats.rejected_connections.add(1);
                return None;
            }
            let tls = &shared.process.listeners.tls;
            let shaken = shake_hands(stream, peer, tls.current()?, &tls.handshakes, &shared.timers);
            // Boxed, because every connection has room for its largest state.
            let stream = Box::pin(shaken).await;
            let Some(stream) = stream else {
                shared.stats.rejected_connections.add(1);
                return None;
            };
            (Wire::Tls(stream), PeerAddress::Tcp(peer), PeerAddress::Tcp(local))
        }
        Newcomer::Unix(stream, path) => {
            let address = PeerAddress::Unix(path);
            (Wire::Unix(UnixStream::from_std(stream).ok()?), address.clone(), address)
        }
    };
    let descriptor = stream.as_raw_fd();
    Some((stream, Peer { address, local_address, descriptor }))
}

/// Sets the options of a TCP connection. Returns it with the address of this end.
fn prepare_tcp(stream: std::net::TcpStream, keepalive_s: u32) -> io::Result<(TcpStream, SocketAddr)> {
    stream.set_nodelay(true)?;
    if keepalive_s > 0 {
        let time = Duration::from_secs(u64::from(keepalive_s));
        let interval = time / 3;
        let keepalive =
            TcpKeepalive::new().with_time(time).with_interval(interval.max(Duration::from_secs(1)));
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    }
    let local = stream.local_addr()?;
    Ok((TcpStream::from_std(stream)?, local))
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
