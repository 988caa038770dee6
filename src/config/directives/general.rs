//! Directives about threads, databases and the forms of values.

use crate::config::directive::{Directive, DirectiveSection};
use crate::config::{ProducerBounds, value};
use crate::limits;

pub(super) const DIRECTIVES: &[Directive] = &[
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
        name: "supervised",
        section: DirectiveSection::General,
        default: "no",
        live: false,
        help: "Who is told that the server is ready and that it stops. `systemd`: a service of `Type=notify`. `auto`: \
               systemd, if the environment has NOTIFY_SOCKET. `no`, `upstart`: nobody.",
        get: |config| value::print_supervised(config.supervised),
        set: |config, text| value::supervised(text).map(|supervised| config.supervised = supervised),
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
        name: "stream-node-max-bytes",
        section: DirectiveSection::General,
        default: "4096",
        live: true,
        help: "Most bytes of a block of a stream's entries, as Redis packs them; 0 for no bound. Trimming with ~ removes whole \
               blocks.",
        get: |config| config.stream_bounds.node_bytes.to_string(),
        set: |config, text| value::unsigned_bytes(text).map(|bytes| config.stream_bounds.node_bytes = bytes),
    },
    Directive {
        name: "stream-node-max-entries",
        section: DirectiveSection::General,
        default: "100",
        live: true,
        help: "Most entries of such a block; 0 for no bound.",
        get: |config| config.stream_bounds.node_entries.to_string(),
        set: |config, text| value::count(text).map(|most| config.stream_bounds.node_entries = most),
    },
    Directive {
        name: "stream-idmp-duration",
        section: DirectiveSection::General,
        default: "100",
        live: true,
        help: "Seconds for which a stream keeps the ids of XADD with IDMP and IDMPAUTO, unless XCFGSET says it.",
        get: |config| config.producer_bounds.kept_s.to_string(),
        set: |config, text| {
            let (least, most) = ProducerBounds::KEPT_S.into_inner();
            value::number(text, least, most).map(|seconds| config.producer_bounds.kept_s = seconds)
        },
    },
    Directive {
        name: "stream-idmp-maxsize",
        section: DirectiveSection::General,
        default: "100",
        live: true,
        help: "Most such ids that a stream keeps of each producer, unless XCFGSET says it.",
        get: |config| config.producer_bounds.most_ids.to_string(),
        set: |config, text| {
            let (least, most) = ProducerBounds::MOST_IDS.into_inner();
            value::number(text, least, most).map(|count| config.producer_bounds.most_ids = count)
        },
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
];
