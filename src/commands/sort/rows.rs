//! The elements of a SORT with what they are sorted by, and their order. Knows neither keys nor replies.
//!
//! All texts are in one buffer, so that a hundred thousand elements are a few allocations.

use crate::ranking::Order;
use crate::resp::double;
use std::cmp::Ordering;
use std::ops::Range;

/// Elements and their weights.
#[derive(Debug, Default)]
pub(super) struct Rows {
    texts: Vec<u8>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    element: Span,
    weight: Weight,
    /// Its place before the sorting: equal texts stay in their order.
    place: usize,
}

/// A text in the buffer.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    len: usize,
}

/// What an element is sorted by.
#[derive(Clone, Copy, Debug)]
enum Weight {
    /// Its pattern gives nothing. This is below every text.
    Missing,
    Number(f64),
    Text(Span),
}

/// How texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collation {
    /// All their bytes.
    Bytes,
    /// Their bytes up to a NUL: so does Redis, in the C locale, unless it stores the result.
    UpToNul,
}

/// A text that should be a number is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotANumber;

impl Rows {
    /// Adds an element. It weighs 0.
    pub(super) fn push(&mut self, element: &[u8]) {
        let (element, place) = (self.keep(element), self.rows.len());
        self.rows.push(Row { element, weight: Weight::Number(0.0), place });
    }

    /// The number of elements.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The element at a place.
    pub(super) fn element(&self, at: usize) -> &[u8] {
        self.text(self.rows[at].element)
    }

    /// Sorts the element at a place by the number that its own text spells.
    pub(super) fn weigh_by_own_number(&mut self, at: usize) -> Result<(), NotANumber> {
        self.rows[at].weight = Weight::Number(number(self.element(at)).ok_or(NotANumber)?);
        Ok(())
    }

    /// Sorts the element at a place by its own text.
    pub(super) fn weigh_by_own_text(&mut self, at: usize) {
        self.rows[at].weight = Weight::Text(self.rows[at].element);
    }

    /// Sorts the element at a place by the number that `text` spells; by 0 if there is none.
    pub(super) fn weigh_by_number(&mut self, at: usize, text: Option<&[u8]>) -> Result<(), NotANumber> {
        let weight = text.map_or(Some(0.0), number).ok_or(NotANumber)?;
        self.rows[at].weight = Weight::Number(weight);
        Ok(())
    }

    /// Sorts the element at a place by `text`; in front of all texts if there is none.
    pub(super) fn weigh_by_text(&mut self, at: usize, text: Option<&[u8]>) {
        self.rows[at].weight = text.map_or(Weight::Missing, |text| Weight::Text(self.keep(text)));
    }

    /// Puts the elements of `window` into the order of their weights; the others may stand anywhere on their side of it.
    /// Elements of equal numbers are in the order of their bytes.
    pub(super) fn sort(&mut self, order: Order, collation: Collation, window: Range<usize>) {
        let Self { texts, rows } = self;
        let compare = |one: &Row, other: &Row| {
            let ascending = compare(texts, one, other, collation);
            let directed = if order == Order::Descending { ascending.reverse() } else { ascending };
            directed.then(one.place.cmp(&other.place))
        };
        let mut part = &mut rows[..];
        if window.end < part.len() {
            part.select_nth_unstable_by(window.end, compare);
            part = &mut part[..window.end];
        }
        if window.start > 0 && window.start < part.len() {
            part.select_nth_unstable_by(window.start, compare);
            part = &mut part[window.start..];
        }
        part.sort_unstable_by(compare);
    }

    /// Turns the order round.
    pub(super) fn reverse(&mut self) {
        self.rows.reverse();
    }

    fn keep(&mut self, text: &[u8]) -> Span {
        let start = self.texts.len();
        self.texts.extend_from_slice(text);
        Span { start, len: text.len() }
    }

    fn text(&self, span: Span) -> &[u8] {
        text(&self.texts, span)
    }
}

fn text(texts: &[u8], span: Span) -> &[u8] {
    &texts[span.start..span.start + span.len]
}

