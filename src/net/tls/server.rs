//! The terms on which a server speaks TLS.

use super::{files, provider, versions};
use crate::config::{CertificateFiles, ClientCertificates, NoEffect, TlsSettings};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The terms that `settings` describe, from the files as they are now. Relative names of files are relative to `directory`.
///
/// # Errors
/// The directive at fault: a file is missing or is not what it should be, the key is not that of the certificate, clients
/// must show certificates and there is no authority.
pub fn terms(settings: &TlsSettings, directory: &Path) -> Result<Arc<ServerConfig>, NoEffect> {
    let at = |directive| move |why: String| NoEffect { directive, why };
    let versions = versions(&settings.protocols).map_err(at("tls-protocols"))?;
    let (chain, key) = shown(directory, &settings.server, ["tls-cert-file", "tls-key-file"])?;
    let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        Error::InconsistentKeys(_) => {
            at("tls-key-file")("the private key is not that of tls-cert-file".into())
        }
        error => at("tls-cert-file")(error.to_string()),
    })?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions)
        .map_err(|error| at("tls-protocols")(error.to_string()))?;
    let builder = match settings.auth_clients {
        ClientCertificates::Unasked => builder.with_no_client_auth(),
        asked => {
            let roots = authorities(settings, directory)?.ok_or_else(|| {
                at("tls-auth-clients")(
                    "clients must show certificates (tls-auth-clients), and there is no authority to believe: set \
                     tls-ca-cert-file or tls-ca-cert-dir"
                        .into(),
                )
            })?;
            let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            if asked == ClientCertificates::Optional {
                verifier = verifier.allow_unauthenticated();
            }
            builder.with_client_cert_verifier(
                verifier.build().map_err(|error| at("tls-ca-cert-file")(error.to_string()))?,
            )
        }
    };
    let mut terms = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    if settings.session_caching {
        terms.session_storage = ServerSessionMemoryCache::new(settings.session_cache_size);
    } else {
        terms.session_storage = Arc::new(NoServerSessionStorage {});
        terms.send_tls13_tickets = 0;
    }
    Ok(Arc::new(terms))
}

/// The certificate with its chain, and its key. `directives` name the two files.
pub(super) fn shown(
    directory: &Path,
    files: &CertificateFiles,
    directives: [&'static str; 2],
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), NoEffect> {
    let path = |name: &str, directive| match name {
        "" => {
            Err(NoEffect { directive, why: format!("TLS needs a certificate and its key: set {directive}") })
        }
        name => Ok(directory.join(name)),
    };
    let [cert, key] = directives;
    let at = |directive| move |why: String| NoEffect { directive, why };
    let chain = files::certificates(&path(&files.cert, cert)?).map_err(at(cert))?;
    let key = files::private_key(&path(&files.key, key)?, &files.key_pass).map_err(at(key))?;
    Ok((chain, key))
}

/// The authorities that are believed; `None` if none is named.
pub(super) fn authorities(
    settings: &TlsSettings,
    directory: &Path,
) -> Result<Option<RootCertStore>, NoEffect> {
    let path = |name: &str| Some(name).filter(|name| !name.is_empty()).map(|name| directory.join(name));
    let (file, of_many): (Option<PathBuf>, Option<PathBuf>) =
        (path(&settings.ca_cert_file), path(&settings.ca_cert_dir));
    let directive = if file.is_some() { "tls-ca-cert-file" } else { "tls-ca-cert-dir" };
    if file.is_none() && of_many.is_none() {
        return Ok(None);
    }
    let found = files::authorities(file.as_deref(), of_many.as_deref());
    found.map(Some).map_err(|why| NoEffect { directive, why })
}
