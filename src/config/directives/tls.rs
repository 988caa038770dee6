//! Directives about TLS.

use crate::config::ClientCertificates;
use crate::config::Config;
use crate::config::directive::{Directive, DirectiveSection};
use crate::config::value;

/// A directive whose value is any text.
const fn text(
    name: &'static str,
    help: &'static str,
    get: fn(&Config) -> String,
    set: fn(&mut Config, &str) -> Result<(), String>,
) -> Directive {
    Directive { name, section: DirectiveSection::Tls, default: "", live: true, help, get, set }
}

pub(super) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "tls-port",
        section: DirectiveSection::Tls,
        default: "0",
        live: true,
        help: "TCP port for TLS, beside the plain one; with `port 0` instead of it. 0: none.",
        get: |config| config.tls.port.to_string(),
        set: |config, text| value::number(text, 0, u16::MAX).map(|port| config.tls.port = port),
    },
    text(
        "tls-cert-file",
        "PEM file of the server's certificate, followed by those of its chain. To set it again, or SIGHUP, reads the \
         files anew.",
        |config| config.tls.server.cert.clone(),
        |config, text| {
            config.tls.server.cert = text.to_owned();
            Ok(())
        },
    ),
    text(
        "tls-key-file",
        "PEM file of the certificate's private key.",
        |config| config.tls.server.key.clone(),
        |config, text| {
            config.tls.server.key = text.to_owned();
            Ok(())
        },
    ),
    text(
        "tls-key-file-pass",
        "Passphrase of the private key, if it is encrypted (PKCS #8).",
        |config| config.tls.server.key_pass.clone(),
        |config, text| {
            config.tls.server.key_pass = text.to_owned();
            Ok(())
        },
    ),
    text(
        "tls-client-cert-file",
        "PEM file of the certificate that the server shows where it is the client. Empty: the server's.",
        |config| config.tls.client.cert.clone(),
        |config, text| {
            config.tls.client.cert = text.to_owned();
            Ok(())
        },
    ),
    text(
        "tls-client-key-file",
        "PEM file of that certificate's private key.",
        |config| config.tls.client.key.clone(),
        |config, text| {
            config.tls.client.key = text.to_owned();
            Ok(())
        },
    ),
    text(
        "tls-client-key-file-pass",
        "Passphrase of that private key.",
        |config| config.tls.client.key_pass.clone(),
        |config, text| {
            config.tls.client.key_pass = text.to_owned();
            Ok(())
        },
    ),
    text(
        "tls-ca-cert-file",
        "PEM file of the authorities whose certificates are believed.",
        |config| config.tls.ca_cert_file.clone(),
        |config, text| {
            config.tls.ca_cert_file = text.to_owned();
            Ok(())
        },
    ),
    text(
        "tls-ca-cert-dir",
        "Directory of PEM files of such authorities.",
        |config| config.tls.ca_cert_dir.clone(),
        |config, text| {
            config.tls.ca_cert_dir = text.to_owned();
            Ok(())
        },
    ),
    Directive {
        name: "tls-auth-clients",
        section: DirectiveSection::Tls,
        default: "yes",
        live: true,
        help: "Whether clients must show a certificate that such an authority has signed: `yes`, `no`, or `optional` for \
               those that show one.",
        get: |config| {
            let word = match config.tls.auth_clients {
                ClientCertificates::Unasked => "no",
                ClientCertificates::Optional => "optional",
                ClientCertificates::Required => "yes",
            };
            word.to_owned()
        },
        set: |config, text| {
            config.tls.auth_clients = match text.to_ascii_lowercase().as_str() {
                "no" => ClientCertificates::Unasked,
                "optional" => ClientCertificates::Optional,
                "yes" => ClientCertificates::Required,
                _ => return Err("argument(s) must be one of the following: no, yes, optional".into()),
            };
            Ok(())
        },
    },
    text(
        "tls-protocols",
        "The versions of TLS that are spoken, of `TLSv1.2` and `TLSv1.3`, separated by spaces. Empty: both.",
        |config| config.tls.protocols.clone(),
        |config, text| {
            config.tls.protocols = text.to_owned();
            Ok(())
        },
    ),
    Directive {
        name: "tls-session-caching",
        section: DirectiveSection::Tls,
        default: "yes",
        live: true,
        help: "Whether a client that comes back may resume its session, which saves most of a handshake.",
        get: |config| value::print_yes_no(config.tls.session_caching),
        set: |config, text| value::yes_no(text).map(|on| config.tls.session_caching = on),
    },
    Directive {
        name: "tls-session-cache-size",
        section: DirectiveSection::Tls,
        default: "20480",
        live: true,
        help: "Most sessions that are kept for this.",
        get: |config| config.tls.session_cache_size.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u32).map(|size| config.tls.session_cache_size = size as usize)
        },
    },
    Directive {
        name: "tls-replication",
        section: DirectiveSection::Tls,
        default: "no",
        live: true,
        help: "Whether the connection of a replica to its master is TLS.",
        get: |config| value::print_yes_no(config.tls.replication),
        set: |config, text| value::yes_no(text).map(|on| config.tls.replication = on),
    },
];
