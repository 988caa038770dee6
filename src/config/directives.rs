//! The table of directives that have an effect, and look-up by name.

use super::directive::{Directive, DirectiveSection};
use super::value;
use crate::limits;

/// Finds a directive by its name in any case.
pub(super) fn find(name: &str) -> Option<&'static Directive> {
    DIRECTIVES.iter().find(|directive| directive.name.eq_ignore_ascii_case(name))
}

/// The directive whose name differs from `name` in at most two letters.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let distance = |other: &str| edit_distance(name.as_bytes(), other.as_bytes());
    let nearest = DIRECTIVES.iter().map(|directive| (distance(directive.name), directive.name)).min()?;
    (nearest.0 <= 2).then_some(nearest.1)
}

/// The number of letters to insert, remove or replace (Wagner and Fischer 1974).
fn edit_distance(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// Every directive that has an effect, in the order of `config/rankd.conf`.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "bind",
        section: DirectiveSection::Network,
        default: "* -::*",
        live: false,
        help: "Addresses to listen on, separated by spaces. `*` is every IPv4 address, `::*` every IPv6 \
               address. An address with a `-` in front is skipped if this machine does not have it.",
        get: |config| config.bind.join(" "),
        set: |config, text| {
            config.bind = text.split_ascii_whitespace().map(str::to_owned).collect();
            if config.bind.is_empty() {
                Err("argument must name at least one address".into())
            } else {
                Ok(())
            }
        },
    },
    Directive {
        name: "port",
        section: DirectiveSection::Network,
        default: "6379",
        live: false,
        help: "TCP port. With 0 the kernel chooses a free port, which the server prints at the start.",
        get: |config| config.port.to_string(),
        set: |config, text| value::number(text, 0, u16::MAX).map(|port| config.port = port),
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
    Directive {
        name: "threads",
        section: DirectiveSection::General,
        default: "0",
        live: false,
        help: "Number of threads that serve connections. 0: one for each core.",
        get: |config| config.threads.to_string(),
        set: |config, text| value::number(text, 0, 256u32).map(|threads| config.threads = threads as usize),
    },
    Directive {
        name: "databases",
        section: DirectiveSection::General,
        default: "16",
        live: false,
        help: "Number of databases for SELECT.",
        get: |config| config.databases.to_string(),
        set: |config, text| {
            value::number(text, 1, limits::DATABASES as u32).map(|databases| config.databases = databases)
        },
    },
    Directive {
        name: "hll-sparse-max-bytes",
        section: DirectiveSection::General,
        default: "3000",
        live: true,
        help: "Bytes of a HyperLogLog beyond which its registers are written one by one, in 12 KB.",
        get: |config| config.hll_sparse_max_bytes.to_string(),
        set: |config, text| value::unsigned_bytes(text).map(|bytes| config.hll_sparse_max_bytes = bytes),
    },
    Directive {
        name: "set-max-intset-entries",
        section: DirectiveSection::General,
        default: "512",
        live: true,
        help: "Most members of a set of whole numbers that is kept as a sorted row of numbers.",
        get: |config| config.set_bounds.intset_entries.to_string(),
        set: |config, text| value::count(text).map(|most| config.set_bounds.intset_entries = most),
    },
    Directive {
        name: "set-max-listpack-entries",
        section: DirectiveSection::General,
        default: "128",
        live: true,
        help: "Most members of a set whose members are kept behind one another.",
        get: |config| config.set_bounds.listpack_entries.to_string(),
        set: |config, text| value::count(text).map(|most| config.set_bounds.listpack_entries = most),
    },
    Directive {
        name: "set-max-listpack-value",
        section: DirectiveSection::General,
        default: "64",
        live: true,
        help: "Longest member of such a set, in bytes.",
        get: |config| config.set_bounds.listpack_value_bytes.to_string(),
        set: |config, text| value::count(text).map(|bytes| config.set_bounds.listpack_value_bytes = bytes),
    },
    Directive {
        name: "enable-debug-command",
        section: DirectiveSection::General,
        default: "no",
        live: false,
        help: "Which clients may use DEBUG: none (`no`), those on this machine (`local`), or all (`yes`).",
        get: |config| value::print_debug_policy(config.enable_debug_command),
        set: |config, text| value::debug_policy(text).map(|policy| config.enable_debug_command = policy),
    },
    Directive {
        name: "dir",
        section: DirectiveSection::Journal,
        default: "./data",
        live: false,
        help: "Directory of the journal and of the dump file. It is created if it does not exist.",
        get: |config| config.dir.display().to_string(),
        set: |config, text| {
            config.dir = text.into();
            if text.is_empty() { Err("argument must be a directory".into()) } else { Ok(()) }
        },
    },
    Directive {
        name: "dbfilename",
        section: DirectiveSection::Journal,
        default: "dump.rdb",
        live: false,
        help: "File name in that directory for SAVE and BGSAVE, which write Redis's RDB format.",
        get: |config| config.dbfilename.clone(),
        set: |config, text| {
            config.dbfilename = text.to_owned();
            if text.is_empty() || text.contains('/') || matches!(text, "." | "..") {
                Err("dbfilename can't be a path, just a filename".into())
            } else {
                Ok(())
            }
        },
    },
    Directive {
        name: "save",
        section: DirectiveSection::Journal,
        default: "",
        live: true,
        help: "Pairs of seconds and changes. The server writes the dump file, like BGSAVE, when at least that many \
               seconds have passed and that many changes were made since the last save. It also writes it when it \
               stops. Several `save` lines of a file add up. Empty: no automatic saves.",
        get: |config| value::print_save_points(&config.save),
        set: |config, text| value::save_points(text).map(|points| config.save = points),
    },
    Directive {
        name: "appendonly",
        section: DirectiveSection::Journal,
        default: "yes",
        live: false,
        help: "Write every change to the journal. With `no` data are only in memory, and the server starts from the \
               dump file if it exists.",
        get: |config| value::print_yes_no(config.appendonly),
        set: |config, text| value::yes_no(text).map(|on| config.appendonly = on),
    },
    Directive {
        name: "appendfsync",
        section: DirectiveSection::Journal,
        default: "everysec",
        live: true,
        help: "When the journal is synced to disk: `always` before each reply, `everysec` once a second, `no` when \
               the operating system chooses. With each of them a change is written to the operating system before \
               its reply is sent.",
        get: |config| value::print_fsync(config.appendfsync),
        set: |config, text| value::fsync(text).map(|policy| config.appendfsync = policy),
    },
    Directive {
        name: "auto-aof-rewrite-percentage",
        section: DirectiveSection::Journal,
        default: "100",
        live: true,
        help: "Write a checkpoint when the journal has grown by this percentage since the last one. 0: never.",
        get: |config| config.auto_aof_rewrite_percentage.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u32)
                .map(|percent| config.auto_aof_rewrite_percentage = percent)
        },
    },
    Directive {
        name: "auto-aof-rewrite-min-size",
        section: DirectiveSection::Journal,
        default: "64mb",
        live: true,
        help: "Minimum size of the journal for such a checkpoint.",
        get: |config| config.auto_aof_rewrite_min_size_bytes.to_string(),
        set: |config, text| value::bytes(text).map(|bytes| config.auto_aof_rewrite_min_size_bytes = bytes),
    },
    Directive {
        name: "friend-key-prefix",
        section: DirectiveSection::Friends,
        default: "friends:",
        live: true,
        help: "The friends of a user are the members of the set whose key is this prefix and the user's name.",
        get: |config| config.friend_key_prefix.clone(),
        set: |config, text| {
            config.friend_key_prefix = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "friendrank-keep-bytes",
        section: DirectiveSection::Friends,
        default: "64mb",
        live: true,
        help: "Bytes of memory for the friend rankings that FRIENDRANK keeps for MAXAGE. 0: keep none.",
        get: |config| config.friendrank_keep_bytes.to_string(),
        set: |config, text| value::bytes(text).map(|bytes| config.friendrank_keep_bytes = bytes as usize),
    },
    Directive {
        name: "notify-keyspace-events",
        section: DirectiveSection::Events,
        default: "",
        live: true,
        help: "Which keyspace events are published: `K` and `E` choose the channels (by key, by event), \
               `z` sorted sets, `s` sets, `$` strings, `g` keys of any type, `x` expiry, `n` new keys, `o` and `c` \
               replaced values and types, `m` missing keys, `A` all but the last four. Empty: none.",
        get: |config| config.notify_keyspace_events.to_string(),
        set: |config, text| value::event_classes(text).map(|classes| config.notify_keyspace_events = classes),
    },
    Directive {
        name: "loglevel",
        section: DirectiveSection::Log,
        default: "notice",
        live: true,
        help: "Lowest level that is logged: debug, verbose, notice, warning or nothing.",
        get: |config| value::print_log_level(config.loglevel),
        set: |config, text| value::log_level(text).map(|level| config.loglevel = level),
    },
    Directive {
        name: "logfile",
        section: DirectiveSection::Log,
        default: "",
        live: false,
        help: "File for the log, which is appended to. Empty: standard error.",
        get: |config| config.logfile.clone(),
        set: |config, text| {
            config.logfile = text.to_owned();
            Ok(())
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Ignored};

    #[test]
    fn names_are_unique_and_values_print_as_they_read() {
        for (index, directive) in DIRECTIVES.iter().enumerate() {
            assert!(DIRECTIVES[..index].iter().all(|other| other.name != directive.name));
            assert!(Ignored::find(directive.name).is_none(), "{}", directive.name);
            let mut config = Config::default();
            let printed = (directive.get)(&config);
            (directive.set)(&mut config, &printed).unwrap();
            assert_eq!(config, Config::default(), "{}", directive.name);
        }
    }

    /// Some limits are also the defaults of directives: both places must have the same value.
    #[test]
    fn defaults_are_the_limits() {
        let config = Config::default();
        assert_eq!(config.friendrank_keep_bytes, limits::KEPT_RESULTS_BYTES);
        assert_eq!(config.proto_max_bulk_len_bytes, limits::BULK_BYTES);
        assert_eq!(config.client_query_buffer_limit_bytes, limits::QUERY_BUFFER_BYTES);
        assert_eq!(config.hll_sparse_max_bytes, limits::HLL_SPARSE_BYTES);
    }

    #[test]
    fn a_misspelled_name_gets_a_suggestion() {
        assert_eq!(nearest("prot"), Some("port"));
        assert_eq!(nearest("appendonyl"), Some("appendonly"));
        assert_eq!(nearest("completely-else"), None);
    }
}
