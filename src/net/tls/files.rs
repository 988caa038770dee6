//! Certificates, private keys and authorities, as PEM files.

use crate::limits;
use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The first line of a private key that is encrypted in the present form, and its last one.
const ENCRYPTED: (&str, &str) =
    ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----END ENCRYPTED PRIVATE KEY-----");

/// A line of a private key that is encrypted in the form before PKCS #8.
const ENCRYPTED_OF_OLD: &str = "Proc-Type: 4,ENCRYPTED";

/// The certificates in the file at `path`, in their order.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(path)?;
    let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| at(path, error))?;
    if found.is_empty() { Err(at(path, "there is no certificate in it")) } else { Ok(found) }
}

/// The private key in the file at `path`, decrypted with `passphrase` if it is encrypted.
pub(super) fn private_key(path: &Path, passphrase: &str) -> Result<PrivateKeyDer<'static>, String> {
    let text = read(path)?;
    let shown = String::from_utf8_lossy(&text);
    if let Some(start) = shown.find(ENCRYPTED.0) {
        if passphrase.is_empty() {
            return Err(at(path, "the key is encrypted, and there is no passphrase for it"));
        }
        let rest = &shown[start..];
        let end = rest.find(ENCRYPTED.1).ok_or_else(|| at(path, "the key has no end"))?;
        return decrypted(&rest[..end + ENCRYPTED.1.len()], passphrase).map_err(|why| at(path, why));
    }
    if shown.contains(ENCRYPTED_OF_OLD) {
        return Err(at(
            path,
            "the key is encrypted in an old form; `openssl pkcs8 -topk8` makes a present one",
        ));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => at(path, "there is no private key in it"),
        error => at(path, error),
    })
}

fn decrypted(pem: &str, passphrase: &str) -> Result<PrivateKeyDer<'static>, String> {
    let (_, document) = SecretDocument::from_pem(pem).map_err(|error| error.to_string())?;
    let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes());
    let encrypted = encrypted.map_err(|error| format!("its encryption is not known: {error}"))?;
    let key = encrypted
        .decrypt(passphrase)
        .map_err(|_| "the passphrase does not fit, or its encryption is not known")?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

/// The authorities of the file `file` and of those in `directory`, as far as they are given.
pub(super) fn authorities(file: Option<&Path>, directory: Option<&Path>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    if let Some(path) = file {
        for certificate in certificates(path)? {
            store.add(certificate).map_err(|error| at(path, error))?;
        }
    }
    if let Some(directory) = directory {
        let failed = |error| at(directory, error);
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // There are other files in such directories: lists of revoked certificates, links, readmes.
            if path.is_file()
                && let Ok(found) = certificates(&path)
            {
                store.add_parsable_certificates(found);
            }
        }
        if store.is_empty() {
            return Err(at(directory, "there is no certificate in it"));
        }
    }
    Ok(store)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| at(path, error))?;
    let mut text = Vec::new();
    let most = limits::TLS_FILE_BYTES;
    file.take(most as u64 + 1).read_to_end(&mut text).map_err(|error| at(path, error))?;
    if text.len() > most { Err(at(path, format!("it has more than {most} bytes"))) } else { Ok(text) }
}

fn at(path: &Path, why: impl std::fmt::Display) -> String {
    format!("{}: {why}", path.display())
}
