//! The settings of TLS.

/// Which clients must show a certificate: `tls-auth-clients`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// None: `no`. They are not asked for one.
    Unasked,
    /// Those that have one: `optional`. It must be valid.
    Optional,
    /// All: `yes`.
    #[default]
    Required,
}

/// A certificate with its chain, and its private key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The file of the certificate and its chain. Empty: none.
    pub cert: String,
    /// The file of the private key. Empty: none.
    pub key: String,
    /// The passphrase of the private key. Empty: it is not encrypted.
    pub key_pass: String,
}

/// The settings of TLS, by the meaning of their directives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// `tls-port`; 0 for none.
    pub port: u16,
    /// What the server shows.
    pub server: CertificateFiles,
    /// What it shows where it is the client; nothing set means the same.
    pub client: CertificateFiles,
    /// `tls-ca-cert-file`.
    pub ca_cert_file: String,
    /// `tls-ca-cert-dir`.
    pub ca_cert_dir: String,
    /// `tls-auth-clients`.
    pub auth_clients: ClientCertificates,
    /// `tls-protocols`.
    pub protocols: String,
    /// `tls-session-caching`.
    pub session_caching: bool,
    /// `tls-session-cache-size`.
    pub session_cache_size: usize,
    /// `tls-replication`.
    pub replication: bool,
}

impl TlsSettings {
    /// Whether the server speaks TLS to anyone.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.port > 0 || self.replication
    }
}
