//! The handshake of TLS: for so long, for so many at a time, and with a word for clients that do not begin one.

use crate::limits;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::server::threads::timers::Timers;
use crate::server::threads::tls::Handshakes;
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The first byte of a ClientHello: a record of the handshake.
const HANDSHAKE_RECORD: u8 = 22;

const NOT_TLS: &str = "ERR this port is for TLS: connect with TLS, or to the plain port";

/// Completes the handshake with `peer`. What fails is logged, though not each of many.
pub(super) async fn shake_hands(
    stream: TcpStream,
    peer: SocketAddr,
    terms: Arc<ServerConfig>,
    handshakes: &Handshakes,
    timers: &Timers,
) -> Option<Box<TlsStream<TcpStream>>> {
    let Some(_place) = handshakes.begin() else {
        handshakes.note_failure(peer, &format!("{} others have not ended theirs", limits::TLS_HANDSHAKES));
        return None;
    };
    let shaken = timers.timeout(limits::TLS_HANDSHAKE, async {
        let mut first = [0];
        if stream.peek(&mut first).await? > 0 && first[0] != HANDSHAKE_RECORD {
            say_not_tls(&stream);
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not speak TLS"));
        }
        TlsAcceptor::from(terms).accept(stream).await
    });
    match shaken.await {
        Ok(Ok(stream)) => return Some(Box::new(stream)),
        // A probe of the port, such as a load balancer's.
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            tracing::debug!(%peer, "closed before the handshake ended");
        }
        Ok(Err(error)) => handshakes.note_failure(peer, &error.to_string()),
        Err(_) => handshakes.note_failure(peer, &format!("it took longer than {:?}", limits::TLS_HANDSHAKE)),
    }
    None
}

/// A client of the plain protocol reads this; what another makes of it does not matter.
fn say_not_tls(stream: &TcpStream) {
    let mut out = Vec::new();
    Reply::new(&mut out, Protocol::Resp2).error(NOT_TLS);
    // A new socket has room for a line.
    let _ = stream.try_write(&out);
    // Its request is taken out: a socket with unread bytes would be reset, and the line could be lost.
    let _ = stream.try_read(&mut [0; 4096]);
}
