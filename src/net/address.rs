//! `redis://` addresses, in the syntax of Redis's own tools, and `unix://` for sockets, as client libraries spell them.

use super::stream::{Endpoint, TlsEnd};
use super::tls::client::{ClientTerms, TlsOptions};
use std::fmt;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a server, with the credentials and the database of the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerAddress {
    /// Where the server listens.
    pub place: ServerPlace,
    /// The user who authenticates; `None` is the default user.
    pub user: Option<String>,
    /// The password, if there is one.
    pub password: Option<String>,
    /// The database, if one is named.
    pub database: Option<u32>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerPlace {
    /// A TCP port.
    Tcp {
        /// Name or IP address of the host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The same, in TLS.
    Tls {
        /// Name or IP address of the host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix socket.
    Unix(PathBuf),
}

impl Default for ServerPlace {
    fn default() -> Self {
        Self::Tcp { host: "127.0.0.1".to_owned(), port: DEFAULT_PORT }
    }
}

const DEFAULT_PORT: u16 = 6379;

impl ServerAddress {
    /// Calls `connect` with the unix socket, or with each IP address of the host until one succeeds. `tls` describes how TLS
    /// is spoken, if it is.
    ///
    /// # Errors
    /// The host has no address, the terms of TLS are not right, or the error of `connect` for the last address.
    pub fn connect_any<C>(
        &self,
        tls: &TlsOptions,
        mut connect: impl FnMut(&Endpoint) -> Result<C, String>,
    ) -> Result<C, String> {
        let (host, port) = match &self.place {
            ServerPlace::Tcp { host, port } | ServerPlace::Tls { host, port } => (host.as_str(), *port),
            ServerPlace::Unix(path) => return connect(&Endpoint::Unix(path.clone())),
        };
        let end = if tls.is_wanted || matches!(self.place, ServerPlace::Tls { .. }) {
            let terms = ClientTerms::of_options(tls)?;
            let name = terms.server_name(host)?;
            Some(TlsEnd { terms, name })
        } else {
            None
        };
        let mut outcome = Err(format!("{self}: the host has no address"));
        let addresses = (host, port).to_socket_addrs();
        for address in addresses.map_err(|error| format!("{self}: {error}"))? {
            outcome = connect(&match &end {
                Some(end) => Endpoint::Tls(address, end.clone()),
                None => Endpoint::Tcp(address),
            });
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Reads `[user:]password`.
    fn take_credentials(&mut self, credentials: &str) -> Result<(), String> {
        let (user, password) = credentials.split_once(':').unwrap_or(("", credentials));
        self.user = Some(percent_decoded(user)?).filter(|user| !user.is_empty());
        self.password = Some(percent_decoded(password)?);
        Ok(())
    }

    /// The arguments of AUTH, if there is a password.
    #[must_use]
    pub fn authentication(&self) -> Option<Vec<&[u8]>> {
        let password = self.password.as_ref()?;
        let user = self.user.as_ref().map(|user| user.as_bytes());
        Some([Some(&b"AUTH"[..]), user, Some(password.as_bytes())].into_iter().flatten().collect())
    }
}

/// Reads `redis://[[user:]password@]host[:port][/database]`, the same with `rediss://` for TLS, or `unix://[[user:]password@]/path`; user and password may be
/// percent-encoded.
impl FromStr for ServerAddress {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if let Some(rest) = url.strip_prefix("unix://") {
            let (credentials, path) = rest.split_at(rest.find('/').ok_or("the path is missing")?);
            let mut address = Self { place: ServerPlace::Unix(path.into()), ..Self::default() };
            if let Some(credentials) = credentials.strip_suffix('@') {
                address.take_credentials(credentials)?;
            } else if !credentials.is_empty() {
                return Err("the path must begin with '/'".to_owned());
            }
            return Ok(address);
        }
        let plain = url.strip_prefix("redis://");
        let is_tls = plain.is_none();
        let rest = plain.or_else(|| url.strip_prefix("rediss://"));
        let rest = rest.ok_or("an address must begin with redis://, rediss:// or unix://")?;
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, authority),
        };
        // An IPv6 address contains colons, so it is written in brackets.
        let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
            Some((host, port)) => (host, port),
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        if host.is_empty() {
            return Err("the host is missing".to_owned());
        }
        let mut number = DEFAULT_PORT;
        if !port.is_empty() {
            let digits = port.strip_prefix(':').and_then(|port| port.parse().ok());
            number = digits.ok_or_else(|| format!("'{port}' is not a port number"))?;
        }
        let (host, port) = (host.to_owned(), number);
        let place = if is_tls { ServerPlace::Tls { host, port } } else { ServerPlace::Tcp { host, port } };
        let mut address = Self { place, ..Self::default() };
        if !database.is_empty() {
            let number = database.parse().map_err(|_| format!("'{database}' is not a database number"))?;
            address.database = Some(number);
        }
        if let Some(credentials) = credentials {
            address.take_credentials(credentials)?;
        }
        Ok(address)
    }
}

/// Prints host and port or the path, without the password.
impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            ServerPlace::Tcp { host, port } | ServerPlace::Tls { host, port } => write!(f, "{host}:{port}"),
            ServerPlace::Unix(path) => path.display().fmt(f),
        }
    }
}

