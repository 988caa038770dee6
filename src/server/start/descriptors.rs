//! File descriptors: as many as `maxclients` asks for, or a warning.

use rustix::process::{Resource, getrlimit, setrlimit};

/// File descriptors kept for other things than clients. As Redis.
const RESERVED_DESCRIPTORS: u64 = 32;

/// Raises the limit of open files for `maxclients`. Returns the number of clients that fit, and a warning if they are
/// fewer.
pub(in crate::server) fn fit_descriptors(maxclients: usize) -> Result<(usize, Option<String>), String> {
    let wanted = maxclients as u64 + RESERVED_DESCRIPTORS;
    let mut limit = getrlimit(Resource::Nofile);
    let current = |limit: &rustix::process::Rlimit| limit.current.unwrap_or(u64::MAX);
    if current(&limit) < wanted {
        limit.current = Some(limit.maximum.unwrap_or(wanted).min(wanted));
        // If this fails, fewer clients are allowed below.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let room = current(&getrlimit(Resource::Nofile));
    if room >= wanted {
        return Ok((maxclients, None));
    }
    let clients = room.checked_sub(RESERVED_DESCRIPTORS).filter(|clients| *clients > 0);
    let clients =
        clients.ok_or_else(|| format!("the limit of {room} open files leaves no room for clients"))?;
    let warning = format!("there is room for {clients} clients only: the limit of open files is {room}");
    Ok((clients as usize, Some(warning)))
}
