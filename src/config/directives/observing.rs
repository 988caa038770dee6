//! Directives about what the server tells of itself: keyspace events, slow requests and the log.

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
        name: "slowlog-log-slower-than",
        section: DirectiveSection::Slowness,
        default: "10000",
        live: true,
        help: "Microseconds from which on a request is noted in SLOWLOG. Short commands of a pipeline are timed \
               together; below 1000 each is timed by itself, which costs time. 0: every request; -1: none.",
        get: |config| config.slowlog_log_slower_than_us.to_string(),
        set: |config, text| {
            value::number(text, -1, i64::MAX).map(|us| config.slowlog_log_slower_than_us = us)
        },
    },
    Directive {
        name: "slowlog-max-len",
        section: DirectiveSection::Slowness,
        default: "128",
        live: true,
        help: "Most requests that SLOWLOG keeps, each at most 4 KB. The oldest go.",
        get: |config| config.slowlog_max_len.to_string(),
        set: |config, text| {
            value::number(text, 0, i64::MAX).map(|most| config.slowlog_max_len = most as usize)
        },
    },
    Directive {
        name: "latency-monitor-threshold",
        section: DirectiveSection::Slowness,
        default: "0",
        live: true,
        help: "Milliseconds from which on what keeps the server busy is an event of LATENCY. 0: nothing is.",
        get: |config| config.latency_monitor_threshold_ms.to_string(),
        set: |config, text| {
            value::number(text, 0, i64::MAX).map(|ms| config.latency_monitor_threshold_ms = ms as u64)
        },
    },
    Directive {
        name: "busy-reply-threshold",
        section: DirectiveSection::Slowness,
        default: "5000",
        live: true,
        help: "Milliseconds that a script may run before other commands are refused with BUSY and SCRIPT KILL can end it. 0: for \
               ever.",
        get: |config| config.busy_reply_threshold_ms.to_string(),
        set: |config, text| {
            value::number(text, 0, i64::MAX).map(|ms| config.busy_reply_threshold_ms = ms as u64)
        },
    },
    Directive {
        name: "latency-tracking",
        section: DirectiveSection::Slowness,
        default: "yes",
        live: true,
        help: "Count how long the calls of each command take, for INFO latencystats and LATENCY HISTOGRAM.",
        get: |config| value::print_yes_no(config.latency_tracking),
        set: |config, text| value::yes_no(text).map(|on| config.latency_tracking = on),
    },
    Directive {
        name: "latency-tracking-info-percentiles",
        section: DirectiveSection::Slowness,
        default: "50 99 99.9",
        live: true,
        help: "The percentiles that INFO latencystats shows, separated by spaces.",
        get: |config| value::print_percentiles(&config.latency_percentiles),
        set: |config, text| {
            value::percentiles(text).map(|percentiles| config.latency_percentiles = percentiles)
        },
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
