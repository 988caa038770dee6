//! What systemd is told of a service of `Type=notify`: that it is ready, that it stops, and what it does meanwhile.

use crate::config::Supervised;
use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Warns if systemd is to be told and cannot be.
pub(in crate::server) fn check(supervised: Supervised) -> Option<String> {
    let is_missing = supervised == Supervised::Systemd && !supervised.is_by_systemd();
    is_missing
        .then(|| format!("supervised systemd: {} is not in the environment", Supervised::SOCKET_VARIABLE))
}

/// The server serves.
pub(in crate::server) fn is_ready(supervised: Supervised) {
    tell(supervised, "READY=1\nSTATUS=serving clients");
}

/// The server has begun to stop.
pub(in crate::server) fn stops(supervised: Supervised) {
    tell(supervised, "STOPPING=1\nSTATUS=writing what is not on disk yet");
}

/// The server reads its data, and has read this much of them.
pub(in crate::server) fn has_read(supervised: Supervised, percent: f64) {
    tell(supervised, &format!("STATUS=reading the data: {percent:.0} %"));
}

fn tell(supervised: Supervised, state: &str) {
    let path = std::env::var_os(Supervised::SOCKET_VARIABLE).filter(|_| supervised.is_by_systemd());
    let Some(path) = path else { return };
    let sent = UnixDatagram::unbound().and_then(|socket| {
        // It must not wait for a reader that is stuck.
        socket.set_nonblocking(true)?;
        socket.send_to_addr(state.as_bytes(), &address(&path)?)
    });
    if let Err(error) = sent {
        tracing::warn!("systemd cannot be told {state:?}: {error}");
    }
}

/// The socket named `path`. With an `@` in front it has no file.
fn address(path: &OsStr) -> std::io::Result<SocketAddr> {
    match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(path),
    }
}
