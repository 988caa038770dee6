//! Directives about memory and eviction.

use crate::config::directive::{Directive, DirectiveSection};
use crate::config::{memory, value};

const INT: u32 = i32::MAX as u32;

pub(super) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "maxmemory",
        section: DirectiveSection::Memory,
        default: "auto",
        live: true,
        help: "Bytes of memory that the server may use. When it uses more, it evicts keys by `maxmemory-policy`, or \
               refuses commands that may need more. `auto`: three quarters of the container's limit (cgroup v2 \
               `memory.max`), where there is one. 0: no bound.",
        get: |config| config.memory.max_bytes.to_string(),
        set: |config, text| memory::max_bytes(text).map(|bytes| config.memory.max_bytes = bytes),
    },
    Directive {
        name: "maxmemory-policy",
        section: DirectiveSection::Memory,
        default: "noeviction",
        live: true,
        help: "Which keys are evicted: of all (`allkeys-`) or only of those that expire (`volatile-`), the ones that were \
               not used for the longest time (`lru`), that are used least often (`lfu`), any (`random`), or those that \
               expire first (`volatile-ttl`). `noeviction`: none.",
        get: |config| config.memory.policy.name().to_owned(),
        set: |config, text| memory::policy(text).map(|policy| config.memory.policy = policy),
    },
    Directive {
        name: "maxmemory-samples",
        section: DirectiveSection::Memory,
        default: "5",
        live: true,
        help: "Keys that are looked at for each that is evicted. More of them choose better and take longer.",
        get: |config| config.memory.samples.to_string(),
        set: |config, text| {
            value::number(text, 1, 64u32).map(|samples| config.memory.samples = samples as usize)
        },
    },
    Directive {
        name: "maxmemory-eviction-tenacity",
        section: DirectiveSection::Memory,
        default: "10",
        live: true,
        help: "How long a command may evict before it runs: 0 to 10 are 0 to 0.5 ms, each further step is 15 % more, 100 \
               has no bound. Between commands eviction goes on.",
        get: |config| config.memory.tenacity.to_string(),
        set: |config, text| value::number(text, 0, 100u32).map(|tenacity| config.memory.tenacity = tenacity),
    },
    Directive {
        name: "lfu-log-factor",
        section: DirectiveSection::Memory,
        default: "10",
        live: true,
        help: "How slowly the counter of a key's uses rises. With 10, a million uses reach its highest value.",
        get: |config| config.memory.lfu_log_factor.to_string(),
        set: |config, text| value::number(text, 0, INT).map(|factor| config.memory.lfu_log_factor = factor),
    },
    Directive {
        name: "lfu-decay-time",
        section: DirectiveSection::Memory,
        default: "1",
        live: true,
        help: "Minutes after which the counter of a key's uses falls by one. 0: it never falls.",
        get: |config| config.memory.lfu_decay_minutes.to_string(),
        set: |config, text| {
            value::number(text, 0, INT).map(|minutes| config.memory.lfu_decay_minutes = minutes)
        },
    },
    Directive {
        name: "maxmemory-clients",
        section: DirectiveSection::Memory,
        default: "0",
        live: true,
        help: "Bytes of memory that all clients together may use, or a percentage of `maxmemory`. Beyond that, the clients \
               that use most are disconnected, but for those that have said CLIENT NO-EVICT on. 0: no bound.",
        get: |config| memory::print_clients_bound(config.memory.clients),
        set: |config, text| memory::clients_bound(text).map(|bound| config.memory.clients = bound),
    },
];
