//! Visits entries in runs, in the form in which the block holds them.
//!
//! Runs are faster for two reasons. A loop over one array uses the processor better than a loop that reads several arrays
//! for each entry. And the processor must wait if it reads bytes that were written just before.

use std::ops::Range;

use super::{Block, MemberForm};
use crate::ranking::Order;
use crate::ranking::key::SortKey;
use crate::text::decimal::{EIGHT_DIGITS, eight_digits_each};
use crate::text::name_run::{NameRun, RUN_MAX, Tails};

/// The longest prefix that is copied together with digits that all members of a run share.
const HEAD_PREFIX_BYTES: usize = 32;

/// Room for all digits of a code, and for the bytes beyond them that the last copy writes.
const DIGITS_BYTES: usize = 24;

impl<K: SortKey> Block<K> {
    /// Calls `visit` with runs of entries until all of `range` have been visited.
    pub(in crate::ranking) fn visit_runs(
        &self,
        range: Range<usize>,
        order: Order,
        visit: &mut impl FnMut(&NameRun<'_>, &[K]),
    ) {
        let mut rest = range;
        while !rest.is_empty() {
            let count = rest.len().min(RUN_MAX);
            let shown = match order {
                Order::Ascending => rest.start..rest.start + count,
                Order::Descending => rest.end - count..rest.end,
            };
            match order {
                Order::Ascending => rest.start += count,
                Order::Descending => rest.end -= count,
            }
            let mut keys = [K::default(); RUN_MAX];
            self.copy_keys(shown.clone(), &mut keys);
            put_in_order(&mut keys[..count], order);
            match self.form {
                MemberForm::Text => {
                    let mut suffixes = [&[][..]; RUN_MAX];
                    suffixes.iter_mut().zip(shown).for_each(|(suffix, i)| *suffix = self.suffix(i));
                    put_in_order(&mut suffixes[..count], order);
                    visit(&NameRun::new(self.prefix(), Tails::Text(&suffixes[..count])), &keys[..count]);
                }
                MemberForm::Decimal => {
                    let mut codes = [self.member_base; RUN_MAX];
                    codes.iter_mut().zip(shown).for_each(|(code, i)| *code += self.number(i));
                    put_in_order(&mut codes[..count], order);
                    self.spell(&codes, count, |names| visit(names, &keys[..count]));
                }
            }
        }
    }

    /// Calls `show` with the names that the first `count` of `codes` encode.
    fn spell(&self, codes: &[u64; RUN_MAX], count: usize, show: impl FnOnce(&NameRun<'_>)) {
        let (prefix, digits) = (self.prefix(), self.digits);
        let (values, lens) = digits.values(codes);
        let high = values[0] / u64::from(EIGHT_DIGITS);
        let lows = values.map(|value| value.wrapping_sub(high * u64::from(EIGHT_DIGITS)));
        let begin_alike = lows.iter().fold(true, |alike, &low| alike & (low < u64::from(EIGHT_DIGITS)));
        let high_count = digits.high_count();
        let has_one_length = digits.min == digits.max;
        if begin_alike && (high_count == 0 || has_one_length && prefix.len() <= HEAD_PREFIX_BYTES) {
            let words = eight_digits_each(&lows.map(|low| low as u32)).map(|word| digits.low_digits(word));
            let lens = lens.map(|len| len - high_count as u8);
            let tails = Tails::Words(&words, &lens[..count]);
            if high_count == 0 {
                return show(&NameRun::new(prefix, tails));
            }
            let mut head = [0; HEAD_PREFIX_BYTES + 16];
            head[..prefix.len()].copy_from_slice(prefix);
            head[prefix.len()..prefix.len() + 16].copy_from_slice(&digits.high_digits(high));
            return show(&NameRun::new(&head[..prefix.len() + high_count], tails));
        }
        let mut spelled = [[0; DIGITS_BYTES]; RUN_MAX];
        let lows = eight_digits_each(&values.map(|value| (value % u64::from(EIGHT_DIGITS)) as u32));
        for ((spelled, value), low) in spelled.iter_mut().zip(values).zip(lows) {
            spelled[..16].copy_from_slice(&digits.high_digits(value / u64::from(EIGHT_DIGITS)));
            spelled[high_count..high_count + 8].copy_from_slice(&digits.low_digits(low));
        }
        let tails: [&[u8]; RUN_MAX] = std::array::from_fn(|i| &spelled[i][..usize::from(lens[i])]);
        show(&NameRun::new(prefix, Tails::Text(&tails[..count])));
    }
}

/// Reverses entries that were read in ascending order, if `order` is descending.
fn put_in_order<T>(run: &mut [T], order: Order) {
    if order == Order::Descending {
        run.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;
    use crate::ranking::block::EntryRun;
    use crate::ranking::key::Whole;

    /// Numbers of one length and of several, with and without common leading digits, after short and long prefixes.
    #[test]
    fn runs_show_the_entries_that_were_packed() {
        let mut chance = Chance::seeded(8);
        let long = "p".repeat(HEAD_PREFIX_BYTES + 1);
        for (prefix, width, below) in [
            ("user:", 12, 1 << 20),
            ("user:", 0, 1_000_000),
            ("", 8, 100_000_000),
            ("", 0, 1 << 40),
            ("p", 19, 1 << 63),
            (&long[1..], 12, 1 << 20),
            (&long, 12, 1 << 20),
            (&long, 0, 20_000_000_000),
        ] {
            let mut entries: Vec<(u64, String)> = (0..70)
                .map(|_| (chance.below(1000), format!("{prefix}{:0width$}", chance.below(below))))
                .collect();
            entries.sort();
            entries.dedup();
            let mut run = EntryRun::default();
            entries.iter().for_each(|(score, name)| run.push(Whole(*score as i64), name.as_bytes(), 0));
            let block = Block::pack(&run, 0..run.len());
            assert_eq!(block.form, MemberForm::Decimal, "{prefix} {width} {below}");
            for (start, end) in [(0, entries.len()), (3, 4), (5, 40), (30, 46)] {
                for order in [Order::Ascending, Order::Descending] {
                    let mut shown = Vec::new();
                    block.visit_runs(start..end, order, &mut |names, scores| {
                        let mut scores = scores.iter().map(|score| score.0 as u64);
                        names.for_each(&mut Vec::new(), |name| {
                            shown.push((scores.next().unwrap(), String::from_utf8(name.to_vec()).unwrap()));
                        });
                    });
                    put_in_order(&mut shown, order);
                    assert_eq!(shown, entries[start..end]);
                }
            }
        }
    }
}
