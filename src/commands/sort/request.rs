//! The arguments of SORT and SORT_RO.

use super::pattern::Pattern;
use crate::commands::call::error::CommandError;
use crate::commands::call::{Call, Cursor};
use crate::ranking::Order;
use std::ops::Range;

/// Which of the two commands it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SortForm {
    /// SORT, which can store its result.
    Storing,
    /// SORT_RO.
    ReadOnly,
}

/// A request.
#[derive(Debug)]
pub(super) struct SortRequest<'c> {
    /// What the elements are sorted by; `None`: by themselves.
    pub(super) by: Option<Pattern<'c>>,
    /// Whether they stay in their order, because a BY has no `*`.
    pub(super) is_unsorted: bool,
    /// What is returned for each element; if there is none, the element.
    pub(super) gets: Vec<Pattern<'c>>,
    pub(super) order: Order,
    /// Whether the elements are sorted as texts and not as numbers.
    pub(super) is_alpha: bool,
    /// The first element of the result, and how many there are; negative: to the end.
    offset: i64,
    count: i64,
    /// Where the result is stored.
    pub(super) store: Option<&'c [u8]>,
}

impl<'c> SortRequest<'c> {
    /// Reads the options.
    ///
    /// # Errors
    /// A syntax error, or a bound of LIMIT that is no integer.
    pub(super) fn parse(call: &Call<'c>, form: SortForm) -> Result<Self, CommandError> {
        let mut request = Self {
            by: None,
            is_unsorted: false,
            gets: Vec::new(),
            order: Order::Ascending,
            is_alpha: false,
            offset: 0,
            count: -1,
            store: None,
        };
        let mut options = call.cursor(2);
        while options.remaining() > 0 {
            request.take_option(&mut options, form)?;
        }
        Ok(request)
    }

    fn take_option(&mut self, options: &mut Cursor<'c>, form: SortForm) -> Result<(), CommandError> {
        let behind = options.remaining() - 1;
        if options.take_word("asc") {
            self.order = Order::Ascending;
        } else if options.take_word("desc") {
            self.order = Order::Descending;
        } else if options.take_word("alpha") {
            self.is_alpha = true;
        } else if behind >= 2 && options.take_word("limit") {
            self.offset = options.integer()?;
            self.count = options.integer()?;
        } else if form == SortForm::Storing && behind >= 1 && options.take_word("store") {
            self.store = Some(options.required()?);
        } else if behind >= 1 && options.take_word("by") {
            let text = options.required()?;
            self.by = Some(Pattern::parse(text));
            // As in Redis, one BY without a `*` decides, whichever others there are.
            let is_constant = !text.split(|byte| *byte == 0).next().unwrap_or_default().contains(&b'*');
            self.is_unsorted |= is_constant;
        } else if behind >= 1 && options.take_word("get") {
            self.gets.push(Pattern::parse(options.required()?));
        } else {
            return Err(CommandError::SYNTAX);
        }
        Ok(())
    }

    /// The places of the result among `len` elements.
    pub(super) fn window(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset.max(0)).unwrap_or(len).min(len);
        let count = usize::try_from(self.count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }

    /// The values that are returned for each element.
    pub(super) fn columns(&self) -> usize {
        self.gets.len().max(1)
    }
}

/// Where a SORT stores its result, for the keys of a request: where [`SortRequest::parse`] finds it, in a request that is not
/// refused.
pub(super) fn destination(call: &Call<'_>, visit: &mut dyn FnMut(&[u8])) {
    let mut options = call.cursor(2);
    let mut destination = None;
    while options.remaining() > 0 {
        let skipped = if options.take_word("limit") {
            2
        } else if options.take_word("by") || options.take_word("get") {
            1
        } else if options.remaining() > 1 && options.take_word("store") {
            destination = options.next();
            0
        } else {
            1
        };
        for _ in 0..skipped {
            options.next();
        }
    }
    destination.into_iter().for_each(visit);
}

/// Whether a request may read keys that only its elements name. A word that looks like BY or GET may be something else; then
/// locks are taken that are not needed.
pub(super) fn finds_keys(call: &Call<'_>) -> Option<&'static str> {
    let mut words = call.cursor(2).zip(call.cursor(3));
    words.find_map(|(word, next)| {
        let option = ["BY", "GET"].into_iter().find(|option| word.eq_ignore_ascii_case(option.as_bytes()));
        option.filter(|_| Pattern::parse(next).names_keys())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(offset: i64, count: i64, len: usize) -> Range<usize> {
        let (by, gets, store) = (None, Vec::new(), None);
        let order = Order::Ascending;
        SortRequest { by, is_unsorted: false, gets, order, is_alpha: false, offset, count, store }.window(len)
    }

    #[test]
    fn limits_at_the_ends_of_the_integers() {
        assert_eq!(window(0, -1, 5), 0..5);
        assert_eq!(window(1, 2, 5), 1..3);
        assert_eq!(window(-3, 2, 5), 0..2);
        assert_eq!(window(3, i64::MAX, 5), 3..5);
        assert_eq!(window(i64::MAX, i64::MAX, 5), 5..5);
        assert_eq!(window(i64::MIN, i64::MIN, 5), 0..5);
        assert_eq!(window(5, -1, 5), 5..5);
        assert_eq!(window(1, 0, 5), 1..1);
        assert_eq!(window(0, -1, 0), 0..0);
    }
}