fn compare(texts: &[u8], one: &Row, other: &Row, collation: Collation) -> Ordering {
    match (one.weight, other.weight) {
        (Weight::Number(number), Weight::Number(other_number)) => {
            let by_number = number.partial_cmp(&other_number).unwrap_or(Ordering::Equal);
            by_number.then_with(|| text(texts, one.element).cmp(text(texts, other.element)))
        }
        (Weight::Text(one), Weight::Text(other)) => {
            let [one, other] = [one, other].map(|span| match collation {
                Collation::Bytes => text(texts, span),
                Collation::UpToNul => text(texts, span).split(|byte| *byte == 0).next().unwrap_or_default(),
            });
            one.cmp(other)
        }
        (Weight::Missing, Weight::Missing) => Ordering::Equal,
        (Weight::Missing, _) => Ordering::Less,
        (_, Weight::Missing) => Ordering::Greater,
        // All weights of a SORT are numbers, or none is.
        (Weight::Number(_), Weight::Text(_)) | (Weight::Text(_), Weight::Number(_)) => Ordering::Equal,
    }
}

/// The number that a text spells up to a NUL, as Redis 8.2 reads it here: an empty text is 0, and what is too large for a
/// double is infinite.
fn number(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    double::parse_bound(text).filter(|number| !number.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(texts: &[&str], is_alpha: bool, order: Order, collation: Collation) -> Vec<String> {
        let mut rows = Rows::default();
        texts.iter().for_each(|text| rows.push(text.as_bytes()));
        for at in 0..rows.len() {
            if is_alpha {
                rows.weigh_by_own_text(at);
            } else {
                rows.weigh_by_own_number(at).unwrap();
            }
        }
        rows.sort(order, collation, 0..texts.len());
        (0..texts.len()).map(|at| String::from_utf8(rows.element(at).to_vec()).unwrap()).collect()
    }

    #[test]
    fn numbers_and_texts_in_both_orders() {
        use Collation::{Bytes, UpToNul};
        use Order::{Ascending, Descending};
        let numbers = ["10", "9", "-inf", "1e400", "", "0", "-0", "1e1"];
        let ascending = ["-inf", "", "-0", "0", "9", "10", "1e1", "1e400"];
        assert_eq!(sorted(&numbers, false, Ascending, Bytes), ascending);
        let descending: Vec<&str> = ascending.iter().rev().copied().collect();
        assert_eq!(sorted(&numbers, false, Descending, Bytes), descending);
        let texts = ["b", "a\0c", "a\0b", "", "aa"];
        assert_eq!(sorted(&texts, true, Ascending, UpToNul), ["", "a\0c", "a\0b", "aa", "b"]);
        assert_eq!(sorted(&texts, true, Ascending, Bytes), ["", "a\0b", "a\0c", "aa", "b"]);
        assert_eq!(sorted(&texts, true, Descending, UpToNul), ["b", "aa", "a\0c", "a\0b", ""]);
    }

    #[test]
    fn a_window_is_sorted_as_the_whole_is() {
        let texts: Vec<String> = (0..100u32).map(|number| (number * 37 % 50).to_string()).collect();
        for order in [Order::Ascending, Order::Descending] {
            let rows = |window: Range<usize>| -> Vec<Vec<u8>> {
                let mut rows = Rows::default();
                texts.iter().for_each(|text| rows.push(text.as_bytes()));
                (0..100).for_each(|at| rows.weigh_by_own_number(at).unwrap());
                rows.sort(order, Collation::Bytes, window);
                (0..100).map(|at| rows.element(at).to_vec()).collect()
            };
            let whole = rows(0..100);
            for window in [0..0, 0..1, 5..20, 99..100, 100..100, 40..100] {
                assert_eq!(rows(window.clone())[window.clone()], whole[window]);
            }
        }
    }

    #[test]
    fn what_is_no_number_is_told() {
        let mut rows = Rows::default();
        for (text, is_number) in [
            ("1\0x", true),
            ("", true),
            ("+1.", true),
            (".5", true),
            ("inf", true),
            ("nan", false),
            ("0x10", false),
            (" 1", false),
            ("1 ", false),
            (".", false),
            ("1e", false),
        ] {
            rows.push(text.as_bytes());
            assert_eq!(rows.weigh_by_own_number(rows.len() - 1).is_ok(), is_number, "{text:?}");
        }
    }
}
