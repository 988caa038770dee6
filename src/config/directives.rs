//! The table of directives.

use super::{Config, value};
use crate::limits;

/// One directive.
#[derive(Debug)]
pub struct Directive {
    /// Its name in files, flags and CONFIG.
    pub name: &'static str,
    /// What it is about: the heading it stands under in the file and in `--help`.
    pub section: Section,
    /// Its default, spelled as in the file.
    pub default: &'static str,
    /// Whether CONFIG SET may change it while the server runs.
    pub live: bool,
    /// What it does, in a line or three.
    pub help: &'static str,
    /// Prints its value.
    pub get: fn(&Config) -> String,
    /// Reads its value; the error says what would be taken.
    pub set: fn(&mut Config, &str) -> Result<(), String>,
}

/// What a directive is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Addresses, passwords, clients.
    Network,
    /// Threads and databases.
    General,
    /// The journal and the dump file.
    Journal,
    /// FRIENDRANK.
    Friends,
    /// Keyspace notifications.
    Events,
    /// The log.
    Log,
}

impl Section {
    /// The heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Network => "Network",
            Self::General => "General",
            Self::Journal => "Journal and dump file",
            Self::Friends => "Friend ranking",
            Self::Events => "Keyspace events",
            Self::Log => "Log",
        }
    }
}

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

/// How many letters must be put in, taken out or changed (Wagner and Fischer 1974).
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

