//! The unix socket and its file.
//!
//! The file gets its permissions between bind and listen. Until a socket listens, the kernel refuses every connection to
//! it, so nobody connects whom the permissions would keep out (CVE-2023-45145 was the other order).

use super::tcp;
use crate::config::Config;
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The unix socket, which does not listen yet, and its file. The file is removed when this is dropped.
#[derive(Debug)]
pub(in crate::server) struct UnixSocket {
    socket: Option<Socket>,
    path: PathBuf,
    /// The path as it is configured, which clients are shown.
    name: Arc<str>,
    /// Device and inode of the file.
    identity: (u64, u64),
}

/// Binds the unix socket that `config` names, if it names one. A file that a server left behind is replaced.
///
/// # Errors
/// The path, and why it cannot be used: another server listens there, or there is something else.
pub(in crate::server) fn bind(config: &Config) -> Result<Option<UnixSocket>, String> {
    if config.unixsocket.is_empty() {
        return Ok(None);
    }
    let path = config.path_of_unixsocket();
    let failed = |error: io::Error| format!("unixsocket {}: {error}", path.display());
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed)?;
    let address = SockAddr::unix(&path).map_err(failed)?;
    match socket.bind(&address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            remove_abandoned(&path, &address).map_err(failed)?;
            socket.bind(&address).map_err(failed)?;
        }
        bound => bound.map_err(failed)?,
    }
    let identity = identity(&path).map_err(failed)?;
    let name = config.unixsocket.as_str().into();
    let bound = UnixSocket { socket: Some(socket), path: path.clone(), name, identity };
    if config.unixsocketperm > 0 {
        fs::set_permissions(&path, Permissions::from_mode(config.unixsocketperm)).map_err(failed)?;
    }
    Ok(Some(bound))
}

/// Removes the file of a socket on which nobody listens.
fn remove_abandoned(path: &Path, address: &SockAddr) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file that is not a socket"));
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A server whose queue of connections is full must not keep this one waiting.
    probe.set_nonblocking(true)?;
    match probe.connect(address) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Err(io::Error::new(ErrorKind::AddrInUse, "another server listens on it")),
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

impl UnixSocket {
    /// Begins to listen. Returns the listener and the path as it is configured.
    pub(in crate::server) fn listen(&mut self, backlog: u32) -> Result<(UnixListener, Arc<str>), String> {
        let socket = self.socket.take().expect("it listens once");
        let begin = || {
            socket.listen(tcp::backlog(backlog))?;
            socket.set_nonblocking(true)
        };
        begin().map_err(|error: io::Error| format!("unixsocket {}: {error}", self.path.display()))?;
        Ok((socket.into(), Arc::clone(&self.name)))
    }

    /// The path as it is configured.
    pub(in crate::server) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for UnixSocket {
    /// Removes the file, unless another server has put its own there.
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // The next start replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    /// The file gets its permissions while nobody can connect yet.
    #[test]
    fn nobody_connects_before_the_permissions_are_set() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config { dir: directory.path().into(), ..Config::default() };
        config.set("unixsocket", "s").unwrap();
        config.set("unixsocketperm", "600").unwrap();
        let path = config.path_of_unixsocket();
        let mut socket = bind(&config).unwrap().unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let _listener = socket.listen(16).unwrap();
        UnixStream::connect(&path).unwrap();
        // A file of another server in its place stays.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        drop(socket);
        assert!(path.exists());
    }
}
