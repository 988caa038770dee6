//! Directives of a server that follows a master.

use crate::config::directive::{Directive, DirectiveSection};
use crate::config::replica::read_master;
use crate::config::value;

const SECTION: DirectiveSection = DirectiveSection::Replica;

pub(super) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "replicaof",
        section: SECTION,
        default: "",
        live: false,
        help: "Host and port of the master to follow, separated by a space. Empty: this server is a master. The \
               command REPLICAOF changes it while the server runs.",
        get: |config| {
            config.replica.master.as_ref().map_or_else(String::new, |(host, port)| format!("{host} {port}"))
        },
        set: |config, text| {
            let words: Vec<&str> = text.split_ascii_whitespace().collect();
            let master = if words.is_empty() { Ok(None) } else { read_master(&words) };
            master.map(|master| config.replica.master = master)
        },
    },
    Directive {
        name: "masteruser",
        section: SECTION,
        default: "",
        live: true,
        help: "The user to authenticate as with the master. Empty: its default user.",
        get: |config| config.replica.user.clone(),
        set: |config, text| {
            config.replica.user = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "masterauth",
        section: SECTION,
        default: "",
        live: true,
        help: "The password to authenticate with. Empty: none.",
        get: |config| config.replica.password.clone(),
        set: |config, text| {
            config.replica.password = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "bind-source-addr",
        section: SECTION,
        default: "",
        live: true,
        help: "The address of this machine from which the server connects to its master, and `rankd import` to the server \
               that it reads. Empty, or not possible: the system chooses.",
        get: |config| config.replica.source_address.clone(),
        set: |config, text| {
            config.replica.source_address = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "replica-read-only",
        section: SECTION,
        default: "yes",
        live: true,
        help: "Whether clients of a replica cannot write. What they write is gone after the next full sync.",
        get: |config| value::print_yes_no(config.replica.read_only),
        set: |config, text| value::yes_no(text).map(|on| config.replica.read_only = on),
    },
    Directive {
        name: "replica-serve-stale-data",
        section: SECTION,
        default: "yes",
        live: true,
        help: "Whether a replica answers while it has no link to its master, with data that may be old.",
        get: |config| value::print_yes_no(config.replica.serve_stale_data),
        set: |config, text| value::yes_no(text).map(|on| config.replica.serve_stale_data = on),
    },
    Directive {
        name: "replica-priority",
        section: SECTION,
        default: "100",
        live: true,
        help: "Which replica a sentinel promotes: that with the lowest number. 0: never this one.",
        get: |config| config.replica.priority.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u32).map(|priority| config.replica.priority = priority)
        },
    },
    Directive {
        name: "replica-announced",
        section: SECTION,
        default: "yes",
        live: true,
        help: "Whether sentinels name this replica to clients.",
        get: |config| value::print_yes_no(config.replica.is_announced),
        set: |config, text| value::yes_no(text).map(|on| config.replica.is_announced = on),
    },
    Directive {
        name: "replica-announce-ip",
        section: SECTION,
        default: "",
        live: true,
        help: "The address that this server is reached by, if it is not that of its connections, as behind a \
               translation of addresses.",
        get: |config| config.replica.announced_address.clone(),
        set: |config, text| {
            config.replica.announced_address = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "replica-announce-port",
        section: SECTION,
        default: "0",
        live: true,
        help: "The port that this server is reached by. 0: `port`.",
        get: |config| config.replica.announced_port.to_string(),
        set: |config, text| value::number(text, 0, u16::MAX).map(|port| config.replica.announced_port = port),
    },
];
