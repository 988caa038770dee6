//! Directives of a server that asks sentinels which server is the master.

use crate::config::directive::{Directive, DirectiveSection};
use crate::config::sentinel::{print_sentinels, read_sentinels};

const SECTION: DirectiveSection = DirectiveSection::Replica;

pub(super) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "sentinel",
        section: SECTION,
        default: "",
        live: false,
        help: "All sentinels, which say which server is the master: host:port, separated by commas. The server follows \
               what they answer. It accepts writes only if more than half name it, and WAIT counts replicas only then. \
               Empty: nobody is asked.",
        get: |config| print_sentinels(&config.sentinel.addresses),
        set: |config, text| read_sentinels(text).map(|addresses| config.sentinel.addresses = addresses),
    },
    Directive {
        name: "sentinel-master",
        section: SECTION,
        default: "mymaster",
        live: false,
        help: "The name by which the sentinels know the master.",
        get: |config| config.sentinel.master.clone(),
        set: |config, text| {
            config.sentinel.master = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "sentinel-user",
        section: SECTION,
        default: "",
        live: true,
        help: "The user to authenticate as with the sentinels. Empty: their default user.",
        get: |config| config.sentinel.user.clone(),
        set: |config, text| {
            config.sentinel.user = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "sentinel-pass",
        section: SECTION,
        default: "",
        live: true,
        help: "The password to authenticate with, the sentinels' `requirepass` or that of the user. Empty: none.",
        get: |config| config.sentinel.password.clone(),
        set: |config, text| {
            config.sentinel.password = text.to_owned();
            Ok(())
        },
    },
];