/// Every directive that means something, in the order of `config/rankd.conf`.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "bind",
        section: Section::Network,
        default: "* -::*",
        live: false,
        help: "Addresses to listen on, separated by spaces. `*` is every IPv4 address, `::*` every IPv6 address; one \
               with a `-` in front may be missing on this machine.",
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
        section: Section::Network,
        default: "6379",
        live: false,
        help: "TCP port. 0 lets the kernel choose a free one, which the start screen names.",
        get: |config| config.port.to_string(),
        set: |config, text| value::number(text, 0, u16::MAX).map(|port| config.port = port),
    },
    Directive {
        name: "protected-mode",
        section: Section::Network,
        default: "yes",
        live: true,
        help: "While no password is set, serve only peers on this machine.",
        get: |config| value::print_yes_no(config.protected_mode),
        set: |config, text| value::yes_no(text).map(|on| config.protected_mode = on),
    },
    Directive {
        name: "requirepass",
        section: Section::Network,
        default: "",
        live: true,
        help: "The password that clients must give by AUTH or HELLO. Empty: none.",
        get: |config| config.requirepass.clone(),
        set: |config, text| {
            config.requirepass = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "tcp-backlog",
        section: Section::Network,
        default: "511",
        live: false,
        help: "Connections that may wait to be accepted.",
        get: |config| config.tcp_backlog.to_string(),
        set: |config, text| value::number(text, 1, 65535).map(|backlog| config.tcp_backlog = backlog),
    },
    Directive {
        name: "tcp-keepalive",
        section: Section::Network,
        default: "300",
        live: true,
        help: "Seconds of silence after which the kernel asks whether a client is still there. 0: never.",
        get: |config| config.tcp_keepalive_s.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u32).map(|seconds| config.tcp_keepalive_s = seconds)
        },
    },
    Directive {
        name: "timeout",
        section: Section::Network,
        default: "0",
        live: true,
        help: "Seconds after which an idle client is disconnected. 0: never.",
        get: |config| config.timeout_s.to_string(),
        set: |config, text| value::number(text, 0, i32::MAX as u64).map(|seconds| config.timeout_s = seconds),
    },
    Directive {
        name: "maxclients",
        section: Section::Network,
        default: "10000",
        live: true,
        help: "Most clients at a time; one more is told so and disconnected.",
        get: |config| config.maxclients.to_string(),
        set: |config, text| {
            let clients = value::unsigned(text, 1, u32::MAX.into());
            clients.map(|clients| config.maxclients = clients as usize)
        },
    },
    Directive {
        name: "client-query-buffer-limit",
        section: Section::Network,
        default: "1gb",
        live: true,
        help: "Bytes of one request that is not complete yet, after which its client is disconnected.",
        get: |config| config.client_query_buffer_limit_bytes.to_string(),
        set: |config, text| {
            let bytes = value::bytes_within(text, 1024 * 1024, limits::QUERY_BUFFER_BYTES);
            bytes.map(|bytes| config.client_query_buffer_limit_bytes = bytes)
        },
    },
    Directive {
        name: "proto-max-bulk-len",
        section: Section::Network,
        default: "512mb",
        live: true,
        help: "Bytes of the longest argument.",
        get: |config| config.proto_max_bulk_len_bytes.to_string(),
        set: |config, text| {
            let bytes = value::bytes_within(text, 1024 * 1024, limits::MOST_BULK_BYTES);
            bytes.map(|bytes| config.proto_max_bulk_len_bytes = bytes)
        },
    },
    Directive {
        name: "threads",
        section: Section::General,
        default: "0",
        live: false,
        help: "Threads that serve connections. 0: one for each core.",
        get: |config| config.threads.to_string(),
        set: |config, text| value::number(text, 0, 256u32).map(|threads| config.threads = threads as usize),
    },
    Directive {
        name: "databases",
        section: Section::General,
        default: "16",
        live: false,
        help: "Number of databases that SELECT can choose from.",
        get: |config| config.databases.to_string(),
        set: |config, text| {
            value::number(text, 1, limits::DATABASES as u32).map(|databases| config.databases = databases)
        },
    },
    Directive {
        name: "hll-sparse-max-bytes",
        section: Section::General,
        default: "3000",
        live: true,
        help: "Bytes of a HyperLogLog beyond which its registers are written one by one, in 12 KB.",
        get: |config| config.hll_sparse_max_bytes.to_string(),
        set: |config, text| value::unsigned_bytes(text).map(|bytes| config.hll_sparse_max_bytes = bytes),
    },
    Directive {
        name: "enable-debug-command",
        section: Section::General,
        default: "no",
        live: false,
        help: "Who may use DEBUG: nobody (`no`), clients on this machine (`local`), or everybody (`yes`).",
        get: |config| value::print_debug_policy(config.enable_debug_command),
        set: |config, text| value::debug_policy(text).map(|policy| config.enable_debug_command = policy),
    },
    Directive {
        name: "dir",
        section: Section::Journal,
        default: "./data",
        live: false,
        help: "Directory of the journal and of the dump file; made if it is missing.",
        get: |config| config.dir.display().to_string(),
        set: |config, text| {
            config.dir = text.into();
            if text.is_empty() { Err("argument must be a directory".into()) } else { Ok(()) }
        },
    },
    Directive {
        name: "dbfilename",
        section: Section::Journal,
        default: "dump.rdb",
        live: false,
        help: "The dump file in that directory: what SAVE and BGSAVE write, in Redis's RDB format.",
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
        section: Section::Journal,
        default: "",
        live: true,
        help: "Pairs of seconds and changes: the dump file is written, as by BGSAVE, when so many seconds have gone \
               by and there have been so many changes; and at the end. Lines of a file add up. Empty: only when \
               asked for.",
        get: |config| value::print_save_points(&config.save),
        set: |config, text| value::save_points(text).map(|points| config.save = points),
    },
    Directive {
        name: "appendonly",
        section: Section::Journal,
        default: "yes",
        live: false,
        help: "Keep every change in the journal. `no` keeps everything in memory only, and starts from the dump file \
               if there is one.",
        get: |config| value::print_yes_no(config.appendonly),
        set: |config, text| value::yes_no(text).map(|on| config.appendonly = on),
    },
    Directive {
        name: "appendfsync",
        section: Section::Journal,
        default: "everysec",
        live: true,
        help: "When the journal is forced to disk: `always` before each reply, `everysec` once a second, `no` when \
               the operating system likes. No policy replies before the operating system has the change.",
        get: |config| value::print_fsync(config.appendfsync),
        set: |config, text| value::fsync(text).map(|policy| config.appendfsync = policy),
    },
    Directive {
        name: "auto-aof-rewrite-percentage",
        section: Section::Journal,
        default: "100",
        live: true,
        help: "Write a checkpoint when the journal has grown by this many percent of the last one. 0: never.",
        get: |config| config.auto_aof_rewrite_percentage.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u32)
                .map(|percent| config.auto_aof_rewrite_percentage = percent)
        },
    },
    Directive {
        name: "auto-aof-rewrite-min-size",
        section: Section::Journal,
        default: "64mb",
        live: true,
        help: "But not before the journal is this large.",
        get: |config| config.auto_aof_rewrite_min_size_bytes.to_string(),
        set: |config, text| value::bytes(text).map(|bytes| config.auto_aof_rewrite_min_size_bytes = bytes),
    },
    Directive {
        name: "friend-key-prefix",
        section: Section::Friends,
        default: "friends:",
        live: true,
        help: "A user's friends are the members of the set at this prefix followed by the user's name.",
        get: |config| config.friend_key_prefix.clone(),
        set: |config, text| {
            config.friend_key_prefix = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "friendrank-keep-bytes",
        section: Section::Friends,
        default: "64mb",
        live: true,
        help: "Memory for friend rankings kept for FRIENDRANK's MAXAGE. 0: keep none.",
        get: |config| config.friendrank_keep_bytes.to_string(),
        set: |config, text| value::bytes(text).map(|bytes| config.friendrank_keep_bytes = bytes as usize),
    },
    Directive {
        name: "notify-keyspace-events",
        section: Section::Events,
        default: "",
        live: true,
        help: "Which changes of keys are published to subscribers: `K` and `E` choose the channels (by key, by event), \
               `z` sorted sets, `s` sets, `$` strings, `g` keys of any type, `x` expiry, `n` new keys, `o` and `c` \
               replaced values and types, `m` missing keys, `A` all but the last four. Empty: none.",
        get: |config| config.notify_keyspace_events.to_string(),
        set: |config, text| value::event_classes(text).map(|classes| config.notify_keyspace_events = classes),
    },
    Directive {
        name: "loglevel",
        section: Section::Log,
        default: "notice",
        live: true,
        help: "How much is logged: debug, verbose, notice, warning or nothing.",
        get: |config| value::print_log_level(config.loglevel),
        set: |config, text| value::log_level(text).map(|level| config.loglevel = level),
    },
    Directive {
        name: "logfile",
        section: Section::Log,
        default: "",
        live: false,
        help: "File that the log is appended to. Empty: standard error.",
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
    use crate::config::Ignored;

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

    /// A bound that is also a directive stands in both places; they must say the same.
    #[test]
    fn defaults_are_the_limits() {
        let config = Config::default();
        assert_eq!(config.friendrank_keep_bytes, limits::KEPT_RESULTS_BYTES);
        assert_eq!(config.proto_max_bulk_len_bytes, limits::BULK_BYTES);
        assert_eq!(config.client_query_buffer_limit_bytes, limits::QUERY_BUFFER_BYTES);
        assert_eq!(config.hll_sparse_max_bytes, limits::HLL_SPARSE_BYTES);
    }

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert_eq!(nearest("prot"), Some("port"));
        assert_eq!(nearest("appendonyl"), Some("appendonly"));
        assert_eq!(nearest("completely-else"), None);
    }
}
