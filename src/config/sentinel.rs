//! Settings of a server that asks sentinels which server is the master.

/// Whom to ask, and for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentinelSettings {
    /// Hosts and ports of sentinels; none: nobody is asked.
    pub addresses: Vec<(String, u16)>,
    /// The name by which they know the master.
    pub master: String,
    /// The user to authenticate as with them; empty: the default one.
    pub user: String,
    /// The password to authenticate with; empty: none.
    pub password: String,
}

/// Reads `host:port[,host:port…]`. An IPv6 address is in brackets.
///
/// # Errors
/// What is not of this form.
pub(super) fn read_sentinels(text: &str) -> Result<Vec<(String, u16)>, String> {
    let read = |word: &str| {
        let (host, port) = word.rsplit_once(':')?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_one_word = !host.is_empty() && !host.contains([' ', '\t']);
        let host = bare.or((is_one_word && !host.contains(':')).then_some(host))?;
        Some((host.to_owned(), port.parse().ok().filter(|port| *port > 0)?))
    };
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| read(word).ok_or_else(|| format!("'{word}' is not host:port"))).collect()
}

/// What [`read_sentinels`] reads.
#[must_use]
pub(super) fn print_sentinels(addresses: &[(String, u16)]) -> String {
    let print = |(host, port): &(String, u16)| {
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    };
    addresses.iter().map(print).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_are_read_as_they_are_printed() {
        let read = read_sentinels("sentinel-1:26379, 10.0.0.2:1,[::1]:26380").unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(read[2], ("::1".to_owned(), 26380));
        assert_eq!(read_sentinels(&print_sentinels(&read)), Ok(read));
        assert_eq!(read_sentinels(""), Ok(Vec::new()));
        for wrong in [
            "host",
            "host:",
            ":1",
            "host:0",
            "host:65536",
            "::1:26379",
            "monitor mymaster 127.0.0.1:1",
            "a:1;b:2",
        ] {
            assert!(read_sentinels(wrong).is_err(), "{wrong}");
        }
    }
}
