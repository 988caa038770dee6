//! Which connections are accepted: up to `maxclients`, and in protected mode only those from this machine.

use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::server::threads::shared::Shared;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Prepares the socket of a new connection. Returns `None` if the connection was refused.
pub(in crate::server) async fn admit(
    stream: std::net::TcpStream,
    peer: SocketAddr,
    shared: &Shared,
) -> Option<TcpStream> {
    let config = shared.host.config();
    let stream = prepare(stream, config.tcp_keepalive_s).ok()?;
    shared.stats.connections.add(1);
    let refusal = if shared.host.clients.len() >= config.maxclients {
        "ERR max number of clients reached"
    } else if config.protected_mode && shared.host.users.is_open() && !is_loopback(peer) {
        DENIED
    } else {
        return Some(stream);
    };
    shared.stats.rejected_connections.add(1);
    refuse(stream, refusal).await;
    None
}

const DENIED: &str = "DENIED rankd is running in protected mode: no password is set, so only connections from this \
                      machine are served. To serve others, set a password (requirepass in the configuration file, \
                      --requirepass, RANKD_REQUIREPASS, or CONFIG SET requirepass from this machine), or, where only \
                      friends can reach this port, turn protected mode off (protected-mode no)";

fn prepare(stream: std::net::TcpStream, keepalive_s: u32) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    if keepalive_s > 0 {
        let time = Duration::from_secs(u64::from(keepalive_s));
        let interval = time / 3;
        let keepalive =
            TcpKeepalive::new().with_time(time).with_interval(interval.max(Duration::from_secs(1)));
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    }
    TcpStream::from_std(stream)
}

fn is_loopback(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

async fn refuse(mut stream: TcpStream, text: &str) {
    let mut out = Vec::new();
    Reply::new(&mut out, Protocol::Resp2).error(text);
    // If this fails the peer has closed the connection already.
    let _ = stream.write_all(&out).await;
    let _ = stream.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn protected_mode_knows_this_machine() {
        let peer = |address: &str| address.parse().unwrap();
        for near in ["127.0.0.1:1", "127.8.9.10:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(is_loopback(peer(near)), "{near}");
        }
        for far in ["10.0.0.1:1", "0.0.0.0:1", "[::]:1", "[fe80::1]:1", "[::ffff:10.0.0.1]:1"] {
            assert!(!is_loopback(peer(far)), "{far}");
        }
    }
}
