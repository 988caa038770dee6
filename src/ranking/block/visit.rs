//! Showing entries: a run of them is written out, then shown as a whole.
//!
//! Together, because a loop over one array keeps the processor busier than a loop that goes from array to array for
//! each entry, and because reading back what has only just been written makes it wait.

use std::ops::Range;

use super::super::Order;
use super::{Block, MemberForm};
use crate::decimal::eight_digits_each;

/// Entries a run has at most.
const RUN_MAX: usize = 16;

/// A common head up to this long is copied in whole words.
const HEAD_BYTES: usize = 24;

/// Where the entries of a run are written out.
#[derive(Debug, Default)]
pub(in crate::ranking) struct Scratch {
    bytes: Vec<u8>,
    /// Where each member stands in `bytes`.
    members: [(u32, u32); RUN_MAX],
    /// What the decimal members of a run have in common: prefix and first digits.
    head: Vec<u8>,
}

impl Block {
    /// Calls `visit` with runs of entries until all of `range` have been shown.
    pub(in crate::ranking) fn visit_runs(
        &self,
        range: Range<usize>,
        order: Order,
        scratch: &mut Scratch,
        visit: &mut impl FnMut(&[&[u8]], &[f64]),
    ) {
        let mut rest = range;
        while !rest.is_empty() {
            let count = rest.len().min(RUN_MAX);
            let shown = match order {
                Order::Ascending => rest.start..rest.start + count,
                Order::Descending => rest.end - count..rest.end,
            };
            match self.form {
                MemberForm::Text => self.write_out_text(shown.clone(), scratch),
                MemberForm::Decimal => self.write_out_decimal(shown.clone(), scratch),
            }
            let mut scores = [0.0; RUN_MAX];
            scores.iter_mut().zip(shown).for_each(|(score, i)| *score = self.score(i));
            let mut members = [&[][..]; RUN_MAX];
            for (member, &(start, len)) in members.iter_mut().zip(&scratch.members[..count]) {
                *member = &scratch.bytes[start as usize..][..len as usize];
            }
            let (members, scores) = (&mut members[..count], &mut scores[..count]);
            match order {
                Order::Ascending => rest.start += count,
                Order::Descending => {
                    rest.end -= count;
                    members.reverse();
                    scores.reverse();
                }
            }
            visit(members, scores);
        }
    }

    fn write_out_text(&self, entries: Range<usize>, scratch: &mut Scratch) {
        scratch.bytes.clear();
        for (member, i) in scratch.members.iter_mut().zip(entries) {
            let start = scratch.bytes.len();
            scratch.bytes.extend_from_slice(self.prefix());
            scratch.bytes.extend_from_slice(self.suffix(i));
            *member = (start as u32, (scratch.bytes.len() - start) as u32);
        }
    }

    /// Each member has a place of the same size. What the members share is copied there, then what differs.
    fn write_out_decimal(&self, entries: Range<usize>, scratch: &mut Scratch) {
        let Scratch { bytes, members, head } = scratch;
        let prefix = self.prefix();
        let head_len = prefix.len() + self.digits.high_count();
        head.clear();
        head.extend_from_slice(prefix);
        head.resize(head_len.max(HEAD_BYTES), 0);
        let place_bytes = head.len() + 8;
        bytes.resize(entries.len() * place_bytes, 0);

        let mut parts = [(0, 0); RUN_MAX];
        let mut lows = [0; RUN_MAX];
        for ((part, low), i) in parts.iter_mut().zip(&mut lows).zip(entries) {
            let (high, low_part, len) = self.digits.decode(self.member_base + self.number(i));
            *part = (high, len);
            *low = low_part;
        }
        let lows = eight_digits_each(&lows);
        let mut spelled = None;
        let mut start = 0;
        let places = bytes.chunks_exact_mut(place_bytes);
        for (((place, member), &(high, len)), &low) in places.zip(members).zip(&parts).zip(&lows) {
            if spelled != Some(high) {
                spelled = Some(high);
                let digits = &self.digits.high_digits(high)[..self.digits.high_count()];
                head[prefix.len()..head_len].copy_from_slice(digits);
            }
            place[..HEAD_BYTES].copy_from_slice(&head[..HEAD_BYTES]);
            if head_len > HEAD_BYTES {
                place[HEAD_BYTES..head_len].copy_from_slice(&head[HEAD_BYTES..head_len]);
            }
            place[head_len..head_len + 8].copy_from_slice(&self.digits.low_digits(low));
            *member = (start as u32, (prefix.len() + len) as u32);
            start += place_bytes;
        }
    }
}