fn percent_decoded(text: &str) -> Result<String, String> {
    let malformed =
        || "a '%' in user or password is not followed by two hexadecimal digits of UTF-8".to_owned();
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or_else(malformed)?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let address =
            |host: &str, port, user: Option<&str>, password: Option<&str>, database| ServerAddress {
                place: ServerPlace::Tcp { host: host.to_owned(), port },
                user: user.map(str::to_owned),
                password: password.map(str::to_owned),
                database,
            };
        let right = [
            ("redis://board", address("board", 6379, None, None, None)),
            ("redis://board:7000/", address("board", 7000, None, None, None)),
            ("redis://ann:p%40ss@board:7000/3", address("board", 7000, Some("ann"), Some("p@ss"), Some(3))),
            ("redis://:a@b@[::1]:7000", address("::1", 7000, None, Some("a@b"), None)),
            ("redis://secret@board", address("board", 6379, None, Some("secret"), None)),
            ("redis://user:p:a@[::1]/1", address("::1", 6379, Some("user"), Some("p:a"), Some(1))),
        ];
        let at_socket = |path: &str, user: Option<&str>, password: Option<&str>| ServerAddress {
            place: ServerPlace::Unix(path.into()),
            user: user.map(str::to_owned),
            password: password.map(str::to_owned),
            database: None,
        };
        let right = right.into_iter().chain([
            (
                "rediss://board:7000",
                ServerAddress {
                    place: ServerPlace::Tls { host: "board".to_owned(), port: 7000 },
                    ..ServerAddress::default()
                },
            ),
            ("unix:///run/rankd.sock", at_socket("/run/rankd.sock", None, None)),
            ("unix://:p%40ss@/r@d", at_socket("/r@d", None, Some("p@ss"))),
            ("unix://ann:p@/r", at_socket("/r", Some("ann"), Some("p"))),
        ]);
        for (url, expected) in right {
            assert_eq!(url.parse(), Ok(expected), "{url}");
        }
        let wrong = [
            ("board:6379", "redis://"),
            ("rediss://", "host"),
            ("redis://", "host"),
            ("redis://board:x", "port"),
            ("redis://board:70000", "port"),
            ("redis://board/x", "database"),
            ("unix://run", "path"),
            ("unix://run/rankd.sock", "'/'"),
            ("unix://:%4@/run", "%"),
            ("redis://:%4@board", "%"),
            ("redis://:%zz@board", "%"),
            ("redis://:%ff@board", "UTF-8"),
        ];
        for (url, part) in wrong {
            let error = url.parse::<ServerAddress>().unwrap_err();
            assert!(error.contains(part), "{url}: {error}");
        }
    }

    #[test]
    fn a_client_with_a_password_authenticates() {
        let words = |url: &str| {
            let address: ServerAddress = url.parse().unwrap();
            address.authentication().map(|words| words.iter().map(|word| word.to_vec()).collect::<Vec<_>>())
        };
        assert_eq!(words("redis://board"), None);
        assert_eq!(words("redis://secret@board").unwrap(), [&b"AUTH"[..], b"secret"]);
        assert_eq!(words("redis://ann:secret@board").unwrap(), [&b"AUTH"[..], b"ann", b"secret"]);
    }
}
