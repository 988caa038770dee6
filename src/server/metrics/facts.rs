//! The text of INFO taken apart, so that metrics have the same values as its fields.

use std::collections::BTreeMap;

/// The fields of INFO in its order, each with its section and its value.
pub(super) struct Facts<'i> {
    in_order: Vec<Fact<'i>>,
    values: BTreeMap<&'i str, &'i str>,
}

#[derive(Clone, Copy)]
struct Fact<'i> {
    section: &'i str,
    field: &'i str,
    value: &'i str,
}

impl<'i> Facts<'i> {
    /// The fields of the text of INFO.
    pub(super) fn of(info: &'i str) -> Self {
        let mut section = "";
        let mut facts = Vec::new();
        for line in info.lines() {
            if let Some(name) = line.strip_prefix("# ") {
                section = name;
            } else if let Some((field, value)) = line.split_once(':') {
                facts.push(Fact { section, field, value });
            }
        }
        let values = facts.iter().map(|fact| (fact.field, fact.value)).collect();
        Self { in_order: facts, values }
    }

    /// The value of `field`, empty if INFO does not have it.
    pub(super) fn text(&self, field: &str) -> &'i str {
        self.values.get(field).copied().unwrap_or_default()
    }

    /// The value of `field` as a number: 1 for `ok`, 0 for `err`. `None` if INFO does not have it or it is none.
    pub(super) fn number(&self, field: &str) -> Option<f64> {
        number(self.text(field))
    }

    /// The fields of `section` whose names begin with `prefix`: what follows it, and the value.
    pub(super) fn named(&self, section: &str, prefix: &str) -> impl Iterator<Item = (&'i str, &'i str)> {
        let facts = self.in_order.iter().filter(move |fact| fact.section == section);
        facts.filter_map(move |fact| Some((fact.field.strip_prefix(prefix)?, fact.value)))
    }
}

/// A number as fields of INFO have it.
pub(super) fn number(text: &str) -> Option<f64> {
    match text {
        "ok" => Some(1.0),
        "err" => Some(0.0),
        text => text.parse().ok(),
    }
}

/// The part named `name` of a value such as `keys=1,expires=0`.
pub(super) fn part<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    value.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}
