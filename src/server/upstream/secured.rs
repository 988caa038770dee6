//! TLS with the master: the handshake, and what its failures mean in the words of the configuration.

use super::error::LinkError;
use crate::limits;
use crate::net::tls::client::ClientTerms;
use rustls::{AlertDescription, CertificateError, ClientConnection, Error};
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::time::Instant;

/// Completes the handshake with the master at `host` on a stream whose reads wait for a moment at most. `is_over` tells whether
/// another master is to be followed.
pub(super) fn shake_hands(
    mut stream: &TcpStream,
    terms: &ClientTerms,
    host: &str,
    is_over: impl Fn() -> bool,
) -> Result<Box<ClientConnection>, LinkError> {
    let failed = |why: &str| LinkError::Failed(format!("no TLS handshake: {why}"));
    let name = terms.server_name(host).map_err(|why| failed(&why))?;
    let mut session = ClientConnection::new(terms.config(), name).map_err(|why| failed(&meaning(&why)))?;
    let begun = Instant::now();
    // A master may send a byte at a time: each turn of the loop reads once.
    while session.is_handshaking() {
        if is_over() {
            return Err(LinkError::Superseded);
        }
        if begun.elapsed() > limits::TLS_HANDSHAKE {
            let waited_s = limits::TLS_HANDSHAKE.as_secs();
            return Err(failed(&format!(
                "it has not ended within {waited_s} s; does this port speak TLS (tls-replication is yes)?"
            )));
        }
        if session.wants_write() {
            session.write_tls(&mut stream).map_err(|error| failed(&explained(&error)))?;
            continue;
        }
        match session.read_tls(&mut stream) {
            Ok(0) => return Err(failed("the master closed the connection")),
            Ok(_) => {
                if let Err(error) = session.process_new_packets() {
                    // The alert for the master's log; it may be gone.
                    let _ = session.write_tls(&mut stream);
                    return Err(failed(&meaning(&error)));
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(failed(&explained(&error))),
        }
    }
    Ok(Box::new(session))
}

/// In the words of the configuration, where TLS has failed.
impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        Self::Failed(explained(&error))
    }
}

/// The text of an error of a connection to the master.
fn explained(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => meaning(error),
        None if error.kind() == ErrorKind::UnexpectedEof => "the master closed the connection".into(),
        None => error.to_string(),
    }
}

/// What an error of TLS means, and where it can be put right.
fn meaning(error: &Error) -> String {
    use AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateUnknown,
        DecryptError, HandshakeFailure, ProtocolVersion, UnknownCA, UnsupportedCertificate,
    };
    let text = match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "no authority of tls-ca-cert-file or tls-ca-cert-dir has signed the master's certificate"
        }
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "the master's certificate has expired"
        }
        Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "the master's certificate is not valid yet",
        Error::AlertReceived(
            AccessDenied
            | BadCertificate
            | CertificateExpired
            | CertificateRequired
            | CertificateUnknown
            | DecryptError
            | UnknownCA
            | UnsupportedCertificate,
        ) => "the master does not accept this server's certificate (tls-client-cert-file, or tls-cert-file)",
        Error::AlertReceived(HandshakeFailure | ProtocolVersion) | Error::PeerIncompatible(_) => {
            "the master does not speak TLS on these terms (tls-protocols)"
        }
        Error::InvalidMessage(_) => "the master does not speak TLS on this port (tls-replication is yes)",
        other => return other.to_string(),
    };
    text.into()
}
