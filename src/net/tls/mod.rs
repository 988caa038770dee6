//! TLS: what a server or a client shows and believes, read from files.
//!
//! | file | its subject |
//! |---|---|
//! | `files` | certificates, private keys and authorities, as PEM |
//! | `server` | the terms of a server |
//! | `options` | what the command line says of it |
//! | `client` | the terms of a client, and which servers it believes |
//!
//! The cryptography is that of ring. Nothing here touches a socket.

pub mod client;
mod files;
pub mod options;
pub mod server;

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};
use std::sync::Arc;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The versions that `words` names, as `tls-protocols` spells them; both without a word.
///
/// # Errors
/// A word that is no version, or only versions that nobody should speak any more.
fn versions(words: &str) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let mut versions = Vec::new();
    for word in words.split_ascii_whitespace() {
        match word.to_ascii_lowercase().as_str() {
            "tlsv1.2" => versions.push(&TLS12),
            "tlsv1.3" => versions.push(&TLS13),
            // Named in old configurations beside newer ones. These versions are not secure (RFC 8996).
            "tlsv1" | "tlsv1.1" => {}
            _ => return Err(format!("'{word}' is none of TLSv1.2 and TLSv1.3")),
        }
    }
    match versions.is_empty() {
        true if words.trim().is_empty() => Ok(vec![&TLS12, &TLS13]),
        true => Err("TLSv1 and TLSv1.1 are not spoken; name TLSv1.2 or TLSv1.3".into()),
        false => Ok(versions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(versions("").unwrap(), [&TLS12, &TLS13]);
        assert_eq!(versions("TLSv1 tlsv1.1 TLSv1.2").unwrap(), [&TLS12]);
        assert_eq!(versions("TLSv1.3").unwrap(), [&TLS13]);
        assert!(versions("TLSv1.1").unwrap_err().contains("not spoken"));
        assert!(versions("TLSv1.2 SSLv3").unwrap_err().contains("'SSLv3'"));
    }
}
