//! Directives about what the server tells of itself: keyspace events and the log.

use crate::config::directive::{Directive, DirectiveSection};
use crate::config::value;

pub(super) const DIRECTIVES: &[Directive] = &[
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
