//! Settings of a server that follows a master.

/// How a server follows a master.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSettings {
    /// Host and port of the master, `replicaof`; empty: none.
    pub master: Option<(String, u16)>,
    /// The user for the master; empty: its default user.
    pub user: String,
    /// The password for the master; empty: none.
    pub password: String,
    /// The address of this machine from which servers are connected to; empty: any.
    pub source_address: String,
    /// Whether clients may not write.
    pub read_only: bool,
    /// Whether data that may be old are shown.
    pub serve_stale_data: bool,
    /// Which replica a sentinel promotes: the lowest number first, 0 never.
    pub priority: u32,
    /// Whether sentinels tell clients of it.
    pub is_announced: bool,
    /// The address that it is reached by; empty: that of its connection to the master.
    pub announced_address: String,
    /// The port that it is reached by; 0: its own.
    pub announced_port: u16,
}

/// Reads the host and the port of a master; `None` for `no one`.
///
/// # Errors
/// Redis's texts of what is wrong.
pub fn read_master(words: &[&str]) -> Result<Option<(String, u16)>, String> {
    let [host, port] = *words else { return Err("wrong number of arguments".into()) };
    if host.eq_ignore_ascii_case("no") && port.eq_ignore_ascii_case("one") {
        return Ok(None);
    }
    match port.parse() {
        Ok(port) => Ok(Some((host.to_owned(), port))),
        Err(_) => Err("Invalid master port".into()),
    }
}
