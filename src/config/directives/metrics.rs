//! Directives about the metrics port.

use crate::config::directive::{Directive, DirectiveSection};
use crate::config::value;

pub(super) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "metrics-port",
        section: DirectiveSection::Metrics,
        default: "0",
        live: false,
        help: "TCP port of the metrics in Prometheus's format, over HTTP: /metrics, /healthz and /readyz. There is no \
               password. 0: there is no such port.",
        get: |config| config.metrics.port.to_string(),
        set: |config, text| value::number(text, 0, u16::MAX).map(|port| config.metrics.port = port),
    },
    Directive {
        name: "metrics-bind",
        section: DirectiveSection::Metrics,
        default: "127.0.0.1 -::1",
        live: false,
        help: "Addresses that the metrics port listens on, as in `bind`.",
        get: |config| config.metrics.bind.join(" "),
        set: |config, text| {
            config.metrics.bind = words(text);
            if config.metrics.bind.is_empty() {
                Err("argument must name at least one address".into())
            } else {
                Ok(())
            }
        },
    },
    Directive {
        name: "metrics-boards",
        section: DirectiveSection::Metrics,
        default: "",
        live: true,
        help: "Boards whose number of members and sum of scores are metrics: glob patterns of keys, separated by \
               spaces; at most 100 boards. The sums of boards without exact scores are computed in small steps in the \
               background.",
        get: |config| config.metrics.boards.join(" "),
        set: |config, text| {
            config.metrics.boards = words(text);
            Ok(())
        },
    },
];

fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
