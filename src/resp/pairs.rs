//! Runs of (member, score) pairs, as ranges answer them: the longest replies that are sent often.
//!
//! A pair of a short member and a score of at most eight digits is six copies of whole words, each of which overwrites
//! what the one before wrote past its own bytes. Digits are spelled for a run of scores before anything is copied, so
//! that no copy waits for them. Other pairs are written by [`Reply::scored`].

use super::Protocol;
use super::reply::{Reply, SHORT_BYTES};
use crate::decimal::{EIGHT_DIGITS, eight_digits_each, without_leading_zeros};

/// Pairs spelled together.
const TOGETHER: usize = 16;

/// Room for a pair, and for what its last copy touches past it.
const PAIR_BYTES: usize = 4 + (5 + SHORT_BYTES + 2) + (4 + 8 + 2) + 8;

/// From here on a double has no room for fractions.
const TWO_TO_52: f64 = 4_503_599_627_370_496.0;

/// A member's header, in eight bytes of which some count.
const HEADERS: [[u8; 8]; SHORT_BYTES + 1] = {
    let mut headers = [*b"$0\r\n\0\0\0\0"; SHORT_BYTES + 1];
    let mut len = 0;
    while len < headers.len() {
        let (tens, units) = (b'0' + (len / 10) as u8, b'0' + (len % 10) as u8);
        headers[len] = if len < 10 {
            [b'$', units, b'\r', b'\n', 0, 0, 0, 0]
        } else {
            [b'$', tens, units, b'\r', b'\n', 0, 0, 0]
        };
        len += 1;
    }
    headers
};

/// Writes the pairs of `members` and `scores`.
pub(super) fn write(reply: &mut Reply<'_>, members: &[&[u8]], scores: &[f64]) {
    for (members, scores) in members.chunks(TOGETHER).zip(scores.chunks(TOGETHER)) {
        let mut wholes = [0; TOGETHER];
        let mut are_plain = true;
        for (whole, &score) in wholes.iter_mut().zip(scores) {
            // The lowest bits of such a sum are the whole number that was added, if it was one.
            *whole = (score + TWO_TO_52).to_bits() as u32;
            are_plain &= f64::from(*whole) == score && *whole < EIGHT_DIGITS;
        }
        if are_plain && members.iter().all(|member| member.len() <= SHORT_BYTES) {
            write_plain(reply, members, &eight_digits_each(&wholes));
        } else {
            members.iter().zip(scores).for_each(|(member, &score)| reply.scored(member, score));
        }
    }
}

fn write_plain(reply: &mut Reply<'_>, members: &[&[u8]], digits: &[[u8; 8]]) {
    let is_nested = reply.protocol() == Protocol::Resp3;
    let mut end = reply.out.len();
    reply.out.resize(end + members.len() * PAIR_BYTES, 0);
    for (member, &digits) in members.iter().zip(digits) {
        let (digits, digits_len) = without_leading_zeros(digits);
        let place: &mut [u8; PAIR_BYTES] =
            reply.out[end..].first_chunk_mut().expect("room for every pair has been made");
        let mut at = 0;
        if is_nested {
            place[..4].copy_from_slice(b"*2\r\n");
            at = 4;
        }
        place[at..at + 8].copy_from_slice(&HEADERS[member.len()]);
        at += if member.len() < 10 { 4 } else { 5 };
        copy_short(&mut place[at..at + member.len()], member);
        at += member.len();
        let (between, between_len) = if is_nested {
            (*b"\r\n,\0\0\0\0\0", 3)
        } else {
            ([b'\r', b'\n', b'$', b'0' + digits_len as u8, b'\r', b'\n', 0, 0], 6)
        };
        place[at..at + 8].copy_from_slice(&between);
        at += between_len;
        place[at..at + 8].copy_from_slice(&digits);
        at += digits_len;
        place[at..at + 2].copy_from_slice(b"\r\n");
        end += at + 2;
    }
    reply.out.truncate(end);
}

/// Copies up to [`SHORT_BYTES`] bytes; from 16 on in two pieces, which overlap.
#[inline]
pub(super) fn copy_short(place: &mut [u8], bytes: &[u8]) {
    match (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) {
        (Some(front), Some(back)) => {
            place[..16].copy_from_slice(front);
            place[bytes.len() - 16..].copy_from_slice(back);
        }
        _ => place.copy_from_slice(bytes),
    }
}
