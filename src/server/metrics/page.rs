//! A page of metrics in Prometheus's text format, version 0.0.4.
//!
//! All samples of a metric stand together under its type: a [`Family`] is written before the next one begins. Knows
//! nothing of rankd.

use std::fmt::Write;

/// What a metric's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetricType {
    /// A count that only grows until the server starts again.
    Counter,
    /// A value at this moment.
    Gauge,
    /// Counts of values up to bounds, their number and sum.
    Histogram,
    /// Percentiles of values, their number and sum.
    Summary,
}

/// Names and values of labels.
pub(super) type Labels<'l> = &'l [(&'l str, &'l str)];

/// A page under way.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

/// A metric under way.
pub(super) struct Family<'p> {
    text: &'p mut String,
    name: &'p str,
}

impl Page {
    /// The page.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Begins the metric `name`, which no earlier one has.
    pub(super) fn family<'p>(&'p mut self, name: &'p str, kind: MetricType, help: &str) -> Family<'p> {
        let kind = match kind {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::Summary => "summary",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { text: &mut self.text, name }
    }

    /// A gauge without labels.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, MetricType::Gauge, help).sample(&[], value);
    }
}

impl Family<'_> {
    /// Adds a sample. The values of labels may be any text.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: f64) {
        self.line("", labels, None, value);
    }

    /// Adds a histogram: its upper bounds, ascending, each with the number of values up to it; the number and the sum of
    /// all values.
    pub(super) fn histogram(
        &mut self,
        labels: Labels<'_>,
        buckets: impl Iterator<Item = (f64, u64)>,
        count: u64,
        sum: f64,
    ) {
        for (bound, below) in buckets {
            self.line("_bucket", labels, Some(("le", &number(bound))), below as f64);
        }
        self.line("_bucket", labels, Some(("le", "+Inf")), count as f64);
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, count as f64);
    }

    /// Adds a summary: percentiles by name, the number and the sum of all values.
    pub(super) fn summary(
        &mut self,
        labels: Labels<'_>,
        percentiles: impl Iterator<Item = (String, f64)>,
        count: f64,
        sum: f64,
    ) {
        for (percentile, value) in percentiles {
            self.line("", labels, Some(("quantile", &percentile)), value);
        }
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, count);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, last: Option<(&str, &str)>, value: f64) {
        let _ = write!(self.text, "{}{suffix}", self.name);
        let mut separator = '{';
        for (name, value) in labels.iter().copied().chain(last) {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{separator}{name}=\"{value}\"");
            separator = ',';
        }
        let end = if separator == ',' { "}" } else { "" };
        let _ = writeln!(self.text, "{end} {}", number(value));
    }
}

/// A number as the format has it.
fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value if value.is_nan() => "NaN".into(),
        value => format!("{value:?}").trim_end_matches(".0").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_label_and_any_number_stays_on_its_line() {
        let mut page = Page::default();
        let mut family = page.family("a", MetricType::Gauge, "h\\\n");
        family.sample(&[("k", "a\"b\\c\nd"), ("l", "")], f64::INFINITY);
        family.sample(&[], -1.5e300);
        page.family("b", MetricType::Histogram, "").histogram(&[("k", "v")], [(0.5, 1)].into_iter(), 2, 3.0);
        page.gauge("c", "", f64::NAN);
        assert_eq!(
            page.into_text(),
            "# HELP a h\\\\\\n\n# TYPE a gauge\na{k=\"a\\\"b\\\\c\\nd\",l=\"\"} +Inf\na -1.5e300\n\
             # HELP b \n# TYPE b histogram\nb_bucket{k=\"v\",le=\"0.5\"} 1\nb_bucket{k=\"v\",le=\"+Inf\"} 2\n\
             b_sum{k=\"v\"} 3\nb_count{k=\"v\"} 2\n# HELP c \n# TYPE c gauge\nc NaN\n"
        );
    }
}
