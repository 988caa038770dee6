//! Patterns of SORT: BY and GET name a key for each element, whose value stands for the element. GET of other commands has
//! the same patterns.

use crate::store::{Reader, Value};

/// A pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Pattern<'c> {
    /// `#`: the element itself.
    Element,
    /// Without a `*`: no key.
    Nothing,
    /// A key for each element.
    Key {
        /// What is in front of the element in the key's name.
        before: &'c [u8],
        /// What is behind it.
        after: &'c [u8],
        /// The field, if the key is a hash.
        field: Option<&'c [u8]>,
    },
}

impl<'c> Pattern<'c> {
    /// Reads a pattern. As in Redis, `*` and `->` are looked for up to a NUL, and `->` at the end is part of the name.
    pub(in crate::commands) fn parse(pattern: &'c [u8]) -> Self {
        let searched = pattern.split(|byte| *byte == 0).next().unwrap_or_default();
        if searched == b"#" {
            return Self::Element;
        }
        let Some(star) = searched.iter().position(|byte| *byte == b'*') else { return Self::Nothing };
        let behind = star + 1;
        let arrow = searched[behind..].windows(2).position(|pair| pair == b"->").map(|at| behind + at);
        let arrow = arrow.filter(|arrow| arrow + 2 < searched.len());
        Self::Key {
            before: &pattern[..star],
            after: &pattern[behind..arrow.unwrap_or(pattern.len())],
            field: arrow.map(|arrow| &pattern[arrow + 2..]),
        }
    }

    /// Whether it names keys.
    pub(super) fn names_keys(self) -> bool {
        matches!(self, Self::Key { .. })
    }

    /// Calls `see` with what the pattern gives for `element`: `None` if there is no such key or field, or if the key has a
    /// value of another type. `name` is a buffer.
    pub(super) fn resolve<R>(
        self,
        element: &[u8],
        keys: Reader<'_>,
        name: &mut Vec<u8>,
        see: impl FnOnce(Option<&[u8]>) -> R,
    ) -> R {
        let (before, after, field) = match self {
            Self::Element => return see(Some(element)),
            Self::Nothing => return see(None),
            Self::Key { before, after, field } => (before, after, field),
        };
        name.clear();
        [before, element, after].iter().for_each(|part| name.extend_from_slice(part));
        text_of(keys.value(name), field, keys.expired_by_ms(), see)
    }
}

/// Calls `see` with what a pattern gives whose key has this value: a string itself, or the field of a hash. Fields that
/// expire up to `expired_by_ms` are missing.
pub(in crate::commands) fn text_of<R>(
    value: Option<&Value>,
    field: Option<&[u8]>,
    expired_by_ms: u64,
    see: impl FnOnce(Option<&[u8]>) -> R,
) -> R {
    match (value, field) {
        (Some(Value::String(text)), None) => see(Some(text)),
        (Some(Value::Hash(fields)), Some(field)) => {
            let mut digits = itoa::Buffer::new();
            let text = fields.at(expired_by_ms).get(field);
            see(text.as_ref().map(|text| text.bytes(&mut digits)))
        }
        _ => see(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_in_redis() {
        let key = |before: &'static str, after: &'static str, field: Option<&'static str>| Pattern::Key {
            before: before.as_bytes(),
            after: after.as_bytes(),
            field: field.map(str::as_bytes),
        };
        let cases = [
            ("#", Pattern::Element),
            ("#\0x", Pattern::Element),
            ("", Pattern::Nothing),
            ("weight", Pattern::Nothing),
            ("a\0*", Pattern::Nothing),
            ("#*", key("#", "", None)),
            ("*", key("", "", None)),
            ("w_*_x", key("w_", "_x", None)),
            ("w_*->f", key("w_", "", Some("f"))),
            ("w->_*_->f->g", key("w->_", "_", Some("f->g"))),
            ("w_*->", key("w_", "->", None)),
            ("*-", key("", "-", None)),
            ("**", key("", "*", None)),
            ("*\0->f", key("", "\0->f", None)),
            ("*->\0f", key("", "->\0f", None)),
            ("*->f\0g", key("", "", Some("f\0g"))),
        ];
        for (text, pattern) in cases {
            assert_eq!(Pattern::parse(text.as_bytes()), pattern, "{text:?}");
        }
    }
}
