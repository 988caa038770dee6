//! Directives about addresses, passwords and clients.

use crate::config::directive::{Directive, DirectiveSection};
use crate::config::value;
use crate::limits;

pub(super) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "bind",
        section: DirectiveSection::Network,
        default: "* -::*",
        live: true,
        help: "Addresses to listen on, separated by spaces. `*` is every IPv4 address, `::*` every IPv6 \
               address. An address with a `-` in front is skipped if this machine does not have it. Empty: only \
               a unix socket.",
        get: |config| config.bind.join(" "),
        set: |config, text| {
            config.bind = text.split_ascii_whitespace().map(str::to_owned).collect();
            Ok(())
        },
    },
    Directive {
        name: "port",
        section: DirectiveSection::Network,
        default: "6379",
        live: true,
        help: "TCP port. 0: none if there is a unix socket or a `tls-port`; otherwise the kernel chooses a free port, which the server \
               prints at the start.",
        get: |config| config.port.to_string(),
        set: |config, text| value::number(text, 0, u16::MAX).map(|port| config.port = port),
    },
    Directive {
        name: "unixsocket",
        section: DirectiveSection::Network,
        default: "",
        live: false,
        help: "Path of a unix socket to listen on as well; a relative one is relative to `dir`. A file that a killed \
               server left there is replaced. Empty: none.",
        get: |config| config.unixsocket.clone(),
        set: |config, text| {
            config.unixsocket = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "unixsocketperm",
        section: DirectiveSection::Network,
        default: "0",
        live: false,
        help: "Permissions of the unix socket, in octal: 770 is for its user and its group. It has them before anyone \
               can connect. 0: those that the umask leaves.",
        get: |config| format!("{:o}", config.unixsocketperm),
        set: |config, text| value::octal(text, 0o777).map(|mode| config.unixsocketperm = mode),
    },
    Directive {
        name: "protected-mode",
        section: DirectiveSection::Network,
        default: "yes",
        live: true,
        help: "Without a password, accept connections only from this machine.",
        get: |config| value::print_yes_no(config.protected_mode),
        set: |config, text| value::yes_no(text).map(|on| config.protected_mode = on),
    },
    Directive {
        name: "requirepass",
        section: DirectiveSection::Network,
        default: "",
        live: true,
        help: "The password that clients must send with AUTH or HELLO. Empty: no password.",
        get: |config| config.requirepass.clone(),
        set: |config, text| {
            config.requirepass = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "tcp-backlog",
        section: DirectiveSection::Network,
        default: "511",
        live: false,
        help: "Length of the queue of connections that have not been accepted yet.",
        get: |config| config.tcp_backlog.to_string(),
        set: |config, text| value::number(text, 1, 65535).map(|backlog| config.tcp_backlog = backlog),
    },
    Directive {
        name: "tcp-keepalive",
        section: DirectiveSection::Network,
        default: "300",
        live: true,
        help: "Idle seconds after which the kernel sends TCP keep-alive probes to a client. 0: never.",
        get: |config| config.tcp_keepalive_s.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u32).map(|seconds| config.tcp_keepalive_s = seconds)
        },
    },
    Directive {
        name: "timeout",
        section: DirectiveSection::Network,
        default: "0",
        live: true,
        help: "Seconds after which an idle client is disconnected. 0: never.",
        get: |config| config.timeout_s.to_string(),
        set: |config, text| value::number(text, 0, i32::MAX as u64).map(|seconds| config.timeout_s = seconds),
    },
    Directive {
        name: "maxclients",
        section: DirectiveSection::Network,
        default: "10000",
        live: true,
        help: "Maximum number of clients. A further client gets an error and is disconnected.",
        get: |config| config.maxclients.to_string(),
        set: |config, text| {
            let clients = value::unsigned(text, 1, u32::MAX.into());
            clients.map(|clients| config.maxclients = clients as usize)
        },
    },
    Directive {
        name: "client-query-buffer-limit",
        section: DirectiveSection::Network,
        default: "1gb",
        live: true,
        help: "Maximum bytes of an incomplete request. A client that sends more is disconnected.",
        get: |config| config.client_query_buffer_limit_bytes.to_string(),
        set: |config, text| {
            let bytes = value::bytes_within(text, 1024 * 1024, limits::QUERY_BUFFER_BYTES);
            bytes.map(|bytes| config.client_query_buffer_limit_bytes = bytes)
        },
    },
    Directive {
        name: "client-output-buffer-limit",
        section: DirectiveSection::Network,
        default: "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        live: true,
        help: "For the classes `normal`, `replica` and `pubsub`: bytes that may wait to be sent to a client, fewer \
               bytes that may wait for some time, and that time in seconds. A client that exceeds them is \
               disconnected. 0: no limit; then a client that does not read is not read from either.",
        get: |config| config.output_limits.to_string(),
        set: |config, text| config.output_limits.read(text).map(|limits| config.output_limits = limits),
    },
    Directive {
        name: "tracking-table-max-keys",
        section: DirectiveSection::Network,
        default: "1000000",
        live: true,
        help: "Most keys that are remembered for client-side caching (CLIENT TRACKING). Beyond it, clients are told \
               to drop keys that have not changed. 0: no limit.",
        get: |config| config.tracking_table_max_keys.to_string(),
        set: |config, text| value::count(text).map(|most| config.tracking_table_max_keys = most),
    },
    Directive {
        name: "proto-max-bulk-len",
        section: DirectiveSection::Network,
        default: "512mb",
        live: true,
        help: "Maximum bytes of one argument of a request.",
        get: |config| config.proto_max_bulk_len_bytes.to_string(),
        set: |config, text| {
            let bytes = value::bytes_within(text, 1024 * 1024, limits::MOST_BULK_BYTES);
            bytes.map(|bytes| config.proto_max_bulk_len_bytes = bytes)
        },
    },
];
