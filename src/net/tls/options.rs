//! The options of the command line for a client's TLS, in redis-cli's words.

use super::client::{TlsOptions, Trust};
use clap::{Arg, ArgAction, ArgMatches};
use std::path::PathBuf;

/// The options' definitions for clap.
#[must_use]
pub fn arguments() -> Vec<Arg> {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help_heading("TLS");
    let text = |name: &'static str| Arg::new(name).long(name).help_heading("TLS");
    vec![
        flag("tls").help("Speaks TLS to the server, as with rediss://"),
        text("cacert")
            .value_name("FILE")
            .help("PEM file of the authorities to believe; default: the system's"),
        text("cacertdir").value_name("DIR").help("Directory of PEM files of authorities to believe"),
        text("cert").value_name("FILE").requires("key").help("PEM file of the certificate to show"),
        text("key").value_name("FILE").requires("cert").help("PEM file of its private key"),
        text("sni").value_name("NAME").help("Name of the server, instead of its host"),
        flag("insecure").help("Believes any certificate"),
    ]
}

/// The options that clap has parsed.
#[must_use]
pub fn read(matches: &ArgMatches) -> TlsOptions {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let path = |name: &str| text(name).map(PathBuf::from);
    TlsOptions {
        is_wanted: matches.get_flag("tls"),
        ca_cert_file: path("cacert"),
        ca_cert_dir: path("cacertdir"),
        cert: path("cert"),
        key: path("key"),
        server_name: text("sni"),
        trust: if matches.get_flag("insecure") { Trust::Anyone } else { Trust::Named },
    }
}
