//! The terms on which a client speaks TLS, and which servers it believes.

use super::server::{authorities, shown};
use super::{files, provider, versions};
use crate::config::{CertificateFiles, NoEffect, TlsSettings};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the authorities of the system are, on the usual systems.
const SYSTEM_AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Which servers a client believes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those with a certificate for the name that they were called by, of an authority that is believed.
    #[default]
    Named,
    /// Those with a certificate of an authority that is believed, whatever its name: as Redis between servers.
    Signed,
    /// Every server: `--insecure`.
    Anyone,
}

/// How the command line describes TLS, in redis-cli's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// `--tls`: also with an address that does not begin with `rediss://`.
    pub is_wanted: bool,
    /// `--cacert`: a file of authorities. Without it and `ca_cert_dir`: those of the system.
    pub ca_cert_file: Option<PathBuf>,
    /// `--cacertdir`: a directory of them.
    pub ca_cert_dir: Option<PathBuf>,
    /// `--cert`: the file of the client's certificate.
    pub cert: Option<PathBuf>,
    /// `--key`: the file of its private key.
    pub key: Option<PathBuf>,
    /// `--sni`: the name that the server is called by, instead of its host.
    pub server_name: Option<String>,
    /// Which servers are believed.
    pub trust: Trust,
}

/// The terms of a client; cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientTerms {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl ClientTerms {
    /// The terms that the command line describes.
    ///
    /// # Errors
    /// A file that is missing or is not what it should be, a key without its certificate, an impossible name.
    pub fn of_options(options: &TlsOptions) -> Result<Self, String> {
        let roots = match (&options.ca_cert_file, &options.ca_cert_dir) {
            _ if options.trust == Trust::Anyone => RootCertStore::empty(),
            (None, None) => {
                let found = SYSTEM_AUTHORITIES.into_iter().map(Path::new).find(|path| path.exists());
                let found = found.ok_or("the system's authorities are not found: name some with --cacert")?;
                files::authorities(Some(found), None)?
            }
            (file, directory) => files::authorities(file.as_deref(), directory.as_deref())?,
        };
        let shown = match (&options.cert, &options.key) {
            (None, None) => None,
            (cert, key) => {
                let (cert, key) =
                    cert.as_ref().zip(key.as_ref()).ok_or("--cert and --key belong together")?;
                Some((files::certificates(cert)?, files::private_key(key, "")?))
            }
        };
        let both = versions("").expect("the default");
        let mut terms = Self::new(roots, shown, &both, options.trust).map_err(|error| error.to_string())?;
        if let Some(name) = &options.server_name {
            let name =
                ServerName::try_from(name.clone()).map_err(|_| format!("--sni: '{name}' is no name"))?;
            terms.server_name = Some(name);
        }
        Ok(terms)
    }

    /// The terms on which the server of `settings` is the client of another: it shows its certificate, and believes its
    /// authorities. Relative names of files are relative to `directory`.
    ///
    /// # Errors
    /// The directive at fault.
    pub fn of_server(settings: &TlsSettings, directory: &Path) -> Result<Self, NoEffect> {
        let at = |directive| move |why: String| NoEffect { directive, why };
        let versions = versions(&settings.protocols).map_err(at("tls-protocols"))?;
        let roots = authorities(settings, directory)?.ok_or_else(|| {
            let why = "there is no authority to believe: set tls-ca-cert-file or tls-ca-cert-dir";
            at("tls-ca-cert-file")(why.into())
        })?;
        let shown = if settings.client != CertificateFiles::default() {
            Some(shown(directory, &settings.client, ["tls-client-cert-file", "tls-client-key-file"])?)
        } else if settings.server != CertificateFiles::default() {
            Some(shown(directory, &settings.server, ["tls-cert-file", "tls-key-file"])?)
        } else {
            None
        };
        Self::new(roots, shown, &versions, Trust::Signed)
            .map_err(|error| at("tls-client-cert-file")(error.to_string()))
    }

    fn new(
        roots: RootCertStore,
        shown: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        versions: &[&'static SupportedProtocolVersion],
        trust: Trust,
    ) -> Result<Self, Error> {
        let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions)?;
        let builder = match trust {
            Trust::Named => builder.with_root_certificates(roots),
            Trust::Signed => {
                let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
                let inner = inner.map_err(|error| Error::General(error.to_string()))?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Lenient(Some(inner))))
            }
            Trust::Anyone => builder.dangerous().with_custom_certificate_verifier(Arc::new(Lenient(None))),
        };
        let config = match shown {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
            None => builder.with_no_client_auth(),
        };
        Ok(Self { config: Arc::new(config), server_name: None })
    }

    /// The terms for rustls.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// The name by which the server at `host`, a name or an address, is called.
    ///
    /// # Errors
    /// `host` is neither.
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>, String> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => {
                ServerName::try_from(host.to_owned()).map_err(|_| format!("'{host}' is no name of a host"))
            }
        }
    }
}

/// Believes what the inner verifier believes but for the name; without one, everything.
#[derive(Debug)]
struct Lenient(Option<Arc<WebPkiServerVerifier>>);

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.0 else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
